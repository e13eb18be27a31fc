"""From records to a network, and from long answers to wide ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet._check import column, quoted, suggest
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.records._people import objectors_of, without_objectors
from peernet.records._rosters import roster_of

if TYPE_CHECKING:
    from peernet.records.tables import Records

__all__ = ["build", "wide"]


def build(
    records: Records,
    *,
    relation: str | None,
    wave: str | None,
    kind: str | Iterable[str] | None,
    weight: str | None,
    start: Any,
    end: Any,
    half_life: float | None,
) -> PeerNetwork:
    """Choose between nominations and events; who objects is in neither."""
    records = without_objectors(records)
    relations = [str(r) for r in records.roles]
    if relation is None and not len(records.events):
        if len(relations) != 1:
            have = (
                f"relations: {quoted(relations)}" if relations else "there are neither events nor nominations"
            )
            raise DataError(f"network: say which relation to use ({have}).")
        relation = relations[0]
    if relation is None:
        return _from_events(records, kind, start, end, half_life)
    if relation not in relations:
        raise DataError(
            f"network: no relation {relation!r}.{suggest(relation, relations)} Relations: "
            f"{', '.join(relations) or 'none'}."
        )
    return _from_nominations(records, relation, wave, weight)


def _from_events(records: Records, kind: Any, start: Any, end: Any, half_life: float | None) -> PeerNetwork:
    """Fold events into ties."""
    events = records.events
    if kind is not None:
        wanted = [kind] if isinstance(kind, str) else list(kind)
        known = events["kind"].unique()
        lost = [k for k in wanted if k not in set(known)]
        if lost:
            raise DataError(f"network: no events of kind {quoted(lost)}. Kinds: {quoted(known, 12)}.")
        events = events[events["kind"].isin(wanted)]
    people = records.people
    if not len(people):
        people = pd.DataFrame(
            index=pd.Index(sorted(set(events["teacher"]) | set(events["learner"])), dtype="str")
        )
    frame = events[["teacher", "learner", "weight", "time"]]
    net = PeerNetwork.from_events(
        frame, people, weight="weight", time="time", start=start, end=end, half_life=half_life, unknown="drop"
    )
    shy = net.ids.isin(objectors_of(records))
    # Their ties are unknown, not absent, also where nobody was asked anything.
    return net._replace(observed=net.observed.mask(shy, "objected")) if shy.any() else net


def _pick_wave(records: Records, wave: str | None, have: Iterable[Any], what: str) -> str | None:
    """Return the wave to use."""
    waves = [str(w) for w in pd.unique(pd.Series(list(have), dtype="str"))]
    if wave is None:
        if len(waves) > 1:
            raise DataError(f"{what} was asked in several waves ({quoted(waves)}). Pass wave=.")
        return waves[0] if waves else None
    if wave not in waves:
        raise DataError(f"{what} was not asked in wave {wave!r}. Waves: {', '.join(waves) or 'none'}.")
    return wave


def _from_nominations(records: Records, relation: str, wave: str | None, weight: str | None) -> PeerNetwork:
    """Turn the names given into ties, with who answered."""
    names = records.nominations[records.nominations["relation"] == relation]
    asked = records.respondents
    waves = pd.concat([names["wave"], asked["wave"]]) if wave is None and not len(names) else names["wave"]
    chosen = (
        _pick_wave(records, wave, waves, f"relation {relation!r}") if wave is None or len(names) else wave
    )
    names = names[names["wave"] == chosen]
    if weight is not None:
        rating = pd.to_numeric(column(names, weight, "nominations"), errors="coerce").astype("float64")
        names = names.assign(weight=rating)[(rating > 0).to_numpy()]
    observed: Any = None
    asked = asked[asked["wave"] == chosen]
    people = roster_of(records, chosen)
    if not len(people):
        known = pd.concat([names["respondent"], names["named"], asked["person"]])
        people = pd.DataFrame(index=pd.Index(sorted(set(known)), dtype="str"))
    if len(asked):
        status = asked.set_index("person")["status"]
        observed = status.reindex(people.index).fillna("not_asked")
        observed = observed.mask(observed.index.isin(objectors_of(records)), "objected")
    return PeerNetwork.from_nominations(
        people,
        names.reset_index(drop=True),
        respondent_is=records.roles[relation],
        observed=observed,
        unknown="drop",
    )


def wide(records: Records, question: str, wave: str | None) -> pd.DataFrame:
    """Turn the answers to one question into one row a person; who objects is not in it."""
    answers = without_objectors(records).answers
    mine = answers[answers["question"] == question]
    if not len(mine):
        known = pd.unique(answers["question"])
        raise DataError(
            f"answers: no question {question!r}.{suggest(question, known)} Questions: {', '.join(known) or 'none'}."
        )
    chosen = _pick_wave(records, wave, mine["wave"], f"question {question!r}")
    mine = mine[mine["wave"] == chosen]
    items = list(pd.unique(records.questions.loc[records.questions["question"] == question, "item"]))
    found = list(pd.unique(mine["item"]))
    order = [i for i in items if i in found] + [i for i in found if i not in items]
    table = mine.set_index(["person", "item"])["value"].unstack("item")
    table = table.reindex(columns=order).reindex(pd.unique(mine["person"]))
    table.index.name, table.columns.name = "person", question
    return table.infer_objects()

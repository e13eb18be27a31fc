"""Several records joined by person id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from peernet._check import literal, quoted
from peernet._permissions import join_permissions
from peernet.errors import DataError
from peernet.records._people import objectors_of, without_objectors
from peernet.records._rosters import join_people, kept_rosters, n_moved, stacked
from peernet.records.report import join_reports
from peernet.records.tables import FRAMES, KEYS, Covers, Records

__all__ = ["merge_records"]


def merge_records(records: Iterable[Records], *, consent_covers: Covers = "everything") -> Records:
    """Records joined by person id: one people table, everything else stacked.

    Where several records know an attribute of a person, the first that has a value wins (but where survey waves have
    different rosters, the roster of each is kept in ``rosters`` and the last wave's values win); rows that stand in
    two of them word for word (the same file read twice) are kept once. A person who is in one table only is kept.
    The permissions of a study stay; of two studies, what both allow.

    Who says no to the question about consent in one of the surveys stays on the roster, with the status ``objected``
    in every wave, and in no other table: ties, events, answers, sessions, completions and adoptions of these people
    are left out, and the report counts the rows table by table. Where the question is about the answers to the
    questionnaire and nothing else, and other sources rest on another ground (an agreement, say), pass
    ``consent_covers="survey"``: the surveys hold nothing of them anyway, and the other tables stay as they are.

    Parameters
    ----------
    records : list of Records
        From the readers; the roster first.
    consent_covers : {"everything", "survey"}
        What a no to the survey's question about consent is about. People who object to everything by another way
        (``objections.csv`` of a study) are left out in either case.

    Returns
    -------
    Records
        With one joined report.

    Raises
    ------
    DataError
        When two records give a relation different directions, an alias to different people, or a person two
        statuses in the same wave.
    ValueError
        For another word in ``consent_covers``.

    Examples
    --------
    >>> merge_records([Records(), Records()])
    Records: nothing
    """
    literal("consent_covers", consent_covers, ("everything", "survey"))
    parts = list(records)
    if not parts:
        raise DataError("merge_records: nothing to merge. Give at least one Records.")
    wrong = [type(p).__name__ for p in parts if not isinstance(p, Records)]
    if wrong:
        raise DataError(f"merge_records: takes Records, not {quoted(wrong)}.")
    tables: dict[str, Any] = {"people": join_people([p.people for p in parts])}
    for name in FRAMES[1:]:
        if name != "rosters":
            tables[name] = _stack(name, [getattr(p, name) for p in parts])
    rosters = kept_rosters(parts)
    if rosters:
        tables["rosters"] = stacked(rosters)
        waves = [w for w in Records(respondents=tables["respondents"]).waves() if w in rosters]
        latest = join_people([rosters[w] for w in reversed(waves)])
        newest = join_people([latest, tables["people"]])
        tables["people"] = newest.reindex(tables["people"].index)[list(tables["people"].columns)]
    reports = [p.report for p in parts if len(p.report.files) or len(p.report.ledger) or p.report.not_read]
    distinct = list({id(r): r for r in reports}.values())
    report = join_reports(distinct) if distinct else parts[0].report
    moved = n_moved([p.people for p in parts])
    if rosters:
        note = (
            f"{len(rosters)} waves have rosters of their own: units, joiners and leavers of a wave are its own, people "
            "holds the latest"
        )
        report = replace(report, notes=tuple(dict.fromkeys((*report.notes, note))))
    elif moved:
        note = (
            f"{moved} people have another unit in a later roster: the first counts. Date the rows (effective_from), or "
            'read each wave with its own roster (in study.toml: wave = "..." beside it): units, joiners and leavers of '
            "later waves are not seen otherwise"
        )
        report = replace(report, notes=(*report.notes, note))
    everybody = consent_covers == "everything"
    said = [objectors_of(p) if everybody else p.objectors or frozenset() for p in parts]
    settled = not everybody or any(p.objectors is not None for p in parts)
    joined = Records(
        **tables,
        roles=_join_roles([p.roles for p in parts]),
        permissions=join_permissions([p.permissions for p in parts]),
        report=report,
        objectors=frozenset().union(*said) if settled else None,
    )
    return without_objectors(joined)


def _stack(name: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack one table, drop rows that are the same in two records, and refuse contradictions."""
    distinct = list({id(f): f for f in frames if len(f)}.values())
    if not distinct:
        return frames[0]
    if len(distinct) == 1:
        return distinct[0]
    columns = list(dict.fromkeys(c for f in distinct for c in f.columns))
    out = pd.concat([f.reindex(columns=columns) for f in distinct], ignore_index=True)
    part = pd.Series([i for i, f in enumerate(distinct) for _ in range(len(f))])
    text = out.astype("str").assign(_nth=out.astype("str").groupby([*columns, part], dropna=False).cumcount())
    out = out[~text.duplicated().to_numpy()].reset_index(drop=True)
    keys = [k for k in KEYS.get(name, ()) if k in out.columns]
    if keys and name in ("respondents", "aliases"):
        if name == "respondents":
            out = _one_status(out)
        double = out.duplicated(keys, keep=False)
        if name == "aliases":
            out = out[~out.duplicated([*keys, "person"])].reset_index(drop=True)
            double = out.duplicated(keys, keep=False)
        if double.any():
            shown = out.loc[double, keys[-1] if name == "aliases" else "person"].unique()
            raise DataError(
                f"merge_records: {name} contradict each other for {quoted(shown)} (same "
                f"{' and '.join(keys)}, different "
                "values). Name the waves apart (wave=...), or correct one of the files."
            )
    return out


def _one_status(frame: pd.DataFrame) -> pd.DataFrame:
    """Prefer what somebody said (answered, objected) over silence in another file of the same wave."""
    rank = frame["status"].map({"objected": 0, "answered": 1, "silent": 2, "not_asked": 3}).fillna(4)
    said = rank.groupby([frame["person"], frame["wave"]]).transform("min")
    weak = (rank > said) & frame["status"].isin(["silent", "not_asked"])
    kept = frame[~weak]
    return kept[~kept.duplicated(["person", "wave", "status"])].reset_index(drop=True)


def _join_roles(
    roles: list[Mapping[str, Literal["learner", "teacher"]]],
) -> dict[str, Literal["learner", "teacher"]]:
    """Join the directions of the relations."""
    out: dict[str, Literal["learner", "teacher"]] = {}
    for part in roles:
        for relation, role in part.items():
            if out.setdefault(relation, role) != role:
                raise DataError(
                    f"merge_records: the respondent is the {out[relation]} in relation {relation!r} of one "
                    "file and the "
                    f"{role} in another. Rename one of the relations in its codebook."
                )
    return out

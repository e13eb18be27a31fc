"""How good is the rule? Episodes judged by hand, the precision measured, and carried into later intervals."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import count, number, quoted
from peernet._parallel import run_blocks
from peernet._rng import as_rng, record
from peernet.errors import DataError
from peernet.ingest._files import read_table
from peernet.records.report import Ledger
from peernet.records.tables import Records
from peernet.results import Estimate, provenance

if TYPE_CHECKING:
    from peernet._rng import RNGLike, SeedLike

__all__ = ["Precision", "precision_of", "precision_sample"]

_SHEET = [
    "event_id",
    "source",
    "kind",
    "time",
    "teacher",
    "learner",
    "evidence",
    "n_of_kind",
    "teaching",
    "direction",
]
_YES = {"1", "yes", "y", "true", "ja", "oui", "x"}
_NO = {"0", "no", "n", "false", "nein", "non"}


def precision_sample(
    records: Records, n: int = 200, *, rng: RNGLike | SeedLike | None = None
) -> pd.DataFrame:
    """Sheet of episodes to judge by hand: whether it was teaching, and went the way the rule says.

    A random sample without replacement from each source and kind of event, in proportion to their numbers
    but at least 10 of each (or all). Ids only: whoever judges looks the episode up where it happened, by
    ``evidence``. Save with ``to_csv``, fill ``teaching`` and ``direction`` with yes or no, and give the
    sheet to :func:`precision_of`.

    Parameters
    ----------
    records : Records
        With events.
    n : int
        Episodes to judge, about.
    rng : generator or seed, optional
        Which episodes.

    Returns
    -------
    pandas.DataFrame
        ``event_id, source, kind, time, teacher, learner, evidence, n_of_kind`` and the empty columns
        ``teaching`` (did the teacher teach the learner something, or answer?) and ``direction`` (yes = this
        way round). Shuffled.

    Raises
    ------
    DataError
        When there are no events.
    """
    rng = as_rng(rng)
    count("n", n)
    events = records.events
    if not len(events):
        raise DataError("precision_sample: there are no events to judge.")
    parts = []
    for _, group in events.groupby(["source", "kind"], sort=True):
        size = min(len(group), max(10, round(n * len(group) / len(events))))
        rows = group.iloc[np.sort(rng.choice(len(group), size, replace=False))]
        parts.append(rows.assign(n_of_kind=len(group)))
    sheet = pd.concat(parts, ignore_index=True).assign(teaching="", direction="")
    return sheet.loc[rng.permutation(len(sheet)), _SHEET].reset_index(drop=True)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Precision(Estimate):
    """Share of the episodes that were teaching, as judged by hand.

    Attributes
    ----------
    by : pandas.DataFrame
        By source and kind: ``source, kind, n_of_kind, judged, teaching, precision, low, high, right_way,
        wrong_way``.
    """

    by: pd.DataFrame = field(default_factory=pd.DataFrame)

    def carry(
        self,
        records: Records,
        measure: Callable[[Records], float | Estimate],
        *,
        name: str = "estimate",
        n_draws: int = 100,
        level: float = 0.95,
        rng: RNGLike | SeedLike | None = None,
        n_jobs: int = 1,
        progress: bool = False,
    ) -> Estimate:
        r"""A later number, with the doubt about the rule in its interval.

        In each of ``n_draws`` worlds the precision p of each kind is drawn from Beta(yes + 1/2, no + 1/2)
        and every event of that kind is kept with probability p, and turned round with probability q, drawn
        likewise from what was judged to go the other way. That corrects counts, and the mix of kinds; where the
        wrong events of a kind lie elsewhere in the network than the right ones, that bias stays.
        ``measure`` is computed in each world; the value is their mean Q. Where it returns an ``Estimate`` with a
        standard error U, Rubin's rule joins both doubts,

        .. math:: T = \bar U^2 + (1 + 1/m) \, B, \qquad \bar Q \pm z \sqrt{T},

        with B the variance between worlds; otherwise the interval holds the middle ``level`` of the worlds.

        Parameters
        ----------
        records : Records
            With the events that were sampled.
        measure : callable
            Takes Records, returns a number or an Estimate.
        name : str
            What is measured, in words.
        n_draws : int
            Worlds.
        level : float
            Coverage.
        rng : generator or seed, optional
            Which worlds.
        n_jobs, progress
            Threads; a progress bar.

        Returns
        -------
        Estimate
            NaN where the measure is NaN in every world.

        Raises
        ------
        DataError
            When a kind of event was never judged.
        """
        rng = as_rng(rng)
        start = record(rng)
        count("n_draws", n_draws, 2)
        number("level", level, 0, 1, open_low=True, open_high=True)
        rows = self._rows(records.events)

        def worlds(size: int, stream: np.random.Generator) -> list[tuple[float, float]]:
            out = []
            for _ in range(size):
                found = measure(self._world(records, rows, stream))
                out.append(
                    (found.value, found.std_error)
                    if isinstance(found, Estimate)
                    else (float(found), float("nan"))
                )
            return out

        blocks = run_blocks(worlds, n_draws, rng=rng, block=8, n_jobs=n_jobs, progress=progress)
        values = np.array([pair for block in blocks for pair in block], dtype=float)
        return _combine(values, name, level, len(records.events), provenance(
            "ingest.Precision.carry", options={"n_draws": n_draws, "level": level}, rng=start,
            used={"events": len(records.events), "judged": int(self.by["judged"].sum())},
        ))  # fmt: skip

    def check(self, events: pd.DataFrame) -> None:
        """Refuse events of a source and kind that was never judged.

        Parameters
        ----------
        events : pandas.DataFrame
            With ``source`` and ``kind``.

        Raises
        ------
        DataError
            Naming the kinds.
        """
        self._rows(events)

    def _rows(self, events: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the stratum of each event."""
        keys = list(zip(self.by["source"], self.by["kind"], strict=True))
        place = {key: i for i, key in enumerate(keys)}
        found = [place.get(key, -1) for key in zip(events["source"], events["kind"], strict=True)]
        rows = np.array(found, dtype=np.int64)
        if (rows < 0).any():
            lost = (events["kind"] + " of " + events["source"])[rows < 0].unique()
            raise DataError(
                f"precision: events of kind {quoted(lost)} were never judged. Sample and judge them, or "
                "leave them out."
            )
        return rows

    def _world(self, records: Records, rows: Any, stream: np.random.Generator) -> Records:
        """Return the records as they would be if the rule were as good as drawn."""
        yes, judged = self.by["teaching"].to_numpy(), self.by["judged"].to_numpy()
        wrong, right = self.by["wrong_way"].to_numpy(), self.by["right_way"].to_numpy()
        keep = stream.beta(yes + 0.5, judged - yes + 0.5)
        turn = np.where(wrong + right > 0, stream.beta(wrong + 0.5, right + 0.5), 0.0)
        kept = stream.random(len(rows)) < keep[rows]
        turned = stream.random(len(rows)) < turn[rows]
        events = records.events
        swapped = events.assign(
            teacher=events["teacher"].mask(turned, events["learner"]),
            learner=events["learner"].mask(turned, events["teacher"]),
        )
        return replace(records, events=swapped[kept].reset_index(drop=True))


def _combine(values: Any, name: str, level: float, n: int, how: dict[str, Any]) -> Estimate:
    """Join the worlds."""
    from scipy.stats import norm

    value, error = values[:, 0], values[:, 1]
    fine = np.isfinite(value)
    if not fine.any():
        nan = float("nan")
        return Estimate(
            name=name,
            value=nan,
            low=nan,
            high=nan,
            level=level,
            method="no world gives a number",
            n=n,
            provenance=how,
        )
    value, error = value[fine], error[fine]
    mean, between = float(value.mean()), float(value.var(ddof=1)) if len(value) > 1 else 0.0
    if np.isfinite(error).all():
        total = float(np.sqrt((error**2).mean() + (1 + 1 / len(value)) * between))
        z = float(norm.ppf(0.5 + level / 2))
        low, high, method = (
            mean - z * total,
            mean + z * total,
            f"Rubin's rule over {len(value)} worlds of the rule's precision",
        )
    else:
        total = float(np.sqrt(between))
        low, high = (float(q) for q in np.quantile(value, [(1 - level) / 2, (1 + level) / 2]))
        method = f"middle of {len(value)} worlds of the rule's precision"
    return Estimate(
        name=name,
        value=mean,
        low=low,
        high=high,
        level=level,
        std_error=total,
        method=method,
        n=n,
        provenance=how,
    )


def precision_of(sheet: pd.DataFrame | str | os.PathLike[str], *, level: float = 0.95) -> Precision:
    r"""Precision of the rule that made the events, from a judged sheet.

    With N_h events of kind h, of which n_h were judged and a share p_h was teaching, the precision is

    .. math:: p = \sum_h W_h p_h, \quad W_h = N_h / N, \qquad
              v = \sum_h W_h^2 (1 - n_h / N_h) \frac{p_h (1 - p_h)}{n_h - 1}.

    The interval is Wilson's for p with the sample size p (1 - p) / v that gives the same variance (the
    number judged, where all agree). Unanswered rows are left out and reported.

    Parameters
    ----------
    sheet : pandas.DataFrame or path
        From :func:`precision_sample`, with ``teaching`` filled with yes or no, and ``direction`` where it
        was teaching.
    level : float
        Coverage.

    Returns
    -------
    Precision
        Share in [0, 1] with interval, and the table ``by`` kind. NaN where nothing was judged of a kind.

    Raises
    ------
    DataError
        When a column is missing, a cell is neither yes nor no, or nothing was judged.
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    if isinstance(sheet, pd.DataFrame):
        table = sheet.copy(deep=False)
    else:
        table = read_table(sheet, Ledger("precision_of")).frame
    lost = [c for c in ("source", "kind", "n_of_kind", "teaching") if c not in table.columns]
    if lost:
        raise DataError(
            f"precision_of: the sheet has no column {quoted(lost)}. Start from precision_sample(records)."
        )
    teaching = _answers(table["teaching"], "teaching")
    direction = (
        _answers(table["direction"], "direction")
        if "direction" in table.columns
        else pd.Series(pd.NA, index=table.index, dtype="boolean")
    )
    total = pd.to_numeric(table["n_of_kind"], errors="coerce")
    if total.isna().any() or (total < 1).any():
        raise DataError(
            "precision_of: n_of_kind holds something that is not a number of events. Do not change that "
            "column."
        )
    rows = []
    for (source, kind), part in table.groupby(["source", "kind"], sort=True):
        said = teaching[part.index].dropna()
        way = direction[part.index][teaching[part.index].fillna(False).astype(bool)].dropna()
        yes = int(said.sum())
        share = yes / len(said) if len(said) else float("nan")
        low, high = _wilson(share, len(said), level)
        rows.append(
            {
                "source": source,
                "kind": kind,
                "n_of_kind": int(total[part.index].iloc[0]),
                "judged": len(said),
                "teaching": yes,
                "precision": share,
                "low": low,
                "high": high,
                "right_way": int(way.sum()),
                "wrong_way": int(len(way) - way.sum()),
            }
        )
    by = pd.DataFrame(rows)
    if not by["judged"].sum():
        raise DataError(
            "precision_of: no row of the sheet is judged. Fill the column teaching with yes or no."
        )
    return _overall(by[by["judged"] > 0].reset_index(drop=True), int(teaching.isna().sum()), level)


def _answers(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Read yes and no."""
    text = column.map(lambda v: "" if pd.isna(v) else str(v).strip().lower().removesuffix(".0"))
    odd = ~text.isin(_YES | _NO | {""})
    if odd.any():
        raise DataError(
            f"precision_of: {name} holds {quoted(text[odd].unique())}; write yes or no, or leave it empty."
        )
    return text.isin(_YES).astype("boolean").mask(text == "")


def _wilson(share: float, n: float, level: float) -> tuple[float, float]:
    """Return Wilson's interval."""
    from scipy.stats import norm

    if not n > 0 or not np.isfinite(share):
        return float("nan"), float("nan")
    z = float(norm.ppf(0.5 + level / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _overall(by: pd.DataFrame, open_rows: int, level: float) -> Precision:
    """Join the kinds."""
    size, judged, share = (by[c].to_numpy(float) for c in ("n_of_kind", "judged", "precision"))
    part = size / size.sum()
    value = float((part * share).sum())
    spread = np.where(judged > 1, share * (1 - share) / np.maximum(judged - 1, 1), 0.25)
    variance = float((part**2 * np.clip(1 - judged / size, 0, 1) * spread).sum())
    same = value * (1 - value) / variance if variance > 0 and 0 < value < 1 else judged.sum()
    census = bool((judged >= size).all())
    low, high = (value, value) if census else _wilson(value, float(same), level)
    return Precision(
        name="precision of the rule (share of episodes that were teaching)",
        value=value,
        low=low,
        high=high,
        level=level,
        std_error=float(np.sqrt(variance)),
        method="stratified sample, Wilson",
        n=int(judged.sum()),
        by=by,
        estimand="share of the events that a person who looks them up calls teaching",
        assumptions=(
            "the sheet was sampled at random and judged without knowledge of the results",
            "recall is not measured: teaching that leaves no event is not in the sample",
        ),
        provenance=provenance(
            "ingest.precision_of",
            options={"level": level},
            used={"judged": int(judged.sum()), "open": open_rows},
        ),
    )

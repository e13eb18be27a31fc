"""How good the answers are: ties reported from both ends, heaping, scales that hang together, units that agree."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column as need
from peernet._check import literal, number, quoted
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.records._people import without_objectors
from peernet.records._rosters import roster_of
from peernet.records.tables import Records
from peernet.results import Estimate

__all__ = ["combine_reports", "heaping", "icc", "report_agreement", "reported_twice", "scale_reliability"]


def reported_twice(records: Records, one: str, other: str, *, wave: str | None = None) -> pd.DataFrame:
    """Ties as reported from both ends: by the learner ("I learn from") and by the teacher ("comes to me").

    Parameters
    ----------
    records : Records
        With two relations that ask for the same ties from opposite ends.
    one, other : str
        The relations; one asks learners, the other teachers.
    wave : str, optional
        Survey wave; needed where there are several.

    Returns
    -------
    pandas.DataFrame
        One row a tie that somebody reported: ``teacher, learner, by_learner, by_teacher`` (missing where
        that end did not answer: it could not have reported).

    Raises
    ------
    DataError
        When a relation is not there, or both ask the same end.
    """
    unknown = [r for r in (one, other) if r not in records.roles]
    if unknown:
        raise DataError(f"reported_twice: no relation {quoted(unknown)}. Relations: {quoted(records.roles)}.")
    if records.roles[one] == records.roles[other]:
        raise DataError(
            f"reported_twice: {one!r} and {other!r} both ask the {records.roles[one]}; nothing is reported "
            "from the other end."
        )
    waves = records.waves()
    if wave is None and len(waves) > 1:
        raise DataError(f"reported_twice: several waves ({quoted(waves)}). Pass wave=.")
    chosen = wave if wave is not None else (waves[0] if waves else "1")
    records = without_objectors(records)
    names = records.nominations[records.nominations["wave"] == chosen]
    asked = records.respondents[records.respondents["wave"] == chosen]
    answered = set(asked.loc[asked["status"] == "answered", "person"])
    said: dict[str, set[tuple[str, str]]] = {}
    for relation in (one, other):
        mine = names[names["relation"] == relation]
        pairs = set(zip(mine["named"], mine["respondent"], strict=True))
        role = records.roles[relation]
        said[role] = pairs if role == "learner" else {(b, a) for a, b in pairs}
    rows = []
    for teacher, learner in sorted(said["learner"] | said["teacher"]):
        pair = (teacher, learner)
        by_learner = pair in said["learner"] if learner in answered else None
        by_teacher = pair in said["teacher"] if teacher in answered else None
        rows.append(
            {"teacher": teacher, "learner": learner, "by_learner": by_learner, "by_teacher": by_teacher}
        )
    frame = pd.DataFrame(rows, columns=["teacher", "learner", "by_learner", "by_teacher"])
    return frame.astype(
        {"teacher": "str", "learner": "str", "by_learner": "boolean", "by_teacher": "boolean"}
    )


def report_agreement(records: Records, one: str, other: str, *, wave: str | None = None) -> pd.DataFrame:
    r"""How often both ends report the same tie, among ties whose two ends have both answered.

    ``agreement`` is the Jaccard share, both / (both + only learner + only teacher). A cap on the names
    lowers it: a tie that is missing on one side may have had no slot left.

    Parameters
    ----------
    records : Records
        With two relations that ask for the same ties from opposite ends.
    one, other : str
        The relations.
    wave : str, optional
        Survey wave; needed where there are several.

    Returns
    -------
    pandas.DataFrame
        One row: ``union, intersection, only_learner, only_teacher, agreement, one_end_silent``.
        ``agreement`` is NaN where no tie has two ends that answered.
    """
    table = reported_twice(records, one, other, wave=wave)
    seen = table.dropna(subset=["by_learner", "by_teacher"])
    both = int((seen["by_learner"] & seen["by_teacher"]).sum())
    learner = int((seen["by_learner"] & ~seen["by_teacher"]).sum())
    teacher = int((~seen["by_learner"] & seen["by_teacher"]).sum())
    total = both + learner + teacher
    share = both / total if total else float("nan")
    row = {
        "union": total,
        "intersection": both,
        "only_learner": learner,
        "only_teacher": teacher,
        "agreement": share,
    }
    return pd.DataFrame([row | {"one_end_silent": len(table) - len(seen)}])


def combine_reports(
    records: Records, one: str, other: str, *, rule: Literal["union", "intersection"], wave: str | None = None
) -> PeerNetwork:
    """Who teaches whom from both reports: ties that either end reports, or only those that both do.

    A tie with one silent end rests on the other report in a union; in an intersection it is left out,
    because nobody could confirm it.

    Parameters
    ----------
    records : Records
        With two relations that ask for the same ties from opposite ends.
    one, other : str
        The relations.
    rule : {"union", "intersection"}
        Which ties count.
    wave : str, optional
        Survey wave; needed where there are several.

    Returns
    -------
    PeerNetwork
        All people of the roster; weight 1 a tie.
    """
    literal("rule", rule, ("union", "intersection"))
    table = reported_twice(records, one, other, wave=wave)
    a, b = table["by_learner"].fillna(False), table["by_teacher"].fillna(False)
    keep = (a | b) if rule == "union" else (a & b)
    ties = table.loc[keep.to_numpy(dtype=bool), ["teacher", "learner"]].reset_index(drop=True)
    people = roster_of(records, wave)
    asked = records.respondents if wave is None else records.respondents[records.respondents["wave"] == wave]
    status = (
        asked.drop_duplicates("person")
        .set_index("person")["status"]
        .reindex(people.index)
        .fillna("not_asked")
    )
    return PeerNetwork(people, ties, observed=status).with_permissions(records.permissions)


def heaping(values: pd.Series[float], *, step: float = 10) -> Estimate:
    """Share of answers that are multiples of a round number, zero and the maximum included.

    Parameters
    ----------
    values : pandas.Series
        Percentages as reported.
    step : float
        The round number.

    Returns
    -------
    Estimate
        A share in [0, 1] with a Wilson interval; NaN without answers.
    """
    step = number("step", step, 0, open_low=True)
    x = values.dropna().to_numpy(dtype=np.float64)
    if not len(x):
        return Estimate(
            name=f"share of multiples of {step:g}", value=float("nan"), low=float("nan"), high=float("nan")
        )
    p, n, z = float(np.mean(np.isclose(x / step, np.round(x / step)))), len(x), 1.959963984540054
    middle, half = (
        (p + z * z / (2 * n)) / (1 + z * z / n),
        z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n),
    )
    return Estimate(
        name=f"share of multiples of {step:g}", value=p, low=float(middle - half), high=float(middle + half), n=n,
        method="Wilson",
    )  # fmt: skip


def scale_reliability(items: pd.DataFrame, *, level: float = 0.95) -> Estimate:
    r"""Cronbach's alpha: how far the items of a scale measure the same thing.

    .. math:: \alpha = \frac{k}{k - 1} \left(1 - \frac{\sum_j s_j^2}{s_T^2}\right)

    with :math:`s_j^2` the variance of item j and :math:`s_T^2` that of the sum, over people who answered
    every item; Feldt's interval from the F distribution.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item, reverse-coded items turned (``records.wide("safety")`` is).
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        At most 1, may be negative; NaN where fewer than 3 people answered everything or nothing varies.

    Raises
    ------
    DataError
        When there are fewer than two items.

    References
    ----------
    .. [1] Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. *Psychometrika*
    16, 297-334.
       doi:10.1007/BF02310555
    .. [2] Feldt, L. S. (1965). The approximate sampling distribution of Kuder-Richardson reliability
    coefficient twenty.
       *Psychometrika* 30, 357-370. doi:10.1007/BF02289499
    """
    from scipy import stats

    level = number("level", level, 0, 1, open_low=True, open_high=True)
    if items.shape[1] < 2:
        raise DataError(f"scale_reliability: a scale needs at least two items; got {items.shape[1]}.")
    x = items.dropna().to_numpy(dtype=np.float64)
    n, k = x.shape
    total = x.sum(axis=1).var(ddof=1) if n > 1 else 0.0
    name = f"Cronbach's alpha of {k} items"
    if n < 3 or not total > 0:
        return Estimate(name=name, value=float("nan"), low=float("nan"), high=float("nan"), level=level, n=n)
    alpha = k / (k - 1) * (1 - x.var(axis=0, ddof=1).sum() / total)
    df1, df2 = n - 1, (n - 1) * (k - 1)
    tail = (1 - level) / 2
    low = 1 - (1 - alpha) * stats.f.ppf(1 - tail, df1, df2)
    high = 1 - (1 - alpha) * stats.f.ppf(tail, df1, df2)
    return Estimate(
        name=name, value=float(alpha), low=float(low), high=float(high), level=level, n=n, method="Feldt",
        estimand="lower bound of the share of a scale's variance that its items have in common",
        assumptions=("items measure one thing with equal weight", "people are independent"),
        provenance={"function": "ingest.scale_reliability", "dropped": {"incomplete": len(items) - n}},
    )  # fmt: skip


def icc(values: pd.Series[float], groups: pd.Series[str]) -> pd.DataFrame:
    r"""How far members of a unit agree: variance between units, ICC(1), and reliability of unit means, ICC(2).

    From a one-way analysis of variance with mean squares :math:`B` between and :math:`W` within units,

    .. math:: \mathrm{ICC}(1) = \frac{B - W}{B + (k_0 - 1) W}, \qquad \mathrm{ICC}(2) = \frac{B - W}{B},

    with :math:`k_0 = (N - \sum_g n_g^2 / N) / (G - 1)` the size of units where they differ.

    Parameters
    ----------
    values : pandas.Series
        One number a person (a scale's mean), indexed by person.
    groups : pandas.Series
        Unit of each person, indexed by person.

    Returns
    -------
    pandas.DataFrame
        One row: ``icc1, icc2, f, p_value, n_people, n_groups, k0``. May be negative; NaN where there are
        not two units, one of them with two people. Units of one person count.

    References
    ----------
    .. [1] Bliese, P. D. (2000). Within-group agreement, non-independence, and reliability. In Klein &
    Kozlowski (eds.),
       *Multilevel theory, research, and methods in organizations*, 349-381.
    """
    from scipy import stats

    frame = pd.DataFrame({"value": values, "group": groups.reindex(values.index)}).dropna()
    need(frame, "value", "values")
    x: NDArray[np.float64] = frame["value"].to_numpy(dtype=np.float64)
    code, names = pd.factorize(frame["group"])
    n, g = len(x), len(names)
    if len(values) and not n:
        raise DataError(
            f"icc: none of the {len(values)} people of values has a number and a unit in groups. Both need the same "
            "index (person)."
        )
    out = {
        "icc1": np.nan,
        "icc2": np.nan,
        "f": np.nan,
        "p_value": np.nan,
        "n_people": n,
        "n_groups": g,
        "k0": np.nan,
    }
    if g >= 2 and n > g:
        size = np.bincount(code).astype(np.float64)
        mean = np.bincount(code, x) / size
        between = float(size @ (mean - x.mean()) ** 2) / (g - 1)
        inside = float(((x - mean[code]) ** 2).sum()) / (n - g)
        k0 = float((n - (size**2).sum() / n) / (g - 1))
        spread = between + (k0 - 1) * inside
        out["k0"] = k0
        out["icc1"] = (between - inside) / spread if spread > 0 else np.nan
        out["icc2"] = (between - inside) / between if between > 0 else np.nan
        if inside > 0:
            out["f"] = between / inside
            out["p_value"] = float(stats.f.sf(between / inside, g - 1, n - g))
    return pd.DataFrame([out])

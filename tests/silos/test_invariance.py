"""No value depends on the order of rows, on what people are called, or on which frame they come from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.network import PeerNetwork
from peernet.results import Estimate, HypothesisTest

Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def frames(n: int = 30) -> Frames:
    """People in three units that keep apart, their ties, ties a year later, and what was asked when."""
    rng = np.random.default_rng(8)
    unit = np.arange(n) % 3
    ids = np.array([f"p{i:02d}" for i in range(n)])
    people = pd.DataFrame(
        {
            "unit": np.array(["a", "b", "c"])[unit],
            "site": np.where(np.arange(n) % 2, "x", "y"),
            "joined": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 50, n), unit="D"),
            "status": np.where(np.arange(n) % 10 == 0, "silent", "answered"),
        },
        index=pd.Index(ids, name="person"),
    )

    def drawn() -> pd.DataFrame:
        tied = rng.random((n, n)) < np.where(unit[:, None] == unit, 0.45, 0.04)
        tied[:, np.arange(n) % 10 == 0] = False  # whoever is silent told nothing
        i, j = np.nonzero(tied & ~np.eye(n, dtype=bool))
        return pd.DataFrame({"teacher": ids[i], "learner": ids[j], "weight": rng.integers(1, 6, len(i)) / 4})

    ties, later = drawn(), drawn()
    events = ties.drop(columns="weight").sample(300, replace=True, random_state=1, ignore_index=True)
    events["time"] = pd.Timestamp("2025-02-01") + pd.to_timedelta(rng.uniform(0, 120, 300), unit="D")
    events["topic"] = rng.choice(list("xyz"), 300)
    return people, ties, later, events


class Firm:
    """The frames as networks, under a change of rows, names or frame."""

    def __init__(
        self, people: pd.DataFrame, ties: pd.DataFrame, later: pd.DataFrame, events: pd.DataFrame
    ) -> None:
        def made(rows: pd.DataFrame) -> PeerNetwork:
            return PeerNetwork(people, rows, observed=people["status"], respondent_is="learner")

        self.net, self.later, self.events = made(ties), made(later), events


ROWS: dict[str, Callable[[Firm], Any]] = {
    "need_gap": lambda f: silos.need_gap(f.net, "unit", f.later),
    "turnover": lambda f: silos.turnover(f.net, f.later, group="unit", n_draws=20, rng=1),
    "ruts": lambda f: silos.ruts(f.net, f.events, group="unit", n_draws=20, rng=1),
    "knowledge_risk": lambda f: silos.knowledge_risk(f.net, f.events, n_draws=20, rng=1),
    "key_people": lambda f: silos.key_people(f.net, f.events),
    "onboarding": lambda f: silos.onboarding(f.net, f.events, start="2025-02-01", end="2025-06-01", joined="joined"),
    "correct_cap": lambda f: silos.correct_cap(f.net, 9, "unit"),
    "missing_sensitivity": lambda f: silos.missing_sensitivity(f.net, "ei", "unit", shares=(0.5,), n_draws=3, rng=1),
    "missing_overview": lambda f: silos.missing_overview(f.net, "unit", measures=["constraint"], n_draws=2, rng=1),
    "make_silent": lambda f: silos.make_silent(f.net, f.net.ids[f.net.people["site"] == "x"]),
    "impute_reversed": lambda f: silos.impute_reversed(f.net, method="all"),
}  # fmt: skip
NO_NETWORK = {"expected_ei", "gini", "response_thresholds"}
# Of what is drawn only these columns stay when people stand in another order; of the rest, all.
DRAWN_KEEPS = {
    "observed", "value", "complete", "kept", "lost", "new", "n_people", "n_experts", "n_teachers", "n_ties",
    "bridging_share", "participation", "brokerage", "constraint", "betweenness", "community", "people", "pairs_inside",
    "pairs_outside",
}  # fmt: skip
FEW = {"n_draws": 20, "n_runs": 6, "rng": 1}


def names() -> list[str]:
    """Every public function of the package that takes a network."""
    found = [n for n in silos.__all__ if inspect.isfunction(getattr(silos, n)) and n not in NO_NETWORK]
    return sorted(n for n in found if not n.startswith("plot_"))


def answer(name: str, firm: Firm) -> Any:
    """Call a function with as little as it needs."""
    if name in ROWS:
        return ROWS[name](firm)
    function = getattr(silos, name)
    wanted = inspect.signature(function).parameters
    group = ("unit",) if "group" in wanted else ()
    options: dict[str, Any] = {k: v for k, v in FEW.items() if k in wanted}
    return function(firm.net, *group, **options)


def frame_of(value: Any) -> pd.DataFrame:
    """Lay any answer out as a frame."""
    if isinstance(value, PeerNetwork):
        rows = value.ties.sort_values(["teacher", "learner"])
        return rows.set_index(["teacher", "learner"])
    if isinstance(value, HypothesisTest):
        more = (
            {} if isinstance(value, HypothesisTest) and len(value.null) else {"null_mean": [value.null_mean]}
        )
        return pd.DataFrame({"observed": [value.observed], "p_value": [value.p_value], **more})
    if isinstance(value, Estimate):
        return pd.DataFrame({"value": [value.value], "low": [value.low], "high": [value.high]})
    if isinstance(value, pd.Series):
        return value.to_frame("value")
    if isinstance(value, pd.DataFrame):
        return value
    return pd.DataFrame({"value": [value]}) if isinstance(value, float) else value.to_frame()


def renamed(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Put old ids for new ones, in the index and in columns."""

    def old(values: Any) -> Any:
        return [names.get(v, v) if isinstance(v, str) else v for v in values]

    if isinstance(frame.index, pd.MultiIndex):
        frame = frame.set_axis(pd.MultiIndex.from_tuples([tuple(old(t)) for t in frame.index]))
    elif frame.index.dtype.kind not in "iuf":
        frame = frame.set_axis(pd.Index(old(frame.index), name=frame.index.name))
    texts = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    return frame.assign(
        **{c: old(frame[c]) for c in texts if frame[c].map(lambda v: isinstance(v, str)).any()}
    )


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """Compare by label; numbers to rounding."""
    two = two.reindex(index=one.index, columns=one.columns) if one.index.is_unique else two
    pd.testing.assert_frame_equal(
        one, two, check_names=False, check_dtype=False, check_index_type=False, rtol=1e-9, atol=1e-9
    )


PLAIN = frames()
FIRM = Firm(*PLAIN)


def shuffled() -> Firm:
    people, *rest = PLAIN
    return Firm(people, *(x.sample(frac=1, random_state=k) for k, x in enumerate(rest)))


def filtered() -> Firm:
    """A frame with others in between, who are filtered out again, and a column of ids: its rows are no 0..m-1."""
    people, *rest = PLAIN
    more = people.assign(stays=True).reset_index()
    gone = more.iloc[::2].assign(stays=False, person=[f"zz{k}" for k in range(len(more[::2]))])
    table = pd.concat([gone, more]).sample(frac=1, random_state=4)
    table = table.set_index("person").loc[lambda t: t["stays"]].loc[people.index]
    parts = []
    for rows in rest:
        noise = rows.head(9).assign(teacher="zz0")
        parts.append(pd.concat([noise, rows]).reset_index(drop=True).loc[lambda t: t["teacher"] != "zz0"])
    return Firm(table.drop(columns="stays"), *parts)


def called(order: str) -> tuple[Firm, dict[str, str]]:
    """Other names: in the same alphabetical order, or in any order, with the rows of people shuffled too."""
    people, *rest = PLAIN
    rng = np.random.default_rng(5)
    new = [f"n{k:03d}" for k in range(len(people))]
    names = dict(zip(people.index, new if order == "same order" else rng.permutation(new), strict=True))
    table = people.rename(index=names)
    if order != "same order":
        table = table.sample(frac=1, random_state=6)
        rest = [x.sample(frac=1, random_state=7) for x in rest]
    rest = [x.assign(teacher=x["teacher"].map(names), learner=x["learner"].map(names)) for x in rest]
    return Firm(table, *rest), {v: k for k, v in names.items()}


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("change", ["shuffled rows", "filtered frames", "same order"])
def test_rows_frames_and_names_change_nothing_at_all(name: str, change: str) -> None:
    names: dict[str, str] = {}
    if change == "same order":
        other, names = called("same order")
    else:
        other = shuffled() if change == "shuffled rows" else filtered()
    same(frame_of(answer(name, FIRM)), renamed(frame_of(answer(name, other)), names))


@pytest.mark.parametrize("name", names())
def test_any_names_in_any_order_change_no_value(name: str) -> None:
    other, names = called("any order")
    one = frame_of(answer(name, FIRM))
    two = renamed(frame_of(answer(name, other)), names)
    if "rng" in inspect.signature(getattr(silos, name)).parameters and name != "impute_reversed":
        # Draws fall on people by their place, so that only what is not drawn stays.
        kept = [c for c in one.columns if c in DRAWN_KEEPS]
        assert kept or name == "betweenness_sample", list(one.columns)
        one, two = one[kept], two[kept]
    if one.index.is_unique and set(one.index) == set(two.index):
        same(one, two)
    else:
        same(one, two.reset_index(drop=True).set_axis(one.index))


SWAPS = {
    "brokerage": {"gatekeeper": "representative", "representative": "gatekeeper"},
    "isolates": {"n_learners": "n_teachers", "n_teachers": "n_learners"},
}
# One value whichever way the ties point.
EITHER_WAY = [
    "ei_index", "ei_estimate", "ei_test", "assortativity", "odds_ratio_within", "modularity", "freeman_segregation",
    "structural_holes", "constraint", "effective_size", "efficiency", "hierarchy", "participation", "betweenness",
    "reciprocity", "transitivity", "core_number", "communities", "spectral_segregation", "known_share",
]  # fmt: skip


@pytest.mark.parametrize("name", [*EITHER_WAY, *SWAPS])
def test_reversing_all_ties_swaps_what_has_a_direction_and_nothing_else(name: str) -> None:
    people = PLAIN[0]
    there, back = (Firm(people.assign(status="answered"), *PLAIN[1:]) for _ in range(2))
    back.net, there.net = there.net.reverse(), there.net
    one, two = frame_of(answer(name, there)), frame_of(answer(name, back))
    if name == "isolates":
        two["kind"] = two["kind"].replace({"teaches only": "learns only", "learns only": "teaches only"})
    same(one, two.rename(columns=SWAPS.get(name, {})))


def test_reversing_swaps_rows_and_columns_and_the_two_ends() -> None:
    net = FIRM.net
    for value in ("count", "share", "density", "ratio", "z"):
        same(
            silos.mixing_table(net, "unit", value=value),
            silos.mixing_table(net.reverse(), "unit", value=value).T,
        )
    for function in (silos.coleman_index, silos.bridging_share, silos.within_module_z):
        one = function(net, "unit", role="teacher").to_frame("value")
        same(one, function(net.reverse(), "unit", role="learner").to_frame("value"))

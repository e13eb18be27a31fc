"""How often a hidden team is found where there is none, and where there is one: worlds with known truth.

The long run is committed as a table in docs/calibration/silos.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from peernet import silos
from peernet.datasets import make_organisation
from peernet.datasets.worlds import WORLDS
from peernet.silos import _hidden
from peernet.silos.informal import pairs_of

ENTROPY = 20260112


def world(kind: str, stream: np.random.Generator, **knobs: Any) -> tuple[Any, set[str]]:
    """Records of a fresh firm of Meridian's design, and its hidden team."""
    firm = make_organisation(**(WORLDS[kind][1] | knobs), rng=stream)
    return firm.records(), set(firm.truth["planted"]["hidden_team"])


def look(
    net: Any, stream: np.random.Generator, *, within: Any = None, n_draws: int = 59
) -> tuple[float, set[str]]:
    """Return the p-value and the people of the best team found."""
    from peernet.silos.formal import _cells

    codes, _ = net.codes("unit")
    pairs = pairs_of(net, weighted=False)
    pairs = pairs.kept((codes[pairs.owner] >= 0) & (codes[pairs.idx] >= 0))
    live = int(np.sum(np.diff(pairs.ptr) > 0))
    across = pairs.kept(codes[pairs.owner] != codes[pairs.idx])
    found = _hidden.scan(
        across, np.maximum(codes, 0).astype(np.int64), _cells(net, codes, within), _hidden.ladder(live, 5),
        smallest=5, n_runs=2, n_draws=n_draws, level=0.95, rng=stream, n_jobs=1, progress=False,
    )  # fmt: skip
    return found.p_value, set(net.ids[found.teams[0].people]) if found.teams else set()


def run(
    kind: str, source: str, n_worlds: int, within: Any = None, **knobs: Any
) -> tuple[int, int, list[float]]:
    """Worlds drawn, worlds in which a team was found, and how well the found teams match the true one (Jaccard)."""
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(ENTROPY).spawn(n_worlds)]
    hits, match = 0, []
    for stream in streams:
        records, team = world(kind, stream, **knobs)
        net = records.network() if source == "chat" else records.network(relation="learn_from")
        p, people = look(net, stream, within=within)
        hits += p <= 0.05
        if people and team:
            match.append(len(people & team) / len(people | team))
    return n_worlds, hits, match


CASES: list[tuple[str, str, int, Any, dict[str, Any]]] = [
    ("null_meridian", "chat", 80, None, {}),
    ("meridian", "chat", 50, None, {"hidden_team": 0}),
    ("meridian", "chat", 50, ["site"], {"hidden_team": 0}),
    ("meridian", "chat", 40, None, {}),
    ("meridian", "survey", 30, None, {"response_rate": 0.95}),
    ("meridian", "survey", 30, None, {}),
    ("meridian", "survey", 30, None, {"response_rate": 0.6}),
    ("meridian", "survey", 30, None, {"response_rate": 0.45}),
    ("null_meridian", "survey", 80, None, {}),
    ("meridian", "survey", 50, None, {"hidden_team": 0}),
    ("meridian", "chat", 40, ["site"], {}),
]


@pytest.mark.long
@pytest.mark.parametrize("case", range(len(CASES)))
def test_table_of_hidden_teams(case: int) -> None:
    kind, source, n, within, knobs = CASES[case]
    worlds, hits, match = run(kind, source, n, within, **knobs)
    mean = f"{np.mean(match):.2f}" if match else ""
    words = ", ".join(f"{k} {v}" for k, v in knobs.items())
    print(
        f"\n| {kind} | {source} | {words} | {', '.join(within or [])} | {worlds} | {hits / worlds:.3f} | {mean} |"
    )
    if kind == "null_meridian":
        assert hits <= binom.ppf(0.9995, worlds, 0.05)


def test_false_alarms_are_rare_in_a_few_worlds_without_anything() -> None:
    worlds, hits, _ = run("null_meridian", "survey", 5)
    assert hits <= binom.ppf(0.9999, worlds, 0.05)


def test_a_dense_team_across_units_is_found_and_named_only_where_allowed() -> None:
    stream = np.random.default_rng(4)
    records, team = world("meridian", stream, response_rate=1.0)
    assert len(team) == 9
    found = silos.formal_overlap(records.network(), "unit", n_runs=10, n_draws=39, rng=1)
    assert found.verdict in ("supported", "inconclusive")

"""What every public function promises: inputs unchanged, global randomness untouched, any number of workers."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import peernet
from peernet import PeerNetwork


def example() -> PeerNetwork:
    """Forty people in four units, two sites, ties mostly inside units."""
    rng = np.random.default_rng(11)
    n = 40
    unit = np.repeat(list("abcd"), 10)
    teacher, learner = rng.integers(0, n, (2, 400))
    keep = (teacher != learner) & ((unit[teacher] == unit[learner]) | (rng.random(400) < 0.3))
    pairs = np.unique(np.stack([teacher[keep], learner[keep]]), axis=1)
    people = pd.DataFrame(
        {
            "unit": unit,
            "site": np.tile(["x", "y"], 20),
            "age": rng.normal(40, 9, n),
            "skill": rng.normal(0, 1, n),
        },
        index=pd.Index([f"p{i:02d}" for i in range(n)], name="person"),
    )
    ids = people.index
    ties = pd.DataFrame(
        {"teacher": ids[pairs[0]], "learner": ids[pairs[1]], "weight": rng.gamma(2, 1, pairs.shape[1])}
    )
    return PeerNetwork(people, ties)


def adoptions() -> pd.DataFrame:
    """Thirty of the forty adopt within twelve periods."""
    rng = np.random.default_rng(5)
    ids = example().ids
    time = np.where(rng.random(len(ids)) < 0.75, rng.integers(1, 13, len(ids)), np.nan)
    return pd.DataFrame({"person": ids, "item": "sql", "time": time})


def episodes() -> pd.DataFrame:
    """Each tie of the example in one or two of three periods."""
    ties = example().ties
    rng = np.random.default_rng(6)
    parts = [ties[rng.random(len(ties)) < 0.6].assign(time=float(t)) for t in range(3)]
    return pd.concat(parts, ignore_index=True)


def call(path: str, *args: Any, **options: Any) -> Callable[..., Any]:
    """Return a call of a public function that takes further options."""
    module, name = path.rsplit(".", 1)

    def run(**more: Any) -> Any:
        return getattr(importlib.import_module(f"peernet.{module}"), name)(*args, **{**options, **more})

    return run


NET = example()
OTHER = example().reverse()
RANDOM: dict[str, Callable[..., Any]] = {
    "silos.ei_test": call("silos.ei_test", NET, "unit", n_draws=300),
    "hypotheses.cug_test": call("hypotheses.cug_test", NET, "reciprocity", n_draws=200),
    "hypotheses.qap_correlation": call("hypotheses.qap_correlation", NET, OTHER, n_draws=200),
    "hypotheses.mrqap": call("hypotheses.mrqap", NET, "tie ~ same(unit) + diff(age)", n_draws=200),
    "hypotheses.fit_peer_effects": call("hypotheses.fit_peer_effects", NET, "skill ~ age", n_draws=99),
    "hypotheses.bootstrap_mean": call("hypotheses.bootstrap_mean", np.linspace(0, 1, 30), n_draws=300),
    "silos.brokerage_test": call("silos.brokerage_test", NET, "unit", null="labels", n_draws=100),
    "silos.bridges": call("silos.bridges", NET, "unit", n_draws=40),
    "silos.communities": call("silos.communities", NET, n_runs=10, n_draws=20),
    "silos.formal_overlap": call("silos.formal_overlap", NET, "unit", n_runs=8, n_draws=20),
    "silos.betweenness_sample": call("silos.betweenness_sample", NET, n_pivots=15),
    "silos.segregation_profile": call("silos.segregation_profile", NET, "unit", n_draws=99),
    "silos.segregation_by_unit": call("silos.segregation_by_unit", NET, "unit", n_draws=40),
    "silos.missing_sensitivity": call("silos.missing_sensitivity", NET, "ei", "unit", n_draws=9),
    "silos.missing_overview": call(
        "silos.missing_overview", NET, "unit", measures=["ei", "pagerank"], n_draws=5
    ),
    "diffusion.structure_test": call(
        "diffusion.structure_test", NET, adoptions(), null="labels", start=1, end=12, n_draws=99
    ),
    "diffusion.simulate_nbda": call("diffusion.simulate_nbda", NET, s=0.5, rate=0.05, end=12, n_draws=8),
    "silos.expert_load": call("silos.expert_load", NET, n_draws=120),
    "silos.turnover": call("silos.turnover", NET, OTHER, group="unit", n_draws=40),
    "silos.ruts": call("silos.ruts", NET, episodes(), period=1, n_draws=70),
    "nulls.shuffle_labels": call("nulls.shuffle_labels", NET, "unit"),
    "nulls.rewire": call("nulls.rewire", NET),
    "nulls.dyad_census": call("nulls.dyad_census", NET),
}


def takes(name: str) -> set[str]:
    """Return the parameters of a public function."""
    module, function = name.rsplit(".", 1)
    return set(inspect.signature(getattr(importlib.import_module(f"peernet.{module}"), function)).parameters)


def public_functions() -> list[str]:
    """Return every public function below the public modules."""
    names = []
    for module in peernet._modules:
        package = importlib.import_module(f"peernet.{module}")
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isfunction(value):
                names.append(f"{module}.{name}")
    return names


def numbers(answer: Any) -> Any:
    """Reduce an answer to something that can be compared exactly."""
    if isinstance(answer, PeerNetwork):
        return answer.ties.to_dict("list") | answer.people.to_dict("list")
    if isinstance(answer, pd.DataFrame | pd.Series):
        return answer.to_dict()
    frame = answer.to_frame()
    draws = getattr(answer, "null", np.array([]))
    return frame.to_dict("list"), np.asarray(draws).tolist() if not isinstance(
        draws, pd.DataFrame
    ) else draws.to_dict()


def same(a: Any, b: Any) -> bool:
    """Compare nested answers, NaN equal to NaN."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (np.isnan(a) and np.isnan(b))
    return bool(a == b)


def test_every_function_with_workers_is_on_the_list() -> None:
    with_workers = {name for name in public_functions() if "n_jobs" in takes(name)}
    assert with_workers - set(RANDOM) - ELSEWHERE == set()


# Checked for n_jobs in the tests of their own folder, because they need more than a network.
ELSEWHERE: set[str] = {
    "claims.specification_curve",
    "diffusion.nbda_power",
    "diffusion.social_transmission_share",
    "silos.betweenness",  # draws nothing; below
}


def test_betweenness_does_not_depend_on_workers() -> None:
    from peernet import silos

    pd.testing.assert_series_equal(silos.betweenness(NET, n_jobs=1), silos.betweenness(NET, n_jobs=2))


@pytest.mark.parametrize("timing", ["order", "discrete"])
def test_power_of_nbda_does_not_depend_on_workers(timing: str) -> None:
    from peernet import diffusion

    one, two = (
        diffusion.nbda_power(
            NET, s=1.0, rate=0.05, end=8, n_items=(1,), timing=timing, n_draws=6, rng=3, n_jobs=k
        )
        for k in (1, 2)
    )
    assert same(numbers(one), numbers(two))


@pytest.mark.parametrize("name", sorted(n for n in RANDOM if "n_jobs" in takes(n)))
def test_the_answer_does_not_depend_on_workers(name: str) -> None:
    one, two = (numbers(RANDOM[name](rng=7, n_jobs=jobs)) for jobs in (1, 2))
    assert same(one, two)


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_seeds_repeat_and_nothing_global_or_given_is_changed(name: str) -> None:
    before = copy.deepcopy(np.random.get_state()[1])  # noqa: NPY002
    tables = NET.people, NET.ties
    first = numbers(RANDOM[name](rng=7))
    np.random.random(3)  # noqa: NPY002
    assert same(first, numbers(RANDOM[name](rng=7)))
    assert same(first, numbers(RANDOM[name](rng=np.random.default_rng(7))))
    np.random.set_state(("MT19937", before, 624, 0, 0.0))  # noqa: NPY002
    RANDOM[name](rng=None)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    pd.testing.assert_frame_equal(tables[0], NET.people)
    pd.testing.assert_frame_equal(tables[1], NET.ties)


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_what_is_no_seed_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="rng"):
        RANDOM[name](rng="seven")

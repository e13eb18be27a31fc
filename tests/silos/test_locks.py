"""Whatever is about single people asks the study first; what is about units or the whole does not."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.errors import PermissionLocked
from peernet.network import PeerNetwork
from peernet.privacy import Permissions

# What functions need beside a network: by the name of the parameter.
GROUP = {"group": "unit"}
# Per person in one of their options only.
BY_OPTION: dict[str, dict[str, Any]] = {"brokerage_test": {"by": "person"}}
# Few measures are enough to see whether people are shown.
SHORT: dict[str, dict[str, Any]] = {"missing_overview": {"measures": ["ei", "constraint"], "n_draws": 2}}


def firm() -> PeerNetwork:
    rng = np.random.default_rng(3)
    ids = [f"p{i:02d}" for i in range(24)]
    people = pd.DataFrame({"unit": np.repeat(list("abc"), 8)}, index=pd.Index(ids, name="person"))
    pairs = [(ids[i], ids[j]) for i, j in np.argwhere(rng.random((24, 24)) < 0.2) if i != j]
    ties = pd.DataFrame(pairs, columns=["teacher", "learner"])
    ties["topic"] = rng.choice(list("xyz"), len(ties))
    ties["time"] = pd.Timestamp("2025-01-06") + pd.to_timedelta(rng.uniform(0, 120, len(ties)), unit="D")
    status = pd.Series("answered", index=people.index)
    status.iloc[:2] = "silent"
    return PeerNetwork(people, ties, observed=status, respondent_is="learner")


def study(**analyses: tuple[str, ...]) -> PeerNetwork:
    return firm().with_permissions(Permissions(study="Pilot", analyses=analyses))


def functions() -> list[str]:
    """Public functions of a network and at most a group that return a table or a series."""
    found = []
    for name in silos.__all__:
        value = getattr(silos, name)
        if not inspect.isfunction(value):
            continue
        wanted = inspect.signature(value).parameters
        needs = {p.name for p in wanted.values() if p.default is inspect.Parameter.empty}
        if "net" in needs and needs <= {"net", *GROUP}:
            found.append(name)
    return found


def call(name: str, net: PeerNetwork, **more: Any) -> Any:
    function = getattr(silos, name)
    wanted = inspect.signature(function).parameters
    few = {"n_draws": 24, "n_runs": 4, "n_null": 4, "rng": 1}
    options = {k: v for k, v in {**GROUP, **few, **SHORT.get(name, {})}.items() if k in wanted}
    return function(net, **options, **more)


def about_people(answer: Any, net: PeerNetwork) -> bool:
    """Say whether an answer shows people one by one: ids as index or in a column."""
    frame = answer if isinstance(answer, pd.DataFrame | pd.Series) else None
    if frame is None and hasattr(answer, "to_frame"):
        frame = answer.to_frame()
    if frame is None:
        return False
    ids = set(net.ids)
    columns = [frame[c] for c in frame.columns] if isinstance(frame, pd.DataFrame) else [frame]
    return bool(set(frame.index) & ids) or any(set(c.astype(str)) & ids for c in columns)


@pytest.mark.parametrize("name", functions())
def test_person_level_is_locked_and_the_rest_is_not(name: str) -> None:
    open_ = firm()
    answer = call(name, open_)
    if about_people(answer, open_):
        with pytest.raises(PermissionLocked, match=rf"silos\.{name} is locked"):
            call(name, study())
        allowed = call(name, study(person_level=(f"silos.{name}",)))
        assert type(allowed) is type(answer)
        with pytest.raises(PermissionLocked):
            call(name, study(person_level=("silos.another",)))
    else:
        assert type(call(name, study())) is type(answer)


@pytest.mark.parametrize("name", BY_OPTION)
def test_person_level_options_are_locked(name: str) -> None:
    with pytest.raises(PermissionLocked, match=rf"silos\.{name} is locked"):
        call(name, study(), **BY_OPTION[name])
    assert about_people(call(name, firm(), **BY_OPTION[name]), study())


def test_every_series_or_frame_by_person_is_on_the_list() -> None:
    """A source that indexes by person ids names the question that it asks."""
    for name in silos.__all__:
        value = getattr(silos, name)
        if not inspect.isfunction(value) or not str(value.__annotations__["return"]).startswith("pd."):
            continue
        source = inspect.getsource(value)
        if "index=net.ids" in source:
            assert f'require(net, "person_level", function="silos.{name}")' in source, name


def test_known_person_level_functions_are_found() -> None:
    known = {
        "ei_index", "spectral_segregation", "brokerage", "structural_holes", "constraint", "effective_size",
        "efficiency", "hierarchy", "participation", "within_module_z", "bridging_share", "betweenness",
        "betweenness_sample", "isolates", "core_number", "pagerank", "bridges",
    }  # fmt: skip
    assert known <= set(functions())
    for name in known:
        with pytest.raises(PermissionLocked):
            call(name, study())
    assert importlib.import_module("peernet.silos") is silos

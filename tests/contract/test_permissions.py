"""Numbers about single people are locked for a network made from a study; everything about groups runs."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import peernet
from peernet import PeerNetwork, diffusion, hypotheses, plots, privacy
from peernet.errors import PermissionLocked
from peernet.privacy import Permissions


def example() -> PeerNetwork:
    """Thirty people in three units, ties drawn at random."""
    rng = np.random.default_rng(7)
    teacher, learner = rng.integers(0, 30, (2, 160))
    keep = teacher != learner
    pairs = np.unique(np.stack([teacher[keep], learner[keep]]), axis=1)
    people = pd.DataFrame(
        {"unit": np.repeat(list("abc"), 10), "skill": rng.normal(size=30)},
        index=pd.Index([f"person{i:02d}" for i in range(30)], name="person"),
    )
    ids = people.index
    return PeerNetwork(people, pd.DataFrame({"teacher": ids[pairs[0]], "learner": ids[pairs[1]]}))


def adoptions() -> pd.DataFrame:
    """Twenty-four of the thirty adopt."""
    rng = np.random.default_rng(8)
    ids = example().ids
    return pd.DataFrame({"person": ids[:24], "item": "sql", "time": rng.integers(1, 9, 24)})


SPAN: dict[str, Any] = {"start": 1, "end": 9}
LOCKED: dict[str, Callable[[PeerNetwork, Path], Any]] = {
    "diffusion.exposure": lambda net, _: diffusion.exposure(net, adoptions(), **SPAN),
    "diffusion.structural_equivalence": lambda net, _: diffusion.structural_equivalence(net),
    "diffusion.thresholds": lambda net, _: diffusion.thresholds(net, adoptions(), **SPAN),
    "diffusion.adopter_categories": lambda net, _: diffusion.adopter_categories(net, adoptions(), **SPAN),
    "diffusion.infectiousness": lambda net, _: diffusion.infectiousness(net, adoptions(), **SPAN),
    "diffusion.susceptibility": lambda net, _: diffusion.susceptibility(net, adoptions(), **SPAN),
    "hypotheses.to_statnet": lambda net, to: hypotheses.to_statnet(net, to / "new", edge_means="teaches"),
    "hypotheses.to_rsiena": lambda net, to: hypotheses.to_rsiena([net, net], to / "new", edge_means="asks"),
    "plots.plot_network": lambda net, _: plots.plot_network(net, "unit"),
    "privacy.to_graphml": lambda net, to: privacy.to_graphml(net, to / "g.graphml"),
    "privacy.to_gexf": lambda net, to: privacy.to_gexf(net, to / "g.gexf"),
}
OPEN: dict[str, Callable[[PeerNetwork], Any]] = {
    "diffusion.adoption_curve": lambda net: diffusion.adoption_curve(net, adoptions(), **SPAN),
    "diffusion.hazard": lambda net: diffusion.hazard(net, adoptions(), **SPAN),
    "diffusion.opinion_leaders": lambda net: diffusion.opinion_leaders(net, adoptions(), n_draws=9, **SPAN),
    "diffusion.structure_test": lambda net: diffusion.structure_test(
        net, adoptions(), null="labels", n_draws=19, **SPAN
    ),
    "diffusion.fit_bass": lambda net: diffusion.fit_bass(net, adoptions(), **SPAN),
    "diffusion.fit_event_history": lambda net: diffusion.fit_event_history(net, adoptions(), **SPAN),
    "diffusion.crossings": lambda net: diffusion.crossings(net, adoptions(), "unit", **SPAN),
    "diffusion.tie_change": lambda net: diffusion.tie_change([net, net], adoptions(), start=4, end=5),
    "diffusion.social_transmission_share": lambda net: diffusion.social_transmission_share(
        diffusion.fit_nbda(net, adoptions(), **SPAN), sensitivity=False
    ),
    "hypotheses.mrqap": lambda net: hypotheses.mrqap(net, "tie ~ same(unit)", n_draws=19),
    "hypotheses.cug_test": lambda net: hypotheses.cug_test(net, "reciprocity", n_draws=19),
    "hypotheses.dyadic_regression": lambda net: hypotheses.dyadic_regression(net, "tie ~ same(unit)"),
}


@pytest.fixture(autouse=True)
def _no_windows() -> None:
    pytest.importorskip("matplotlib").use("Agg")


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_single_people_are_locked_unless_listed(name: str, tmp_path: Path) -> None:
    from matplotlib import pyplot as plt

    net, run = example(), LOCKED[name]
    run(net, tmp_path / "free") if not name.split(".")[1].startswith("to_") else None
    locked = net.with_permissions(Permissions(study="Pilot"))
    with pytest.raises(PermissionLocked, match=rf'person_level = \["{re.escape(name)}"\] under \[analyses\]'):
        run(locked, tmp_path)
    assert list(tmp_path.iterdir()) == []
    run(net.with_permissions(Permissions(study="Pilot", analyses={"person_level": (name,)})), tmp_path)
    # what is made from a locked network is locked as well
    with pytest.raises(PermissionLocked):
        run(locked.subset(list(net.ids[:20])), tmp_path)
    plt.close("all")


def everything(answer: Any) -> str:
    """Write out everything that an answer shows or holds in tables."""
    parts = [repr(answer)]
    frames = [answer] if isinstance(answer, pd.DataFrame | pd.Series) else []
    for value in vars(answer).values() if hasattr(answer, "__dict__") and not frames else ():
        if isinstance(value, pd.DataFrame | pd.Series):
            frames.append(value)
    if hasattr(answer, "to_frame") and not frames:
        frames.append(answer.to_frame())
    return "\n".join([*parts, *(f.to_csv() for f in frames)])


@pytest.mark.filterwarnings("ignore::peernet.errors.PeerNetWarning")
@pytest.mark.parametrize("name", sorted(OPEN))
def test_groups_are_open_and_name_nobody(name: str) -> None:
    locked = example().with_permissions(Permissions(study="Pilot"))
    text = everything(OPEN[name](locked))
    assert not re.findall(r"person\d\d", text)


def test_ids_are_there_without_a_study_and_where_listed() -> None:
    free = diffusion.crossings(example(), adoptions(), "unit", **SPAN)
    assert free["by"].map(len).sum() > 0
    listed = Permissions(analyses={"person_level": ("diffusion.crossings",)})
    pd.testing.assert_frame_equal(
        free, diffusion.crossings(example().with_permissions(listed), adoptions(), "unit", **SPAN)
    )


# Functions over a network that answer per person or per pair of groups are looked at one by one: a new one must be put
# into LOCKED above (or into the contract of silos), or here with the reason why it says nothing about single people.
ABOUT_GROUPS = {
    "diffusion.adoption_curve": "counts by period",
    "diffusion.hazard": "counts by period",
    "diffusion.crossings": "groups; ids withheld",
    "diffusion.tie_change": "counts by period",
}


def test_every_table_over_a_network_is_on_a_list() -> None:
    missing = []
    for module in peernet._modules:
        if module in ("silos", "nulls", "privacy", "datasets"):
            continue
        package = importlib.import_module(f"peernet.{module}")
        for name in package.__all__:
            value = getattr(package, name)
            if not inspect.isfunction(value):
                continue
            signature = inspect.signature(value)
            first = next(iter(signature.parameters), "")
            returns = str(signature.return_annotation)
            if first in ("net", "nets") and re.match(r"pd\.(Series|DataFrame)", returns):
                missing.append(f"{module}.{name}")
    assert sorted(set(missing) - set(LOCKED) - set(ABOUT_GROUPS)) == []

"""What the pictures of segregation say in words: titles, rows and marks."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork, silos
from peernet.errors import DataError, PermissionLocked
from peernet.privacy import Permissions

mpl.use("agg")


@pytest.fixture
def firm() -> PeerNetwork:
    """Two units that fill a site each, and two that share one and do not mix."""
    rng = np.random.default_rng(3)
    unit = np.repeat(["a", "b", "c", "d"], 12)
    site = np.repeat(["north", "south", "east", "east"], 12)
    people = pd.DataFrame({"unit": unit, "site": site}, index=[f"p{k:02d}" for k in range(48)])
    i, j = rng.integers(48, size=(2, 600))
    inside = (i != j) & (unit[i] == unit[j])
    ties = pd.DataFrame({"teacher": people.index[i[inside]], "learner": people.index[j[inside]]})
    return PeerNetwork(people, ties.drop_duplicates())


def test_the_title_counts_what_the_picture_shows(firm: PeerNetwork) -> None:
    found = silos.segregation_by_unit(firm, "unit", within="site", measures=["E-I index"], n_draws=999, rng=1)
    # Against the firm all four stand out; within their site a and b have nobody else to learn from.
    assert found.summary().startswith("4 of 4")
    axes = found.plot()
    title = axes.get_title(loc="left").replace("\n", " ")
    assert title.startswith("2 of 4 units differ from chance (labels within site;")
    assert len(axes.get_yticklabels()) == 4


def test_a_row_an_index_and_a_mark_a_null(firm: PeerNetwork) -> None:
    profile = silos.segregation_profile(firm, "unit", within="site", n_draws=19, rng=1)
    axes = profile.plot()
    nulls = profile.table["null"].unique()
    assert [t.get_text() for t in axes.get_legend().get_texts()] == list(nulls)
    rows = [t.get_text() for t in axes.get_yticklabels()]
    assert rows == list(profile.table["measure"].unique())
    for line, null in zip(axes.lines[1:], nulls, strict=True):
        part = profile.table[(profile.table["null"] == null) & np.isfinite(profile.table["z"])]
        assert line.get_xdata().tolist() == part["z"].tolist()
        place = dict(zip(rows, axes.get_yticks(), strict=True))
        assert line.get_ydata().tolist() == [place[m] for m in part["measure"]]


def test_mixing_counts_its_title_by_hand_and_hides_small_groups(firm: PeerNetwork) -> None:
    across = pd.DataFrame({"teacher": ["p00", "p01"], "learner": ["p40", "p41"]})
    unit = firm.people["unit"].copy()
    unit.iloc[-2:] = "tiny"
    ties = pd.concat([firm.ties[["teacher", "learner"]], across], ignore_index=True)
    net = PeerNetwork(firm.people.assign(unit=unit), ties)
    axes = silos.plot_mixing(net, "unit")
    large = ~(net.people["unit"].isin(["tiny"]))
    known = net.ties[net.ties["teacher"].map(large) & net.ties["learner"].map(large)]
    inside = (known["teacher"].map(unit) == known["learner"].map(unit)).mean()
    assert axes.get_title(loc="left").startswith(
        f"{100 * inside:.0f} % of teaching stays inside a unit; chance gives"
    )
    assert len(axes.patches) == 9  # the row and the column of the small unit
    assert (
        silos.plot_mixing(PeerNetwork(net.people, ties.iloc[:0]), "unit")
        .get_title(loc="left")
        .startswith("No ties")
    )


def test_ei_by_unit_draws_what_the_table_holds(firm: PeerNetwork) -> None:
    table = silos.ei_by_unit(firm, "unit")
    axes = silos.plot_ei(firm, "unit")
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    rows = [t.get_text() for t in axes.get_yticklabels()]
    np.testing.assert_allclose(dots.get_xdata(), table.loc[rows, "ei"])
    assert axes.get_title(loc="left").startswith("4 of 4")
    assert "4 not drawn" in silos.plot_ei(firm, "unit", min_group=13).get_xlabel()


def test_people_are_dots_without_names_and_asked_for(firm: PeerNetwork) -> None:
    values = silos.constraint(firm)
    axes = silos.plot_people(firm, values, "unit")
    dots = np.concatenate([line.get_xdata() for line in axes.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(dots), np.sort(values.dropna()))
    assert not any(p in t.get_text() for t in axes.findobj(mpl.text.Text) for p in firm.ids)
    assert len(silos.plot_people(firm, values, "unit", min_group=13).get_yticklabels()) == 0
    with pytest.raises(DataError, match="one row a person"):
        silos.plot_people(firm, silos.ei_by_unit(firm, "unit")["ei"])
    with pytest.raises(PermissionLocked, match=r"silos\.plot_people"):
        silos.plot_people(firm.with_permissions(Permissions(study="Pilot")), values)


def test_the_estimate_is_drawn_beside_chance(firm: PeerNetwork) -> None:
    found = silos.ei_estimate(firm, "unit")
    assert found.chance == pytest.approx(silos.expected_ei(np.array([12, 12, 12, 12])))
    axes = found.plot()
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == [found.chance]
    assert "dashed: chance" in axes.get_xlabel()
    alone = silos.ei_estimate(PeerNetwork(firm.people.iloc[:1], firm.ties.iloc[:0]), "unit")
    assert np.isnan(alone.chance) and not [x for x in alone.plot().lines if x.get_linestyle() == "--"]


def test_roles_are_drawn_beside_the_band_of_the_null(firm: PeerNetwork) -> None:
    axes = silos.brokerage_test(firm, "unit", null="degrees", n_draws=19, rng=1).plot()
    band = axes.patches[-1].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-1.96, 1.96))

"""What the pictures of segregation say in words: titles, rows and marks."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork, silos

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
    assert axes.get_title(loc="left").startswith("2 of 4 units differ from chance (labels within site;")
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

"""Values of netdiffuseR 1.25.0 and NBDA 0.9.6 on Medical Innovation.

The published matrices have the learner in the row; ``PeerNetwork.adjacency`` has the teacher there. The doctor who is
named is the teacher.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork, diffusion


def read_doctors(folder: Path) -> Any:
    """Read the doctors, the three relations, their union and the months, as the data's README describes."""
    import rdata

    table = rdata.conversion.convert(rdata.parser.parse_file(folder / "medInnovations.rdata"))[
        "medInnovations"
    ]
    city = table["city"].astype(int)
    person = (city * 1000 + table["id"].astype(int)).astype(str).to_numpy()
    people = pd.DataFrame({"city": city.astype(str).to_numpy()}, index=person)
    rows = []
    for relation in (1, 2, 3):
        for place in (1, 2, 3):
            named = table[f"net{relation}_{place}"]
            given = named.notna().to_numpy()
            teacher = (city * 1000 + named.fillna(0).astype(int)).astype(str).to_numpy()
            rows.append(
                pd.DataFrame({"teacher": teacher, "learner": person, "relation": f"net{relation}"})[given]
            )
    ties = pd.concat(rows).query("teacher != learner").drop_duplicates()
    ties = ties[ties["teacher"].isin(people.index)]
    pairs = ties.groupby(["teacher", "learner"]).size().rename("weight").reset_index()
    toa = table["toa"].to_numpy()
    return SimpleNamespace(
        union=PeerNetwork(people, pairs.drop(columns="weight")),
        valued=PeerNetwork(people, pairs),
        single={k: PeerNetwork(people, g) for k, g in ties.groupby("relation")},
        asis=pd.DataFrame({"person": person, "time": toa}),
        na=pd.DataFrame({"person": person, "time": np.where(toa < 18, toa, np.nan)}),
    )


@pytest.fixture(scope="module")
def doctors(published_data: Path) -> Any:
    return read_doctors(published_data)


@pytest.fixture(scope="module")
def netdiffuser(reference_dir: Path) -> dict[str, Any]:
    name = "diffusion_netdiffuseR_medInnovations_{}.json"
    return {v: json.loads((reference_dir / name.format(v)).read_text()) for v in ("asis", "na")}


def test_the_doctors_are_the_published_ones(doctors: Any, netdiffuser: dict[str, Any]) -> None:
    assert doctors.union.n_ties == 294
    assert doctors.valued.weight.sum() == 450
    assert [n.n_ties for n in doctors.single.values()] == [161, 165, 124]
    assert doctors.union.ids.tolist() == netdiffuser["na"]["node_ids"]
    asked = np.bincount(doctors.union.learner, minlength=125)
    assert asked.tolist() == netdiffuser["na"]["degree_period1"]["outdegree"]


@pytest.mark.parametrize("version", ["asis", "na"])
def test_adoption_curve(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    want = pd.DataFrame(netdiffuser[version]["cumulative_adopt_count"])
    got = diffusion.adoption_curve(doctors.union, getattr(doctors, version), start=1, end=18)
    assert got["cumulative"].tolist() == want["num"].tolist()
    np.testing.assert_allclose(got["share"], want["prop"], rtol=1e-12)
    np.testing.assert_allclose(got["rate"], want["rate"], rtol=1e-12)


EXPOSURE: dict[str, dict[str, Any]] = {
    "default": {"lag": 0},
    "lag1": {"lag": 1},
    "lag2": {"lag": 2},
    "lead1": {"lag": -1},
    "incoming": {"lag": 0, "through": "learners"},
    "count": {"lag": 0, "normalised": False},
    "valued": {"lag": 0, "weighted": True},
    "valued_count": {"lag": 0, "weighted": True, "normalised": False},
    "self": {"lag": 0},
    "se_whole": {"lag": 0, "via": "structural_equivalence"},
    "se_by_city": {"lag": 0, "via": "structural_equivalence", "group": "city"},
}


@pytest.mark.parametrize("kind", [*EXPOSURE, "degree_weighted"])
@pytest.mark.parametrize("version", ["asis", "na"])
def test_exposure_by_period(doctors: Any, netdiffuser: dict[str, Any], version: str, kind: str) -> None:
    options = EXPOSURE.get(kind, {"lag": 0}) | {"compat": "netdiffuseR"}
    if kind == "degree_weighted":
        degree = netdiffuser[version]["degree_period1"]["degree"]
        options["teacher_weight"] = pd.Series(degree, index=doctors.union.ids)
    options.setdefault("weighted", False)
    got = diffusion.exposure(doctors.valued, getattr(doctors, version), start=1, end=18, **options)
    want = pd.DataFrame(netdiffuser[version]["exposure_by_period"][kind]).astype(float)
    np.testing.assert_allclose(got.sum(min_count=1), want["sum"], rtol=1e-10)
    np.testing.assert_allclose((got**2).sum(min_count=1), want["sumsq"], rtol=1e-10)
    assert got.isna().sum().tolist() == want["n_na"].tolist()
    assert (got.fillna(0) != 0).sum().tolist() == want["n_nonzero"].fillna(0).tolist()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("default", {"lag": 0}), ("lag1", {"lag": 1}), ("incoming", {"lag": 0, "through": "learners"})],
)
def test_exposure_person_by_person(
    doctors: Any, reference_dir: Path, kind: str, options: dict[str, Any]
) -> None:
    want = pd.read_csv(
        reference_dir / f"diffusion_med_na_exposure_{kind}.csv", dtype={"id": str}, index_col="id"
    )
    got = diffusion.exposure(doctors.union, doctors.na, start=1, end=18, compat="netdiffuseR", **options)
    assert got.index.tolist() == want.index.tolist()
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-15)
    ours = diffusion.exposure(doctors.union, doctors.na, start=1, end=18, **options)
    column = "learner" if kind != "incoming" else "teacher"
    has = np.bincount(getattr(doctors.union, column), minlength=125) > 0
    np.testing.assert_allclose(ours[has], want[has], rtol=1e-10, atol=1e-15)
    assert ours[~has].isna().all().all()

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


SPAN = {"start": 1, "end": 18}
VERSIONS = pytest.mark.parametrize("version", ["asis", "na"])


def numbers(values: Any) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


@VERSIONS
def test_hazard(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    adoptions, want = getattr(doctors, version), np.array(netdiffuser[version]["hazard_rate"])
    compat = diffusion.hazard(doctors.union, adoptions, compat="netdiffuseR", **SPAN)
    np.testing.assert_allclose(compat["hazard"], want, rtol=1e-10)
    ours = diffusion.hazard(doctors.union, adoptions, **SPAN)
    assert ours["hazard"].iloc[0] == 11 / 125
    np.testing.assert_allclose(ours["hazard"].iloc[1:], want[1:], rtol=1e-10)
    share = diffusion.adoption_curve(doctors.union, adoptions, **SPAN)["share"]
    np.testing.assert_allclose(1 - ours["survival"], share, rtol=1e-12)


THRESHOLD = {
    "default": {"lag": 0}, "lags1": {"lag": 1}, "include_censored": {"lag": 0}, "from_exposure_lag1": {"lag": 1},
    "incoming": {"lag": 0, "through": "learners"}, "valued": {"lag": 0, "weighted": True},
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize("kind", THRESHOLD)
def test_thresholds(doctors: Any, netdiffuser: dict[str, Any], version: str, kind: str) -> None:
    options = {"weighted": False} | THRESHOLD[kind]
    got = diffusion.thresholds(
        doctors.valued, getattr(doctors, version), compat="netdiffuseR", **options, **SPAN
    )
    np.testing.assert_allclose(got["threshold"], numbers(netdiffuser[version]["threshold"][kind]), rtol=1e-10)


SCORES: dict[str, dict[str, Any]] = {
    "default": {}, "unnormalized": {"normalised": False}, "K3_linear": {"horizon": 3},
    "K3_exp_r05": {"horizon": 3, "discount": "exponential", "rate": 0.5}, "incoming": {"turned": True},
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize("kind", SCORES)
def test_infectiousness_and_susceptibility(
    doctors: Any, netdiffuser: dict[str, Any], reference_dir: Path, version: str, kind: str
) -> None:
    adoptions, options = getattr(doctors, version), dict(SCORES[kind])
    turned = options.pop("turned", False)
    out = {"through": "teachers"} if turned else {}
    back = {"through": "learners"} if turned else {}
    infection = diffusion.infectiousness(doctors.valued, adoptions, **options, **out, **SPAN)
    np.testing.assert_allclose(
        infection, numbers(netdiffuser[version]["infection"][kind]), rtol=1e-10, atol=1e-14
    )
    theirs = diffusion.susceptibility(
        doctors.valued, adoptions, compat="netdiffuseR", **options, **back, **SPAN
    )
    np.testing.assert_allclose(
        theirs, numbers(netdiffuser[version]["susceptibility"][kind]), rtol=1e-10, atol=1e-14
    )
    ours = diffusion.susceptibility(doctors.valued, adoptions, **options, **back, **SPAN)
    if version == "asis":
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        return
    assert not np.allclose(ours, theirs, equal_nan=True)
    corrected = json.loads((reference_dir / "diffusion_susceptibility_corrected.json").read_text())[
        "medInnovations"
    ]
    if kind in corrected:
        want = numbers(corrected[kind]["susceptibility_na_corrected"])
        np.testing.assert_allclose(ours, want, rtol=1e-10, atol=1e-14)


@VERSIONS
def test_adopter_categories(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    want = netdiffuser[version]["classify_adopters"]
    got = diffusion.adopter_categories(
        doctors.union, getattr(doctors, version), classes=4, lag=0, compat="netdiffuseR", **SPAN
    )
    np.testing.assert_allclose(got.attrs["time_cutoffs"], want["toa_cutoffs"], rtol=1e-10)
    np.testing.assert_allclose(got.attrs["threshold_cutoffs"], want["thr_cutoffs"], rtol=1e-10)
    assert got["time_class"].tolist() == want["toa"]
    assert got["threshold_class"].tolist() == want["thr"]


@VERSIONS
@pytest.mark.parametrize(
    ("near", "key"), [("ties", "adjacency_rownorm"), ("paths", "inverse_geodesic_rownorm")]
)
def test_moran_by_period(
    doctors: Any, netdiffuser: dict[str, Any], version: str, near: Any, key: str
) -> None:
    time = getattr(doctors, version)["time"].to_numpy()
    for t, want in enumerate(netdiffuser[version][f"moran_cumadopt_{key}"], 1):
        done = pd.Series((time <= t).astype(float), index=doctors.union.ids)
        got = diffusion.moran(doctors.union, done, near=near)
        if done.nunique() == 1:
            assert np.isnan(got.observed)
            continue
        values = [got.observed, got.null_mean, got.null_sd, got.p_value]
        np.testing.assert_allclose(
            values, [want[k] for k in ("observed", "expected", "sd", "p.value")], rtol=1e-9
        )


@pytest.mark.parametrize(("normalised", "key"), [(True, ""), (False, "_rawweights")])
def test_moran_of_the_month(doctors: Any, netdiffuser: dict[str, Any], normalised: bool, key: str) -> None:
    want = netdiffuser["asis"][f"moran_toa_adjacency_period1{key}"]
    month = pd.Series(doctors.asis["time"].to_numpy(), index=doctors.union.ids)
    got = diffusion.moran(doctors.union, month, normalised=normalised)
    values = [got.observed, got.null_mean, got.null_sd, got.p_value]
    np.testing.assert_allclose(
        values, [want[k] for k in ("observed", "expected", "sd", "p.value")], rtol=1e-10
    )


@VERSIONS
def test_bass(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    want = netdiffuser[version]["bass"]
    got = diffusion.fit_bass(doctors.union, getattr(doctors, version), method="least_squares", **SPAN)
    values = [*got.params["estimate"], *got.params["std_error"], got.rss]
    np.testing.assert_allclose(values, [want[k] for k in ("p", "q", "se_p", "se_q", "rss")], rtol=1e-5)
    np.testing.assert_allclose(got.fitted["fitted"], want["fitted"], rtol=1e-5)
    assert np.sqrt(got.rss / (18 - 2)) == pytest.approx(want["sigma"], rel=1e-5)


@VERSIONS
def test_opinion_leaders(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    want = netdiffuser[version]["degree_adoption_correlations"]
    got = diffusion.opinion_leaders(doctors.union, getattr(doctors, version), n_draws=50, rng=1, **SPAN)
    values = got.table["correlation"].tolist()
    np.testing.assert_allclose(values, [want["indegree_toa"], want["outdegree_toa"]], rtol=1e-10)


@VERSIONS
def test_event_history(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    options: dict[str, Any] = {"link": "logit", "compat": "netdiffuseR", "cluster": "none", **SPAN}
    adoptions = getattr(doctors, version)
    want = netdiffuser[version]["diffreg_logit"]
    got = diffusion.fit_event_history(doctors.union, adoptions, **options)
    row = got.params.iloc[0]
    values = [row["estimate"], row["std_error"], row["statistic"], row["p_value"], got.log_likelihood]
    np.testing.assert_allclose(values, [*want["coef_exposure"], want["logLik"]], rtol=1e-6)
    assert got.n == want["nobs"]
    want = netdiffuser[version]["diffreg_logit_linear_time"]
    got = diffusion.fit_event_history(doctors.union, adoptions, time_effects="linear", **options)
    for term, row in zip(("exposure", "period"), want["coef"][1:], strict=True):
        mine = got.params.set_index("term").loc[term]
        assert mine["estimate"] == pytest.approx(row["Estimate"], rel=1e-5, abs=1e-7)
        assert mine["std_error"] == pytest.approx(row["Std. Error"], rel=1e-4)
    assert got.log_likelihood == pytest.approx(want["logLik"], abs=1e-6)


@VERSIONS
def test_structure_tests_depend_on_the_null(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    adoptions = getattr(doctors, version)
    common: dict[str, Any] = {"lag": 0, "compat": "netdiffuseR", "n_draws": 1000, "rng": 1, **SPAN}
    swap = diffusion.structure_test(doctors.union, adoptions, null="swap", **common)
    ends = diffusion.structure_test(doctors.union, adoptions, null="endpoints", **common)
    want, want_ends = netdiffuser[version]["struct_test"], netdiffuser[version]["struct_test_endpoints"]
    assert swap.observed == pytest.approx(want["t0"][0], rel=1e-10)
    assert ends.observed == pytest.approx(want_ends["t0"], rel=1e-10)
    error = np.hypot(want["sd_t"][0], swap.null_sd) / np.sqrt(1000)
    assert abs(swap.null_mean - want["mean_t"][0]) < 4 * error
    assert swap.null_sd == pytest.approx(want["sd_t"][0], rel=0.15)
    assert swap.p_value > 0.3 and ends.p_value < 0.02
    assert "keeps the number of teachers and of learners" in swap.summary()


@VERSIONS
def test_structure_test_of_likeness_and_of_the_lagged_threshold(
    doctors: Any, netdiffuser: dict[str, Any], version: str
) -> None:
    adoptions, want = getattr(doctors, version), netdiffuser[version]["struct_test"]
    common: dict[str, Any] = {"null": "swap", "n_draws": 1000, "rng": 2, **SPAN}
    got = diffusion.structure_test(doctors.union, adoptions, "moran", **common)
    if version == "na":  # those who never adopt stand at 19 in both
        assert got.observed == pytest.approx(want["t0"][1], rel=1e-10)
        error = np.hypot(want["sd_t"][1], got.null_sd) / np.sqrt(1000)
        assert abs(got.null_mean - want["mean_t"][1]) < 4 * error
        assert got.null_sd == pytest.approx(want["sd_t"][1], rel=0.15)
    lagged = diffusion.structure_test(
        doctors.union, adoptions, lag=1, compat="netdiffuseR", **(common | {"n_draws": 1})
    )
    assert lagged.observed == pytest.approx(
        netdiffuser[version]["struct_test_mean_threshold_lag1_t0"], rel=1e-10
    )


@VERSIONS
def test_summary_table(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    want = pd.DataFrame(netdiffuser[version]["summary_table"]).astype(float)
    adoptions = getattr(doctors, version)
    curve = diffusion.adoption_curve(doctors.union, adoptions, **SPAN)
    np.testing.assert_allclose(curve["new"], want["adopt"])
    np.testing.assert_allclose(curve["cumulative"], want["cum_adopt"])
    np.testing.assert_allclose(curve["share"], want["cum_adopt_pcent"], rtol=1e-10)
    hazard = diffusion.hazard(doctors.union, adoptions, compat="netdiffuseR", **SPAN)["hazard"]
    np.testing.assert_allclose(hazard[1:], want["hazard"][1:], rtol=1e-10)
    n = doctors.union.n_people
    np.testing.assert_allclose(doctors.union.n_ties / (n * (n - 1)), want["density"], rtol=1e-10)
    for t, row in want.iterrows():
        done = pd.Series((adoptions["time"] <= int(t) + 1).to_numpy(dtype=float), index=doctors.union.ids)
        if done.nunique() > 1:
            got = diffusion.moran(doctors.union, done, near="paths")
            values = [got.observed, got.null_mean, got.null_sd, got.p_value]
            np.testing.assert_allclose(
                values, row[["moran_obs", "moran_exp", "moran_sd", "moran_pval"]], rtol=1e-9
            )


@VERSIONS
def test_classes_counted_crosswise(doctors: Any, netdiffuser: dict[str, Any], version: str) -> None:
    want = pd.DataFrame(netdiffuser[version]["classify_adopters"]["counts"])
    got = diffusion.adopter_categories(
        doctors.union, getattr(doctors, version), classes=4, lag=0, compat="netdiffuseR", **SPAN
    )
    counts = got.groupby(["time_class", "threshold_class"]).size()
    for row in want.itertuples():
        assert counts.get((row.toa, row.thr), 0) == row.Freq


@VERSIONS
def test_ties_that_stay_by_adoption_of_both_ends(
    doctors: Any, netdiffuser: dict[str, Any], version: str
) -> None:
    """Their states are those of a moment: No-Yes adopts in the period; ours keep whoever had adopted earlier."""
    want = {row["_row"]: row for row in netdiffuser[version]["select_egoalter_summary"]}
    got = diffusion.tie_change([doctors.union] * 18, getattr(doctors, version), **SPAN)
    assert got["made"].sum() == got["dropped"].sum() == 0
    for t in range(2, 19):
        mine = got[got["period"] == t].set_index(["learner", "teacher"])["kept"]
        for learner in (True, False):
            rows = [r for k, r in want.items() if (k == "Ego|No (t-1)|Yes (t)") == learner]
            for teacher in (True, False):
                theirs = sum(
                    value
                    for row in rows
                    for key, value in row.items()
                    if key.startswith(f"unchanged..s..period.{t}.Alter.")
                    and key.endswith("No..t.1..Yes..t.") == teacher
                )
                ours = sum(
                    v
                    for (a, b), v in mine.items()
                    if (a == "adopts") == learner and (b == "adopts") == teacher
                )
                assert ours == theirs, (t, learner, teacher)


# ---- NBDA -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nbda(reference_dir: Path) -> dict[str, Any]:
    return json.loads((reference_dir / "diffusion_NBDA_medInnovations.json").read_text())


def fitted(doctors: Any, networks: Any, **options: Any) -> Any:
    defaults: dict[str, Any] = {"start": 1, "end": 17, "timing": "discrete", "baseline": "constant", "rng": 1}
    return diffusion.fit_nbda(networks, doctors.asis, **(defaults | options))


MODELS: dict[str, Any] = {
    "union_constant": lambda d: fitted(d, d.union),
    "union_gamma": lambda d: fitted(d, d.union, baseline="gamma"),
    "union_weibull": lambda d: fitted(d, d.union, baseline="weibull"),
    "union_rownormalised_constant": lambda d: fitted(d, d.union, normalised=True),
    "union_transposed_constant": lambda d: fitted(d, d.union.reverse()),
    "net1_constant": lambda d: fitted(d, d.single["net1"]),
    "net2_constant": lambda d: fitted(d, d.single["net2"]),
    "net3_constant": lambda d: fitted(d, d.single["net3"]),
    "three_networks_constant": lambda d: fitted(d, d.single),
    "union_oada_tiesflag": lambda d: fitted(
        d, d.union, start=0, timing="order", baseline="free", ties="apart"
    ),
}


@pytest.mark.parametrize("key", MODELS)
def test_nbda_optimum(doctors: Any, nbda: dict[str, Any], key: str) -> None:
    fit, want = MODELS[key](doctors), nbda[key]
    assert fit.n == want["sample_size"]
    assert -fit.log_likelihood == pytest.approx(want["neg_logLik"], abs=1e-8)
    assert -fit.log_likelihood <= want["neg_logLik"] + 1e-9
    assert fit.aic == pytest.approx(want["aic"], abs=1e-7)
    assert fit.aicc == pytest.approx(want["aicc"], abs=1e-7)
    assert fit.converged
    names = want["var_names"] if isinstance(want["var_names"], list) else [want["var_names"]]
    values = want["mle"] if isinstance(want["mle"], list) else [want["mle"]]
    strengths = [v for n, v in zip(names, values, strict=True) if "Social" in n]
    np.testing.assert_allclose(fit.params["estimate"][: len(strengths)], strengths, rtol=1e-4, atol=1e-5)
    others = {
        n.split(" ")[0].strip(":").lower(): v for n, v in zip(names, values, strict=True) if "Social" not in n
    }
    table = fit.params.set_index("term")
    for name, value in others.items():
        assert table.loc[name, "estimate"] == pytest.approx(value, rel=1e-4)
    if len(strengths) == 1 and 0 < strengths[0] and want["se"] is not None:
        errors = want["se"] if isinstance(want["se"], list) else [want["se"]]
        wanted = {n.split(" ")[0].strip(":").lower(): e for n, e in zip(names, errors, strict=True)}
        assert table.loc["s", "std_error"] == pytest.approx(wanted["1"], rel=1e-3)
        for name in others:
            assert table.loc[name, "std_error"] == pytest.approx(wanted[name], rel=1e-3)
    share = diffusion.social_transmission_share(fit, sensitivity=False)
    by = [v for n, v in want["propST"]["exclude_innovation"].items() if "Network" in n]
    np.testing.assert_allclose(share.by_network, by, atol=6e-6)
    everybody = [v for n, v in want["propST"]["include_innovation"].items() if "Network" in n]
    np.testing.assert_allclose(share.by_network * (fit.n - 1) / fit.n, everybody, atol=6e-6)


@pytest.mark.parametrize("key", ["union_constant", "union_gamma", "union_weibull", "union_oada_tiesflag"])
def test_nbda_asocial(doctors: Any, nbda: dict[str, Any], key: str) -> None:
    fit = MODELS[key](doctors).asocial
    want = nbda[f"{key}_asocial"]
    assert -fit.log_likelihood == pytest.approx(want["neg_logLik"], abs=1e-8)
    assert fit.aicc == pytest.approx(want["aicc"], abs=1e-7)
    if want["mle"] is None:
        return
    table = fit.params.set_index("term")
    values, errors = (v if isinstance(v, list) else [v] for v in (want["mle"], want["se"]))
    for name, value, error in zip(("scale", "shape"), values, errors, strict=False):
        assert table.loc[name, "estimate"] == pytest.approx(value, rel=1e-4)
        assert table.loc[name, "std_error"] == pytest.approx(error, rel=1e-3)


def test_nbda_likelihood_at_given_parameters(doctors: Any, nbda: dict[str, Any]) -> None:
    fit = MODELS["union_constant"](doctors)
    for point in nbda["union_constant_neg_logLik_at"]:
        got = -fit.log_likelihood_at(s=point["s"], scale=point["scale"])
        assert got == pytest.approx(point["neg_logLik"], abs=1e-8)
    fit = MODELS["union_oada_tiesflag"](doctors)
    for point in nbda["union_oada_tiesflag_neg_logLik_at"]:
        assert -fit.log_likelihood_at(s=point["s"]) == pytest.approx(point["neg_logLik"], abs=1e-8)


def test_nbda_cities_as_four_diffusions(doctors: Any, nbda: dict[str, Any]) -> None:
    cities = doctors.asis.assign(item=doctors.union.people["city"].to_numpy())
    want = nbda["union_constant_4_city_diffusions"]
    fit = diffusion.fit_nbda(
        doctors.union,
        cities,
        start=1,
        end=17,
        timing="discrete",
        baseline="constant",
        presence=cities[["person", "item"]],
    )
    assert -fit.log_likelihood == pytest.approx(want["neg_logLik"], abs=1e-8)
    share = diffusion.social_transmission_share(fit, sensitivity=False)
    assert share.value == pytest.approx(want["propST"]["exclude_innovation"]["P(Network 1)"], abs=6e-6)


def test_the_share_its_interval_its_ceiling(doctors: Any, nbda: dict[str, Any]) -> None:
    fit = MODELS["union_constant"](doctors)
    assert fit.delta_aicc == pytest.approx(0.4521, abs=1e-4)
    s = fit.params.iloc[0]
    assert s["low"] == 0.0  # NBDA's optimise() on |distance| returns 4.6e-5 instead
    assert s["high"] == pytest.approx(nbda["union_constant_CI_s"]["Upper CI"], abs=1e-5)
    share = diffusion.social_transmission_share(fit, rng=1)
    assert (share.value, share.low, share.high) == pytest.approx((0.10103, 0.0, 0.2240), abs=1e-4)
    assert share.ceiling == pytest.approx(60 / 108)
    assert share.value_no_first_period == pytest.approx(0.111, abs=5e-4)
    assert share.ceiling_no_first_period == pytest.approx(0.612, abs=5e-4)
    assert share.verdict == "not answered by these data"
    assert "80 % cannot be reached" in share.summary()


@pytest.mark.parametrize(("baseline", "want"), [("weibull", 0.062), ("free", 0.055)])
def test_the_baseline_matters(doctors: Any, baseline: str, want: float) -> None:
    share = diffusion.social_transmission_share(
        fitted(doctors, doctors.union, baseline=baseline), sensitivity=False
    )
    assert share.value == pytest.approx(want, abs=5e-4)


def test_eighteen_periods_are_another_data_set(doctors: Any) -> None:
    fit = diffusion.fit_nbda(
        doctors.union, doctors.na, start=1, end=18, timing="discrete", baseline="constant"
    )
    assert -fit.log_likelihood == pytest.approx(343.41, abs=0.005)

"""Intervals of survey shares cover what they say; bounds contain the truth; popular alternatives do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from scipy.stats import t as student

from peernet.hypotheses import design_mean, social_share

SEED = 20261123
SOURCES = ("peers", "manager", "courses", "reading", "trial", "outside")


def inside_binomial(hits: int, draws: int, level: float) -> bool:
    """Say whether a count of hits is one that a chance of ``level`` gives in 99.9 % of runs."""
    low, high = binom.interval(0.999, draws, level)
    return bool(low <= hits <= high)


def organisations(draws: int, **knobs: Any) -> Any:
    """Yield true shares, roster, status and the true wide shares of everybody asked, before anybody rounded."""
    from peernet.datasets import make_organisation

    for child in np.random.SeedSequence(SEED).spawn(draws):
        firm = make_organisation(rng=child, **knobs)
        people = pd.DataFrame(
            {"unit": firm.structure.unit}, index=[f"p{k}" for k in range(firm.design.n_people)]
        )
        parts = pd.DataFrame(firm._shares, index=people.index, columns=list(SOURCES))
        status = pd.Series(firm._status, index=people.index)
        asked = (status != "not_asked").to_numpy()
        wide = parts[["peers", "manager", "outside"]].sum(axis=1)[asked]
        yield parts[status == "answered"], people, status, wide.to_numpy()


def by_hand(
    x: np.ndarray, unit: np.ndarray, told: np.ndarray, claim: float = 0.8
) -> dict[str, tuple[float, float, float, float]]:
    """Return low, high and worst cases of mean and of people at the claim, for everybody asked, from the formulas."""
    size = np.bincount(unit)
    n = np.bincount(unit[told], minlength=len(size))
    assert n.min() > 1
    t, out = student.ppf(0.975, n.sum() - len(size)), {}
    for name, y in (("mean", x), ("at least claim", (x >= claim - 1e-9).astype(float))):
        mean = np.bincount(unit[told], y[told], len(size)) / n
        s2 = np.bincount(unit[told], (y[told] - mean[unit[told]]) ** 2, len(size)) / (n - 1)
        m = (size * mean).sum() / size.sum()
        v = ((size / size.sum()) ** 2 * (1 - n / size) * s2 / n).sum()
        low, high = m - t * v**0.5, m + t * v**0.5
        if name != "mean":
            k = m * (1 - m) / v
            centre, half = m + t**2 / (2 * k), t * np.sqrt(m * (1 - m) / k + t**2 / (4 * k**2))
            low, high = (centre - half) / (1 + t**2 / k), (centre + half) / (1 + t**2 / k)
        out[name] = (low, high, (y * told).mean(), (y * told + ~told).mean())
    return out


@pytest.mark.slow
def test_social_share_covers_the_roster_mean_at_its_level() -> None:
    """Coverage over all draws from the formulas; the function itself equals them in every fifteenth."""
    draws, mean_hits, share_hits, inside = 1500, 0, 0, 0
    for k, (parts, people, status, wide) in enumerate(organisations(draws)):
        asked = (status != "not_asked").to_numpy()
        unit, told = people["unit"].to_numpy()[asked], (status == "answered").to_numpy()[asked]
        want = by_hand(wide, pd.factorize(unit)[0], told)
        if k % 15 == 0:
            found = social_share(parts, total=1, tolerance=0.01, people=people, respondents=status)
            for quantity, ends in want.items():
                row = found.row(quantity)  # type: ignore[arg-type]
                np.testing.assert_allclose(
                    row[["low", "high", "bound_low", "bound_high"]].astype(float), ends, rtol=0, atol=1e-12
                )
        truth, true_above = wide.mean(), (wide >= 0.8).mean()
        mean, above = want["mean"], want["at least claim"]
        mean_hits += mean[0] <= truth <= mean[1]
        share_hits += above[0] <= true_above <= above[1]
        inside += mean[2] <= truth <= mean[3]
        inside += above[2] <= true_above <= above[3]
    assert inside_binomial(mean_hits, draws, 0.95), mean_hits
    assert share_hits >= binom.ppf(0.0005, draws, 0.95), share_hits
    assert share_hits <= 0.985 * draws, share_hits
    assert inside == 2 * draws


def test_bounds_contain_the_truth_when_silence_is_informative() -> None:
    draws, covered, inside = 150, 0, 0
    for parts, people, status, wide in organisations(draws, silence_bias=1.5):
        found = social_share(parts, total=1, tolerance=0.01, people=people, respondents=status)
        row = found.row()
        inside += row["bound_low"] <= wide.mean() <= row["bound_high"]
        covered += row["low"] <= wide.mean() <= row["high"]
    assert inside == draws
    assert covered < 0.2 * draws  # and the interval, which believes in random answering, does not cover


def one_firm(rng: np.random.Generator, n: int = 240, units: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return unit and share of everybody in a firm whose units differ."""
    unit = rng.integers(0, units, n)
    centre = np.clip(rng.normal(0.62, 0.06, units), 0.3, 0.9)[unit]
    return unit, rng.beta(8 * centre, 8 * (1 - centre))


def test_popular_alternatives_fail_where_ours_holds() -> None:
    rng = np.random.default_rng(SEED)
    draws = 600
    hits = {"strata, fpc": 0, "no fpc": 0, "units as sampled clusters": 0}
    width = dict.fromkeys(hits, 0.0)
    for _ in range(draws):
        unit, x = one_firm(rng)
        told = rng.random(len(x)) < 0.7
        sizes = dict(enumerate(np.bincount(unit)))
        ways = {
            "strata, fpc": design_mean(x[told], strata=unit[told], population=sizes),
            "no fpc": design_mean(x[told], strata=unit[told]),
            "units as sampled clusters": design_mean(x[told], clusters=unit[told]),
        }
        for name, found in ways.items():
            hits[name] += found.low <= x.mean() <= found.high
            width[name] += found.high - found.low
    assert inside_binomial(hits["strata, fpc"], draws, 0.95), hits
    assert hits["no fpc"] > 0.98 * draws, hits  # covers too often: 1.8 times too wide
    assert hits["units as sampled clusters"] == draws, hits
    assert width["units as sampled clusters"] > 3 * width["strata, fpc"]


def test_sampled_clusters_are_covered_with_t_and_not_with_the_normal() -> None:
    rng = np.random.default_rng(SEED + 1)
    draws, hits, normal = 800, 0, 0
    for _ in range(draws):
        effect = rng.normal(0, 0.1, 8)
        cluster = np.repeat(np.arange(8), 12)
        x = 0.6 + effect[cluster] + rng.normal(0, 0.15, 96)
        found = design_mean(x, clusters=cluster)
        hits += found.low <= 0.6 <= found.high
        normal += abs(found.value - 0.6) <= 1.959964 * found.std_error
    assert inside_binomial(hits, draws, 0.95), hits
    assert not inside_binomial(normal, draws, 0.95), normal


def test_two_stage_samples_are_covered() -> None:
    rng = np.random.default_rng(SEED + 2)
    sizes = rng.integers(15, 30, 60)
    cluster = np.repeat(np.arange(60), sizes)
    x = np.clip(rng.normal(0.6, 0.1, 60)[cluster] + rng.normal(0, 0.15, len(cluster)), 0, 1)
    members = [np.flatnonzero(cluster == c) for c in range(60)]
    draws, hits = 600, 0
    for _ in range(draws):
        chosen = rng.choice(60, 25, replace=False)
        rows = np.concatenate([rng.choice(members[c], 8, replace=False) for c in chosen])
        found = design_mean(x[rows], clusters=cluster[rows], population=(60, dict(enumerate(sizes))))
        hits += found.low <= x.mean() <= found.high
    assert inside_binomial(hits, draws, 0.95), hits


def test_the_test_of_the_mean_has_its_size() -> None:
    """Rejections over all draws from the formulas; the p-value of the function equals theirs in every hundredth."""
    rng = np.random.default_rng(SEED + 3)
    unit, x = one_firm(rng)
    people = pd.DataFrame({"unit": unit}, index=[f"p{k}" for k in range(len(x))])
    parts = pd.DataFrame({"peers": x, "courses": 1 - x}, index=people.index)
    draws, size = 2000, np.bincount(unit)
    told = rng.random((draws, len(x))) < 0.6
    member = np.eye(8)[unit]
    n, total, squares = told @ member, (told * x) @ member, (told * x**2) @ member
    s2 = (squares - total**2 / n) / (n - 1)
    error = np.sqrt(((size / len(x)) ** 2 * (1 - n / size) * s2 / n).sum(axis=1))
    t = np.abs((size * total / n).sum(axis=1) / len(x) - x.mean()) / error
    p = 2 * student.sf(t, told.sum(axis=1) - 8)
    for k in range(0, draws, 100):
        found = social_share(parts[told[k]], total=1, tolerance=0.01, people=people, claim=float(x.mean()))
        assert found.row()["p_value"] == pytest.approx(p[k], abs=1e-9)
    rejected = int((p < 0.05).sum())
    assert inside_binomial(rejected, draws, 0.05), rejected


def coverage_table(draws: int) -> pd.DataFrame:
    """Return how often each interval covers, and each test rejects, over draws of small firms; truth always known."""
    from scipy import stats

    import peernet.hypotheses as hyp

    rng = np.random.default_rng(SEED + 9)
    rows: dict[str, list[float]] = {}

    def note(name: str, hit: bool) -> None:
        rows.setdefault(name, []).append(float(hit))

    for k in range(draws):
        unit, x = one_firm(rng)
        ids = pd.Index([f"p{j}" for j in range(len(x))])
        people = pd.DataFrame({"unit": unit.astype(str), "site": rng.choice(["n", "s"], len(x))}, index=ids)
        said = pd.DataFrame({"peers": x, "courses": 1 - x}, index=ids)
        told = rng.random(len(x)) < 0.65
        mean, sizes = float(x.mean()), people["unit"].value_counts().to_dict()
        share = hyp.social_share(said[told], people=people, total=1, tolerance=0.01, claim=mean)
        row = share.row()
        note("mean: strata, t, fpc", row["low"] <= mean <= row["high"])
        note("size: mean = claim, 5 %", row["p_value"] < 0.05)
        above = hyp.social_share(said[told], people=people, total=1, tolerance=0.01).row("at least claim")
        note("people at 80 or more: Wilson, effective n", above["low"] <= (x >= 0.8).mean() <= above["high"])
        top = hyp.share_quantile(share, q=0.9)
        note("90 % quantile: Woodruff", top.low <= np.quantile(x, 0.9, method="inverted_cdf") <= top.high)
        values = pd.Series(x, index=ids)[told]
        boot = hyp.bootstrap_mean(
            values, strata=people["unit"], population=sizes, kind="rao-wu", n_draws=400, rng=k
        )
        note("mean: Rao-Wu bootstrap, BCa", boot.low <= mean <= boot.high)
        filled = hyp.impute_share(share, n_draws=60, rng=k)
        note("mean: multiple imputation", filled.low <= mean <= filled.high)
        raked = hyp.raked_mean(values, people, ["unit", "site"])
        note("mean: raked to unit and site", raked.low <= mean <= raked.high)
        belief = hyp.share_posterior(share, claim=mean)
        note("mean: posterior, flat prior", belief.low <= mean <= belief.high)
        pooled = hyp.unit_shares(share, min_group=1).groups
        true = pd.Series(x).groupby(unit.astype(str)).mean().reindex(pooled["group"]).to_numpy()
        known = np.isfinite(true)
        rows.setdefault("unit means: partial pooling", []).append(
            float(((pooled["low"] <= true) & (true <= pooled["high"]))[known].mean())
        )
        tost: dict[str, Any] = {"margin": 0.03, "set_on": "2025-01-01", "answered_from": "2025-06-01"}
        note("size: TOST at the margin, 5 %", hyp.equivalence_test(share, mean + 0.03, **tost).p_value < 0.05)
        parts = pd.DataFrame(100 * rng.dirichlet([7, 2, 1], 80), columns=["work", "others", "courses"])
        claimed = {"work": 0.7, "others": 0.2, "courses": 0.1}
        note("size: 70-20-10, Hotelling, 80 people, 5 %", hyp.composition_test(parts, claimed).p_value < 0.05)
        half = pd.Series(rng.choice(["a", "b"], int(told.sum())), index=values.index, name="wording")
        note(
            "size: fractional logit, wording, 5 %",
            hyp.fit_fractional_logit(values, half).params["p_value"].iloc[1] < 0.05,
        )
        effect = rng.normal(0.6, 0.08, 8)
        errors = rng.uniform(0.01, 0.05, 8)
        seen = effect + errors * rng.standard_normal(8)
        firms = [hyp.DesignEstimate(name="share", value=float(a), low=0, high=1, std_error=float(b), n=100)
                 for a, b in zip(seen, errors, strict=True)]  # fmt: skip
        many = hyp.pool_organisations(firms)
        note("mean over 8 organisations: Hartung-Knapp", many.low <= 0.6 <= many.high)
        ahead = float(np.clip(rng.normal(0.6, 0.08), 0, 1))
        note("next organisation: prediction interval", many.next_low <= ahead <= many.next_high)
        centre = np.array([0.5, 0.55, 0.6, 0.6, 0.65, 0.65, 0.7, 0.75])[unit]
        drawn = rng.beta(8 * centre, 8 * (1 - centre))
        parts = pd.DataFrame({"peers": drawn, "courses": 1 - drawn}, index=ids)
        anew = hyp.social_share(parts[told], people=people, total=1, tolerance=0.01, target="superpopulation")
        note("mean of the process: target='superpopulation'", anew.low <= centre.mean() <= anew.high)
        there = hyp.social_share(parts[told], people=people, total=1, tolerance=0.01)
        note("(popular) mean of the process with fpc", there.low <= centre.mean() <= there.high)
        open_ended = hyp.design_mean(values, strata=people["unit"])
        note("(popular) mean: strata, no fpc", open_ended.low <= mean <= open_ended.high)
        plain = hyp.design_mean(values)
        note("(popular) mean: no strata, no fpc", plain.low <= mean <= plain.high)
        loose = hyp.design_mean(values, clusters=people["unit"])
        note("(popular) mean: units as sampled clusters", loose.low <= mean <= loose.high)
        cluster = np.repeat(np.arange(8), 12)
        y = 0.6 + rng.normal(0, 0.1, 8)[cluster] + rng.normal(0, 0.15, 96)
        sampled = hyp.design_mean(y, clusters=cluster)
        note("mean of sampled clusters: t, 7 df", sampled.low <= 0.6 <= sampled.high)
        note(
            "(popular) sampled clusters: normal quantile",
            abs(sampled.value - 0.6) <= 1.959964 * sampled.std_error,
        )
    table = pd.DataFrame({"rate": {name: np.mean(hits) for name, hits in rows.items()}})
    table["nominal"] = [0.05 if name.startswith("size") else 0.95 for name in table.index]
    low, high = stats.binom.interval(0.999, draws, table["nominal"])
    table["low"], table["high"] = low / draws, high / draws
    table["inside"] = table["rate"].between(table["low"], table["high"])
    return table


@pytest.mark.long
def test_every_interval_and_test_keeps_its_level() -> None:
    table = coverage_table(2000)
    print(table.round(4).to_string())
    ours = table[~table.index.str.startswith("(popular)")]
    # Conservative by construction: TOST inside its margin, partial pooling (an average over units), BCa with 400 draws.
    # Woodruff's ends are values that somebody gave: it covers a little more.
    loose = [
        "unit means: partial pooling",
        "people at 80 or more: Wilson, effective n",
        "90 % quantile: Woodruff",
    ]
    strict = ours.drop(index=loose)
    assert strict["inside"].all(), strict[~strict["inside"]]
    assert ours.loc["unit means: partial pooling", "rate"] > 0.93
    assert 0.9335 < ours.loc["90 % quantile: Woodruff", "rate"] < 0.985
    assert 0.94 < ours.loc["people at 80 or more: Wilson, effective n", "rate"] < 0.985


def rounded(draws: int, heap: float, seed: int = 0, **knobs: Any) -> Any:
    """Yield answers as written, roster, status and the true wide shares of everybody asked."""
    from peernet.datasets import make_organisation

    for child in np.random.SeedSequence([SEED, seed]).spawn(draws):
        firm = make_organisation(rng=child, heaping=heap, **knobs)
        ids = firm.ids
        status = pd.Series(firm._status, index=ids)
        said = firm.reported_shares.drop(columns="version")
        true = pd.DataFrame(firm._shares, index=ids, columns=list(SOURCES))[status != "not_asked"]
        wide = true[["peers", "manager", "outside"]].sum(axis=1)
        yield said, pd.DataFrame({"unit": firm.structure.unit}, index=ids), status, wide.to_numpy()


def heaping_table(draws: int, heap: float, **knobs: Any) -> pd.DataFrame:
    """Return how often each method is right about shares before rounding, where a part of the people round to tens."""
    from scipy.special import stdtrit

    import peernet.hypotheses as hyp

    rows: dict[str, list[float]] = {}

    def note(name: str, hit: bool | float) -> None:
        rows.setdefault(name, []).append(float(hit))

    before = {"set_on": "2025-01-01", "answered_from": "2025-06-01"}
    for k, (said, people, status, wide) in enumerate(rounded(draws, heap, **knobs)):
        mean, above = float(wide.mean()), float((wide >= 0.8).mean())
        share = social_share(said, people=people, respondents=status, claim=mean, bad_sums="drop")
        row = share.row()
        note("mean: strata, t, fpc", row["low"] <= mean <= row["high"])
        note("size: mean = claim, 5 %", row["p_value"] < 0.05)
        note(
            "mean: posterior, flat prior", (b := hyp.share_posterior(share, claim=mean)).low <= mean <= b.high
        )
        note(
            "mean: multiple imputation",
            (f := hyp.impute_share(share, n_draws=40, rng=k)).low <= mean <= f.high,
        )
        top = float(np.quantile(wide, 0.9, method="inverted_cdf"))
        note("90 % quantile: Woodruff", (t := hyp.share_quantile(share, q=0.9)).low <= top <= t.high)
        note("90 % quantile: before rounding", t.rounding_low <= top <= t.rounding_high)
        note("mean: rounding band", row["rounding_low"] <= mean <= row["rounding_high"])
        note("mean: with rounding and odd sums", row["whole_low"] <= mean <= row["whole_high"])
        note("size: verdict against a true claim, 5 %", row["verdict"] == "contradicted")
        late = hyp.equivalence_test(share, mean + 0.03, margin=0.03, **before)
        t = (row["value"] - mean) / row["std_error"]
        note("size: TOST on the answers as given, 5 %", t > stdtrit(row["df"], 0.95))
        note("size: TOST at the margin, 5 %", late.alike_verdict == "supported")
        for points in (3, 5, 8):
            true = hyp.equivalence_test(share, mean, margin=points / 100, **before)
            note(f"power: TOST of a true claim, margin {points} points", true.alike_verdict == "supported")
        at = social_share(said, people=people, respondents=status, bad_sums="drop").row("at least claim")
        note("people at 80: interval of the answers as given", at["low"] <= above <= at["high"])
        half = (at["high"] - at["low"]) / 2
        note("people at 80: the same width around even rounding", abs(at["rounding_even"] - above) <= half)
        note("people at 80: rounding band", at["rounding_low"] <= above <= at["rounding_high"])
        note(
            "people at 80: rounding, silence and sampling at their worst",
            at["all_low"] <= above <= at["all_high"],
        )
        note("points by which the mean is off", 100 * (row["value"] - mean))
        note("points by which people at 80 are off, as given", 100 * (at["value"] - above))
        note("points by which people at 80 are off, even rounding", 100 * (at["rounding_even"] - above))
    name = f"{heap:g}" + "".join(f", {k}={v:g}" for k, v in knobs.items())
    return pd.DataFrame({name: {row: np.mean(hits) for row, hits in rows.items()}})


def bias_table(draws: int, heap: float, **knobs: Any) -> pd.DataFrame:
    """Return by how many points the mean of the answers is off the truth of the same people, and through what."""
    from peernet.hypotheses._composition import close_shares

    rows: dict[str, list[float]] = {}
    for said, _, status, wide in rounded(draws, heap, **knobs):
        asked = status.index[status != "not_asked"]
        closed = close_shares(said, bad_sums="drop")
        ids = closed.parts.index
        off = closed.parts[["peers", "manager", "outside"]].sum(axis=1) - pd.Series(wide, index=asked)[ids]
        exact = (closed.sums[ids] - 100).abs() < 1e-9
        rows.setdefault("off in all", []).append(100 * off.mean())
        rows.setdefault("through answers that sum to 100", []).append(100 * off[exact].sum() / len(off))
        rows.setdefault("through answers that do not", []).append(100 * off[~exact].sum() / len(off))
        rows.setdefault("answers that do not sum to 100 (%)", []).append(100 * (~exact).mean())
        rows.setdefault("standard deviation of what is off", []).append(100 * off.mean())
    name = f"{heap:g}" + "".join(f", {k}={v:g}" for k, v in knobs.items())
    of = {row: np.std if row.startswith("standard") else np.mean for row in rows}
    return pd.DataFrame({name: {row: float(of[row](x)) for row, x in rows.items()}})


def test_rounding_moves_people_at_80_and_the_band_holds_them() -> None:
    table = heaping_table(60, 0.6)["0.6"]
    assert table["people at 80: rounding band"] > 0.9
    assert table["90 % quantile: before rounding"] > 0.95 > 3 * table["90 % quantile: Woodruff"]
    assert table["people at 80: rounding, silence and sampling at their worst"] == 1.0
    assert (
        table["people at 80: interval of the answers as given"] < 0.8
    )  # what a plain proportion would claim
    as_given, even = (
        table[f"points by which people at 80 are off, {w}"] for w in ("as given", "even rounding")
    )
    assert as_given > 2
    assert abs(even) < as_given / 2
    assert table["mean: strata, t, fpc"] > 0.85
    assert table["mean: with rounding and odd sums"] == 1.0
    assert table["size: TOST at the margin, 5 %"] == 0.0  # as given it supports two or three times too often
    assert table["power: TOST of a true claim, margin 5 points"] > 0.5
    assert abs(table["points by which the mean is off"]) < 1


def few_table(draws: int) -> pd.DataFrame:
    """Return coverage with few answers or clusters: what is refused or warned of, and what to do instead."""
    import warnings

    import peernet.hypotheses as hyp
    from peernet.errors import PeerNetWarning

    rng = np.random.default_rng(SEED + 11)
    rows: dict[str, list[float]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PeerNetWarning)
        for k in range(draws):
            cluster = np.repeat(np.arange(6), 10)
            x = 0.6 + rng.normal(0, 0.1, 6)[cluster] + rng.normal(0, 0.12, 60)
            ways: dict[str, tuple[float, float, float]] = {}
            t = hyp.design_mean(x, clusters=cluster)
            ways["6 clusters: design_mean, t with 5 df"] = (t.low, t.high, 0.6)
            for kind in ("clusters", "rao-wu"):
                b = hyp.bootstrap_mean(x, clusters=cluster, kind=kind, n_draws=400, rng=k)
                ways[f"(warned) 6 clusters: bootstrap, {kind}, BCa"] = (b.low, b.high, 0.6)
            u = np.clip(x, 0.01, 0.99)
            fit = hyp.fit_fractional_logit(u, clusters=cluster).params.iloc[0]
            ways["(warned) 6 clusters: fractional logit, t with 5 df"] = (
                fit["low"],
                fit["high"],
                np.log(0.6 / 0.4),
            )
            y = rng.beta(2, 1, 10)
            t = hyp.design_mean(y)
            ways["10 answers: design_mean, t with 9 df"] = (t.low, t.high, 2 / 3)
            b = hyp.bootstrap_mean(y, n_draws=400, rng=k)
            ways["(warned) 10 answers: bootstrap of people, BCa"] = (b.low, b.high, 2 / 3)
            fit = hyp.fit_fractional_logit(y).params.iloc[0]
            ways["(warned) 10 answers: fractional logit, normal"] = (fit["low"], fit["high"], np.log(2))
            for name, (low, high, truth) in ways.items():
                rows.setdefault(name, []).append(float(low <= truth <= high))
    return pd.DataFrame({"rate": {name: np.mean(hits) for name, hits in rows.items()}})


def test_what_is_warned_of_with_few_answers_does_fail() -> None:
    table = few_table(250)["rate"]
    assert inside_binomial(round(250 * table["6 clusters: design_mean, t with 5 df"]), 250, 0.95)
    assert table["(warned) 6 clusters: bootstrap, clusters, BCa"] < 0.9
    assert table["(warned) 10 answers: fractional logit, normal"] < 0.94


@pytest.mark.long
def test_rounding_in_the_long_run() -> None:
    plain = heaping_table(1500, 0.0, sum_errors=0.0)  # what sums gone astray do by themselves
    table = pd.concat([plain, *(heaping_table(1500, heap) for heap in (0.0, 0.6, 1.0))], axis=1)
    print(table.round(3).to_string())
    assert (table.loc["mean: with rounding and odd sums"] > 0.98).all()
    assert (table.loc["size: TOST at the margin, 5 %"] < 0.05).all()
    assert (table.loc["90 % quantile: before rounding"] > 0.95).all()
    assert (table.loc["people at 80: rounding, silence and sampling at their worst"] == 1.0).all()
    assert (table.loc["mean: strata, t, fpc"] > 0.7).all()  # rounding moves the mean by up to a point
    few = few_table(2000)
    print(few.round(3).to_string())
    assert inside_binomial(round(2000 * few["rate"]["6 clusters: design_mean, t with 5 df"]), 2000, 0.95)

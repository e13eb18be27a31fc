"""Design-based estimates against R's survey package, run on the spot where R and the package are installed.

What R said once is kept in ``test_survey.py`` and ``test_share_methods.py`` and checked in every run; here designs are
drawn afresh and R is asked itself. Install ``r-base-core`` and ``r-cran-survey`` (Debian) to run it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import peernet.hypotheses as hyp

RSCRIPT = shutil.which("Rscript")


def _has_survey() -> bool:
    """Say whether R and its survey package are there."""
    if RSCRIPT is None:
        return False
    code = "suppressMessages(library(survey)); cat(degf(svydesign(~1, data = data.frame(x = 1:3), weights = ~x)))"
    asked = [RSCRIPT, "-e", code]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode == 0 and done.stdout.strip() == "2"


pytestmark = pytest.mark.skipif(
    not _has_survey(), reason="R with the package survey is not installed (Debian: r-base-core r-cran-survey)"
)

R_SCRIPT = r"""
suppressMessages(library(survey))
options(digits = 17)
args <- commandArgs(TRUE)
d <- read.csv(args[1], colClasses = c(s = "character", c = "character", p = "character", g = "character"))
people <- read.csv(args[2], colClasses = "character")
show <- function(name, fit, design) {
  b <- as.numeric(coef(fit)); e <- as.numeric(SE(fit)); k <- degf(design)
  ci <- as.numeric(confint(fit, df = k))
  cat(name, sprintf("%.17g", c(b, e, k, ci)), sep = "\t"); cat("\n")
}
designs <- list(
  people = svydesign(~1, data = d, weights = ~w),
  fpc = svydesign(~1, data = d, fpc = ~N),
  strata = svydesign(~1, strata = ~s, data = d, weights = ~w),
  strata_fpc = svydesign(~1, strata = ~s, data = d, fpc = ~Ns),
  clusters = svydesign(~c, data = d, weights = ~w),
  clusters_fpc = svydesign(~c, strata = ~s, data = d, fpc = ~Nc),
  clusters_fpc_weights = svydesign(~c, strata = ~s, data = d, fpc = ~Nc, weights = ~w),
  two_stages = svydesign(~c + p, strata = ~s, data = d, fpc = ~Nc + M),
  two_stages_one = svydesign(~c + p, data = d, fpc = ~Na + M)
)
for (name in names(designs)) {
  design <- designs[[name]]
  show(paste0("mean_", name), svymean(~x, design), design)
  show(paste0("ratio_", name), svyratio(~x, ~h, design), design)
  part <- subset(design, g == "a")
  show(paste0("domain_", name), svymean(~x, part), part)
}
simple <- svydesign(~1, data = d, weights = rep(nrow(people) / nrow(d), nrow(d)), fpc = rep(nrow(people), nrow(d)))
margin <- function(v) { t <- table(people[[v]]); data.frame(setNames(list(names(t)), v), Freq = as.numeric(t)) }
raked <- rake(simple, list(~s, ~g), list(margin("s"), margin("g")), control = list(maxit = 500, epsilon = 1e-10))
cat("rake_weights", sprintf("%.17g", weights(raked)), sep = "\t"); cat("\n")
cat("rake_mean", sprintf("%.17g", coef(svymean(~x, raked))), sep = "\t"); cat("\n")
post <- postStratify(simple, ~s, margin("s"))
show("post", svymean(~x, post), post)
if (requireNamespace("MASS", quietly = TRUE)) {
  totals <- c(`(Intercept)` = nrow(people), table(people$s)[-1], table(people$g)[-1])
  names(totals) <- c("(Intercept)", paste0("s", names(table(people$s))[-1]), paste0("g", names(table(people$g))[-1]))
  cal <- calibrate(simple, ~s + g, totals, calfun = "raking", epsilon = 1e-10, maxit = 500)
  cat("calibrate_weights", sprintf("%.17g", weights(cal)), sep = "\t"); cat("\n")
  show("calibrate", svymean(~x, cal), cal)
}
"""


def draw(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a random sample in strata, clusters and groups with all sizes R needs, and a roster for raking."""
    rows = []
    for s in "abc":
        for c in range(rng.integers(3, 6)):
            size = int(rng.integers(3, 8))
            rows += [(s, f"{s}{c}", size + int(rng.integers(0, 5)))] * size
    frame = pd.DataFrame(rows, columns=["s", "c", "M"])
    n = len(frame)
    frame["p"] = [str(k) for k in range(n)]
    frame["x"] = np.round(rng.beta(5, 3, n), 3)
    frame["h"] = np.round(rng.gamma(2, 3, n) + 0.5, 2)
    frame["w"] = np.round(rng.uniform(1, 6, n), 2)
    frame["g"] = np.where(rng.random(n) < 0.6, "a", "b")
    frame["N"] = n + int(rng.integers(5, 200))
    extra = {s: int(rng.integers(0, 60)) for s in "abc"}
    frame["Ns"] = frame.groupby("s")["s"].transform("size") + frame["s"].map(extra)
    clusters = frame.groupby("s")["c"].nunique()
    frame["Nc"] = frame["s"].map(clusters) + frame["s"].map({s: int(rng.integers(0, 9)) for s in "abc"})
    frame["Na"] = int(frame["c"].nunique() + rng.integers(1, 20))
    rest = pd.DataFrame({"s": rng.choice(list("abc"), 150), "g": rng.choice(list("ab"), 150)})
    return frame, pd.concat([frame[["s", "g"]], rest], ignore_index=True)


def ask_r(frame: pd.DataFrame, people: pd.DataFrame, folder: Path) -> dict[str, list[float]]:
    """Return what R says, by name."""
    frame.to_csv(folder / "d.csv", index=False)
    people.to_csv(folder / "people.csv", index=False)
    (folder / "run.R").write_text(R_SCRIPT)
    assert RSCRIPT is not None
    done = subprocess.run(
        [RSCRIPT, str(folder / "run.R"), str(folder / "d.csv"), str(folder / "people.csv")],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    lines = (line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    return {name: [float(v) for v in values] for name, *values in lines}


def designs(d: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the same designs in our words."""
    strata, clusters = d["s"].to_numpy(), d["c"].to_numpy()
    by_stratum, by_cluster = d.groupby("s")[["Ns", "Nc"]].first(), d.groupby("c")["M"].first().to_dict()
    sizes, n_clusters = by_stratum["Ns"].to_dict(), by_stratum["Nc"].to_dict()
    w = d["w"].to_numpy()
    return {
        "people": {"weights": w},
        "fpc": {"population": float(d["N"].iloc[0])},
        "strata": {"strata": strata, "weights": w},
        "strata_fpc": {"strata": strata, "population": sizes},
        "clusters": {"clusters": clusters, "weights": w},
        "clusters_fpc": {"strata": strata, "clusters": clusters, "population": n_clusters},
        "clusters_fpc_weights": {
            "strata": strata,
            "clusters": clusters,
            "population": n_clusters,
            "weights": w,
        },
        "two_stages": {"strata": strata, "clusters": clusters, "population": (n_clusters, by_cluster)},
        "two_stages_one": {"clusters": clusters, "population": (float(d["Na"].iloc[0]), by_cluster)},
    }


@pytest.mark.parametrize("seed", [20261123, 20261124, 20261125])
def test_every_design_equals_r(seed: int, tmp_path: Path) -> None:
    d, people = draw(np.random.default_rng(seed))
    theirs = ask_r(d, people, tmp_path)
    x, h, inside = d["x"].to_numpy(), d["h"].to_numpy(), (d["g"] == "a").to_numpy()
    for name, design in designs(d).items():
        for kind, found in (
            ("mean", hyp.design_mean(x, **design)),
            ("ratio", hyp.design_ratio(x, h, **design)),
            ("domain", hyp.design_mean(x, domain=inside, **design)),
        ):
            value, error, df, low, high = theirs[f"{kind}_{name}"]
            np.testing.assert_allclose(
                [found.value, found.std_error, found.df, found.low, found.high],
                [value, error, df, low, high], rtol=1e-8, err_msg=f"{kind} {name} {seed}",
            )  # fmt: skip


@pytest.mark.parametrize("seed", [20261123, 20261126])
def test_raking_and_poststratification_equal_r(seed: int, tmp_path: Path) -> None:
    d, people = draw(np.random.default_rng(seed))
    theirs = ask_r(d, people, tmp_path)
    values = pd.Series(d["x"].to_numpy(), index=[str(k) for k in range(len(d))])
    roster = people.set_axis([str(k) for k in range(len(people))])
    weight = hyp.rake(roster, values.index, ["s", "g"])
    np.testing.assert_allclose(weight, theirs["rake_weights"], rtol=1e-8)
    raked = hyp.raked_mean(values, roster, ["s", "g"])
    assert raked.value == pytest.approx(theirs["rake_mean"][0], rel=1e-8)
    # calibrate() takes the residuals of all margins at once, as we do; it leaves out (n - 1) / (n - rank)
    n, rank = len(d), 4
    given_back = np.sqrt((n - rank) / (n - 1))
    if "calibrate" in theirs:  # needs R's MASS
        np.testing.assert_allclose(weight, theirs["calibrate_weights"], rtol=1e-8)
        # R takes residuals under the weights before raking, we under those after; both are consistent
        dummies = np.column_stack([np.eye(3)[pd.factorize(d["s"], sort=True)[0]], d["g"] == "a"]).astype(
            float
        )
        left = d["x"] - dummies @ np.linalg.lstsq(dummies, d["x"], rcond=None)[0]
        z = weight.to_numpy() * left.to_numpy() / weight.sum()
        error = np.sqrt((1 - n / len(people)) * n / (n - 1) * np.sum((z - z.mean()) ** 2))
        assert error == pytest.approx(theirs["calibrate"][1], rel=1e-8)
        assert raked.std_error * given_back == pytest.approx(error, rel=0.01)
    post = hyp.raked_mean(values, roster, ["s"])
    assert post.value == pytest.approx(theirs["post"][0], rel=1e-8)
    assert post.std_error * np.sqrt((n - 3) / (n - 1)) == pytest.approx(theirs["post"][1], rel=1e-8)


LONELY = r"""
suppressMessages(library(survey))
args <- commandArgs(TRUE)
d <- read.csv(args[1], colClasses = c(s = "character", c = "character"))
show <- function(name, fit, design) {
  k <- degf(design)
  cat(name, sprintf("%.17g", c(coef(fit), SE(fit), k, confint(fit, df = k))), sep = "\t"); cat("\n")
}
for (lonely in c("adjust", "certainty")) {
  options(survey.lonely.psu = lonely)
  fpc <- svydesign(~c, strata = ~s, data = d, weights = ~w, fpc = ~Nc)
  show(paste("mean", lonely), svymean(~x, fpc), fpc)
  show(paste("ratio", lonely), svyratio(~x, ~h, fpc), fpc)
  show(paste("domain", lonely), svymean(~x, subset(fpc, g == 1)), subset(fpc, g == 1))
  none <- svydesign(~c, strata = ~s, data = d, weights = ~w)
  show(paste("endless", lonely), svymean(~x, none), none)
}
"""


def test_lonely_clusters_certain_clusters_and_zero_weights_equal_r(tmp_path: Path) -> None:
    """Strata: sampled, one cluster that is all there is, a census of three, one lonely cluster, few of many."""
    rng = np.random.default_rng(20261123)
    rows = [
        (s, f"{s}{c}", total, rng.uniform(0.2, 3) * (rng.random() > 0.15), *rng.uniform(1, 9, 2), rng.integers(0, 2))
        for s, taken, total in (("a", 4, 9), ("b", 1, 1), ("d", 3, 3), ("e", 1, 5), ("f", 2, 40))
        for c in range(taken)
        for _ in range(rng.integers(2, 6))
    ]  # fmt: skip
    d = pd.DataFrame(rows, columns=["s", "c", "Nc", "w", "x", "h", "g"])
    assert (d["w"] == 0).any()
    d.to_csv(tmp_path / "d.csv", index=False)
    (tmp_path / "run.R").write_text(LONELY)
    assert RSCRIPT is not None
    done = subprocess.run(
        [RSCRIPT, str(tmp_path / "run.R"), str(tmp_path / "d.csv")],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    sizes = d.groupby("s")["Nc"].first().to_dict()
    lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    assert len(lines) == 8
    for name, *theirs in lines:
        kind, lonely = name.split()
        design: dict[str, Any] = {
            "strata": d["s"], "clusters": d["c"], "weights": d["w"],
            "single_psu": {"adjust": "centred", "certainty": "zero"}[lonely],
            "population": None if kind == "endless" else sizes,
        }  # fmt: skip
        if kind == "ratio":
            found = hyp.design_ratio(d["x"], d["h"], **design)
        else:
            found = hyp.design_mean(d["x"], domain=d["g"] == 1 if kind == "domain" else None, **design)
        ours = [found.value, found.std_error, found.df, found.low, found.high]
        np.testing.assert_allclose(ours, [float(v) for v in theirs], rtol=1e-8, err_msg=name)

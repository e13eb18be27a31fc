"""Values of other software on fourteen made-up people: spatialreg (lag model, 2SLS, impacts), spdep, brglm2 (Firth).

Written down once: R 4.2.2, spatialreg 1.2-6, spdep 1.2-7, brglm2 0.9. Rows of the bits are learners, their peers the
columns; W is row-standardised.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork
from peernet.hypotheses import _autocorrelation as auto
from peernet.hypotheses import _moran as moran
from peernet.hypotheses import dyadic_regression, fit_peer_effects
from peernet.hypotheses._formula import parse

TIES = """01000110001110 10100111000000 00000101111000 01000100101000 01000000111001 10000011110010 00001000010101
00010010111001 10100110010010 01010110000111 00001110000110 01000100000010 10011000001101 01110000000100"""
BOSS = """01000000111100 10100000100000 00000001011100 00000001000100 10000000010000 11000000010000 00001100010001
00001110110101 10001011010001 01011001100100 10010000110011 01110000000010 10001001000000 00000000011100"""
Y = [
    -0.1495,
    2.0287,
    2.0375,
    0.0442,
    1.8498,
    1.3108,
    0.4156,
    0.3267,
    1.8067,
    1.0823,
    0.0848,
    0.5936,
    3.0911,
    1.0138,
]
B = [-1.4668, 0.9413, 0.2442, 0.3039, 1.2803, -0.4409, 0.0588, 0.3302, -0.2151, -0.833, -0.2067, -0.1747, 1.5649,
     -1.0418]  # fmt: skip
IDS = [f"p{i:02d}" for i in range(14)]


def bits(text: str) -> pd.DataFrame:
    return pd.DataFrame([[float(c) for c in row] for row in text.split()], index=IDS, columns=IDS)


@pytest.fixture(scope="module")
def net() -> PeerNetwork:
    people = pd.DataFrame({"y": Y, "b": B}, index=IDS)
    return PeerNetwork.from_adjacency(bits(TIES), row_is="learner", people=people)


def test_spatial_lag_by_maximum_likelihood(net: PeerNetwork) -> None:
    fit = fit_peer_effects(net, "y ~ b", n_draws=0)
    got = fit.params.set_index("term")
    want = {"intercept": 1.886930574826, "b": 0.562167928397, "rho": -0.679275740092}
    error = {"intercept": 0.630974884155, "b": 0.234420201732, "rho": 0.536740208662}
    for term, value in want.items():
        assert got.loc[term, "estimate"] == pytest.approx(value, abs=2e-6)
    assert fit.log_likelihood == pytest.approx(-14.587880079163, abs=1e-9)
    # Theirs are of the expected information, ours of the observed one, as sna's.
    for term, value in error.items():
        assert got.loc[term, "std_error"] == pytest.approx(value, rel=0.06)
    row = fit.effects.iloc[0]
    for part, value in (("direct", 0.5679071092), ("indirect", -0.2331390214), ("total", 0.3347680878)):
        assert row[part] == pytest.approx(value, abs=1e-6)


def test_spatial_two_stage_least_squares(net: PeerNetwork) -> None:
    got = fit_peer_effects(net, "y ~ b", method="2sls", n_draws=0).params.set_index("term")
    want = {"rho": (-0.527796536489, 0.651882618312), "intercept": (1.709817602689, 0.854595469724),
            "b": (0.590962987818, 0.212654135462)}  # fmt: skip
    for term, (estimate, error) in want.items():
        assert got.loc[term, "estimate"] == pytest.approx(estimate, abs=1e-9)
        assert got.loc[term, "std_error"] == pytest.approx(error, abs=1e-9)


def test_moran_of_least_squares_residuals(net: PeerNetwork) -> None:
    """spdep::moran and the expectation and variance of spdep::lm.morantest."""
    data = auto.prepare(net, parse("y ~ b"), influence="teachers", normalise="row", weighted=True, lag=None)
    residual = data.y - data.x @ np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    refit = moran.refit_least_squares(data.x)
    test = moran.residual_moran(data.w, residual, refit, 2, n_draws=4000, rng=np.random.default_rng(0))
    assert test.observed == pytest.approx(-0.09406438182, abs=1e-9)
    # Theirs are the moments under normal errors; swapped residuals come close to them.
    assert test.null_mean == pytest.approx(-0.06428627545, abs=0.006)
    assert test.null_sd == pytest.approx(0.00631099727**0.5, rel=0.06)
    # Normal errors through the same projection give their moments.
    errors = np.random.default_rng(1).normal(size=(14, 40_000))
    null = moran.morans_i(data.w, refit(errors))
    assert null.mean() == pytest.approx(-0.06428627545, abs=4 * 0.0794 / 200)
    assert null.var() == pytest.approx(0.00631099727, rel=0.04)


@pytest.mark.filterwarnings("ignore:dyadic_regression. with 14 people")
def test_firth() -> None:
    boss = bits(BOSS)
    present = ((bits(TIES) + boss) > 0) * 1.0
    everything = PeerNetwork.from_adjacency(present, row_is="teacher")
    fit = dyadic_regression(everything, "tie ~ boss", networks={"boss": boss}, model="logit")
    np.testing.assert_allclose(fit.params["estimate"], [-0.66329421741, 5.42546815221], atol=1e-6)
    assert np.isnan(fit.params["std_error"][1])

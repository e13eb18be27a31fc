"""Segregation of each unit: the public measures, against chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.network import PeerNetwork


def firm() -> PeerNetwork:
    rng = np.random.default_rng(2)
    unit = np.repeat(list("abc"), [10, 8, 6])
    tied = rng.random((24, 24)) < np.where(unit[:, None] == unit, 0.4, 0.08)
    np.fill_diagonal(tied, False)
    return PeerNetwork.from_codes(*np.nonzero(tied), people=24).with_people(unit=unit, site=np.arange(24) % 2)


def test_observed_are_the_public_measures() -> None:
    net = firm()
    measures = ("E-I index", "Coleman index", "spectral segregation")
    table = silos.segregation_by_unit(net, "unit", measures=measures, n_draws=40, rng=1).table
    seen = table[table["null"] == "labels"].set_index(["measure", "unit"])["observed"].unstack(0)
    np.testing.assert_allclose(seen["E-I index"], silos.ei_by_unit(net, "unit")["ei"])
    np.testing.assert_allclose(seen["Coleman index"], silos.coleman_index(net, "unit", role="learner"))
    spectral = silos.spectral_segregation(net, "unit").groupby(net.people["unit"]).mean()
    np.testing.assert_allclose(seen["spectral segregation"], spectral)
    assert (table["null_low"] <= table["null_high"]).all() and (table["p_holm"] >= table["p_value"]).all()


def test_the_answer_does_not_depend_on_threads() -> None:
    net = firm()
    one, two = (
        silos.segregation_by_unit(net, "unit", within="site", n_draws=130, rng=3, n_jobs=k).table
        for k in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)
    assert set(one["null"]) == {"labels", "labels within site", "degrees"}


def test_units_without_ties_have_no_evidence_and_too_few_draws_are_said() -> None:
    net = PeerNetwork(
        pd.DataFrame({"unit": list("aabbc")}, index=list("vwxyz")),
        pd.DataFrame({"teacher": ["v", "w", "x"], "learner": ["w", "x", "y"]}),
    )
    found = silos.segregation_by_unit(net, "unit", n_draws=20, rng=1)
    alone = found.table[(found.table["unit"] == "c")]
    assert alone["observed"].isna().all()
    assert "draws are needed" in found.summary()
    with pytest.raises(ValueError, match="measures"):
        silos.segregation_by_unit(net, "unit", measures=("Moran",))

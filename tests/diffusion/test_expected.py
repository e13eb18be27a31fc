"""Skills A to D in the three sample worlds: what the estimators say, beside what the table of the worlds expects."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.datasets import expected_verdicts, load_meridian, load_truth
from peernet.diffusion import TransmissionShare, adoptions_from, fit_nbda, social_transmission_share

SPAN: dict[str, Any] = {"start": "2025-01-01", "end": "2026-01-01"}
WORLDS = ("meridian", "null_meridian", "bad_meridian")


@pytest.fixture(scope="module", params=WORLDS)
def study(request: pytest.FixtureRequest) -> tuple[str, PeerNetwork, pd.DataFrame, pd.DataFrame]:
    """Return the name of a world, who teaches whom by its survey, who adopted what, and who was employed when."""
    data = load_meridian(request.param)
    net = data.network(relation="learn_from")
    seen = adoptions_from(data, start=SPAN["start"])
    presence = (
        data.people.loc[data.people.index.isin(net.ids), ["start", "end"]].rename_axis("person").reset_index()
    )
    return request.param, net, seen, presence


def share(study: Any, item: str, **options: Any) -> TransmissionShare:
    _, net, seen, presence = study
    fit = fit_nbda(net, seen, item=f"C-{item}", presence=presence, rng=1, **SPAN, **options)
    return social_transmission_share(fit, sensitivity=False)


def along_ties(found: TransmissionShare) -> str:
    """Judge whether it spread along the ties at all."""
    if found.ceiling == 0:
        return "not answered by these data"
    return "supported" if found.low > 0 else "inconclusive"


def expected(study: Any, question: str) -> str:
    return str(expected_verdicts().loc[question, study[0]])


def test_skill_a(study: Any) -> None:
    found = share(study, "A")
    assert along_ties(found) == expected(study, "H15-A")
    assert found.verdict == expected(study, "H15-A-80")
    truth = load_truth(study[0])["skills"]["A"]["social_share"]
    if study[0] != "bad_meridian":
        assert found.low <= truth <= found.high
    else:
        assert found.value < truth


def test_skill_b_is_refused(study: Any) -> None:
    with pytest.raises(DataError, match="deadline imitates contagion"):
        share(study, "B")
    assert expected(study, "H15-B") == "not answered by these data"


def test_skill_c_is_adjusted_for_the_trade(study: Any) -> None:
    assert along_ties(share(study, "C", asocial=["job_family"])) == expected(study, "H15-C")
    _, net, seen, presence = study
    right, wrong = (
        fit_nbda(x, seen, item="C-C", presence=presence, silent="keep", rng=1, **SPAN)
        for x in (net, net.reverse())
    )
    better = "supported" if wrong.aicc < right.aicc - 2 else "inconclusive"
    assert better == expected(study, "H15-C-transposed")


def test_skill_d_is_too_small(study: Any) -> None:
    assert along_ties(share(study, "D")) == expected(study, "H15-D")

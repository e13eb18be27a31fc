"""How many people must have told of their ties before a measure of silos is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pandas as pd

from peernet._check import number
from peernet.errors import DataError
from peernet.silos._common import require_network

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["THRESHOLDS", "known_share", "require_response", "response_thresholds", "waived"]

# Share of people whose ties are known, and what settles it; the table behind it is in docs/calibration/silos.md.
# The rule: on complete synthetic firms, silence at random must leave each measure per person a rank correlation of at
# least .6 with its true values among those who answered. Most are stated above what it asks: they were set when silent
# people still had zeros, and central people fall silent too. Whole-network ones need less than the least share tried.
_SMITH = "most sensitive to missing people also in Smith & Moody (2013), worse where central people are silent (2017)"
_RANKS = "a margin above where the rank correlation with the truth falls below .6, silence at random (own simulation)"
_WHOLE = (
    "root mean square error below .1 down to the least share tried under silence at random (own simulation)"
)
THRESHOLDS: dict[str, tuple[float, str]] = {
    "betweenness": (0.7, f"{_RANKS}; {_SMITH}"),
    "betweenness_sample": (0.7, f"{_RANKS}; {_SMITH}"),
    "brokerage": (0.6, f"{_RANKS}; counts paths through two reports, as betweenness does"),
    "brokerage_test": (0.6, f"{_RANKS}; counts paths through two reports, as betweenness does"),
    "core_number": (0.6, _RANKS),
    "efficiency": (0.6, _RANKS),
    "hierarchy": (0.6, _RANKS),
    "structural_holes": (0.5, f"{_RANKS}; constraint and effective size"),
    "constraint": (0.5, _RANKS),
    "effective_size": (0.5, _RANKS),
    "participation": (0.5, _RANKS),
    "ei_index": (0.4, _RANKS),
    "within_module_z": (0.4, _RANKS),
    "bridging_share": (0.4, _RANKS),
    "ei_estimate": (0.2, _WHOLE),
    "ei_test": (0.2, _WHOLE),
    "segregation_profile": (0.2, _WHOLE),
    "communities": (0.6, "as formal_overlap: below, communities are those of who answered"),
    "need_gap": (
        0.5,
        "a needed pair counts where both answered: at half of the people, a quarter of the pairs",
    ),
}

_waived: ContextVar[bool] = ContextVar("peernet_silos_response_waived", default=False)


def known_share(net: PeerNetwork) -> float:
    """Share of the people in a network whose own ties are known.

    Parameters
    ----------
    net : PeerNetwork
        With ``observed`` and ``respondent_is``.

    Returns
    -------
    float
        People who answered over all people, those who were not asked or objected included: their ties are as unknown as
        those of silent people. 1 where ties were seen, not reported (``respondent_is`` is None); NaN without people.
    """
    if not net.n_people:
        return float("nan")
    if net.respondent_is is None:
        return 1.0
    return float((net.observed == "answered").mean())


@contextmanager
def waived() -> Iterator[None]:
    """Let measures answer at any response rate: for finding out how wrong they would be."""
    token = _waived.set(True)
    try:
        yield
    finally:
        _waived.reset(token)


def require_response(net: PeerNetwork, measure: str, min_response: float | None) -> None:
    """Refuse a measure on a network in which too few people told of their ties.

    Raises
    ------
    DataError
        With the share, the threshold and the two ways out.
    """
    require_network(net, measure)
    least, _ = THRESHOLDS.get(measure, (0.0, ""))
    if min_response is not None:
        least = number("min_response", min_response, 0, 1)
    if _waived.get() or net.respondent_is is None:
        return
    share = known_share(net)
    if not share < least:
        return
    counts = net.observed.value_counts()
    words = {"silent": "silent", "not_asked": "not asked", "objected": "objected"}
    others = ", ".join(f"{counts[k]} {word}" for k, word in words.items() if k in counts)
    raise DataError(
        f"{measure}: only {share:.0%} of the {net.n_people} people told of their ties ({others}); below "
        f"{least:.0%} this measure says more about who answered than about the firm (response_thresholds() has the "
        f"reason). missing_sensitivity(net, {measure!r}) shows how far it can be off; min_response=0 gives the number "
        "all the same."
    )


def response_thresholds() -> pd.DataFrame:
    """Share of people who must have told of their ties before a measure is given, with the reason.

    Returns
    -------
    pandas.DataFrame
        Index ``measure``; ``min_response`` (in [0, 1]; a measure below it raises :class:`peernet.errors.DataError`
        unless it is called with ``min_response=``) and ``reason``. Measures that are not listed have none.

    References
    ----------
    .. [1] Smith, J. A. & Moody, J. (2013). Structural effects of network sampling coverage I: nodes missing at random.
       Social Networks 35(4), 652-668. doi:10.1016/j.socnet.2013.09.003
    .. [2] Smith, J. A., Moody, J. & Morgan, J. H. (2017). Network sampling coverage II: the effect of non-random
       missing data on network measurement. Social Networks 48, 78-99. doi:10.1016/j.socnet.2016.04.005
    """
    rows = [{"measure": k, "min_response": v, "reason": why} for k, (v, why) in THRESHOLDS.items()]
    return pd.DataFrame(rows, columns=["measure", "min_response", "reason"]).set_index("measure")

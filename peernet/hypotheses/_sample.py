"""One reading of a survey share as a stratified sample, for the methods that go beyond its mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet.errors import DataError
from peernet.hypotheses.shares import ShareEstimate

__all__ = ["Sample", "sample_of"]


class Sample(NamedTuple):
    """Values of people who answered, with stratum codes and, per stratum, how many answered and how many there are."""

    values: NDArray[np.float64]
    ids: pd.Index
    stratum: NDArray[np.intp]
    names: list[str]
    n_h: NDArray[np.intp]
    size_h: NDArray[np.float64]
    finite: bool

    @property
    def weight(self) -> NDArray[np.float64]:
        """People that each answer stands for."""
        return (self.size_h / self.n_h)[self.stratum]


def sample_of(share: ShareEstimate, reading: str | None = None) -> Sample:
    """Return the sample behind a survey share; without a roster one stratum of unknown size.

    People who objected are heads of their stratum, of whom nothing is known.
    """
    if not isinstance(share, ShareEstimate):
        raise DataError(f"share must be what social_share returns; got {type(share).__name__}.")
    name = share.reading if reading is None else reading
    literal("reading", name, list(share.counted))
    x = share.people[name]
    stratum = share.strata["stratum"].reindex(x.index)
    codes, names = pd.factorize(stratum, sort=True)
    n_h = np.bincount(codes, minlength=len(names))
    sizes = share.provenance["stratum_sizes"]
    size_h = np.array([sizes[str(s)] for s in names], dtype=np.float64)
    finite = share.provenance["options"]["target"] == "roster" and "asked" in share.response
    return Sample(x.to_numpy(), x.index, codes, [str(s) for s in names], n_h, size_h, finite)

"""Multiple imputation of silent people: pooling rules, and a hot deck inside units with a dial for silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from peernet._check import count, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.hypotheses._sample import sample_of
from peernet.hypotheses.shares import ShareEstimate
from peernet.hypotheses.survey import DesignEstimate, t_interval
from peernet.results import provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ImputedShare", "impute_share", "pool_imputations"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ImputedShare(DesignEstimate):
    """A mean share with silent people filled in.

    Attributes
    ----------
    claim : float
        The claimed share, for the picture.
    shift : float
        How much silent people were taken to differ.
    bound_low, bound_high : float
        The mean with every silent person at 0 and at 1.
    """

    claim: float = 0.8
    shift: float = 0.0
    bound_low: float = float("nan")
    bound_high: float = float("nan")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean with its interval against the claim, and what silent people leave open.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses._pictures import plot_one

        differ = "are like the others" if self.shift == 0 else f"differ by {100 * self.shift:+.0f} points"
        return plot_one(
            self,
            label="mean of the roster",
            claim=self.claim,
            bounds=(self.bound_low, self.bound_high),
            title=f"If silent people {differ}: {100 * self.value:.0f} %",
            ax=ax,
        )


def pool_imputations(
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    df_complete: float = float("inf"),
    level: float = 0.95,
) -> DesignEstimate:
    r"""Estimate over M completed data sets, by Rubin's rules.

    :math:`\bar Q` = mean of the estimates, W = mean of their variances, B = variance between them,
    :math:`T = W + (1 + 1/M) B`; :math:`\nu_M = (M - 1)(1 + W / ((1 + 1/M) B))^2`, and with complete-data degrees of
    freedom :math:`\nu_c` (Barnard & Rubin) :math:`\nu_o = \frac{\nu_c + 1}{\nu_c + 3} \nu_c (1 - \gamma)`,
    :math:`\gamma = (1 + 1/M) B / T`, :math:`\nu = (1/\nu_M + 1/\nu_o)^{-1}`.

    Parameters
    ----------
    estimates, variances : sequence of float, length M
        From each completed data set.
    df_complete : float
        Degrees of freedom if nothing had been missing.
    level : float
        Coverage of the interval.

    Returns
    -------
    DesignEstimate
        ``std_error`` is the root of T; ``df`` as above, infinite where the imputations agree and nothing limits them.

    Raises
    ------
    DataError
        With fewer than two imputations, or negative variances.

    References
    ----------
    .. [1] Rubin, D. B. (1987). *Multiple Imputation for Nonresponse in Surveys*. Wiley. doi:10.1002/9780470316696
    .. [2] Barnard, J. & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation.
    *Biometrika* 86,
       948-955. doi:10.1093/biomet/86.4.948

    Examples
    --------
    >>> pooled = pool_imputations([0.60, 0.62, 0.64], [0.0004, 0.0004, 0.0004])
    >>> round(pooled.std_error, 4), round(pooled.df, 1)
    (0.0306, 6.1)
    """
    q, u = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if len(q) < 2 or len(q) != len(u):
        raise DataError(
            f"estimates and variances: {len(q)} and {len(u)}. Give two or more imputations, one variance each."
        )
    if (u < 0).any() or not np.isfinite(q).all():
        raise DataError("variances must be >= 0 and estimates finite.")
    number("level", level, 0, 1, open_low=True, open_high=True)
    m = len(q)
    within, between = float(u.mean()), float(q.var(ddof=1)) * (1 + 1 / m)
    total = within + between
    df = np.inf if between == 0 else (m - 1) * (1 + within / between) ** 2
    if np.isfinite(df_complete):
        kept = within / total if total > 0 else 1.0
        observed = (df_complete + 1) / (df_complete + 3) * df_complete * kept
        if observed > 0:
            df = 1 / (1 / df + 1 / observed)
    error = float(np.sqrt(total))
    low, high = t_interval(float(q.mean()), error, float(min(df, 1e12)), level)
    return DesignEstimate(
        name="pooled over imputations",
        value=float(q.mean()),
        low=low,
        high=high,
        level=level,
        std_error=error,
        df=float(df),
        n=m,
        method=f"Rubin's rules, {m} imputations",
        provenance=provenance(
            "hypotheses.pool_imputations", options={"df_complete": df_complete, "level": level}
        ),
    )


def impute_share(
    share: ShareEstimate,
    *,
    reading: str | None = None,
    shift: float = 0.0,
    level: float = 0.95,
    n_draws: int = 100,
    rng: RNGLike | SeedLike | None = None,
) -> ImputedShare:
    r"""Mean share of the roster with silent people filled in from those of their unit who answered.

    In each draw n - 1 of the n answers of a unit are first resampled (approximate Bayesian bootstrap; n would
    understate the variance by (n - 1)/n), then each of its silent
    people gets one of them, moved by ``shift`` and cut to [0, 1]. With ``shift=0`` silent people are like those who
    answered, and the result agrees with :func:`social_share`; other values say what follows *if* silent people
    learn so
    much less (or more) from others. A completed roster has no sampling error, so all variance lies between the draws.

    Parameters
    ----------
    share : ShareEstimate
        From :func:`social_share`, with a roster.
    reading : str, optional
        The chosen reading by default.
    shift : float
        How much silent people differ, in [-1, 1]; -0.1 = ten points less.
    level : float
        Coverage of the interval.
    n_draws : int
        Imputations.
    rng : Generator, seed or None
        Random numbers.

    Returns
    -------
    ImputedShare
        Mean in [0, 1].

    Raises
    ------
    DataError
        Without a roster: then nobody is known to be silent.

    References
    ----------
    .. [1] Rubin, D. B. & Schenker, N. (1986). Multiple imputation for interval estimation from simple random
    samples with
       ignorable nonresponse. *J. American Statistical Association* 81, 366-374. doi:10.1080/01621459.1986.10478280
    """
    rng = as_rng(rng)
    number("shift", shift, -1, 1)
    count("n_draws", n_draws, 2)
    sample = sample_of(share, reading)
    if not sample.finite:
        raise DataError(
            "share was estimated without a roster (or for a superpopulation): nobody is known to be silent."
        )
    seed = record(rng)
    sums = np.zeros(n_draws)
    for h in range(len(sample.names)):
        x = sample.values[sample.stratum == h]
        silent = int(sample.size_h[h]) - len(x)
        sums += x.sum()
        if silent:
            donors = x[rng.integers(len(x), size=(n_draws, max(len(x) - 1, 1)))]
            taken = np.take_along_axis(donors, rng.integers(donors.shape[1], size=(n_draws, silent)), axis=1)
            sums += np.clip(taken + shift, 0, 1).sum(axis=1)
    means = sums / sample.size_h.sum()
    pooled = pool_imputations(means, np.zeros(n_draws), level=level)
    word = "like" if shift == 0 else f"{abs(100 * shift):.0f} points {'below' if shift < 0 else 'above'}"
    row = share.row(reading=reading)
    return ImputedShare(
        claim=share.claim,
        shift=shift,
        bound_low=float(row["bound_low"]),
        bound_high=float(row["bound_high"]),
        name=f"mean share of the roster, silent people {word} those of their unit",
        value=pooled.value,
        low=max(0.0, pooled.low),
        high=min(1.0, pooled.high),
        level=level,
        std_error=pooled.std_error,
        df=pooled.df,
        n=len(sample.values),
        n_psu=len(sample.values),
        n_strata=len(sample.names),
        fraction=len(sample.values) / float(sample.size_h.sum()),
        method=f"hot deck inside units, {n_draws} imputations",
        estimand=share.estimand,
        assumptions=(f"silent people are {word} those of their unit who answered",),
        provenance=provenance(
            "hypotheses.impute_share", options={"shift": shift, "n_draws": n_draws}, rng=seed
        ),
    )

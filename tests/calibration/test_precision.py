"""Does the interval that carries the precision of a rule hold the truth?"""

from __future__ import annotations

import numpy as np
import pytest

from tests.claims.test_specification import judged_world

pytestmark = pytest.mark.long


def test_coverage_of_headlines_that_carry_the_precision() -> None:
    """Prints lines like those of docs/calibration/traces.md; about fifteen minutes of the processor."""
    for judged in (60, 120, 240):
        rows = []
        for k in range(100):
            truth, naive, row = judged_world([20261125, judged, k], judged=judged, n_draws=40)
            rows.append((truth, naive, row["value"], row["low"], row["high"]))
        truth, naive, value, low, high = np.array(rows, dtype=float).T
        covered = float(((low <= truth) & (truth <= high)).mean())
        print(
            f"| {judged} | {len(rows)} | {truth.mean():.3f} | {(naive - truth).mean():+.3f} | "
            f"{(value - truth).mean():+.3f} | "
            f"{(value - truth).std(ddof=1) / 10:.3f} | {(high - low).mean():.3f} | {covered:.2f} |"
        )
        assert (
            covered >= 0.86
        )  # 99.9 % bound of 95 in 100 is 87; one less, for worlds are not the sampling alone
        assert abs((value - truth).mean()) < 0.25 * (naive - truth).mean()

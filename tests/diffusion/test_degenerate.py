"""A thousand invalid or degenerate data sets: a documented answer each, never an exception from inside."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from peernet import DataError, FitError, PeerNetWarning, PeerNetwork
from peernet.diffusion import (
    adopter_categories,
    adoption_curve,
    crossings,
    exposure,
    fit_bass,
    fit_event_history,
    fit_nbda,
    hazard,
    infectiousness,
    moran,
    opinion_leaders,
    social_transmission_share,
    structure_test,
    susceptibility,
    thresholds,
    tie_change,
    wrong_knowledge_test,
)

KINDS = (
    "nobody adopts", "all at once", "everybody teaches everybody", "no ties", "disconnected",
    "one person", "two people", "chain", "one adopter", "all knew", "heavy ties", "ties in time",
    "late", "constant covariate", "separating covariate", "unknown person", "repeated row",
    "missing covariate", "infinite time", "backward span", "text times", "plain",
)  # fmt: skip


def make(kind: str, rng: np.random.Generator) -> tuple[PeerNetwork, pd.DataFrame, dict[str, Any]]:
    """Return people, adoptions and options of one kind of trouble."""
    n = {"one person": 1, "two people": 2}.get(kind, int(rng.integers(3, 14)))
    ids = [f"p{k}" for k in range(n)]
    a = (rng.random((n, n)) < rng.uniform(0.05, 0.5)).astype(float)
    if kind == "everybody teaches everybody":
        a[:] = 1.0
    if kind == "no ties":
        a[:] = 0.0
    if kind == "heavy ties":
        a *= 10.0 ** rng.integers(-8, 9, (n, n))
    if kind == "disconnected":
        a[: n // 2, n // 2 :] = a[n // 2 :, : n // 2] = 0.0
    time = rng.integers(1, 9, n).astype(float)
    time[rng.random(n) < 0.2] = np.nan
    if kind == "chain":
        a[:] = np.eye(n, k=1)
        time = np.arange(1.0, n + 1)
    np.fill_diagonal(a, 0.0)
    people = pd.DataFrame({"unit": rng.choice(["x", "y"], n), "age": rng.normal(size=n)}, index=ids)
    frame = pd.DataFrame({"person": ids, "time": time})
    options: dict[str, Any] = {"start": 1, "end": 8}
    if kind == "nobody adopts":
        frame["time"] = np.nan
    elif kind == "all at once":
        frame["time"] = float(rng.integers(1, 8))
    elif kind == "one adopter":
        frame["time"] = [3.0] + [np.nan] * (n - 1)
    elif kind == "all knew":
        frame["already_knew"] = True
    elif kind == "late":
        frame["time"] += 100
    elif kind == "ties in time":
        frame["time"] = rng.choice([2.0, 3.0], n)
    elif kind == "unknown person":
        frame.loc[0, "person"] = "nobody"
    elif kind == "repeated row":
        frame = pd.concat([frame, frame.iloc[:1]])
    elif kind == "infinite time":
        frame.loc[0, "time"] = np.inf
    elif kind == "backward span":
        options = {"start": 8, "end": 1}
    elif kind == "text times":
        frame["time"] = "soon"
    return PeerNetwork.from_adjacency(a, row_is="teacher", ids=ids, people=people), frame, options


def covariate(kind: str, net: PeerNetwork, frame: pd.DataFrame) -> Any:
    if kind == "constant covariate":
        return pd.DataFrame({"x": 1.0}, index=net.ids)
    if kind == "separating covariate":
        return pd.DataFrame({"x": frame["time"].notna().to_numpy(dtype=float)}, index=net.ids)
    if kind == "missing covariate":
        return pd.DataFrame({"x": [np.nan] + [1.0] * (net.n_people - 1)}, index=net.ids)
    return None


def outcome(call: Any) -> str:
    """Return the class of what happens; anything not documented is raised."""
    try:
        call()
    except DataError as error:
        assert len(str(error)) > 20
        return "DataError"
    except FitError as error:
        assert len(str(error)) > 20
        return "FitError"
    return "answer"


def fit_and_share(
    net: PeerNetwork, frame: pd.DataFrame, options: dict[str, Any], rng: np.random.Generator, kind: str,
    seen: Counter[str],
) -> None:  # fmt: skip
    timing, baseline = [
        ("order", "free"), ("discrete", "free"), ("discrete", "constant"), ("discrete", "weibull"),
        ("continuous", "constant"), ("continuous", "free"),
    ][int(rng.integers(6))]  # fmt: skip
    low = options["start"] - (timing != "discrete")
    ties = "apart" if timing == "discrete" else str(rng.choice(["apart", "efron", "sequential", "any_order"]))
    fit = fit_nbda(
        net, frame, start=low, end=options["end"], timing=timing, baseline=baseline, n_starts=2, rng=rng,
        ties=ties, asocial=covariate(kind, net, frame),
    )  # fmt: skip
    assert np.isfinite(fit.log_likelihood)
    assert fit.asocial is not None and fit.log_likelihood >= fit.asocial.log_likelihood - 1e-6
    share = social_transmission_share(fit, sensitivity=bool(rng.random() < 0.1), rng=rng)
    fit.summary(), share.summary(), share.to_frame()
    seen["unbounded"] += any("unbounded" in note for note in fit.notes)
    seen["nothing to learn from"] += any("not answered by these data" in note for note in fit.notes)
    seen["a coefficient runs away"] += any("runs away" in note for note in fit.notes)
    seen["share not defined"] += bool(np.isnan(share.value))
    if not np.isnan(share.value):
        assert -1e-9 <= share.low <= share.value + 1e-6 and share.value <= share.high + 1e-6
        assert share.high <= share.ceiling + 1e-6 <= 1 + 2e-6


def troubled_calls(
    net: PeerNetwork, frame: pd.DataFrame, options: dict[str, Any], rng: np.random.Generator, kind: str,
    seen: Counter[str],
) -> dict[str, Any]:  # fmt: skip
    return {
        "fit": lambda: fit_and_share(net, frame, options, rng, kind, seen),
        "bass": lambda: fit_bass(net, frame, **options),
        "history": lambda: fit_event_history(net, frame, **options),
        "frailty": lambda: fit_event_history(net, frame, frailty="person", **options),
        "curve": lambda: adoption_curve(net, frame, **options),
        "exposure": lambda: exposure(net, frame, **options),
        "hazard": lambda: hazard(net, frame, **options),
        "thresholds": lambda: thresholds(net, frame, **options),
        "categories": lambda: adopter_categories(net, frame, **options),
        "infectiousness": lambda: infectiousness(net, frame, **options),
        "susceptibility": lambda: susceptibility(net, frame, **options),
        "leaders": lambda: opinion_leaders(net, frame, n_draws=5, rng=rng, **options),
        "crossings": lambda: crossings(net, frame, "unit", **options),
        "ties": lambda: tie_change([net] * 8, frame, **options),
        "wrong": lambda: wrong_knowledge_test(
            net, frame.assign(correct=rng.random(len(frame)) < 0.5), n_draws=5, rng=rng, **options
        ),
        "likeness": lambda: moran(
            net, pd.Series(frame["time"].to_numpy(), index=frame["person"]), n_draws=5, rng=rng
        ),
        "structure": lambda: structure_test(net, frame, null="labels", n_draws=5, rng=rng, **options),
    }


def test_a_thousand_troubled_data_sets() -> None:
    rng = np.random.default_rng(20261123)
    counts: Counter[tuple[str, str]] = Counter()
    seen: Counter[str] = Counter()
    for k in range(1000):
        kind = KINDS[k % len(KINDS)]
        net, frame, options = make(kind, rng)
        calls = troubled_calls(net, frame, options, rng, kind, seen)
        if kind == "backward span":  # Moran's I of values knows no span
            calls["likeness"] = calls["curve"]
        turn = k // len(KINDS)  # every kind meets the fit every other time, and each other call in turn
        name = "fit" if turn % 2 == 0 else list(calls)[4 + (turn // 2 + k) % (len(calls) - 4)]
        names = ["fit", "bass", "history"] if k % 20 == 0 else ["frailty"] if k % 101 == 0 else [name]
        for one in names:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter(
                    "ignore", PeerNetWarning
                )  # nothing known of anybody is said, and no fault
                counts[kind, outcome(calls[one])] += 1
    print_table(counts, seen)
    by_class = Counter(c for (_, c), n in counts.items() for _ in range(n))
    assert by_class["answer"] > 500 and by_class["DataError"] > 100 and by_class["FitError"] > 20
    for kind in ("unknown person", "repeated row", "infinite time", "backward span", "text times"):
        assert counts[kind, "answer"] == 0, kind
    assert counts["plain", "DataError"] == 0
    # what may go wrong without an error is said: strengths without bound, nothing to learn from, separation
    assert min(seen[k] for k in ("unbounded", "nothing to learn from", "a coefficient runs away")) > 0


def print_table(counts: Counter[tuple[str, str]], seen: Counter[str]) -> None:
    """Print what docs/calibration/diffusion.md holds (with -s)."""
    for kind in KINDS:
        print(
            f"| {kind} |", " | ".join(str(counts[kind, c]) for c in ("answer", "DataError", "FitError")), "|"
        )
    print("; ".join(f"{what}: {n}" for what, n in seen.items()))

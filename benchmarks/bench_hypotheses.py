"""Network permutation tests beside sna (R) and numpy. CPU seconds after compiling.

Where R with sna is installed, `sna::netlm` and `sna::netlogit` are timed in the same run on the same data, with a tenth
of the permutations (their time is proportional to them), and their coefficients compared. Elsewhere the stored times
stand in: sna 2.7-1, R 4.2, 71 people, four covariates, 1,000 permutations: 42 and 86 CPU seconds. numpy is always
timed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from _measure import compare, quick

from peernet import PeerNetwork
from peernet.hypotheses import mrqap, qap_correlation

FORMULA = "tie ~ friends + cowork + same(office) + diff(age)"
NETLM, NETLOGIT = 42.0, 86.0


def cpu(call: Callable[[], object], repeat: int = 3, *, warm: bool = True) -> list[float]:
    """Return CPU seconds of a call, after one untimed run."""
    if warm:
        call()
    out = []
    for _ in range(repeat):
        started = time.process_time()
        call()
        out.append(time.process_time() - started)
    return out


def organisation(n: int, degree: float, seed: int = 0) -> tuple[PeerNetwork, dict[str, PeerNetwork]]:
    """Return a random network with two others over the same people."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {"office": rng.choice(list("abc"), n), "age": rng.integers(25, 65, n) * 1.0},
        index=[f"p{i}" for i in range(n)],
    )

    def net() -> PeerNetwork:
        present = (rng.random((n, n)) < degree / n) & ~np.eye(n, dtype=bool)
        return PeerNetwork.from_codes(*np.nonzero(present), people=people)

    return net(), {"friends": net(), "cowork": net()}


R_SCRIPT = """
suppressMessages(library(sna))
read <- function(name) as.matrix(read.csv(name, header = FALSE))
y <- read("y.csv"); x <- lapply(1:4, function(k) read(sprintf("x%d.csv", k)))
for (fit in list(netlm, netlogit)) {
  spent <- system.time(m <- fit(y, x, nullhyp = "qapspp", reps = REPS))
  cat(sum(spent[1:2]), m$coefficients, as.character(packageVersion("sna")), "\\n")
}
"""


def sna(n: int, degree: float, reps: int) -> dict[str, tuple[list[float], np.ndarray, str]] | None:
    """Return seconds, coefficients and version of netlm and netlogit on the same data; None without R or sna."""
    from peernet.hypotheses._design import build

    if shutil.which("Rscript") is None:
        return None
    net, networks = organisation(n, degree)
    design = build(net, FORMULA, networks)
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        np.savetxt(where / "y.csv", design.y, delimiter=",")
        for k in range(4):
            np.savetxt(where / f"x{k + 1}.csv", design.x[k + 1], delimiter=",")
        (where / "run.R").write_text(R_SCRIPT.replace("REPS", str(reps)), encoding="utf-8")
        done = subprocess.run(["Rscript", "run.R"], cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    lines = [line.split() for line in done.stdout.strip().splitlines()[-2:]]
    return {
        model: ([float(words[0])], np.array(words[1:6], dtype=float), words[6])
        for model, words in zip(("linear", "logit"), lines, strict=True)
    }


def regression(
    n: int, degree: float, n_draws: int, model: str, repeat: int = 3, *, warm: bool = True
) -> list[float]:
    """Time one call of mrqap, compiled before by a short one."""
    net, networks = organisation(n, degree)
    mrqap(net, FORMULA, networks=networks, model=model, n_draws=64 if n < 1000 else 2, rng=0)
    return cpu(
        lambda: mrqap(net, FORMULA, networks=networks, model=model, n_draws=n_draws, rng=0), repeat, warm=warm
    )


def correlation() -> None:
    """Time qap_correlation and numpy on 20,000 ties against a dense table."""
    n, draws, part = (300, 500, 50) if quick() else (1000, 10_000, 200)
    net, _ = organisation(n, 20)
    rng = np.random.default_rng(1)
    values = rng.normal(size=(n, n))
    table = pd.DataFrame(values, index=net.ids, columns=net.ids)
    off = ~np.eye(n, dtype=bool)
    a = net.adjacency.toarray().astype(float)
    left = np.where(off, a - a[off].mean(), 0.0)
    scale = np.sqrt((left**2).sum() * ((values[off] - values[off].mean()) ** 2).sum())

    def plain() -> list[float]:
        stream = np.random.default_rng(2)
        perms = (stream.permutation(n) for _ in range(part))
        return [float((left * values[np.ix_(p, p)]).sum() / scale) for p in perms]

    ours = qap_correlation(net, table, n_draws=part, rng=0)
    assert abs(ours.observed - (left * values).sum() / scale) < 1e-10
    assert abs(ours.null_sd / np.std(plain()) - 1) < 0.5
    compare(
        f"qap_correlation, {n} people, {net.n_ties} ties against a dense table, {draws} permutations",
        ours=cpu(lambda: qap_correlation(net, table, n_draws=draws, rng=0)),
        peer="numpy Y[ix_(p, p)]",
        theirs=cpu(plain, 1),
        scale=draws / part,
        at_least=40,
        note=f"CPU seconds; numpy extrapolated from {part} permutations",
    )


if __name__ == "__main__":
    draws = 64 if quick() else 1000
    theirs = None if quick() else sna(71, 13, draws // 10)
    for model, stored, promise in (("linear", NETLM, 250), ("logit", NETLOGIT, 50)):
        peer = "sna::netlm" if model == "linear" else "sna::netlogit"
        name = f"mrqap {model}, 71 people, 4 covariates, 1,000 permutations"
        ours = regression(71, 13, draws, model)
        if theirs is None:
            note = "CPU seconds; the peer's time is stored, not of this run"
            compare(name, ours=ours, peer=f"{peer} 2.7-1 (stored)", theirs=[stored], scale=draws / 1000,
                    at_least=promise, note=note)  # fmt: skip
            continue
        seconds, coefficients, version = theirs[model]
        net, networks = organisation(71, 13)
        same = mrqap(net, FORMULA, networks=networks, model=model, n_draws=1, rng=0).params["estimate"]
        assert np.allclose(same, coefficients, rtol=1e-4, atol=1e-6)
        note = f"CPU seconds; the peer with {draws // 10} permutations, times 10; coefficients agree"
        compare(
            name, ours=ours, peer=f"{peer} {version}", theirs=seconds, scale=10, at_least=promise, note=note
        )
    n = 150 if quick() else 500
    compare(
        f"mrqap linear, {n} people, 4 covariates, {draws} permutations",
        ours=regression(n, 20, draws, "linear", 1 if quick() else 3),
        peer="limit of 9 CPU s",
        theirs=[9.0],
        at_least=1,
        note="CPU seconds against a fixed limit",
    )
    if not quick():
        compare(
            "mrqap linear, 2,000 people, 4 covariates, 1000 permutations",
            ours=regression(2000, 20, 1000, "linear", 1, warm=False),
            peer="limit of 10 CPU minutes",
            theirs=[600.0],
            at_least=1,
            note="CPU seconds, all permutations drawn, setting up included",
        )
    correlation()

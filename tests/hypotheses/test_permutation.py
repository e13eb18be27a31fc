"""QAP correlation and conditional uniform graphs: by hand, against slow twins, and what they refuse."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.hypotheses import _graphs, _kernels, cug_test, qap_correlation
from peernet.hypotheses._design import known_cells
from peernet.hypotheses._goodness import triad_census
from peernet.hypotheses._permute import inner_products, products, shuffler


def network(
    n: int, density: float, rng: np.random.Generator, *, weights: bool = False, **columns: object
) -> PeerNetwork:
    present = (rng.random((n, n)) < density) & ~np.eye(n, dtype=bool)
    values = present * (rng.integers(1, 6, (n, n)) if weights else 1)
    people = pd.DataFrame(columns, index=[f"p{i}" for i in range(n)])
    return PeerNetwork.from_adjacency(values.astype(float), row_is="teacher", ids=people.index, people=people)


def slow_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Correlate over the cells known in both, one by one."""
    left, right = [], []
    for i in range(len(a)):
        for j in range(len(a)):
            if i != j and np.isfinite(a[i, j]) and np.isfinite(b[i, j]):
                left.append(a[i, j])
                right.append(b[i, j])
    return float(np.corrcoef(left, right)[0, 1])


def test_every_arrangement_of_five_people() -> None:
    rng = np.random.default_rng(0)
    net, other = network(5, 0.5, rng, weights=True), network(5, 0.5, rng, weights=True)
    a, b = net.adjacency.toarray().astype(float), other.adjacency.toarray().astype(float)
    every = [slow_correlation(a, b[np.ix_(p, p)]) for p in permutations(range(5))]
    seen = slow_correlation(a, b)
    for tail, count in (
        ("greater", sum(r >= seen - 1e-12 for r in every)),
        ("less", sum(r <= seen + 1e-12 for r in every)),
    ):
        test = qap_correlation(net, other, alternative=tail, n_draws=120, rng=1)
        assert test.provenance["exact"] and test.n_draws == 120
        np.testing.assert_allclose(np.sort(test.null), np.sort(every), atol=1e-12)
        assert test.p_value == pytest.approx(count / 120)
        assert test.observed == pytest.approx(seen, abs=1e-12)
    assert abs(np.mean(every)) < 1e-12
    assert not qap_correlation(net, other, n_draws=119, rng=1).provenance["exact"]


@pytest.mark.parametrize("n", [20, 70, 90])
def test_all_paths_agree_with_the_slow_one(n: int) -> None:
    """Dense, compiled, sparse and missing-cell paths give the same draws for the same permutations."""
    rng = np.random.default_rng(n)
    net = network(n, 0.08, rng, weights=n == 90)
    dense = pd.DataFrame(rng.normal(size=(n, n)), index=net.ids, columns=net.ids)
    gaps = dense.copy()
    gaps.iloc[3, 5:9] = np.nan
    a = net.adjacency.toarray().astype(float)
    for other in (dense, gaps):
        test = qap_correlation(net, other, n_draws=70, rng=5)
        b = other.to_numpy()
        assert test.observed == pytest.approx(slow_correlation(a, b), abs=1e-12)
        from peernet._rng import as_rng, streams

        first = streams(as_rng(5), 2)[0]
        perms = shuffler(net, None).draw(64, first)
        for at in (0, 63):
            p = perms[at]
            assert test.null[at] == pytest.approx(slow_correlation(a, b[np.ix_(p, p)]), abs=2e-7)


def test_kernel_is_the_einsum_it_stands_for() -> None:
    rng = np.random.default_rng(1)
    for n in (7, 60, 300):
        moved, still = rng.normal(size=(2, n, n)), rng.normal(size=(3, n, n))
        perms = np.array([rng.permutation(n) for _ in range(3)])
        out = np.empty((3, 2, 3))
        _kernels.cross(perms, moved, still, out)
        slow = np.array([np.einsum("aij,bij->ab", moved[:, p][:, :, p], still) for p in perms])
        np.testing.assert_allclose(out, slow, rtol=1e-9, atol=1e-9 * n)
        np.testing.assert_allclose(inner_products(perms, moved, still), slow, rtol=1e-9, atol=1e-9 * n)


@pytest.mark.parametrize("lead", [(False, False), (True, False), (False, True), (True, True)])
def test_products_take_sparse_and_dense_matrices_alike(lead: tuple[bool, bool]) -> None:
    """Few entries on either side, on both or on neither; the constant by sums; small networks by matrix products."""
    rng = np.random.default_rng(21)
    for n in (9, 60):
        off = ~np.eye(n, dtype=bool)
        dense = rng.normal(size=(2, n, n)) * off
        few = dense[0] * (rng.random((n, n)) < 0.1)
        ties = ((rng.random((n, n)) < 0.05) & off).astype(float)
        moved = np.stack([*([off] if lead[0] else []), dense[0], few, ties])
        still = np.stack([*([off] if lead[1] else []), ties, dense[1], few])
        perms = np.array([rng.permutation(n) for _ in range(4)])
        got = products(moved, still, lead=lead)(perms)
        slow = np.array([np.einsum("aij,bij->ab", moved[:, p][:, :, p], still) for p in perms])
        np.testing.assert_allclose(got, slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", [True, False])
def test_sparse_kernel_against_loops(weights: bool) -> None:
    rng = np.random.default_rng(2)
    n = 9
    net, table = network(n, 0.3, rng, weights=weights), rng.normal(size=(n, n)).astype(np.float32)
    perms = np.array([rng.permutation(n) for _ in range(5)]).astype(np.uint16)
    out = np.empty(5)
    weight = net.weight if weights else np.empty(0)
    ptr = net.adjacency.indptr.astype(np.int64)
    _kernels.sparse_cross(perms, ptr, net.learner.astype(np.uint16), weight, table, out)
    for r, p in enumerate(perms):
        ties = zip(net.teacher, net.learner, net.weight, strict=True)
        assert out[r] == pytest.approx(sum(w * table[p[i], p[j]] for i, j, w in ties), rel=1e-6)


def test_workers_do_not_change_the_answer() -> None:
    rng = np.random.default_rng(3)
    net, other = network(80, 0.1, rng), network(80, 0.1, rng)
    one = qap_correlation(net, other, n_draws=200, rng=7)
    two = qap_correlation(net, other, n_draws=200, rng=7, n_jobs=2)
    np.testing.assert_array_equal(one.null, two.null)
    a = cug_test(net, "transitivity", null="ties", n_draws=40, rng=7)
    b = cug_test(net, "transitivity", null="ties", n_draws=40, rng=7, n_jobs=3)
    np.testing.assert_array_equal(a.null, b.null)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_the_same_numbers_on_joblibs_backends(backend: str) -> None:
    """Threads and processes; a Dask cluster is in tests/test_engines.py."""
    import joblib

    from peernet.hypotheses import fit_peer_effects, mrqap

    rng = np.random.default_rng(5)
    net, other = (
        network(52, 0.1, rng, skill=rng.normal(size=52), age=rng.normal(size=52)),
        network(52, 0.1, rng),
    )

    def answers(n_jobs: int) -> list[np.ndarray]:
        options = {"rng": 7, "n_jobs": n_jobs, "n_draws": 130}
        return [
            mrqap(net, "tie ~ other + diff(age)", networks={"other": other}, **options).null,
            mrqap(net, "tie ~ other + diff(age)", networks={"other": other}, model="logit", **options).null,
            qap_correlation(net, other, **options).null,
            cug_test(net, "transitivity", null="ties", **options).null,
            fit_peer_effects(net, "skill ~ age", **options).moran.null,
        ]

    here = answers(1)
    with joblib.parallel_config(backend):
        there = answers(2)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_array_equal(a, b)


def test_people_change_places_only_within() -> None:
    rng = np.random.default_rng(4)
    net = network(12, 0.3, rng, site=list("aabbbbccccdd"))
    shuffle = shuffler(net, "site")
    codes, _ = net.codes("site")
    assert shuffle.count == 2 * 24 * 24 * 2
    for p in shuffle.draw(50, rng):
        assert (codes[p] == codes).all() and sorted(p) == list(range(12))
    every = np.concatenate(list(shuffle.every(100)))
    assert len(np.unique(every, axis=0)) == shuffle.count and (every[0] == np.arange(12)).all()
    # The site pattern itself cannot be told from chance by moves within sites.
    test = qap_correlation(net, "same(site)", within="site", n_draws=50, rng=1)
    np.testing.assert_allclose(test.null, test.observed)
    assert test.p_value == 1
    with pytest.raises(DataError, match="no 'team'"):
        qap_correlation(net.with_people(team=["x"] * 11 + [None]), net, within="team")
    with pytest.raises(DataError, match="every block holds one person"):
        qap_correlation(net.with_people(own=list(net.ids)), net, within="own")


def test_order_of_the_second_network_does_not_matter_and_reversing_both_neither() -> None:
    rng = np.random.default_rng(6)
    net, other = network(15, 0.3, rng), network(15, 0.3, rng)
    r = qap_correlation(net, other, n_draws=1, rng=0).observed
    assert qap_correlation(net, other.subset(other.ids), n_draws=1, rng=0).observed == pytest.approx(r)
    assert qap_correlation(net.reverse(), other.reverse(), n_draws=1, rng=0).observed == pytest.approx(r)
    assert qap_correlation(net.reverse(), other, n_draws=1, rng=0).observed != pytest.approx(r)


def test_silent_people_are_left_out_not_zero() -> None:
    rng = np.random.default_rng(7)
    a, other = network(10, 0.4, rng), network(10, 0.4, rng)
    heard = a.ties[a.ties["learner"] != "p4"]
    status = {i: "silent" if i == "p4" else "answered" for i in a.ids}
    net = PeerNetwork(a.people, heard, observed=status, respondent_is="learner")
    table = a.adjacency.toarray().astype(float)
    table[:, 4] = np.nan
    test = qap_correlation(net, other, n_draws=200, rng=1)
    assert test.observed == pytest.approx(slow_correlation(table, other.adjacency.toarray().astype(float)))
    assert test.provenance["cells_left_out"] == 9
    assert np.isfinite(test.null).all()


def test_isolates_count() -> None:
    rng = np.random.default_rng(8)
    net = network(12, 0.3, rng)
    lonely = PeerNetwork([*net.ids, "x", "y"], net.ties)
    assert qap_correlation(lonely, lonely, n_draws=1, rng=0).provenance["cells_used"] == 14 * 13


def test_correlation_refuses() -> None:
    net = network(6, 0.5, np.random.default_rng(9), unit=list("aabbcc"), one=["x"] * 6, role=list("abcabc"))
    with pytest.raises(DataError, match="not over the same people"):
        qap_correlation(net, net.subset(["p0", "p1", "p2"]))
    with pytest.raises(DataError, match="other does not vary"):
        qap_correlation(net, "same(one)")
    with pytest.raises(DataError, match="2 matrices"):
        qap_correlation(net, "teacher(role)")
    with pytest.raises(ValueError, match="one term"):
        qap_correlation(net, "same(unit) + same(role)")
    with pytest.raises(ValueError, match="alternative must be one of"):
        qap_correlation(net, net, alternative="bigger")  # type: ignore[arg-type]
    assert qap_correlation(net, net, weighted=False, n_draws=5, rng=0).observed == pytest.approx(1)


# ---- conditional uniform graphs -------------------------------------------------------------------------------------


def silent_network() -> PeerNetwork:
    net = network(14, 0.3, np.random.default_rng(10), unit=list("aaaabbbbcccccc"))
    status = {i: "silent" if i in ("p3", "p8") else "answered" for i in net.ids}
    heard = net.ties[~net.ties["learner"].isin(["p3", "p8"])]
    return PeerNetwork(net.people, heard, observed=status, respondent_is="learner")


@pytest.mark.parametrize("null", ["ties", "dyad census", "degrees", "block densities"])
@pytest.mark.parametrize("silent", [False, True])
def test_draws_keep_what_they_promise(null: str, silent: bool) -> None:
    rng = np.random.default_rng(11)
    net = silent_network() if silent else network(14, 0.3, rng, unit=list("aaaabbbbcccccc"))
    known, codes = known_cells(net), net.codes("unit")[0]
    seen = (net.adjacency.toarray() > 0) & known
    draw = _graphs.drawer(null, seen, known, codes if null == "block densities" else None)
    different = 0
    for _ in range(30):
        got = draw(rng)
        assert not (got & ~known).any() and got.sum() == seen.sum()
        different += (got != seen).any()
        if null == "degrees":
            assert (got.sum(0) == seen.sum(0)).all() and (got.sum(1) == seen.sum(1)).all()
        if null == "dyad census":
            whole = known & known.T
            assert (got & got.T & whole).sum() == (seen & seen.T & whole).sum()
            assert (got & whole).sum() == (seen & whole).sum()
        if null == "block densities":
            for a in range(3):
                for b in range(3):
                    block = np.ix_(codes == a, codes == b)
                    assert got[block].sum() == seen[block].sum()
    assert different == 30


def test_draws_are_uniform() -> None:
    """Three people, two ties: 15 networks; one mutual pair: 3; one way each: 12."""
    rng = np.random.default_rng(12)
    known = ~np.eye(3, dtype=bool)
    seen = np.zeros((3, 3), dtype=bool)
    seen[0, 1] = seen[1, 2] = True
    for null, kinds in (("ties", 15), ("dyad census", 12)):
        draw = _graphs.drawer(null, seen, known, None)
        keys = [draw(rng).tobytes() for _ in range(4000)]
        counts = np.unique(keys, return_counts=True)[1]
        assert len(counts) == kinds
        expected = 4000 / kinds
        assert ((counts - expected) ** 2 / expected).sum() < 40


def test_statistics_by_hand() -> None:
    ties = pd.DataFrame({"teacher": list("aabbc"), "learner": list("bcacd")})
    net = PeerNetwork(list("abcd"), ties)
    # Chains a-b-c (closed), a-c-d, b-a-c (closed), b-c-d: 2 of 4.
    values = {"reciprocity": 0.4, "transitivity": 0.5, "teacher_centralization": (0 + 0 + 1 + 2) / 9}
    for name, value in values.items():
        assert cug_test(net, name, n_draws=1, rng=0).observed == pytest.approx(value)
    big = (np.random.default_rng(13).random((450, 450)) < 0.02) & ~np.eye(450, dtype=bool)
    a = big.astype(float)
    paths = a @ a
    np.fill_diagonal(paths, 0)
    assert _graphs.transitivity(big) == pytest.approx(paths[big].sum() / paths.sum())
    assert np.isnan(_graphs.reciprocity(np.zeros((3, 3), dtype=bool)))


def test_own_statistic_sees_networks_over_the_same_people() -> None:
    net = network(8, 0.4, np.random.default_rng(14), unit=list("aabbccdd"))

    def same_unit(drawn: PeerNetwork) -> float:
        codes, _ = drawn.codes("unit")
        assert list(drawn.ids) == list(net.ids) and drawn.n_ties == net.n_ties
        return float((codes[drawn.teacher] == codes[drawn.learner]).mean())

    test = cug_test(net, same_unit, null="ties", n_draws=50, rng=2)
    assert test.name == "Same unit" and 0 < test.p_value <= 1
    assert test.null_mean == pytest.approx(1 / 7, abs=0.05)


def test_cug_refuses() -> None:
    net = network(6, 0.4, np.random.default_rng(15), unit=list("aabbcc"))
    with pytest.raises(ValueError, match="null must be one of"):
        cug_test(net, "reciprocity", null="waves")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="statistic must be one of"):
        cug_test(net, "density")
    with pytest.raises(ValueError, match="pass both or neither"):
        cug_test(net, "reciprocity", null="block densities")
    with pytest.raises(TypeError, match="function of a PeerNetwork"):
        cug_test(net, 3)  # type: ignore[arg-type]


def test_triads_against_networkx() -> None:
    import networkx as nx

    present = (np.random.default_rng(16).random((15, 15)) < 0.3) & ~np.eye(15, dtype=bool)
    graph = nx.from_numpy_array(present.astype(int), create_using=nx.DiGraph)
    # networkx 111D is A <-> B <- C as here; its census is by the same names.
    assert triad_census(present) == nx.triadic_census(graph)


def test_two_modes_by_enumeration() -> None:
    """Three who teach, three who learn: 36 arrangements, each kind among itself."""
    from itertools import permutations

    rng = np.random.default_rng(31)
    ids = [f"p{i}" for i in range(6)]
    kind = pd.DataFrame({"kind": list("mmmppp")}, index=ids)
    a, b = (np.zeros((6, 6)) for _ in range(2))
    a[:3, 3:], b[:3, 3:] = rng.integers(0, 3, (3, 3)), rng.integers(0, 3, (3, 3))
    net, other = (PeerNetwork.from_adjacency(m, row_is="teacher", ids=ids, people=kind) for m in (a, b))
    test = qap_correlation(net, other, two_mode="kind", n_draws=100)
    want = [
        np.corrcoef(a[:3, 3:].ravel(), b[np.ix_(list(s), list(t))].ravel())[0, 1]
        for s in permutations(range(3))
        for t in permutations(range(3, 6))
    ]
    assert test.provenance["exact"] and test.provenance["cells_used"] == 9
    assert test.provenance["cells_left_out"] == 0
    np.testing.assert_allclose(np.sort(test.null), np.sort(want), atol=1e-9)
    assert test.observed == pytest.approx(want[0])
    upper, lower = (np.mean(c) for c in (np.array(want) >= want[0] - 1e-9, np.array(want) <= want[0] + 1e-9))
    assert test.p_value == pytest.approx(min(1, 2 * min(upper, lower)))
    with pytest.raises(DataError, match="two_mode: ties must run"):
        qap_correlation(network(6, 0.8, rng, kind=list("mmmppp")), other, two_mode="kind")


def test_words_of_other_software_are_translated() -> None:
    net = network(8, 0.4, np.random.default_rng(32))
    for word, ours in (("edges", "ties"), ("dyad.census", "dyad census")):
        with pytest.raises(ValueError, match=f"null='{ours}'"):
            cug_test(net, "reciprocity", null=word)
    with pytest.raises(TypeError, match="one number for a PeerNetwork; got str 'a'"):
        cug_test(net, lambda g: "a", n_draws=3)
    for call in (lambda: qap_correlation(net.ties, net), lambda: cug_test(net.ties, "reciprocity")):
        with pytest.raises(TypeError, match="net must be a PeerNetwork; got DataFrame"):
            call()

"""The central object: hand-worked values, opt-outs, changes, conversions, invariances."""

from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError, PeerNetwork

PEOPLE = pd.DataFrame({"unit": ["x", "x", "y", "y"]}, index=list("abcd"))
TIES = pd.DataFrame(
    {
        "teacher": ["a", "a", "b", "a"],
        "learner": ["b", "c", "a", "b"],
        "weight": [1.0, 2.0, 3.0, 0.5],
        "time": pd.to_datetime(["2024-01-08", "2024-02-01", "2024-03-01", "2024-03-02"], utc=True),
    }
)


def net() -> PeerNetwork:
    return PeerNetwork(PEOPLE, TIES)


def test_adjacency_says_how_much_row_teaches_column() -> None:
    a = net().adjacency.toarray()
    assert a[0, 1] == 1.5
    assert a[0, 2] == 2.0
    assert a[1, 0] == 3.0
    assert a.sum() == 6.5


def test_counts_are_of_distinct_pairs_and_rows_are_kept() -> None:
    n = net()
    assert (n.n_people, n.n_ties, len(n.ties)) == (4, 3, 4)
    assert list(n.ids) == list("abcd")
    assert n.teacher.dtype == np.int32
    assert n.learner.dtype == np.int32
    np.testing.assert_array_equal(n.teacher, [0, 0, 1])
    np.testing.assert_array_equal(n.learner, [1, 2, 0])
    np.testing.assert_array_equal(n.weight, [1.5, 2.0, 3.0])


def test_repr_names_people_ties_span_and_isolates() -> None:
    assert repr(net()) == (
        "PeerNetwork: 4 people, 3 teaching ties (2024-01-08 to 2024-03-02), 1 person with no ties"
    )
    card = net()._repr_html_()
    assert "<th" in card
    assert ">a<" not in card  # no names


def test_card_escapes_column_names() -> None:
    people = pd.DataFrame({"<script>": [1, 2]}, index=["a", "b"])
    card = PeerNetwork(people, TIES.iloc[:0])._repr_html_()
    assert "<script>" not in card


def test_edits_of_views_do_not_reach_the_network() -> None:
    n = net()
    frame = n.people
    frame.loc["a", "unit"] = "z"
    ties = n.ties
    ties.loc[0, "weight"] = 99.0
    assert n.people.loc["a", "unit"] == "x"
    assert n.ties.loc[0, "weight"] == 1.0
    with pytest.raises(AttributeError, match="does not change"):
        n.people = frame  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        n.weight[0] = 5.0


def test_inputs_are_not_changed() -> None:
    people, ties = PEOPLE.copy(), TIES.copy()
    PeerNetwork(people, ties)
    pd.testing.assert_frame_equal(people, PEOPLE)
    pd.testing.assert_frame_equal(ties, TIES)


def test_whole_number_ids_become_text_and_na_stays_a_name() -> None:
    n = PeerNetwork(["1", "NA", "None"], pd.DataFrame({"teacher": ["NA"], "learner": ["None"]}))
    assert n.n_ties == 1
    m = PeerNetwork(pd.DataFrame(index=[1, 2]), pd.DataFrame({"teacher": [1], "learner": [2]}))
    assert list(m.ids) == ["1", "2"]


def test_opt_outs_are_counted() -> None:
    ties = pd.DataFrame(
        {
            "teacher": ["a", "a", "q", "b", "c"],
            "learner": ["a", "b", "a", "c", "a"],
            "weight": [1.0, 1.0, 1.0, np.nan, 0.0],
        }
    )
    n = PeerNetwork(PEOPLE, ties, unknown="drop", self_ties="drop", bad_weights="drop")
    assert n.n_ties == 1
    assert n.provenance["dropped"] == {"unknown": 1, "self_ties": 1, "bad_weights": 2}
    assert n.provenance["rows_given"] == 5
    more = PeerNetwork(PEOPLE, ties.iloc[[2]], unknown="add")
    assert list(more.ids) == ["a", "b", "c", "d", "q"]
    assert more.observed["q"] == "not_asked"


def test_nominations_turn_round_with_the_question() -> None:
    named = pd.DataFrame({"respondent": ["a", "b"], "named": ["b", "c"]})
    asks = PeerNetwork.from_nominations(PEOPLE, named, respondent_is="learner", respondents=list("abc"))
    assert asks.adjacency.toarray()[1, 0] == 1  # a learns from b, so b teaches a
    tells = PeerNetwork.from_nominations(PEOPLE, named, respondent_is="teacher", respondents=list("abc"))
    assert (asks.adjacency.toarray() == tells.adjacency.toarray().T).all()
    assert list(asks.observed) == ["answered", "answered", "answered", "silent"]
    assert asks.reverse() == tells
    assert asks.reverse().respondent_is == "teacher"
    quiet = PeerNetwork.from_nominations(PEOPLE, named, respondent_is="learner")
    assert list(quiet.observed) == ["answered", "answered", "silent", "silent"]


def test_direction_has_no_default() -> None:
    named = pd.DataFrame({"respondent": ["a"], "named": ["b"]})
    with pytest.raises(TypeError):
        PeerNetwork.from_nominations(PEOPLE, named)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"respondent_is must be one of 'learner', 'teacher'; got 'asker'"):
        PeerNetwork.from_nominations(PEOPLE, named, respondent_is="asker")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        PeerNetwork.from_networkx(nx.DiGraph())  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        PeerNetwork.from_adjacency(np.zeros((2, 2)))  # type: ignore[call-arg]


def test_networkx_round_trip_in_both_meanings() -> None:
    n = PeerNetwork(PEOPLE, TIES.drop(columns="time")).aggregate()
    for means in ("teaches", "asks"):
        back = PeerNetwork.from_networkx(n.to_networkx(edge_means=means), edge_means=means)
        np.testing.assert_array_equal(back.adjacency.toarray(), n.adjacency.toarray())
        assert list(back.column("unit")) == list(n.column("unit"))
    graph = n.to_networkx()
    assert graph["a"]["c"]["weight"] == 2.0
    with pytest.raises(DataError, match="no directions"):
        PeerNetwork.from_networkx(nx.Graph([("a", "b")]), edge_means="teaches")


def test_adjacency_round_trip_and_labelled_columns_in_any_order() -> None:
    n = net()
    dense = n.adjacency.toarray()
    assert (
        PeerNetwork.from_adjacency(dense, row_is="teacher", people=PEOPLE).adjacency.toarray().tolist()
        == dense.tolist()
    )
    frame = pd.DataFrame(dense.T, index=list("abcd"), columns=list("abcd"))[list("dcba")]
    back = PeerNetwork.from_adjacency(frame, row_is="learner")
    np.testing.assert_array_equal(back.adjacency.toarray(), dense)
    sparse = PeerNetwork.from_adjacency(n.adjacency, row_is="teacher", ids=list("abcd"))
    np.testing.assert_array_equal(sparse.adjacency.toarray(), dense)


def test_a_matrix_row_that_is_missing_is_a_silent_person() -> None:
    a = np.zeros((3, 3))
    a[0, 1] = 1
    a[2] = np.nan
    n = PeerNetwork.from_adjacency(a, row_is="learner", ids=["a", "b", "c"])
    assert dict(n.observed) == {"a": "answered", "b": "answered", "c": "silent"}
    assert n.respondent_is == "learner"
    assert n.adjacency.toarray()[1, 0] == 1
    a[1, 2] = np.nan
    with pytest.raises(DataError, match=r"1 cells are negative, infinite or missing \(\[1, 2\]\)"):
        PeerNetwork.from_adjacency(a, row_is="learner")


def test_codes_give_the_same_network_and_fold_pairs() -> None:
    n = PeerNetwork.from_codes([0, 0, 1, 0], [1, 2, 0, 1], [1, 2, 3, 0.5], people=PEOPLE)
    np.testing.assert_array_equal(n.adjacency.toarray(), net().adjacency.toarray())
    assert n == PeerNetwork(PEOPLE, TIES.drop(columns="time")).aggregate().where(
        lambda t: t["weight"] > 0
    ).__class__(PEOPLE, n.ties)
    assert pickle.loads(pickle.dumps(n)) == n
    assert n.subset(["a", "b"]).n_ties == 2
    assert n.where(lambda t: t["weight"] > 1.8).n_ties == 2
    np.testing.assert_array_equal(n.reverse().adjacency.toarray(), n.adjacency.toarray().T)
    with pytest.raises(DataError, match=r"1 teacher codes are outside 0..3 \(row 1: 9\)"):
        PeerNetwork.from_codes([0, 9], [1, 2], people=4)
    with pytest.raises(DataError, match="self-ties"):
        PeerNetwork.from_codes([0, 1], [0, 2], people=4)


def test_windows_are_half_open() -> None:
    n = net()
    assert len(n.window("2024-02-01", "2024-03-01").ties) == 1
    assert len(n.window(None, "2024-03-02").ties) == 3
    assert n.window("2024-02-01", "2024-03-01").n_people == 4
    with pytest.raises(DataError, match="ties has no column 'time'"):
        PeerNetwork(PEOPLE, TIES.drop(columns="time")).window("2024-01-01")


def test_aggregate_counts_episodes_and_keeps_first_and_last() -> None:
    frame = net().aggregate().ties
    row = frame[(frame["teacher"] == "a") & (frame["learner"] == "b")].iloc[0]
    assert (row["weight"], row["n_episodes"]) == (1.5, 2)
    assert str(row["first"].date()) == "2024-01-08"
    assert str(row["last"].date()) == "2024-03-02"


def test_subset_where_with_people() -> None:
    n = net()
    assert n.subset(lambda p: p["unit"] == "x").n_ties == 2
    assert n.where(weight=[1.0, 2.0]).n_ties == 2
    m = n.with_people(age={"a": 30, "c": 50}, site="north")
    assert m.column("age").isna().sum() == 2
    assert list(n.people.columns) == ["unit"]
    with pytest.raises(DataError, match=r"age names 1 ids that are not in people \('zz'\)"):
        n.with_people(age={"zz": 1})
    with pytest.raises(DataError, match=r"no column 'dept'.*Columns: unit"):
        n.column("dept")
    with pytest.raises(DataError, match="not in people"):
        n.subset(["a", "zz"])


def test_codes_of_a_group_are_sorted_and_missing_is_minus_one() -> None:
    n = net().with_people(unit={"a": "y", "b": "x"})
    codes, names = n.codes("unit")
    assert list(codes) == [1, 0, -1, -1]
    assert list(names) == ["x", "y"]


def test_equality_ignores_the_order_of_rows_only() -> None:
    n = net()
    assert n == PeerNetwork(PEOPLE, TIES.iloc[::-1])
    assert n != PeerNetwork(PEOPLE, TIES.assign(weight=1.0))
    assert n != n.reverse()
    assert n != n.with_people(unit="z")
    assert n != 3
    with pytest.raises(TypeError):
        hash(n)
    assert pickle.loads(pickle.dumps(n)) == n


def test_empty_networks_work() -> None:
    n = PeerNetwork([], pd.DataFrame({"teacher": [], "learner": []}, dtype=str))
    assert (n.n_people, n.n_ties) == (0, 0)
    m = PeerNetwork(["a"], pd.DataFrame({"teacher": [], "learner": []}, dtype=str))
    assert repr(m) == "PeerNetwork: 1 person, 0 teaching ties, 1 person with no ties"
    assert m.reverse() == m
    assert m.aggregate().n_ties == 0
    assert PeerNetwork.from_networkx(nx.DiGraph(), edge_means="teaches").n_people == 0


@st.composite
def networks(draw: st.DrawFn) -> PeerNetwork:
    n = draw(st.integers(2, 8))
    person = st.integers(0, n - 1)
    tie = st.tuples(person, person, st.floats(0.1, 9)).filter(lambda t: t[0] != t[1])
    rows = draw(st.lists(tie, min_size=1))
    ties = pd.DataFrame([(f"p{t}", f"p{u}", w) for t, u, w in rows], columns=["teacher", "learner", "weight"])
    team = draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n))
    return PeerNetwork(pd.DataFrame({"team": team}, index=[f"p{i}" for i in range(n)]), ties)


@given(networks(), st.randoms(use_true_random=False))
def test_shuffled_rows_and_people_change_nothing(net: PeerNetwork, random: object) -> None:
    order = np.random.default_rng(random.getrandbits(32)).permutation(len(net.ties))  # type: ignore[attr-defined]
    assert PeerNetwork(net.people, net.ties.iloc[order]) == net
    back = PeerNetwork(net.people.iloc[::-1], net.ties)
    a = pd.DataFrame(net.adjacency.toarray(), net.ids, net.ids)
    b = pd.DataFrame(back.adjacency.toarray(), back.ids, back.ids).loc[net.ids, net.ids]
    np.testing.assert_allclose(a, b, rtol=1e-12)


@given(networks())
def test_reversing_twice_and_splitting_ties(net: PeerNetwork) -> None:
    assert net.reverse().reverse() == net
    half = net.ties.assign(weight=net.ties["weight"] / 2)
    double = PeerNetwork(net.people, pd.concat([half, half], ignore_index=True))
    np.testing.assert_allclose(double.adjacency.toarray(), net.adjacency.toarray(), rtol=1e-12)
    assert double.n_ties == net.n_ties
    assert double.aggregate().n_ties == net.n_ties


@pytest.mark.slow
def test_a_million_people_and_twenty_million_ties_fit() -> None:
    """Memory of the object itself (the tables it holds), not of the test's own arrays."""
    rng = np.random.default_rng(5)
    n, m = 1_000_000, 20_000_000
    teacher = rng.integers(0, n, m, dtype=np.int32)
    learner = (teacher + rng.integers(1, n, m, dtype=np.int32)) % n
    net = PeerNetwork.from_codes(teacher, learner, people=n)
    a = net.adjacency
    held = a.indices.nbytes + a.data.nbytes + a.indptr.nbytes + net.people.memory_usage(deep=True).sum()
    assert held < 0.5 * 2**30
    assert net.n_ties > 19_000_000


def test_nothing_done_to_a_matrix_or_the_provenance_reaches_the_network() -> None:
    n = net()
    matrix = n.adjacency
    with pytest.raises(ValueError, match="read-only"):
        matrix.data[0] = 55.0
    writable = matrix.copy()
    writable.data[0] = 5.0
    n.provenance["dropped"]["unknown"] = 99
    assert n.n_ties == 3
    assert n.adjacency[0, 1] == 1.5
    assert n.provenance["dropped"]["unknown"] == 0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: PeerNetwork.from_nominations(
                PEOPLE,
                pd.DataFrame({"respondent": ["a"], "named": ["b"]}),
                respondent_is="learner",
                respondents=["c"],
            ),
            r"1 people name somebody but are not in respondents \('a'\)",
        ),
        (
            lambda: PeerNetwork.from_networkx(
                nx.DiGraph([("a", "b", {"strength": 2})]), edge_means="asks", weight="x"
            ),
            "no edge has an attribute 'x'",
        ),
        (lambda: PeerNetwork(["a", ""], TIES.iloc[:0]), r"people: 1 ids are empty \(row 1\)"),
        (lambda: net().window("2024-03-01", "2024-01-01"), "is not after the start"),
        (lambda: PeerNetwork.from_adjacency([["x"]], row_is="teacher"), "cells must be numbers"),
    ],
)
def test_what_was_silently_accepted_is_refused(make: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        make()  # type: ignore[operator]


def test_word_options_of_codes_and_an_empty_stream_of_events() -> None:
    with pytest.raises(ValueError, match="self_ties must be one of"):
        PeerNetwork.from_codes([0], [1], people=2, self_ties="keep")  # type: ignore[arg-type]
    assert PeerNetwork.from_codes([], [], people=3).n_ties == 0
    events = pd.DataFrame({"teacher": [], "learner": [], "time": pd.to_datetime([], utc=True)})
    assert PeerNetwork.from_events(events.astype({"teacher": str, "learner": str}), ["a"]).n_ties == 0
    diagonal = np.array([[np.nan, 1.0], [0.0, np.nan]])
    assert PeerNetwork.from_adjacency(diagonal, row_is="teacher").n_ties == 1


def test_a_pickle_names_the_public_class_and_its_tables() -> None:
    """Studies keep networks: what a pickle says must stay readable when code moves."""
    frame = pd.DataFrame({"teacher": ["a"], "learner": ["b"]})
    net = PeerNetwork(["a", "b"], frame)
    constructor, arguments, state = net.__reduce_ex__(2)[:3]
    assert f"{arguments[0].__module__}.{arguments[0].__qualname__}" == "peernet.network.PeerNetwork"
    assert {"_people", "_rows", "_row_ends", "_observed", "_respondent_is", "_provenance"} <= set(state)
    older = constructor(*arguments)
    older.__setstate__(dict(state))
    assert older == net
    assert older.adjacency.toarray().tolist() == [[0, 1], [0, 0]]

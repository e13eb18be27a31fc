"""Bus factor, experts per topic, and what is lost with each person."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import PeerNetwork, datasets, silos
from peernet.errors import DataError, PermissionLocked
from peernet.privacy import Permissions
from peernet.silos._bus_factor import exact_least, greedy_removals, needed
from peernet.silos._dominators import dominated

PEOPLE = list("abcdefgh")


def events(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["teacher", "learner", "topic"])


def firm() -> PeerNetwork:
    """Topic x is taught by a alone, y by a and b, z by b, c and d."""
    rows = [("a", k, "x") for k in "bcdef"] + [(t, k, "y") for t in "ab" for k in "efg"]
    rows += [(t, k, "z") for t in "bcd" for k in "efgh"]
    return PeerNetwork(PEOPLE, events(rows))


def smallest(sets: list[np.ndarray], goal: int) -> int:
    """Try every group of people, the smallest first."""
    people = sorted({int(p) for s in sets for p in s})
    for size in range(len(people) + 1):
        for gone in combinations(people, size):
            if sum(set(s.tolist()) <= set(gone) for s in sets) >= goal:
                return size
    raise AssertionError


def random_sets(rng: np.random.Generator, n_topics: int, n_people: int) -> list[np.ndarray]:
    return [np.flatnonzero(rng.random(n_people) < rng.uniform(0.1, 0.6)) for _ in range(n_topics)]


def test_a_firm_worked_by_hand() -> None:
    found = silos.knowledge_risk(firm(), min_group=1, rng=1)
    assert found.table["n_experts"].to_dict() == {"x": 1, "y": 2, "z": 3}
    # Two of three topics (x, y) are lost when a and b leave; no single person takes two.
    assert (found.bus_factor, found.greedy, found.lower, found.exact, found.gap) == (2, 2, 2, True, 0)
    assert found.curve["share_lost"].tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert silos.knowledge_risk(firm(), lost=0, min_group=1).bus_factor == 1
    assert silos.knowledge_risk(firm(), lost=0.7, min_group=1).bus_factor == 4
    assert "the right 2 of 8 people leave" in found.summary()


def test_stray_answers_make_no_expert() -> None:
    rows = [("a", k, "x") for k in "bcdefgh"] * 3 + [("b", "c", "x")]
    net = PeerNetwork(PEOPLE, events(rows))
    assert silos.knowledge_risk(net).table.loc["x", ["n_experts", "n_teachers"]].tolist() == [1, 2]
    assert silos.knowledge_risk(net, expert_at=0.01).table.loc["x", "n_experts"] == 2


@pytest.mark.parametrize("n_topics", [3, 7, 9])
def test_exact_equals_trying_everybody_and_greedy_is_never_below(n_topics: int) -> None:
    rng = np.random.default_rng(n_topics)
    for _ in range(15):
        sets = random_sets(rng, n_topics, 8)
        goal = needed(n_topics, float(rng.choice([0, 0.3, 0.5, 0.9])))
        greedy = greedy_removals(sets, goal)
        assert sum(set(s.tolist()) <= set(greedy) for s in sets) >= goal
        best = exact_least(sets, goal, len(greedy))
        assert best.size == best.lower == smallest(sets, goal) <= len(greedy)


def test_the_integer_programme_equals_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    from peernet.silos import _bus_factor

    rng = np.random.default_rng(2)
    cases = [random_sets(rng, 9, 12) for _ in range(12)]
    plain = [exact_least(s, 5, 99) for s in cases]
    monkeypatch.setattr(_bus_factor, "_MOST_SETS", 0)
    assert [exact_least(s, 5, 99) for s in cases] == plain


def test_more_than_half_is_more_than_half() -> None:
    assert [needed(n, 0.5) for n in (1, 2, 3, 4, 10)] == [1, 2, 2, 3, 6]
    assert needed(10, 0.1 + 0.2) == 4  # 3.0000000000000004 of ten


def test_learners_left_alone() -> None:
    ties = pd.DataFrame({"teacher": list("aaabc"), "learner": list("defff")})
    found = silos.knowledge_risk(PeerNetwork(PEOPLE, ties), of="learners")
    assert (found.bus_factor, found.n_items) == (1, 3)  # d and e have a alone: two of three
    assert found.to_frame()["share_lost"].iloc[-1] > 0.5
    assert "learners have no teacher left" in found.summary()
    assert found.plot().get_ylabel() == "learners without a teacher (%)"


def ratings() -> tuple[PeerNetwork, pd.DataFrame]:
    observed = dict.fromkeys(PEOPLE, "answered") | {"g": "silent", "h": "objected"}
    net = PeerNetwork(
        PEOPLE,
        pd.DataFrame({"teacher": ["a"], "learner": ["b"]}),
        observed=observed,
        respondent_is="learner",
    )
    table = pd.DataFrame({"x": [90, 10, 10, 10, 10, 10], "y": [90, 80, 10, 20, 30, 10]}, index=list("abcdef"))
    return net, table


def test_ratings_say_who_is_not_known_and_never_fill_objectors_in() -> None:
    net, table = ratings()
    found = silos.knowledge_risk(net, table, expert_at=70, rng=3)
    assert found.table[["n_experts", "n_people", "n_unknown"]].values.tolist() == [[1, 6, 1], [2, 6, 1]]
    assert found.verdict == "inconclusive"  # g might be another expert of x
    assert found.bus_factor == 2 and found.low >= 2 and found.high <= 3
    complete = net.subset(list("abcdef"))
    known = silos.knowledge_risk(complete, table, expert_at=70)
    assert known.verdict == "supported" and known.low == known.high == 2
    pd.testing.assert_frame_equal(
        silos.knowledge_risk(net, table.rename_axis("person").reset_index(), expert_at=70).table, found.table
    )


def test_silent_learners_are_filled_in_with_answers_of_others() -> None:
    net = firm()
    status = pd.Series("answered", index=net.ids)
    status["h"] = "silent"
    part = PeerNetwork(net.people, net.ties, observed=status, respondent_is="learner")
    found = silos.knowledge_risk(part, min_group=1, rng=5, n_draws=50)
    assert found.provenance["people_unknown"] == 1
    assert found.low <= found.bus_factor <= found.high
    again = silos.knowledge_risk(part, min_group=1, rng=5, n_draws=50)
    assert (again.low, again.high) == (found.low, found.high)


def test_topics_with_few_people_are_withheld_by_name_but_counted() -> None:
    rows = [("a", k, "secret") for k in "bc"] + [(t, k, "open") for t in "ab" for k in "cdefg"]
    found = silos.knowledge_risk(PeerNetwork(PEOPLE, events(rows)))
    assert list(found.table.index) == ["open"] and found.withheld == 1 and found.n_items == 2
    assert "secret" not in found.summary() + found._repr_html_() + str(found.provenance)


@pytest.mark.parametrize("world", ["meridian", "null_meridian", "bad_meridian"])
def test_verdict_on_the_worlds(world: str, records_of) -> None:
    records = records_of(world)
    net = records.network()
    found = silos.knowledge_risk(net, records.events, topic="context", n_draws=50, rng=1)
    assert found.verdict == datasets.expected_verdicts().loc["bus-factor", world]
    expert = datasets.load_truth(world)["planted"]["sole_expert"]
    people = silos.key_people(net, records.events, topic="context")
    assert people.index[people["n_sole_topics"] > 0].tolist() == ([expert["person"]] if expert else [])
    if expert:
        assert found.table.index[0] == "help-billing-engine" and found.table["n_experts"].iloc[0] == 1
        assert expert["person"] not in found.summary() + found._repr_html_()
        assert found.plot().get_title(loc="left").startswith("1 topic hangs on one person")


def lost_by_hand(net: PeerNetwork) -> list[int]:
    """Take each person out and count pairs that are no longer reached."""
    import networkx as nx

    graph = net.to_networkx()
    reach = {i: nx.descendants(graph, i) for i in graph}
    out = []
    for v in net.ids:
        rest = graph.copy()
        rest.remove_node(v)
        out.append(sum(len(reach[i] - {v} - nx.descendants(rest, i)) for i in rest))
    return out


@given(st.integers(2, 9), st.floats(0.3, 3), st.integers(0, 10**6))
def test_loss_of_reach_equals_taking_people_out(n: int, degree: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    i, j = rng.integers(0, n, (2, int(n * degree)))
    net = PeerNetwork.from_codes(i[i != j], j[i != j], people=n)
    assert silos.key_people(net)["pairs_lost"].tolist() == lost_by_hand(net)


def test_compiled_and_plain_dominators_agree() -> None:
    from peernet.silos import _kernels

    rng = np.random.default_rng(8)
    i, j = rng.integers(0, 60, (2, 150))
    net = PeerNetwork.from_codes(i[i != j], j[i != j], people=60)
    forward, back = net.adjacency, net.adjacency.T.tocsr()
    found = []
    for step in (dominated, _kernels.dominated):
        out = [np.zeros(60, dtype=np.int64) for _ in range(3)]
        step(forward.indptr, forward.indices, back.indptr, back.indices, 0, 60, *out)
        found.append(np.array(out).tolist())
    assert found[0] == found[1]


def test_key_people_of_a_line() -> None:
    net = PeerNetwork(list("abcd"), pd.DataFrame({"teacher": list("abc"), "learner": list("bcd")}))
    found = silos.key_people(net)
    # Without b, a no longer reaches c and d; without c, a and b no longer reach d.
    assert found["pairs_lost"].tolist() == [0, 2, 2, 0]
    assert found["share_lost"].iloc[1] == pytest.approx(2 / 3)  # of a-c, a-d, c-d
    assert found["sole_teacher_of"].tolist() == [1, 1, 1, 0]
    assert found["n_sole_topics"].isna().all()


def test_key_people_are_locked_unless_the_study_allows_them() -> None:
    with pytest.raises(PermissionLocked, match=r"silos\.key_people"):
        silos.key_people(firm().with_permissions(Permissions(study="pilot")))
    open_ = Permissions(study="pilot", analyses={"person_level": ("silos.key_people",)})
    found = silos.key_people(firm().with_permissions(open_))
    assert found.loc["a", "sole_expert_of"] == "x" and found.index.tolist() == PEOPLE
    assert silos.knowledge_risk(firm().with_permissions(Permissions())).bus_factor == 2


def test_order_of_rows_and_ids_does_not_matter() -> None:
    net = firm()
    mixed = PeerNetwork(net.people.iloc[::-1], net.ties.sample(frac=1, random_state=1))
    one, two = (silos.knowledge_risk(x, min_group=1) for x in (net, mixed))
    assert one.bus_factor == two.bus_factor
    pd.testing.assert_frame_equal(one.table.sort_index(), two.table.sort_index())


@pytest.mark.parametrize(
    ("topics", "options", "text"),
    [
        (None, {"topic": "what"}, "no column 'what'"),
        (pd.DataFrame({"x": [1.0]}, index=["a"]), {}, "need expert_at="),
        (pd.DataFrame({"x": ["high"]}, index=["a"]), {"expert_at": 1}, "hold no numbers: 'x'"),
        (pd.DataFrame({"x": [1.0]}, index=["nobody"]), {"expert_at": 1}, "no id of the ratings"),
        (pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "a"]), {"expert_at": 1}, "stand twice"),
        (events([("a", "b", " ")]), {}, "is empty in all 1 rows"),
    ],
)
def test_what_cannot_be_read_says_why(
    topics: pd.DataFrame | None, options: dict[str, object], text: str
) -> None:
    with pytest.raises(DataError, match=text):
        silos.knowledge_risk(firm(), topics, **options)


def test_small_and_odd() -> None:
    empty = PeerNetwork(["a", "b"], pd.DataFrame({"teacher": [], "learner": []}))
    found = silos.knowledge_risk(empty, of="learners")
    assert np.isnan(found.bus_factor) and found.n_items == 0
    assert found.verdict == "not answered by these data" and "Not answered" in found.summary()
    assert silos.key_people(empty)["share_lost"].isna().all()
    with pytest.raises(ValueError, match="leave topics out"):
        silos.knowledge_risk(empty, pd.DataFrame(), of="learners")

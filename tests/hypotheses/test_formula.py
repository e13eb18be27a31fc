"""Formulas over pairs of people: what they read, what they refuse, which way round they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.hypotheses._design import build, known_cells, term_matrix
from peernet.hypotheses._formula import Term, parse

PEOPLE = pd.DataFrame(
    {"office": ["x", "x", "y", None], "age": [30.0, 40.0, 55.0, 31.0], "role": ["a", "b", "c", "a"]},
    index=["ana", "bo", "cy", "di"],
)
TIES = pd.DataFrame(
    {"teacher": ["ana", "bo", "cy"], "learner": ["bo", "cy", "di"], "weight": [2.0, 1.0, 3.0]}
)
NET = PeerNetwork(PEOPLE, TIES)


def one(text: str, **networks: object) -> np.ndarray:
    """Return the only matrix that a term stands for."""
    (term,) = parse(f"tie ~ {text}").products[0]
    ((_, matrix),) = term_matrix(NET, term, networks)
    return matrix


def test_parse() -> None:
    found = parse("tie ~ friendship + teacher(age) + same('the office') + a:diff(b) - 1")
    assert not found.intercept
    assert [":".join(t.name for t in p) for p in found.products] == [
        "friendship", "teacher(age)", "same(the office)", "a:diff(b)",
    ]  # fmt: skip
    assert parse("weight~ a*b").products == (
        (Term("network", "a"),), (Term("network", "b"),), (Term("network", "a"), Term("network", "b")),
    )  # fmt: skip
    assert parse("tie ~ 1").intercept and not parse("tie ~ a + 0").intercept


@pytest.mark.parametrize(
    "bad",
    ["tie", "tie ~", "tie ~ a +", "tie ~ a b", "tie ~ same(", "tie ~ same(a, b)", "tie ~ a - b", "tie ~ a + a",
     "tie ~ a ~ b", "tie ~ sqrt(a)", "tie ~ +", "tie ~ same(log(a))", "tie ~ $"],
)  # fmt: skip
def test_what_cannot_be_read(bad: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        parse(bad)


def test_verbs_by_hand() -> None:
    assert one("teacher(age)")[0, 2] == 30 and one("learner(age)")[0, 2] == 55
    assert one("diff(age)")[0, 2] == one("diff(age)")[2, 0] == 25
    assert one("signed(age)")[0, 2] == -25 and one("signed(age)")[2, 0] == 25
    same = one("same(office)")
    assert same[0, 1] == 1 and same[0, 2] == 0 and np.isnan(same[0, 3]) and np.isnan(same[3, 1])
    assert one("other", other=NET)[0, 1] == 2 and one("tie(other)", other=NET)[0, 1] == 1
    assert one("reverse(other)", other=NET)[1, 0] == 2 and one("reverse(other)", other=NET)[0, 1] == 0
    words = term_matrix(NET, Term("teacher", "role"))
    assert [n for n, _ in words] == ["teacher(role=b)", "teacher(role=c)"]
    assert words[0][1][1].tolist() == [1, 1, 1, 1] and words[0][1][0].sum() == 0
    assert len(term_matrix(NET, Term("mix", "role"))) == 8


def test_times_differ_in_days() -> None:
    net = NET.with_people(start=pd.to_datetime(["2024-01-01", "2024-01-11", None, "2024-01-02"]))
    ((_, gap),) = term_matrix(net, Term("diff", "start"))
    assert gap[0, 1] == 10 and np.isnan(gap[0, 2])


def test_networks_are_matched_by_id_not_by_position() -> None:
    order = ["di", "ana", "cy", "bo"]
    other = PeerNetwork(PEOPLE.loc[order], TIES)
    np.testing.assert_array_equal(one("a", a=other), NET.adjacency.toarray())
    table = pd.DataFrame(NET.adjacency.toarray(), index=NET.ids, columns=NET.ids)
    np.testing.assert_array_equal(one("a", a=table.loc[order, order[::-1]]), NET.adjacency.toarray())


def test_reversing_a_network_swaps_teacher_and_learner() -> None:
    back = NET.reverse()
    formula = "weight ~ teacher(age) + learner(role)"
    here, there = build(NET, formula), build(back, "weight ~ learner(age) + teacher(role)")
    np.testing.assert_array_equal(here.y, there.y.T)
    np.testing.assert_array_equal(here.x, there.x.transpose(0, 2, 1))


@pytest.mark.parametrize("role", ["learner", "teacher"])
def test_cells_of_silent_people_are_unknown(role: str) -> None:
    named = pd.DataFrame({"respondent": ["ana", "bo"], "named": ["bo", "cy"]})
    net = PeerNetwork.from_nominations(PEOPLE, named, respondent_is=role, respondents=["ana", "bo", "di"])
    known = known_cells(net)
    lost = known[:, 2] if role == "learner" else known[2]
    assert not lost.any() and known.sum() == 9
    design = build(net, "tie ~ diff(age)")
    assert design.n_cells == 9 and design.left_out["answers unknown"] == 3
    assert np.isnan(one("other", other=net)[0, 2] if role == "learner" else one("other", other=net)[2, 0])


def test_missing_covariates_are_counted() -> None:
    design = build(NET, "tie ~ same(office)")
    assert design.n_cells == 6 and design.left_out == {"answers unknown": 0, "covariates unknown": 6}


def test_wrong_use_is_caught() -> None:
    net = NET.with_people(firm="one", twice=[60.0, 80.0, 110.0, 62.0])
    with pytest.raises(DataError, match=r"same\(firm\) is 1 for every pair"):
        build(net, "tie ~ same(firm)")
    with pytest.raises(DataError, match=r"'teacher\(twice\)' follows exactly"):
        build(net, "tie ~ teacher(age) + teacher(twice)")
    with pytest.raises(DataError, match=r"1 of 4 are missing \('di'\)"):
        build(NET, "tie ~ other", {"other": NET.subset(["ana", "bo", "cy"])})
    with pytest.raises(DataError, match=r"column of people.*teacher\(age\)"):
        build(NET, "tie ~ age")
    with pytest.raises(DataError, match=r"no network is called 'freindship'.*'friendship'"):
        build(NET, "tie ~ freindship", {"friendship": NET})
    with pytest.raises(DataError, match="not made of numbers"):
        build(NET, "tie ~ diff(role)")
    with pytest.raises(DataError, match=r"no column 'agee'.*'age'"):
        build(NET, "tie ~ teacher(agee)")
    with pytest.raises(ValueError, match="response must be one of 'tie', 'weight'"):
        build(NET, "advice ~ teacher(age)")
    with pytest.raises(DataError, match="nothing to explain"):
        build(PeerNetwork(PEOPLE, TIES.iloc[:0]), "tie ~ teacher(age)")
    with pytest.raises(DataError, match="too few"):
        build(NET.subset(["ana", "bo"]), "tie ~ teacher(age) + learner(age)")
    with pytest.raises(TypeError, match="PeerNetwork or a table"):
        build(NET, "tie ~ a", {"a": np.eye(4)})


def test_hurried_calls_are_answered_in_words() -> None:
    ids = list("abcdef")
    rng = np.random.default_rng(50)
    people = pd.DataFrame(
        {"age": rng.integers(20, 60, 6), "odd": [np.inf, 1.0, 2.0, 3.0, 4.0, 5.0]}, index=ids
    )
    ties = (rng.random((6, 6)) < 0.5) & ~np.eye(6, dtype=bool)
    net = PeerNetwork.from_adjacency(ties.astype(float), row_is="teacher", ids=ids, people=people)
    # Who sends and who receives is not guessed: sender would be taken for learner by the letters.
    for word in ("sender", "receiver", "ego", "nodeicov"):
        with pytest.raises(ValueError, match="Say which is meant"):
            parse(f"tie ~ {word}(age)")
    with pytest.raises(ValueError, match=r"Write same\(x\)"):
        parse("tie ~ nodematch(age)")
    with pytest.raises(ValueError, match=r"net.with_people\(new="):
        parse("tie ~ log(age)")
    with pytest.raises(TypeError, match="networks must be a mapping of names"):
        build(net, "tie ~ f", net)
    words = pd.DataFrame("no", index=ids, columns=ids)
    with pytest.raises(DataError, match=r"'f' has 36 cells that are not numbers \('no', row 'a'\)"):
        build(net, "tie ~ f", {"f": words})
    with pytest.raises(DataError, match="column 'odd' has 1 infinite values"):
        build(net, "tie ~ diff(odd)")
    with pytest.raises(DataError, match="mutual is a term of fit_ergm"):
        build(net, "tie ~ mutual")

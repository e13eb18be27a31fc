"""Wrong calls by somebody in a hurry: an answer that says what it did, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, FitError, PeerNetwork
from peernet.diffusion import (
    adoption_curve,
    adoptions_from,
    exposure,
    fit_nbda,
    social_transmission_share,
    tie_change,
)

N = 24
IDS = [f"p{k:02d}" for k in range(N)]
RNG = np.random.default_rng(6)
MATRIX = np.where(~np.eye(N, dtype=bool) & (RNG.random((N, N)) < 0.2), 1.0, 0.0)
PEOPLE = pd.DataFrame({"unit": RNG.choice(["x", "y"], N), "age": RNG.normal(40, 5, N)}, index=IDS)
NET = PeerNetwork.from_adjacency(MATRIX, row_is="teacher", ids=IDS, people=PEOPLE)
NUMBERS = pd.DataFrame({"person": IDS, "time": RNG.permutation(N) + 1.0})
DAYS = NUMBERS.assign(time=pd.Timestamp("2024-01-01") + pd.to_timedelta(NUMBERS["time"] * 4, unit="D"))
SPAN: dict[str, Any] = {"start": 0, "end": 30}
YEAR: dict[str, Any] = {"start": "2024-01-01", "end": "2024-06-01"}


def fit(seen: pd.DataFrame = NUMBERS, networks: Any = NET, **options: Any) -> Any:
    return fit_nbda(networks, seen, rng=1, n_starts=1, **({} if "start" in options else SPAN), **options)


def text(how: str) -> pd.DataFrame:
    return DAYS.assign(time=DAYS["time"].dt.strftime(how))


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "numbers as text": (
        lambda: fit(NUMBERS.assign(time=NUMBERS["time"].map(str))),
        "numbers written as text.*to_numeric",
    ),
    "day or month": (
        lambda: adoption_curve(
            NET, pd.DataFrame({"person": IDS[:2], "time": ["03/04/2024", "05/06/2024"]}), **YEAR
        ),
        "day and month cannot be told apart.*2024-03-25",
    ),
    "day and month": (
        lambda: adoption_curve(
            NET, pd.DataFrame({"person": IDS[:2], "time": ["25/04/2024", "05/26/2024"]}), **YEAR
        ),
        "both orders occur",
    ),
    "day or month of a completion": (
        lambda: adoptions_from(pd.DataFrame({"person": ["a"], "item": ["x"], "time": ["03.04.2024"]})),
        "day and month cannot be told apart",
    ),
    "day or month of the span": (
        lambda: fit(DAYS, start="01/02/2024", end="2024-06-01"),
        "start: '01/02/2024' may be read",
    ),
    "start after end": (lambda: fit(DAYS, start="2024-06-01", end="2024-01-01"), "must lie after start"),
    "numbers for a span of dates": (lambda: fit(DAYS, start=0, end=9), "adoption times are moments"),
    "dates for a span of numbers": (
        lambda: fit(start="2024-01-01", end="2024-06-01"),
        "adoption times are numbers",
    ),
    "one item named twice": (
        lambda: fit(pd.concat([NUMBERS.assign(item="SQL"), NUMBERS.assign(item=" sql")])),
        "' sql' and 'SQL' differ only in capitals or spaces.*equivalents",
    ),
    "moments as names of networks": (
        lambda: fit(networks={0: NET, 5: NET}),
        "0, 5 look like moments.*{'ties': {moment: network, ...}}",
    ),
    "dates as names of networks": (
        lambda: fit(DAYS, {"2024-01-01": NET, "2024-02-01": NET}, **YEAR),
        "look like moments",
    ),
    "a matrix": (lambda: fit(networks=MATRIX), "must be a PeerNetwork.*got ndarray"),
    "unknown person": (lambda: fit(NUMBERS.assign(person=["P00", *IDS[1:]])), "Did you mean 'p00'"),
    "row numbers as ids": (lambda: fit(NUMBERS.assign(person=range(N))), "24 of 24 rows name a person"),
    "an adoption twice": (
        lambda: fit(pd.concat([NUMBERS, NUMBERS.iloc[:1]])),
        "adoptions_from folds repeats",
    ),
    "halves of periods": (
        lambda: fit(NUMBERS.assign(time=NUMBERS["time"] + 0.5), timing="discrete"),
        "not whole periods.*timing='continuous'",
    ),
    "assigned": (
        lambda: fit(NUMBERS.assign(assigned=True)),
        "A deadline imitates contagion.*assigned='exclude'",
    ),
    "assigned in words": (lambda: fit(NUMBERS.assign(assigned="yes")), "adoptions_from reads other words"),
    "a weight twice": (
        lambda: fit(teacher_weight=pd.Series(1.0, index=[*IDS, "p00"])),
        "1 people have several weights .'p00'.",
    ),
    "a weight of a stranger": (
        lambda: exposure(NET, NUMBERS, teacher_weight=pd.Series(1.0, index=[*IDS, "zz"]), start=1, end=24),
        "1 ids are not in people .'zz'.*isin",
    ),
    "weights as text": (
        lambda: fit(teacher_weight=pd.Series("10 %", index=IDS)),
        "teacher_weight must be numbers",
    ),
    "weight by a column's name": (lambda: fit(teacher_weight="age"), "must be a Series"),
    "no such column": (lambda: fit(asocial=["Age"]), "Did you mean 'age'"),
    "no such item": (lambda: fit(NUMBERS.assign(item="SQL"), item="sqk"), "no item 'sqk'"),
    "a year's span beside the data": (
        lambda: fit(DAYS, start="2025-01-01", end="2025-06-01"),
        "nobody was seen",
    ),
    "one network for all periods": (
        lambda: tie_change(NET, NUMBERS, start=1, end=24),
        "1 networks for 24 periods",
    ),
    "presence by other names": (
        lambda: fit(presence=pd.DataFrame({"person": IDS, "joined": 0})),
        "'joined', which nothing reads",
    ),
    "shared as a flag": (lambda: fit(shared=False), "shared must be one of 'social', 'baseline'; got False"),
    "percent as a level": (lambda: fit(level=95), "level must be a number in .0, 1."),
    "percent as a claim": (
        lambda: social_transmission_share(fit(), against=80),
        "against must be a number in",
    ),
    "a share without teaching": (lambda: social_transmission_share(fit().asocial), "no teaching in it"),
    "strengths by half": (
        lambda: fit(networks={"a": NET, "b": NET.reverse()}).log_likelihood_at(s={"a": 1}),
        "a strength for each of 'a', 'b'",
    ),
    "a strength below 0": (lambda: fit().log_likelihood_at(s=-1), "strengths are at least 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_says_what_to_do(name: str) -> None:
    call, words = WRONG[name]
    with pytest.raises((DataError, FitError, ValueError), match=words):
        call()


def test_times_in_any_clear_writing_give_the_same_answer() -> None:
    plain = fit(DAYS, **YEAR).log_likelihood
    assert fit(text("%Y-%m-%d"), **YEAR).log_likelihood == pytest.approx(plain)
    assert fit(text("%d/%m/%Y"), **YEAR).log_likelihood == pytest.approx(plain)
    assert fit(text("%m/%d/%Y"), **YEAR).log_likelihood == pytest.approx(plain)
    assert fit(text("%d.%m.%Y"), **YEAR).log_likelihood == pytest.approx(plain)
    zoned = DAYS.assign(time=DAYS["time"].dt.tz_localize("America/New_York"))
    assert fit(zoned, **YEAR).log_likelihood == pytest.approx(plain)


def test_adoptions_outside_the_span_are_told() -> None:
    notes = " ".join(fit(start=4, end=20).notes)
    assert "3 adoptions lie before the span: these people count as having known already" in notes
    assert "4 adoptions lie after the span: they are not seen" in notes
    assert "1 adoptions are of demonstrators" in " ".join(fit(demonstrators=["p03"]).notes)
    assert not any("adoptions lie" in note for note in fit().notes)


def test_a_covariate_far_from_zero_is_told() -> None:
    assert any("'age' is 0, which is far from all" in note for note in fit(asocial=["age"]).notes)
    centred = PEOPLE["age"] - PEOPLE["age"].mean()
    assert not any("far from all" in note for note in fit(asocial=centred).notes)


def test_a_network_turned_round_gives_another_answer() -> None:
    assert fit(networks=NET.reverse()).log_likelihood_at(s=1.0) != pytest.approx(
        fit().log_likelihood_at(s=1.0)
    )
    both = NET.reverse().reverse()
    assert fit(networks=both).log_likelihood_at(s=1.0) == pytest.approx(fit().log_likelihood_at(s=1.0))

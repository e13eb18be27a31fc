"""Surveys: hand counts of every trap, Qualtrics headers, name matching, who was asked."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peernet import DataError, Records
from peernet.ingest import Codebook, read_qualtrics, read_survey

ROSTER = pd.DataFrame(
    {
        "name": ["Ana Ek", "Bo Alm", "José García", "Dee Fox", "Jan Ek", "Jan Ek", "Gone Long", "NA"],
        "email": [
            "ana@x.org",
            "bo@x.org",
            "jose@x.org",
            "dee@x.org",
            "jan1@x.org",
            "jan2@x.org",
            "g@x.org",
            "na@x.org",
        ],
        "unit": ["A", "A", "B", "B", "B", "C", "C", "C"],
        "start": pd.to_datetime(["2020-01-01"] * 8, utc=True),
        "end": pd.to_datetime([None, None, None, None, None, None, "2021-01-01", None], utc=True),
    },
    index=["001", "002", "003", "004", "005", "006", "007", "NA"],
)
BOOK = pd.DataFrame(
    [
        {"column": "Q0", "kind": "consent", "labels": "1=yes|2=no"},
        {
            "column": "Q1_1",
            "kind": "nomination",
            "relation": "advice",
            "respondent_is": "learner",
            "slot": "1",
        },
        {
            "column": "Q1_2",
            "kind": "nomination",
            "relation": "advice",
            "respondent_is": "learner",
            "slot": "2",
        },
        {
            "column": "Q1T_1",
            "kind": "tie_rating",
            "relation": "advice",
            "slot": "1",
            "question": "trust",
            "low": "1",
            "high": "7",
        },
        {
            "column": "Q3_1",
            "kind": "learning_share",
            "question": "learning_share",
            "source": "peers",
            "reading": "social",
            "social_in": "strict",
        },
        {
            "column": "Q3_2",
            "kind": "learning_share",
            "question": "learning_share",
            "source": "courses",
            "reading": "formal",
        },
        {
            "column": "Q4_1",
            "kind": "likert",
            "question": "safety",
            "item": "1",
            "low": "1",
            "high": "7",
            "reverse": "1",
            "missing": "9",
        },
    ]
)
FIXED = [
    "StartDate",
    "EndDate",
    "Status",
    "IPAddress",
    "Finished",
    "ExternalReference",
    "RecipientEmail",
    "LocationLatitude",
]
ASKED = [str(c) for c in BOOK["column"]]


def answer(
    who: str,
    mail: str = "",
    *,
    at: str = "2025-03-30 01:30:00",
    status: str = "0",
    done: str = "1",
    **cells: str,
) -> dict[str, str]:
    row = dict.fromkeys([*FIXED, *ASKED], "")
    row |= {
        "StartDate": at,
        "EndDate": at,
        "Status": status,
        "Finished": done,
        "IPAddress": "192.0.2.1",
        "ExternalReference": who,
        "RecipientEmail": mail,
        "LocationLatitude": "52.5",
    }
    return row | cells


ROWS = [
    answer(
        "001", Q0="1", Q1_1="Bo Alm", Q1_2="jose garcia", Q1T_1="7", Q3_1="60%", Q3_2="40", Q4_1="2"
    ),  # row 4
    answer(
        "002", Q0="1", Q1_1="García, José", Q1_2="Bo Alm", Q3_1="37,5", Q3_2="62,5", Q4_1="9"
    ),  # names themselves
    answer(
        "", "JOSE@x.org", Q0="1", Q1_1="Ana Ek", Q1_2="001", Q3_1="0.6", Q3_2="0.4"
    ),  # names Ana twice; fractions
    answer(
        "004", Q0="1", Q1_1="Jan Ek", Q1_2="<i>Annna Ek</i>", Q1T_1="8", Q3_1="90", Q3_2="40"
    ),  # 130; two Jans
    answer("005", Q0="1", Q1_1="NA", Q3_1="99", Q3_2="", Q4_1="8"),  # 99 with a blank; outside the scale
    answer("006", Q0="2"),  # objects
    answer("004", at="2025-03-29 10:00:00", Q0="1", Q1_1="Bo Alm", Q3_1="100"),  # the earlier of two
    answer("001", status="1", Q0="1", Q1_1="Bo Alm"),  # preview
    answer("NA", done="0", Q0="1", Q1_1="Bo Alm"),  # broken off
    answer("999", Q0="1", Q1_1="Bo Alm"),  # nobody knows them
]


def export(rows: list[dict[str, str]], columns: list[str] | None = None) -> str:
    columns = columns or [*FIXED, *ASKED]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writeheader()
    writer.writerow({c: f"Text of {c},\nwith a line break" for c in columns})
    dates = {"StartDate": "startDate", "EndDate": "endDate"}
    ids = {
        c: {"ImportId": dates.get(c, f"QID{c}")} | ({"timeZone": "Europe/Berlin"} if c in dates else {})
        for c in columns
    }
    writer.writerow({c: json.dumps(v) for c, v in ids.items()})
    writer.writerows(rows)
    return "\ufeff" + out.getvalue()


def read(folder: Path, rows: list[dict[str, str]] = ROWS, **options: object) -> Records:
    path = folder / "survey.csv"
    path.write_text(export(rows), encoding="utf-8", newline="")
    return read_qualtrics(path, codebook=BOOK, people=ROSTER, **options)  # type: ignore[arg-type]


def test_hand_counts(tmp_path: Path) -> None:
    report = read(tmp_path).report
    assert (report.rows_read, report.rows_used) == (10, 5)
    assert report.rows_dropped == {
        "preview, test or spam (Status)": 1,
        "broken off before the end (Finished)": 1,
        "respondent is not on the roster": 1,
        "answered again later (the last answer counts)": 1,
        "objects to the use of the answers": 1,
    }
    rows = report.dropped.set_index("reason")["rows"]
    assert rows["preview, test or spam (Status)"] == (11,)
    assert rows["respondent is not on the roster"] == (13,)
    ledger = report.ledger.set_index("what")
    assert ledger.loc["names"].tolist() == [9, 7, 5]
    assert report.n_dropped("names themselves") == report.n_dropped("named twice by the same person") == 1
    assert report.n_dropped("fits nobody on the roster") == 2
    assert report.n_flagged("matched without accents, case or word order") == 2
    assert ledger.loc["learning shares"].tolist() == [5, 5, 4]
    assert report.n_flagged("written as fractions that sum to 1 (taken times 100)") == 1
    assert report.n_flagged("sum differs from 100 by more than 1") == 1
    assert report.n_flagged("sum in [90, 110] scaled to 100") == 1
    assert report.n_dropped("outside the scale 1 to 7") == 1
    assert report.n_dropped("don't know or no answer") == 1
    assert report.n_dropped("not a number or outside the scale", "ratings of trust") == 1
    assert "'IPAddress', 'LocationLatitude'" in report.not_read[0]
    assert report.direction == "advice: the person named teaches"
    assert report.response.set_index("unit").loc[
        ["A", "B", "C"], ["asked", "answered"]
    ].to_numpy().tolist() == [[2, 2], [3, 3], [2, 0]]


def test_what_was_read(tmp_path: Path) -> None:
    records = read(tmp_path)
    pairs = records.nominations[["respondent", "named", "slot"]].to_numpy().tolist()
    assert pairs == [
        ["001", "002", 1],
        ["001", "003", 2],
        ["002", "003", 1],
        ["003", "001", 1],
        ["005", "NA", 1],
    ]
    assert records.nominations["trust"].tolist()[0] == 7
    assert records.shares().loc["002"].tolist() == [37.5, 62.5]
    assert records.shares().loc["003"].tolist() == pytest.approx([60, 40])
    assert records.shares().loc["005"].tolist() == [100, 0]
    assert "004" not in records.shares().index
    safety = records.answers[records.answers["question"] == "safety"]
    assert safety[["person", "value"]].to_numpy().tolist() == [
        ["001", 6.0]
    ]  # 8 - 2: the item is reverse-coded
    status = records.respondents.set_index("person")["status"]
    assert status.to_dict() == {
        "001": "answered",
        "002": "answered",
        "003": "answered",
        "004": "answered",
        "005": "answered",
        "006": "objected",
        "007": "not_asked",
        "NA": "silent",
    }
    started = records.respondents.set_index("person").at["001", "started"]
    assert started == pd.Timestamp("2025-03-30 00:30", tz="UTC")


def test_teacher_is_the_person_named(tmp_path: Path) -> None:
    net = read(tmp_path).network(relation="advice")
    where = {p: i for i, p in enumerate(net.ids)}
    assert net.adjacency[where["002"], where["001"]] == 1
    assert net.adjacency[where["001"], where["002"]] == 0
    assert net.respondent_is == "learner"
    assert net.observed["NA"] == "silent" and net.observed["007"] == "not_asked"


def test_fuzzy_matches_are_proposed_and_applied_only_when_confirmed(tmp_path: Path) -> None:
    first = read(tmp_path)
    review = first.report.unmatched
    assert set(review["given"]) == {"Jan Ek", "Annna Ek", "999"}
    assert sorted(review.loc[review["given"] == "Jan Ek", "suggested"]) == ["005", "006"]
    assert review.set_index("given").at["Annna Ek", "suggested"] == "001"
    untouched = read(tmp_path, aliases=review)
    assert len(untouched.nominations) == len(first.nominations)
    confirmed = review.assign(person=review["suggested"].where(review["given"] == "Annna Ek", ""))
    second = read(tmp_path, aliases=confirmed)
    assert ["004", "001"] in second.nominations[["respondent", "named"]].to_numpy().tolist()
    assert set(second.report.unmatched["given"]) == {"Jan Ek", "999"}
    with pytest.raises(DataError, match="aliases: 1 name people who are not in the roster"):
        read(tmp_path, aliases={"Annna Ek": "111"})


def test_a_cap_is_told(tmp_path: Path) -> None:
    assert any(
        "4 of 5 people who named somebody filled all 2 slots (80%)" in note
        for note in read(tmp_path).report.notes
    )


@settings(max_examples=6)
@given(st.permutations(range(len(ROWS))), st.permutations([*FIXED, *ASKED]))
def test_order_of_rows_and_columns_does_not_matter(order: list[int], columns: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        straight = read(Path(folder))
        path = Path(folder) / "mixed.csv"
        path.write_text(export([ROWS[i] for i in order], columns), encoding="utf-8", newline="")
        mixed = read_qualtrics(path, codebook=BOOK, people=ROSTER.sample(frac=1, random_state=1))
    for name in ("nominations", "answers", "respondents"):
        a, b = (getattr(r, name).astype("str") for r in (straight, mixed))
        assert sorted(map(tuple, a.to_numpy())) == sorted(map(tuple, b.to_numpy()))


@pytest.mark.parametrize(
    ("cells", "shares"),
    [
        (("60", "40"), (60.0, 40.0)),
        (("0,6", "0,4"), (60.0, 40.0)),
        (("50", "50,5"), (100 * 50 / 100.5, 100 * 50.5 / 100.5)),
        (("95", ""), None),
        (("100", ""), (100.0, 0.0)),
        (("99", "0"), (100.0, 0.0)),
        (("", ""), None),
        (("60", "70"), None),
        (("-10", "110"), None),
        (("about 60", "40"), None),
        (("ca. 60", "40 %"), (60.0, 40.0)),
        (("1", "0"), (100.0, 0.0)),
        (("45", "45"), (50.0, 50.0)),
        (("44", "45"), None),
        (("55", "55"), (50.0, 50.0)),
    ],
)
def test_shares(cells: tuple[str, str], shares: tuple[float, float] | None, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f'id,a,b\n001,"{cells[0]}","{cells[1]}"\n002,50,50\n', encoding="utf-8")
    book = pd.DataFrame(
        {
            "column": ["id", "a", "b"],
            "kind": ["person", "learning_share", "learning_share"],
            "source": ["", "p", "c"],
        }
    )
    records = read_survey(path, book, people=ROSTER)
    got = records.answers[records.answers["person"] == "001"]["value"].astype(float).tolist()
    assert got == ([] if shares is None else pytest.approx(list(shares)))
    ledger = records.report.ledger.set_index("what").loc["learning shares"]
    dropped = records.report.dropped.query("what != 'rows'")["n"].sum()
    assert ledger["read"] == ledger["used"] + dropped


def test_roster_grid_needs_a_cut_for_ratings(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,c1,c2\n001,,3\n002,1,0\n", encoding="utf-8")
    rows = [{"column": "id", "kind": "person"}]
    rows += [
        {"column": f"c{k}", "kind": "roster", "relation": "r", "respondent_is": "teacher", "person": f"00{k}"}
        for k in (1, 2)
    ]
    with pytest.raises(
        DataError, match=r"column 'c2' holds ratings above 1 \(row 2\) and the codebook states no cut"
    ):
        read_survey(path, pd.DataFrame(rows), people=ROSTER)
    for row in rows[1:]:
        row["cut"] = "2"
    names = read_survey(path, pd.DataFrame(rows), people=ROSTER).nominations
    assert names[["respondent", "named", "weight"]].to_numpy().tolist() == [["001", "002", 3.0]]


def test_codebook_can_leave_things_out() -> None:
    book = Codebook.read(BOOK)
    less = book.without(["safety"], ["advice"])
    assert set(less.table["kind"]) == {"consent", "learning_share"}
    assert book.roles == {"advice": "learner"}


def test_several_waves_must_be_named(tmp_path: Path) -> None:
    both = read(tmp_path, wave="a").merge(read(tmp_path, wave="b"))
    assert both.waves() == ["a", "b"]
    with pytest.raises(
        DataError, match=r"relation 'advice' was asked in several waves \('a', 'b'\). Pass wave="
    ):
        both.network(relation="advice")
    assert both.network(relation="advice", wave="b").n_ties == 5
    with pytest.raises(DataError, match=r"no relation 'advise'. Did you mean 'advice'"):
        both.network(relation="advise")


def test_weight_by_a_rating_leaves_unrated_names_out(tmp_path: Path) -> None:
    net = read(tmp_path).network(relation="advice", weight="trust")
    assert net.n_ties == 1
    assert np.isclose(net.weight[0], 7)

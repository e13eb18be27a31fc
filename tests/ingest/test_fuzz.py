"""Whatever the bytes are, a reader reads them or raises DataError: never another error, never half a result."""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peernet import DataError, Records
from peernet import ingest as ig

ROSTER = pd.DataFrame(
    {"name": ["Ana Ek", "Bo Alm"], "email": ["ana@x.org", "bo@x.org"], "unit": ["A", "B"]},
    index=["001", "002"],
)


def book(*rows: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            *rows,
            {"column": "n1", "kind": "nomination", "relation": "r", "respondent_is": "learner", "slot": "1"},
            {"column": "s1", "kind": "learning_share", "source": "p"},
            {"column": "s2", "kind": "learning_share", "source": "c"},
        ]
    )


IDS = '"{""ImportId"":""startDate"",""timeZone"":""UTC""}"' + ',"{""ImportId"":""Q""}"' * 5
PERSON = {"column": "id", "kind": "person"}
Case = tuple[str, str, Callable[[Path], Any]]
CASES: dict[str, Case] = {
    "people": (
        "f.csv",
        "id,name,unit,manager,hire date,effective from\n001,Ana "
        "Ek,A,,2020-01-01,2020-01-01\n002,=cmd(),B,001,2021-01-01,2021-01-01\n",
        ig.read_people,
    ),
    "survey": (
        "f.csv",
        "id,n1,s1,s2\n001,Bo Alm,60,40\n002,Ana,0.5,0.5\n",
        lambda p: ig.read_survey(p, book(PERSON), people=ROSTER),
    ),
    "qualtrics": (
        "f.csv",
        f"StartDate,Finished,ExternalReference,n1,s1,s2\na,b,c,d,e,f\n{IDS}\n2025-01-01 10:00:00,1,001,Bo "
        "Alm,60,40\n",
        lambda p: ig.read_qualtrics(p, codebook=book(), people=ROSTER),
    ),
    "surveymonkey": (
        "f.csv",
        "Respondent ID,Start Date,Email Address,n1,s1,s2\n,,,Response,,\n1,03/31/2025 09:00 AM,ana@x.org,Bo "
        "Alm,60,40\n",
        lambda p: ig.read_surveymonkey(p, codebook=book(), people=ROSTER),
    ),
    "limesurvey": (
        "f.csv",
        '"id";"submitdate";"token";"n1";"s1";"s2"\n"1";"2025-01-01 10:00:00";"001";"Bo Alm";"60";"40"\n',
        lambda p: ig.read_limesurvey(p, codebook=book({"column": "token", "kind": "person"}), people=ROSTER),
    ),
    "google_forms": (
        "f.csv",
        "Timestamp,Email Address,n1,s1,s2\n3/31/2025 9:00:00,ana@x.org,Bo Alm,60,40\n",
        lambda p: ig.read_google_forms(p, codebook=book(), people=ROSTER),
    ),
    "redcap": (
        "f.csv",
        "record_id,redcap_repeat_instrument,redcap_repeat_instance,id,n1,s1,s2\n1,,,001,Bo Alm,60,40\n1,x,1,,,,\n",
        lambda p: ig.read_redcap(p, codebook=book(PERSON), people=ROSTER),
    ),
    "completions": (
        "f.csv",
        "email,course id,completed at,due\nana@x.org,C1,2025-01-01T10:00:00Z,2025-02-01\nbo@x.org,C1,,2025-02-01\n",
        lambda p: ig.read_completions(p, people=ROSTER),
    ),
    "roster_grid": (
        "f.csv",
        "who,001,002\n001,,1\n002,0,\n",
        lambda p: ig.read_roster_grid(p, people=ROSTER, relation="r", respondent_is="learner", cut=1),
    ),
    "edge_list": (
        "f.csv",
        "ego,alter,weight\n001,002,1\n002,001,2\n",
        lambda p: ig.read_edge_list(p, people=ROSTER, relation="r", respondent_is="teacher"),
    ),
    "codebook": (
        "f.csv",
        "column,kind,relation,respondent_is,slot\nn1,nomination,r,learner,1\nid,person,,,\n",
        ig.Codebook.read,
    ),
    "draft": (
        "f.csv",
        "id,From whom do you learn? 1,Percent [Peers],Percent [Books]\n001,Bo Alm,60,40\n",
        ig.draft_codebook,
    ),
}
SLACK = {
    "users.json": [
        {"id": "U1", "profile": {"email": "ana@x.org"}},
        {"id": "U2", "profile": {"email": "bo@x.org"}},
    ],
    "channels.json": [{"id": "C1", "name": "help"}],
    "help/2025-01-01.json": [
        {"user": "U1", "text": "?", "ts": "1735725600.000100", "thread_ts": "1735725600.000100"},
        {"user": "U2", "ts": "1735725660.000200", "thread_ts": "1735725600.000100"},
    ],
}
CANVAS = {
    "a_ego.csv": "networkCanvasEgoUUID,networkCanvasCaseID\ne1,001\n",
    "a_attributeList_P.csv": "networkCanvasEgoUUID,nodeID,name\ne1,1,Bo Alm\n",
}
NASTY = [
    "\x00",
    '"',
    "\n",
    "\r",
    ",",
    ";",
    "\t",
    "=cmd()",
    "<script>",
    "NA",
    "None",
    "١٢",
    "\u202e",
    "é",
    "9" * 400,
    "1e999",
    "-",
    "%",
    "[" * 1000,
    "2025-13-45",
    "0000-00-00",
    "99999",
    "nan",
    "inf",
    "{}",
    "\ufeff",
    "　",
    "T" * 300,
]


def attempt(read: Callable[[Path], Any], path: Path) -> None:
    """Read; DataError is an answer, and so is a report that balances."""
    try:
        out = read(path)
    except DataError as error:
        assert str(error).strip()
        return
    if isinstance(out, Records):
        lost = out.report.dropped.groupby("what")["n"].sum()
        for row in out.report.ledger.itertuples(index=False):
            assert row.read - lost.get(row.what, 0) == row.used >= 0


def broken(text: bytes, draw: Any) -> bytes:
    """Cut, splice, repeat or recode some bytes."""
    how = draw(st.sampled_from(["cut", "insert", "swap", "recode", "noise", "repeat", "none"]))
    at = draw(st.integers(0, len(text)))
    if how == "cut":
        return text[:at]
    if how == "insert":
        return text[:at] + draw(st.sampled_from(NASTY)).encode("utf-8", "surrogatepass") + text[at:]
    if how == "swap":
        lines = draw(st.permutations(text.split(b"\n")))
        return b"\n".join(lines)
    if how == "recode":
        return text.decode("utf-8").encode(
            draw(st.sampled_from(["utf-16", "utf-16-le", "cp1252", "utf-32"])), "replace"
        )
    if how == "noise":
        return text[:at] + draw(st.binary(max_size=20)) + text[at:]
    return text[:at] * 2 + text[at:] if how == "repeat" else text


@pytest.mark.parametrize("name", CASES)
def test_the_good_file_is_read(name: str, tmp_path: Path) -> None:
    file, text, read = CASES[name]
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert read(tmp_path / file) is not None


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12)
@given(data=st.data())
def test_broken_tables(name: str, data: st.DataObject) -> None:
    file, text, read = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(broken(text.encode(), data.draw))
        attempt(read, path)


@pytest.mark.parametrize("name", ["people", "survey", "completions", "edge_list", "codebook"])
@settings(max_examples=10)
@given(
    cells=st.lists(
        st.lists(st.one_of(st.sampled_from(NASTY[7:]), st.text(max_size=8)), min_size=3, max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_any_cells(name: str, cells: list[list[str]]) -> None:
    import csv

    file, text, read = CASES[name]
    width = len(text.split("\n", 1)[0].split(","))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as out:
            out.write(text)
            csv.writer(out).writerows([(row + [""] * width)[:width] for row in cells])
        attempt(read, path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.sampled_from(NASTY),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "user", "ts", "profile", "name", "text"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=30)
@given(data=st.data())
def test_broken_slack_exports(data: st.DataObject) -> None:
    files: dict[str, Any] = json.loads(json.dumps(SLACK))
    name = data.draw(st.sampled_from(list(files)))
    if data.draw(st.booleans()):
        row = data.draw(st.integers(0, len(files[name]) - 1))
        if data.draw(st.booleans()):
            files[name][row] = data.draw(json_values)
        else:
            files[name][row][
                data.draw(st.sampled_from(["id", "name", "user", "ts", "thread_ts", "profile", "reactions"]))
            ] = data.draw(json_values)
    else:
        files[name] = data.draw(json_values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.zip"
        raw = zipped({member: json.dumps(value).encode() for member, value in files.items()})
        path.write_bytes(broken_bytes(raw, data) if data.draw(st.booleans()) else raw)
        attempt(lambda p: ig.read_slack(p, people=ROSTER), path)


def zipped(members: dict[str, bytes]) -> bytes:
    """An archive without the clock's time in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def broken_bytes(raw: bytes, data: st.DataObject) -> bytes:
    """Cut an archive or change some of its bytes."""
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        return raw[:at]
    return raw[:at] + data.draw(st.binary(min_size=1, max_size=3)) + raw[at + 1 :]


@settings(max_examples=12)
@given(data=st.data())
def test_broken_network_canvas(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nc.zip"
        raw = zipped({member: broken(text.encode(), data.draw) for member, text in CANVAS.items()})
        path.write_bytes(broken_bytes(raw, data) if data.draw(st.booleans()) else raw)
        attempt(
            lambda p: ig.read_network_canvas(p, people=ROSTER, relation="r", respondent_is="learner"), path
        )


def workbook() -> bytes:
    """A small Excel file, the same bytes at any hour (openpyxl writes the clock's time into it)."""
    openpyxl = pytest.importorskip("openpyxl")
    book_ = openpyxl.Workbook()
    for row in (
        ["Completion time", "Email", "n1", "s1", "s2"],
        ["2025-01-01", "ana@x.org", "Bo Alm;", 60, 40],
    ):
        book_.active.append(row)
    written = io.BytesIO()
    book_.save(written)
    with zipfile.ZipFile(written) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stamp = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
    return zipped({name: stamp.sub(b"2025-01-01T00:00:00Z", text) for name, text in members.items()})


def spss_file(folder: Path) -> bytes:
    """A small .sav file, the same bytes at any hour (its header holds a date in bytes 84-92, a time in 93-100)."""
    pyreadstat = pytest.importorskip("pyreadstat")
    path = folder / "good.sav"
    pyreadstat.write_sav(
        pd.DataFrame({"id": ["001"], "n1": ["Bo Alm"], "s1": [60.0], "s2": [40.0]}), str(path)
    )
    raw = path.read_bytes()
    return raw[:84] + b"01 Jan 2500:00:00" + raw[101:]


def test_files_to_break_are_the_same_at_any_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hypothesis draws hangs on a file's length, so the clock must not be in it."""
    datetime_ = pytest.importorskip("openpyxl.packaging.core").datetime

    class Later(datetime_.datetime):  # type: ignore[name-defined, misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime_.datetime(2031, 10, 11, 22, 33, 44, 555555, tzinfo=tz)

    first = workbook(), spss_file(tmp_path)
    monkeypatch.setattr(datetime_, "datetime", Later)
    assert (workbook(), spss_file(tmp_path)) == first
    (tmp_path / "f.xlsx").write_bytes(first[0])
    (tmp_path / "f.sav").write_bytes(first[1])
    sheet = ig.read_microsoft_forms(tmp_path / "f.xlsx", codebook=book(), people=ROSTER)
    assert len(sheet.answers) and len(
        ig.read_spss(tmp_path / "f.sav", codebook=book(PERSON), people=ROSTER).answers
    )


@settings(max_examples=8)
@given(data=st.data())
def test_broken_workbooks_and_spss_files(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sheet, sav = Path(folder) / "f.xlsx", Path(folder) / "f.sav"
        for path, raw in ((sheet, workbook()), (sav, spss_file(Path(folder)))):
            path.write_bytes(broken_bytes(raw, data))
        attempt(lambda p: ig.read_microsoft_forms(p, codebook=book(), people=ROSTER), sheet)
        attempt(lambda p: ig.read_spss(p, codebook=book(PERSON), people=ROSTER), sav)

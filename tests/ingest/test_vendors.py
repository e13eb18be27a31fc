"""Every survey tool's file layout, hand-made with its traps; counts equal hand counts."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from peernet import DataError, Records
from peernet.ingest import (
    read_edge_list,
    read_google_forms,
    read_limesurvey,
    read_microsoft_forms,
    read_network_canvas,
    read_redcap,
    read_roster_grid,
    read_spss,
    read_surveymonkey,
)

ROSTER = pd.DataFrame(
    {
        "name": ["Ana Ek", "Alm, Bo", "José García", "Dee Fox"],
        "email": ["ana@x.org", "bo@x.org", "jose@x.org", "dee@x.org"],
        "unit": ["A", "A", "B", "B"],
    },
    index=["001", "002", "003", "NA"],
)


def book(who: str, names: list[str], shares: list[str], kind: str = "person", **more: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [{"column": who, "kind": kind}]
    rows += [
        {"column": c, "kind": "nomination", "relation": "r", "respondent_is": "learner", "slot": k}
        for k, c in enumerate(names, 1)
    ]
    rows += [{"column": c, "kind": "learning_share", "source": f"s{k}"} for k, c in enumerate(shares, 1)]
    rows += [{"column": c, "kind": k} for c, k in more.items()]
    return pd.DataFrame(rows)


def pairs(records: Records) -> list[tuple[str, str]]:
    return sorted(records.nominations[["respondent", "named"]].itertuples(index=False, name=None))


def write(folder: Path, text: str, name: str = "f.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


# ---- SurveyMonkey --------------------------------------------------------------------------------------------------

MONKEY = (
    "\ufeffRespondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last "
    "Name,Custom Data 1,"
    '"From whom do you\nlearn?",,"What percentage, in all?",,Any comment?\r\n'
    ",,,,,,,,,Person 1,Person 2,Peers,Courses,Open-Ended Response\r\n"
    "118000000001,1,03/31/2025 09:00:00 AM,03/31/2025 09:05:00 AM,192.0.2.1,ANA@x.org,,,001,jose garcia,Ana "
    "Ek,60,40,fine\r\n"
    "118000000002,1,03/31/2025 10:00:00 AM,03/31/2025 01:05:00 PM,192.0.2.1,bo@x.org,,,002,Nemo Nix,,90,40,\r\n"
    "118000000003,1,03/31/2025 10:00:00 AM,,192.0.2.1,,,,,Ana Ek,,1,0,\r\n"
)
Q = "From whom do you\nlearn?"


def monkey(folder: Path, text: str = MONKEY) -> Records:
    columns = (
        [f"{Q} | Person 1", f"{Q} | Person 2"],
        [f"What percentage, in all? | {s}" for s in ("Peers", "Courses")],
    )
    codes = book("Custom Data 1", *columns, **{"Any comment?": "text", "Email Address": "email"})
    return read_surveymonkey(write(folder, text), codebook=codes, people=ROSTER)


def test_surveymonkey(tmp_path: Path) -> None:
    records = monkey(tmp_path)
    report = records.report
    assert (report.rows_read, report.rows_used) == (3, 2)
    assert report.rows_dropped == {"anonymous: no id, e-mail or name": 1}
    assert pairs(records) == [("001", "003")]
    assert report.n_dropped("names themselves") == 1 and report.n_dropped("fits nobody on the roster") == 1
    assert records.shares().to_numpy().tolist() == [[60, 40]]
    assert records.respondents.set_index("person").at["002", "finished"] == pd.Timestamp(
        "2025-03-31 13:05", tz="UTC"
    )
    assert report.not_read == ("'IP Address': dropped on read",)
    with pytest.raises(
        DataError, match=r"a spreadsheet has damaged the respondent ids \(row 3: '1.18E\+11'\)"
    ):
        monkey(tmp_path, MONKEY.replace("118000000001", "1.18E+11"))
    with pytest.raises(DataError, match="the first column should be 'Respondent ID' and is '118000000001'"):
        monkey(tmp_path, "\n".join(MONKEY.split("\r\n")[2:]))


# ---- LimeSurvey ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text_too", [False, True])
def test_limesurvey(text_too: bool, tmp_path: Path) -> None:
    heads = [
        "id",
        "submitdate",
        "lastpage",
        "startdate",
        "ipaddr",
        "token",
        "Q1[SQ001]",
        "Q1[SQ002]",
        "S[SQ001]",
        "S[SQ002]",
        "L",
    ]
    words = {
        "id": "Response ID",
        "submitdate": "Date submitted",
        "startdate": "Date started",
        "ipaddr": "IP address",
        "token": "Access code",
    }
    if text_too:
        heads = [
            words.get(h, f"{h}. Some text, with a dot. And; more [x]" if h[0] in "QSL" else h) for h in heads
        ]
    rows = [
        [
            "1",
            "2025-01-01 10:00:00",
            "3",
            "2025-01-01 09:00:00",
            "192.0.2.1",
            "001",
            "Bo Alm",
            "García José",
            "50,5",
            "49,5",
            "A1",
        ],
        ["2", "", "1", "2025-01-01 09:00:00", "", "002", "Ana Ek", "", "", "", ""],
        ["3", "1980-01-01 00:00:00", "3", "", "", "NA", "Ana Ek", "ANA@x.org", "0.6", "0.4", ""],
    ]
    text = "\ufeff" + "\n".join(";".join(f'"{c}"' for c in row) for row in [heads, *rows]) + "\n"
    codes = book("token", ["Q1[SQ001]", "Q1[SQ002]"], ["S[SQ001]", "S[SQ002]"], L="choice")
    records = read_limesurvey(write(tmp_path, text), codebook=codes, people=ROSTER)
    assert records.report.rows_dropped == {"broken off before the end (no submitdate)": 1}
    assert pairs(records) == [("001", "002"), ("001", "003"), ("NA", "001")]
    assert records.report.n_dropped("named twice by the same person") == 1
    assert records.shares().loc["NA"].tolist() == pytest.approx([60, 40])
    assert records.report.not_read == ("'ipaddr': dropped on read",)
    with pytest.raises(DataError, match="has no column 'submitdate', or its header row is missing"):
        read_limesurvey(write(tmp_path, "id;token\n1;001\n"), codebook=codes, people=ROSTER)


def test_limesurvey_in_full_says_n_a_of_questions_that_were_not_shown(tmp_path: Path) -> None:
    """LimeSurvey's SurveyObj.php writes N/A for yes/no and multiple choice without a value, never for words."""
    codes = pd.DataFrame(
        [
            {"column": "token", "kind": "person"},
            {"column": "Q0", "kind": "consent"},
            {"column": "M[SQ001]", "kind": "choice", "question": "media"},
            {"column": "T", "kind": "text", "question": "words"},
        ]
    )
    rows = ["1;2025-01-01 10:00:00;001;Yes;N/A;N/A", "2;2025-01-01 10:00:00;002;N/A;Yes;-"]
    text = "\n".join(["id;submitdate;token;Q0;M[SQ001];T", *rows, ""])
    records = read_limesurvey(write(tmp_path, text), codebook=codes, people=ROSTER)
    told = records.answers[["person", "question", "value"]].to_numpy().tolist()
    assert ["002", "media", "Yes"] in told and ["001", "words", "N/A"] in told
    assert not any(question == "media" and person == "001" for person, question, _ in told)


# ---- Google and Microsoft Forms ------------------------------------------------------------------------------------


def test_google_forms(tmp_path: Path) -> None:
    text = (
        "Timestamp,Email Address,Whom do you ask?,Name,Name,Share [Peers],Share [Courses]\n"
        '3/31/2025 9:00:00,Ana@X.org,"José García, Alm, Bo",Dee Fox,x,60%,40%\n'
        '12/31/2025 9:00:00,bo@x.org,"Alm, Bo, Somebody Else",,,50,50\n'
    )
    rows = [
        {
            "column": "Whom do you ask?",
            "kind": "nomination_list",
            "relation": "r",
            "respondent_is": "learner",
        },
        {"column": "Name", "kind": "nomination", "relation": "n", "respondent_is": "teacher", "slot": 1},
        {"column": "Name (2)", "kind": "nomination", "relation": "n", "respondent_is": "teacher", "slot": 2},
        {"column": "Share [Peers]", "kind": "learning_share", "source": "peers"},
        {"column": "Share [Courses]", "kind": "learning_share", "source": "courses"},
    ]
    records = read_google_forms(
        write(tmp_path, text), codebook=pd.DataFrame(rows), people=ROSTER, time_zone="America/New_York"
    )
    assert pairs(records) == [("001", "002"), ("001", "003"), ("001", "NA")]
    assert set(records.report.unmatched["given"]) == {"Somebody Else", "x"}
    assert records.roles == {"n": "teacher", "r": "learner"}
    assert records.respondents.set_index("person").at["001", "finished"] == pd.Timestamp(
        "2025-03-31 13:00", tz="UTC"
    )
    anonymous = text.replace("Email Address", "Remark")
    with pytest.raises(DataError, match="the answers are anonymous: no column says who answered"):
        read_google_forms(write(tmp_path, anonymous), codebook=pd.DataFrame(rows), people=ROSTER)


def test_google_forms_own_csv_states_its_zone_and_lists_with_semicolons(tmp_path: Path) -> None:
    """As Forms writes it (seen in public repositories): 2022/11/30 10:39:41 PM GMT+1, ticks joined by semicolons."""
    text = (
        '"Timestamp","Username","Whom do you ask?"\n'
        '"2025/11/30 10:39:41 PM GMT+1","ana@x.org","José García;Alm, Bo"\n'
        '"2025/12/01 12:05:00 AM GMT","bo@x.org","Dee Fox"\n'
        '"2025/12/01 12:05:00 PM GMT-3:30","dee@x.org",""\n'
    )
    codes = pd.DataFrame(
        [
            {
                "column": "Whom do you ask?",
                "kind": "nomination_list",
                "relation": "r",
                "respondent_is": "learner",
            }
        ]
    )
    records = read_google_forms(write(tmp_path, text), codebook=codes, people=ROSTER)
    assert pairs(records) == [("001", "002"), ("001", "003"), ("002", "NA")]
    finished = records.respondents.set_index("person")["finished"].dropna()
    assert finished.dt.strftime("%m-%d %H:%M").to_dict() == {
        "001": "11-30 21:39",
        "002": "12-01 00:05",
        "NA": "12-01 15:35",
    }


def workbook(folder: Path, rows: list[list[Any]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.save(folder / "f.xlsx")
    return folder / "f.xlsx"


def test_microsoft_forms(tmp_path: Path) -> None:
    day = pd.Timestamp("2025-01-01 10:00").to_pydatetime()
    head = [
        "ID",
        "Start time",
        "Completion time",
        "Email",
        "Name",
        "Last modified time",
        "Whom do you ask?",
        "Peers",
        "Courses",
    ]
    rows = [
        head,
        [1, day, day, "ana@x.org", "Ana Ek", None, "José García;Dee Fox;", 60, 40],
        [2, day, day, "anonymous", None, None, "Dee Fox;", 50, 50],
    ]
    codes = pd.DataFrame(
        [
            {"column": head[6], "kind": "nomination_list", "relation": "r", "respondent_is": "teacher"},
            {"column": "Peers", "kind": "learning_share", "source": "p"},
            {"column": "Courses", "kind": "learning_share", "source": "c"},
        ]
    )
    records = read_microsoft_forms(workbook(tmp_path, rows), codebook=codes, people=ROSTER)
    assert pairs(records) == [("001", "003"), ("001", "NA")]
    assert records.report.rows_dropped == {"anonymous: no id, e-mail or name": 1}
    assert records.network(relation="r").ties["teacher"].tolist() == ["001", "001"]
    for row in rows[1:]:
        row[3] = "anonymous"
    with pytest.raises(DataError, match=r"all 2 answers are anonymous .*: an anonymous link was used"):
        read_microsoft_forms(workbook(tmp_path, rows), codebook=codes, people=ROSTER)


# ---- REDCap --------------------------------------------------------------------------------------------------------

REDCAP = (
    "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,emp,s1,s2,mood,survey_timestamp,survey_complete,who,trust\n"
    "1,base,,,001,60,40,2,2025-01-01 10:00,2,,\n"
    "1,base,names,1,,,,,,,José García,5\n"
    "1,base,names,2,,,,,,,Ana Ek,7\n"
    "2,base,,,002,50,50,1,[not completed],2,,\n"
    "3,base,,,NA,50,50,1,,0,,\n"
    "1,later,,,001,0,100,1,,2,,\n"
)


def redcap_book() -> pd.DataFrame:
    rows = [
        {"column": "emp", "kind": "person"},
        {"column": "survey_timestamp", "kind": "finished"},
        {"column": "survey_complete", "kind": "complete"},
        {"column": "who", "kind": "nomination", "relation": "r", "respondent_is": "learner", "slot": "*"},
        {"column": "trust", "kind": "tie_rating", "relation": "r", "question": "trust", "slot": "*"},
        {"column": "s1", "kind": "learning_share", "source": "p"},
        {"column": "s2", "kind": "learning_share", "source": "c"},
        {"column": "mood", "kind": "likert", "question": "mood"},
    ]
    return pd.DataFrame(rows)


def test_redcap(tmp_path: Path) -> None:
    words = write(
        tmp_path,
        'Variable / Field Name,Form Name,Field Type,"Choices, Calculations, OR Slider Labels"\n'
        'mood,survey,radio,"1, Low | 2, High"\n',
        "dictionary.csv",
    )
    path = write(tmp_path, REDCAP)
    records = read_redcap(path, codebook=redcap_book(), people=ROSTER, event="base", dictionary=words)
    assert pairs(records) == [("001", "003")]
    assert records.nominations["trust"].tolist() == [5]
    assert records.report.rows_dropped == {"broken off before the end": 1}
    assert (records.report.rows_read, records.report.rows_used) == (3, 2)
    assert records.wide("mood").iloc[:, 0].tolist() == [2, 1]
    with pytest.raises(DataError, match=r"holds several events \('base', 'later'\). Read them one by one"):
        read_redcap(path, codebook=redcap_book(), people=ROSTER)
    bad = REDCAP.replace("2,base,,,002", "1,base,,,002")
    with pytest.raises(DataError, match=r"records stand more than once \(rows 2, 5: '1', '1'\)"):
        read_redcap(write(tmp_path, bad), codebook=redcap_book(), people=ROSTER, event="base")


def test_redcap_with_labels_as_headings(tmp_path: Path) -> None:
    text = (
        "Record ID,Event Name,Repeat Instrument,Repeat Instance,Employee,"
        "Whom do you ask? (choice=Ana),Whom do you ask? (choice=José),Complete?,Complete?\n"
        "1,Base,,,001,Unchecked,Checked,Complete,Complete\n"
        "2,Base,,,002,Checked,Checked,Complete,Incomplete\n"
        "3,Base,,,NA,Checked,Unchecked,Incomplete,Complete\n"
    )
    grid = {"kind": "roster", "relation": "r", "respondent_is": "learner"}
    rows = [
        {"column": "Employee", "kind": "person"},
        {"column": "Complete?", "kind": "complete"},
        {"column": "Whom do you ask? (choice=Ana)", "person": "001", **grid},
        {"column": "Whom do you ask? (choice=José)", "person": "003", **grid},
    ]
    records = read_redcap(
        write(tmp_path, text), codebook=pd.DataFrame(rows), people=ROSTER, record_id="Record ID"
    )
    assert pairs(records) == [("001", "003"), ("002", "001"), ("002", "003")]
    assert records.report.rows_dropped == {"broken off before the end": 1}
    assert (
        records.report.n_flagged("a cell of the grid is not a number or a known label (counted as no tie)")
        == 0
    )


def test_redcap_event_that_repeats(tmp_path: Path) -> None:
    head = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,emp,s1,s2\n"
    once = head + "1,base,,1,001,60,40\n2,base,,1,002,50,50\n"
    codes = book("emp", [], ["s1", "s2"])
    records = read_redcap(write(tmp_path, once), codebook=codes, people=ROSTER)
    assert records.shares().to_numpy().tolist() == [[60, 40], [50, 50]]
    with pytest.raises(DataError, match=r"the event repeats for 1 records \(rows 2, 4\)"):
        read_redcap(write(tmp_path, once + "1,base,,2,001,10,90\n"), codebook=codes, people=ROSTER)


# ---- SPSS ----------------------------------------------------------------------------------------------------------


def test_spss(tmp_path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    table = pd.DataFrame(
        {
            "id": ["001", "NA", "999"],
            "n1": ["José García", "Dee Fox", ""],
            "s1": [60.0, 1.0, None],
            "s2": [40.0, 0.0, 100.0],
            "mood": [2.0, 1.0, 9.0],
        }
    )
    path = tmp_path / "f.sav"
    pyreadstat.write_sav(table, str(path), variable_value_labels={"mood": {1.0: "Low|er", 2.0: "High"}})
    codes = book("id", ["n1"], ["s1", "s2"], mood="likert")
    records = read_spss(path, codebook=codes, people=ROSTER)
    assert pairs(records) == [("001", "003")]
    assert records.report.rows_dropped == {"respondent is not on the roster": 1}
    assert records.report.n_dropped("names themselves") == 1
    assert records.shares().to_numpy().tolist() == [[60, 40], [100, 0]]
    pyreadstat.write_sav(table, str(path), missing_ranges={"mood": [{"lo": 2.0, "hi": 9.0}]})
    assert read_spss(path, codebook=codes, people=ROSTER).wide("mood").index.tolist() == ["NA"]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="is not an SPSS file that can be read"):
        read_spss(path, codebook=codes, people=ROSTER)


# ---- Network Canvas ------------------------------------------------------------------------------------------------

CANVAS = {
    "s1_ego.csv": "networkCanvasEgoUUID,networkCanvasCaseID,age\ne1,001,30\n",
    "s2_ego.csv": "networkCanvasEgoUUID,networkCanvasCaseID\ne2,002\n",
    "s1_attributeList_Person.csv": "networkCanvasEgoUUID,nodeID,name,close,topic_sql\n"
    "e1,1,José García,3,TRUE\ne1,2,Ana Ek,2,FALSE\ne1,3,Joe,1,\n",
    "s2_attributeList_Person.csv": "networkCanvasEgoUUID,nodeID,name,close\ne2,,,\n",
    "s1_edgeList_Knows.csv": "networkCanvasEgoUUID,edgeID,from,to\ne1,1,1,2\n",
}


@pytest.mark.parametrize("zipped", [True, False])
def test_network_canvas(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / ("nc.zip" if zipped else "nc")
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in CANVAS.items():
                archive.writestr(name, text)
    else:
        path.mkdir()
        for name, text in CANVAS.items():
            write(path, text, name)
    records = read_network_canvas(
        path, people=ROSTER, relation="close", respondent_is="learner", ratings=["close"]
    )
    assert pairs(records) == [("001", "003")]
    assert records.nominations["close"].tolist() == [3]
    assert (records.report.rows_read, records.report.rows_used) == (4, 1)
    assert records.respondents.set_index("person")["status"].tolist() == [
        "answered",
        "answered",
        "silent",
        "silent",
    ]
    assert records.report.not_read == ("1 ties between alters: beliefs about others",)


# ---- layouts -------------------------------------------------------------------------------------------------------


def test_roster_grid(tmp_path: Path) -> None:
    text = "who,Dee Fox,001,jose garcia,bo@x.org\n001,3,2,,1\n002,0,4,,\n003,,,,\n"
    records = read_roster_grid(
        write(tmp_path, text), people=ROSTER, relation="r", respondent_is="learner", cut=2
    )
    assert pairs(records) == [("001", "NA"), ("002", "001")]
    assert records.nominations["weight"].tolist() == [3, 4]
    assert records.report.n_dropped("names themselves") == 1
    assert records.report.n_dropped("the row is empty: did not answer") == 1
    assert records.respondents.set_index("person")["status"].to_dict() == {
        "001": "answered",
        "002": "answered",
        "003": "silent",
        "NA": "silent",
    }
    with pytest.raises(DataError, match=r"ratings above 1 \(rows 2, 2, 3\) and no cut"):
        read_roster_grid(write(tmp_path, text), people=ROSTER, relation="r", respondent_is="learner")
    with pytest.raises(DataError, match="1 headings are nobody on the roster"):
        read_roster_grid(
            write(tmp_path, text.replace("001,jose", "zoe,jose")),
            people=ROSTER,
            relation="r",
            respondent_is="learner",
        )
    words = "who,001,002\n001,,often\n002,never,\n"
    named = read_roster_grid(
        write(tmp_path, words), people=ROSTER, relation="r", respondent_is="teacher", labels="0=never|1=often"
    )
    assert named.network(relation="r").ties[["teacher", "learner"]].to_numpy().tolist() == [["001", "002"]]


def test_edge_list(tmp_path: Path) -> None:
    text = "Ego,Alter,Wave,Weight\n001,002,1,\n001,002,1,2\n001,002,2,3\n002,002,1,1\n003,Zoe,1,1\n003,,1,1\n"
    records = read_edge_list(
        write(tmp_path, text), people=ROSTER, relation="r", respondent_is="learner", respondents=["NA", "003"]
    )
    assert records.nominations[["respondent", "named", "wave", "weight"]].to_numpy().tolist() == [
        ["001", "002", "1", 1.0],
        ["001", "002", "2", 3.0],
    ]
    assert records.report.rows_dropped == {
        "an end is empty": 1,
        "fits nobody on the roster": 1,
        "names themselves": 1,
        "named twice by the same person": 1,
    }
    first = records.respondents[records.respondents["wave"] == "1"].set_index("person")["status"]
    assert first.to_dict() == {"001": "answered", "002": "silent", "003": "answered", "NA": "answered"}
    with pytest.raises(
        DataError, match=r"has no column for 'respondent', 'named'. .* 'from', 'to' do not say who answered"
    ):
        read_edge_list(
            write(tmp_path, "from,to\n001,002\n"), people=ROSTER, relation="r", respondent_is="learner"
        )
    with pytest.raises(DataError, match=r"weights must be above 0 \(row 2: '-1'\)"):
        read_edge_list(
            write(tmp_path, "ego,alter,weight\n001,002,-1\n"),
            people=ROSTER,
            relation="r",
            respondent_is="learner",
        )

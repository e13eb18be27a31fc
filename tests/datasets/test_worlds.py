"""The sample worlds: the files are those that the generator writes, and readers find in them what was put there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet.datasets import WORLDS, load_meridian, load_truth, make_world, sample_dir
from peernet.datasets import worlds as module
from peernet.datasets._write import files_of
from peernet.datasets.build import main
from peernet.errors import DataError

ALL = tuple(WORLDS)


@pytest.fixture(scope="module")
def records() -> Any:
    return load_meridian()


@pytest.fixture(scope="module")
def firm() -> Any:
    return make_world("meridian")


@pytest.mark.parametrize("world", ALL)
def test_the_files_are_written_again_byte_for_byte(world: str) -> None:
    folder = sample_dir(world)  # type: ignore[arg-type]
    made = files_of(make_world(world))  # type: ignore[arg-type]
    assert set(made) == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for name, content in made.items():
        assert (folder / name).read_bytes() == content, name


@pytest.mark.parametrize("world", ALL)
def test_checksums(world: str) -> None:
    folder = sample_dir(world)  # type: ignore[arg-type]
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_sizes() -> None:
    size = {world: sum(p.stat().st_size for p in sample_dir(world).iterdir()) for world in ALL}  # type: ignore[arg-type]
    assert size["meridian"] < 5e6
    assert sum(size.values()) < 12e6


def test_build_writes_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "null_meridian"]) == 0
    assert "null_meridian: 13 files" in capsys.readouterr().out
    assert (tmp_path / "null_meridian" / "truth.json").read_bytes() == (
        sample_dir("null_meridian") / "truth.json"
    ).read_bytes()


def test_unknown_worlds_and_changed_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="'null_meridian'"):
        sample_dir("mars")  # type: ignore[arg-type]
    folder = make_world("null_meridian").write(tmp_path / "w")
    (folder / "completions.csv").write_text("user_email\n")
    monkeypatch.setattr(module, "sample_dir", lambda world: folder)
    with pytest.raises(DataError, match=r"completions\.csv differ from SHA256SUMS"):
        load_meridian()


# ---- the files as such ----


def test_survey_file_has_every_trap() -> None:
    raw = (sample_dir() / "survey_qualtrics.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    header, texts, imports, answers = rows[0], rows[1], rows[2], rows[3:]
    assert len({len(row) for row in rows}) == 1
    assert any("\n" in text for text in texts)
    assert all("ImportId" in json.loads(cell) for cell in imports)
    assert json.loads(imports[0])["timeZone"] == "Europe/Berlin"
    frame = pd.DataFrame(answers, columns=header)
    assert (frame["Status"] == "1").sum() == 2
    assert (frame["Finished"] == "0").sum() == 6
    assert frame["ExternalReference"].str.startswith("0").sum() > 150
    assert 3 <= ((frame["ExternalReference"] == "") & (frame["Status"] == "0")).sum() <= 8
    assert frame.loc[frame["RecipientEmail"] != "", "RecipientEmail"].duplicated().sum() == 3
    shares = frame[[f"Q3_{k}" for k in range(1, 7)]]
    assert shares.apply(lambda c: c.str.contains(",")).any().any()
    assert shares.apply(lambda c: c.str.contains("%")).any().any()
    numbers = shares.apply(lambda c: pd.to_numeric(c.str.replace("%", "").str.replace(",", "."))).sum(axis=1)
    assert {1.0, 100.0, 110.0, 130.0} <= set(numbers.round(1))


def test_chat_export_has_every_trap() -> None:
    with zipfile.ZipFile(sample_dir() / "slack_export.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        files = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    users = files["users.json"]
    assert sum(user["is_bot"] for user in users) == 2
    assert any(user["id"] == "USLACKBOT" for user in users)
    assert 1 <= sum(user["deleted"] for user in users) <= 20
    assert any("email" not in user["profile"] for user in users)
    assert files["dms.json"] and files["mpims.json"] and files["groups.json"]
    days = {name: value for name, value in files.items() if "/" in name}
    messages = [message for day in days.values() for message in day]
    kinds = {message.get("subtype") for message in messages}
    assert kinds >= {None, "channel_join", "bot_message", "thread_broadcast", "me_message"}
    opened = {
        (name.split("/")[0], m["ts"])
        for name, day in days.items()
        for m in day
        if m.get("thread_ts") == m["ts"]
    }
    orphans = [
        m for name, day in days.items() for m in day
        if "parent_user_id" in m and (name.split("/")[0], m["thread_ts"]) not in opened
    ]  # fmt: skip
    assert orphans
    for name, day in days.items():
        for message in day:
            assert (
                pd.Timestamp(int(message["ts"].split(".")[0]), unit="s").strftime("%Y-%m-%d") == name[-15:-5]
            )
        plain = [message["ts"] for message in day if message.get("subtype") != "thread_broadcast"]
        assert len(plain) == len(set(plain))


def test_roster_and_platform_files() -> None:
    roster = pd.read_csv(sample_dir() / "hr_roster.csv", dtype=str, keep_default_na=False)
    assert roster["employee_id"].nunique() == 240
    assert roster["employee_id"].duplicated().sum() == len(load_truth()["planted"]["movers"])
    assert (roster["effective_from"] >= roster["hire_date"]).all()
    done = pd.read_csv(sample_dir() / "completions.csv", dtype=str, keep_default_na=False)
    assert set(done["status"]) == {"completed", "in_progress", "overdue"}
    assert (
        done.loc[done["status"] == "completed", "started_at"]
        <= done.loc[done["status"] == "completed", "completed_at"]
    ).all()
    assert set(done["user_email"]) <= set(roster["work_email"])


def test_git_stream_is_taken_by_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    stream = (sample_dir() / "repository.fast-import").read_bytes()
    subprocess.run(["git", "-C", str(tmp_path), "fast-import", "--quiet"], input=stream, check=True)
    ask = [
        "git",
        "-C",
        str(tmp_path),
        "log",
        "main",
        "--format=%(trailers:key=Reviewed-by,valueonly,unfold,separator=;)",
    ]
    found = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
    reviewed = [line for line in found.splitlines() if line]
    assert len(reviewed) == (make_world().commits["how"] == "Reviewed-by").sum()


def test_calendar_is_taken_by_icalendar() -> None:
    icalendar = pytest.importorskip("icalendar")
    raw = (sample_dir() / "calendar.ics").read_bytes()
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    events = icalendar.Calendar.from_ical(raw).walk("VEVENT")
    assert sum("RRULE" in event for event in events) == (make_world().mentoring["mentor"] >= 0).sum()
    assert sum(event.get("STATUS") == "CANCELLED" for event in events) == 1
    assert sum("RECURRENCE-ID" in event for event in events) == 1


# ---- what readers find ----


@pytest.mark.parametrize("world", ALL)
def test_every_world_can_be_read(world: str) -> None:
    found = load_meridian(world)  # type: ignore[arg-type]
    assert len(found.people) == 240
    told = load_truth(world)["people"]["status"]  # type: ignore[arg-type]
    assert found.respondents["status"].value_counts().to_dict() == told


def test_statuses_come_back(records: Any, firm: Any) -> None:
    found = records.respondents.set_index("person")["status"]
    assert (found.reindex(firm.ids) == firm.status).all()


def test_names_come_back_or_are_reported(records: Any, firm: Any) -> None:
    """No nomination is read that was not made; what is missing was mistyped, or names somebody who objects."""
    made = firm.nominations
    keys = ["respondent", "named", "relation"]
    true = set(made[keys].itertuples(index=False, name=None))
    read = set(records.nominations[keys].itertuples(index=False, name=None))
    assert read <= true
    lost = made[[key not in read for key in made[keys].itertuples(index=False, name=None)]]
    plain = firm.people.loc[lost["named"], "name"].to_numpy() == lost["typed"].to_numpy()
    shared = firm.people["name"].duplicated(keep=False).loc[lost["named"]].to_numpy()
    objects = (firm.status.loc[lost["named"]] == "objected").to_numpy()
    assert (~plain | shared | objects).all()
    assert len(read) > 0.95 * len(true)


def test_shares_come_back(records: Any, firm: Any) -> None:
    read = records.answers.query("question == 'learning_share'").pivot(
        index="person", columns="item", values="value"
    )
    written = firm.reported_shares.drop(columns="version")
    total = written.sum(axis=1)
    kept = written[((total >= 90) & (total <= 110)) | (total < 2)]
    closed = kept.div(kept.sum(axis=1), axis=0) * 100
    assert set(read.index) <= set(closed.index)
    assert len(read) >= len(closed) - 3
    gap = (read.astype(float) - closed.loc[read.index, read.columns]).abs().to_numpy()
    assert np.nanmax(gap) < 1.5  # a tenth of a percent is lost where people write 37,5


def test_chat_comes_back(records: Any, firm: Any) -> None:
    """Public answers of the window are read with their right teacher and learner; bystanders are read too."""
    first, last = pd.Timestamp("2025-02-01", tz="UTC"), pd.Timestamp("2026-01-01", tz="UTC")
    public = firm.events[~firm.events["place"].isin(["dm", "private"])]
    public = public[(public["time"] >= first) & (public["time"] < last)]
    events = records.events[records.events["source"] == "slack"]

    def keys(frame: pd.DataFrame) -> set[tuple[str, str, int]]:
        second = frame["time"].astype("int64") // (10**9 if frame["time"].dtype.unit == "ns" else 10**6)
        return set(zip(frame["teacher"], frame["learner"], second, strict=True))

    objects = firm.status.index[firm.status == "objected"]
    shy = public[["teacher", "learner"]].isin(objects).any(axis=1)
    assert shy.any() and not events[["teacher", "learner"]].isin(objects).any(axis=None)
    assert records.report.n_dropped("about people who object", "events joined") >= shy.sum()
    public = public[~shy]
    missed = keys(public) - keys(events)
    assert len(missed) <= 0.01 * len(public)
    bystanders = len(events) - len(keys(public))
    assert 0 < bystanders < 0.1 * len(public)


def test_adoptions_come_back(records: Any, firm: Any) -> None:
    done = records.completions[records.completions["status"] == "completed"]
    for item in "ABCD":
        read = done[done["item"] == f"C-{item}"].set_index("person")["time"]
        true = firm.adoptions.query("item == @item and time.notna()").set_index("person")["time"]
        objects = firm.status.reindex(true.index) == "objected"
        true = true[~objects]
        assert set(read.index) == set(true.index)
        days = (read.loc[true.index] - pd.Timestamp("2025-01-01", tz="UTC")) / pd.Timedelta(days=1)
        assert (days - true).abs().max() < 1e-4


# ---- what is planted ----


def test_meridian_holds_what_it_promises() -> None:
    truth = load_truth()
    shares, skills, planted = truth["learning_shares"], truth["skills"], truth["planted"]
    assert shares["social_wide"] == pytest.approx(0.62)
    assert shares["social_strict"] == pytest.approx(0.41)
    assert shares["wide_of_the_silent"] < shares["wide_of_those_who_answered"] - 0.05
    assert skills["A"]["social_share"] == pytest.approx(0.60, abs=0.03)
    assert skills["A"]["ceiling"] == pytest.approx(0.85, abs=0.03)
    assert [skills[item]["driver"] for item in "ABCD"] == ["ties", "deadline", "taste", "ties"]
    assert skills["D"]["adopters"] == 12
    assert truth["effects"]["teaching"]["g_expected"] == 0.5
    assert truth["effects"]["teaching"]["g_impromptu"] == 0.0
    assert truth["network"]["ei_team"] > 0.3
    assert truth["network"]["ei_team_by_chance"] > truth["network"]["ei_team"] + 0.2
    assert len(planted["hidden_team"]) == 9
    assert truth["people"]["by_unit"][planted["unit_below_floor"]] == 4


def test_null_meridian_holds_nothing() -> None:
    truth = load_truth("null_meridian")
    zero = [v for k, v in truth["effects"].items() if isinstance(v, float)]
    assert not any(zero)
    assert truth["skills"]["A"]["social_share"] == 0
    assert abs(truth["network"]["ei_unit"] - truth["network"]["ei_unit_by_chance"]) < 0.06


def test_bad_meridian_is_the_same_firm_badly_measured() -> None:
    good, bad = load_truth(), load_truth("bad_meridian")
    assert bad["network"]["ties"] == good["network"]["ties"]
    assert bad["learning_shares"]["roster_mean"] == good["learning_shares"]["roster_mean"]
    status = bad["people"]["status"]
    assert status["answered"] / bad["people"]["asked"] == pytest.approx(0.45, abs=0.06)
    users = zipfile.ZipFile(sample_dir("bad_meridian") / "slack_export.zip").read("users.json")
    assert users.count(b"@old-meridian.example") > 50


def _order_fit(day: np.ndarray[Any, Any], learns_from: np.ndarray[Any, Any]) -> float:
    """Gain in log-likelihood of social over asocial learning, order of adoption only."""
    from scipy.optimize import minimize_scalar

    order = np.argsort(day, kind="stable")[: np.isfinite(day).sum()]
    informed, waiting, past = [], [], np.zeros(len(day))
    for who in order:
        informed.append(learns_from @ past)
        waiting.append(past == 0)
        past[who] = 1
    teachers, here = np.array(informed), np.array(waiting)

    def minus_log(log_s: float) -> float:
        rate = (1 + np.exp(log_s) * teachers) * here
        return float(-np.log(rate[np.arange(len(order)), order] / rate.sum(axis=1)).sum())

    best = minimize_scalar(minus_log, bounds=(-12, 8), method="bounded")
    return max(0.0, minus_log(-40.0) - float(best.fun))


def test_skills_on_the_survey_as_an_analyst_has_it(firm: Any) -> None:
    """A looks social and is; C looks social and is not, and more so transposed; D is too small to say."""
    named = firm._nominations.query("relation == 'learn_from'")
    survey = np.zeros((240, 240))
    survey[named["respondent"], named["named"]] = 1
    days = firm._days[0]
    assert _order_fit(days["A"], survey) > 4
    assert _order_fit(days["C"], survey) > 1.92
    assert _order_fit(days["C"], survey.T) > _order_fit(days["C"], survey) + 1
    assert _order_fit(days["D"], survey) < 1.92


def test_the_silo_vanishes_within_its_site(firm: Any) -> None:
    """The unit's E-I is far below chance when labels are shuffled over the firm, and at chance within sites."""
    rng = np.random.default_rng(1)
    ties, where = firm._ties, firm.structure
    for unit in (1, 2):

        def index(code: np.ndarray[Any, Any], unit: int = unit) -> float:
            teach, learn = code[ties.teacher] == unit, code[ties.learner] == unit
            return float(((teach ^ learn).sum() - (teach & learn).sum()) / (teach | learn).sum())

        everywhere, inside = [], []
        for _ in range(300):
            everywhere.append(index(rng.permutation(where.unit)))
            code = where.unit.copy()
            for site in range(3):
                here = np.flatnonzero(where.site == site)
                code[here] = rng.permutation(code[here])
            inside.append(index(code))
        seen = index(where.unit)
        assert (seen - np.mean(everywhere)) / np.std(everywhere) < -5
        assert abs((seen - np.mean(inside)) / np.std(inside)) < 2


# ---- records without files ----


def test_records_without_files_are_those_of_the_files(records: Any, firm: Any) -> None:
    """What the readers find is what a perfect reader would, but for names that they rightly refuse to guess."""
    direct = firm.records().merge()  # as load_meridian merges: who objects is left out
    keys = ["respondent", "named", "relation", "slot", "trust", "usefulness"]
    known = set(direct.nominations[keys].astype(str).itertuples(index=False, name=None))
    read = set(records.nominations[keys].astype(str).itertuples(index=False, name=None))
    assert read <= known
    assert len(read) > 0.95 * len(known)
    assert direct.roles == records.roles
    for frame in ("people", "respondents", "questions", "spells", "completions", "answers"):
        assert set(getattr(direct, frame).columns) <= set(getattr(records, frame).columns) | {
            "tenure",
            "asked",
        }, frame
    place = ["unit", "site", "manager"]
    mine, theirs = direct.people[place].sort_index(), records.people[place].sort_index()
    pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)
    index = ["person", "question", "item"]
    told = direct.answers[direct.answers["question"] != "learning_share"].set_index(index)["value"]
    heard = records.answers[records.answers["question"] != "learning_share"].set_index(index)["value"]
    assert told.sort_index().to_dict() == heard.sort_index().to_dict()
    done = direct.completions.set_index(["person", "item"]).sort_index()
    read_done = records.completions.set_index(["person", "item"]).sort_index()
    assert (done["status"] == read_done["status"]).all()
    assert (done["assigned"] == read_done["assigned"]).all()


def test_true_shares_on_request(firm: Any) -> None:
    exact = firm.records(as_written=False, events=False)
    shares = exact.answers.query("question == 'learning_share'").pivot(
        index="person", columns="item", values="value"
    )
    true = firm.answered_shares["peers"]
    assert np.allclose(shares.loc[true.index, "peers"].astype(float), 100 * true)
    assert len(exact.events) == 0


# ---- expected verdicts ----


def test_expected_verdicts_are_from_the_closed_list_and_stand_in_the_docs(project_root: Path) -> None:
    from peernet.datasets import expected_verdicts

    table = expected_verdicts()
    closed = {"supported", "contradicted", "inconclusive", "not answered by these data", "not answerable"}
    assert set(table[list(ALL)].to_numpy().ravel()) <= closed
    assert table.index.is_unique
    page = (project_root / "docs" / "worlds.md").read_text(encoding="utf-8")
    for name, row in table.iterrows():
        assert f"| {name} | " + " | ".join(row) + " |" in page
    for world, (number, _) in WORLDS.items():
        assert f"| `{world}` | {number} |" in page


def test_nothing_is_supported_in_the_null_world() -> None:
    from peernet.datasets import expected_verdicts

    assert (expected_verdicts()["null_meridian"] != "supported").all()


@pytest.mark.parametrize(("reading", "truth"), [("wide", 0.62), ("strict", 0.41)])
def test_verdicts_on_the_share_of_social_learning(reading: str, truth: float) -> None:
    """The three worlds through the readers: the mean against 80 %, and worst cases for silent people."""
    from peernet import hypotheses
    from peernet.datasets import expected_verdicts

    table = expected_verdicts().loc[f"H1-{reading}"]
    for world in ALL:
        found = hypotheses.social_share(load_meridian(world), reading=reading)  # type: ignore[arg-type]
        mine = found.readings.query("reading == @reading").iloc[0]
        assert mine["worst_case_verdict"] == table[world]
        assert mine["bound_low"] < truth < mine["bound_high"]

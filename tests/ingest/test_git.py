"""read_git: trailers, mailmap, bots, blame, and a history of 20,000 commits counted by git itself."""

from __future__ import annotations

import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from peernet import DataError
from peernet.ingest import read_git
from peernet.ingest.git import COPY
from tests.ingest.traces import balance

ENV = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8",
}  # fmt: skip
ROSTER = pd.DataFrame(
    {
        "name": ["Ana Alm", "Bo Berg", "Cy Ødegård", "Di Dahl"],
        "email": ["ana@firm.example", "bo@firm.example", "cy@firm.example", "di@firm.example"],
        "login": ["ana-a", "", "", "didahl"],
    },
    index=pd.Index(["007", "p2", "p3", "p4"], name="person"),
)


def git(repo: Path, *arguments: str, text: str | None = None, when: str = "", author: str = "") -> str:
    env = dict(ENV)
    name, _, mail = (author or "Ana Alm <ana@firm.example>").partition(" <")
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail.rstrip(">")}
        if when:
            env[f"GIT_{role}_DATE"] = when
    done = subprocess.run(
        ["git", "-C", str(repo), *arguments], input=text, capture_output=True, text=True, env=env, check=True
    )
    return done.stdout


def commit(
    repo: Path, message: str, when: str, author: str, file: str = "a.txt", body: str | None = None
) -> None:
    path = repo / file
    path.write_text(body if body is not None else f"{message}{when}\n", encoding="utf-8")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-F", "-", text=message, when=when, author=author)


ANA, BO, CY = "Ana Alm <ana@firm.example>", "Bo Berg <bo@firm.example>", "Cy Ødegård <CY@firm.example>"


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven commits with every trap."""
    where = tmp_path_factory.mktemp("git") / "tool"
    where.mkdir()
    git(where, "init", "-q", "-b", "main")
    (where / ".mailmap").write_text("Bo Berg <bo@firm.example> <bob@home.example>\n", encoding="utf-8")
    # 1: a review; the zone is five hours behind UTC
    commit(where, "one\n\nReviewed-by: Bo Berg <bo@firm.example>\n", "2024-03-09T22:00:00-05:00", ANA)
    # 2: the review comes from an address that the mailmap knows; odd case, CRLF-free folding
    commit(
        where,
        "two\n\nREVIEWED-BY: bobby <bob@home.example>\nHelped-by: Cy\n <cy@firm.example>\n",
        "2024-03-10T08:30:00Z",
        ANA,
    )
    # 3: a trailer in the middle of the message is text, not a trailer
    commit(
        where,
        "three\n\nReviewed-by: Bo Berg <bo@firm.example>\n\nThat was long ago.\n",
        "2024-03-11T00:00:00Z",
        ANA,
    )
    # 4: author is the mailmapped address; co-author symmetric; sign-off is nothing
    commit(
        where,
        f"four\n\nCo-authored-by: {ANA}\nSigned-off-by: {BO}\n",
        "2024-03-12T00:00:00Z",
        "Bob <bob@home.example>",
    )
    # 5: a bot's commit, reviewed by a person; and 6 a person's, reviewed by a bot
    commit(
        where,
        f"five\n\nReviewed-by: {ANA}\n",
        "2024-03-13T00:00:00Z",
        "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
    )
    commit(where, "six\n\nReviewed-by: review-bot <bots@firm.example>\n", "2024-03-14T00:00:00Z", ANA)
    # 7: one's own review
    commit(where, f"seven\n\nReviewed-by: {ANA}\n", "2024-03-15T00:00:00Z", "Ana Alm <ANA@firm.example>")
    # 8: somebody from outside; 9: a name without an address; a noreply address with a login
    commit(
        where, f"eight\n\nSuggested-by: Zoe <zoe@else.example>\nAcked-by: {BO}\n", "2024-03-16T00:00:00Z", ANA
    )
    commit(
        where,
        "nine\n\nReviewed-by: the team\nMentored-by: Di <77+didahl@users.noreply.github.com>\n",
        "2024-03-17T00:00:00Z",
        ANA,
    )
    # 10: Unicode; 11 on another branch only
    commit(where, f"ten\n\nReviewed-by: {CY}\n", "2024-10-27T00:30:00Z", BO)
    git(where, "checkout", "-q", "-b", "side")
    commit(where, f"eleven\n\nReviewed-by: {CY}\n", "2024-10-27T01:30:00Z", BO)
    git(where, "checkout", "-q", "main")
    git(where, "notes", "add", "-m", f"Reviewed-by: {CY}", "HEAD")
    return where


def test_every_trap_is_counted(repo: Path) -> None:
    records = read_git(repo, people=ROSTER)
    report = records.report
    got = Counter((r.kind, r.teacher, r.learner, r.weight) for r in records.events.itertuples())
    assert got == {
        ("review", "p2", "007", 1.0): 2,
        ("help", "p3", "007", 1.0): 1,
        ("help", "p4", "007", 1.0): 1,
        ("co-author", "p2", "007", 0.5): 1,
        ("co-author", "007", "p2", 0.5): 1,
        ("review", "p3", "p2", 1.0): 2,
    }
    ledger = report.ledger.set_index("what")
    assert ledger.loc["commits"].tolist() == [11, 11, 11]
    # 1 + 2 + 0 + 2 + 1 + 1 + 1 + 2 + 2 + 1 + 1
    assert ledger.loc["trailers", "read"] == 14
    assert report.n_dropped("not a trailer of teaching (signed off, tested, reported, links ...)") == 2
    assert report.n_dropped("names nobody by e-mail") == 1
    # 11 trailers used; the co-author makes two events
    assert ledger.loc["events"].tolist() == [12, 9, 8]
    assert report.n_dropped("teacher or learner is a bot") == 2
    assert report.n_dropped("teacher or learner is not on the roster") == 1
    assert report.n_dropped("a person with themselves") == 1
    assert report.unmatched["given"].tolist() == ["zoe@else.example (zoe@else.example)"]
    assert "Acked-by" not in report.summary() and "acked-by 1" in report.summary()


def test_times_are_utc_and_evidence_is_the_commit(repo: Path) -> None:
    events = read_git(repo, people=ROSTER).events
    assert events["time"].iloc[0] == pd.Timestamp("2024-03-10 03:00", tz="UTC")
    assert str(events["time"].dtype) == "datetime64[us, UTC]"
    assert events["event_id"].is_unique
    hashes = set(git(repo, "log", "--all", "--format=%H").split())
    assert set(events["evidence"]) <= hashes
    assert set(events["context"]) == {"tool"}


def test_sessions_are_commits(repo: Path) -> None:
    sessions = read_git(repo, people=ROSTER).sessions
    first = sessions[sessions["time"] == "2024-03-10T03:00Z"]
    assert sorted(zip(first["person"], first["role"], strict=True)) == [("007", "author"), ("p2", "review")]


def test_one_branch_other_trailers_and_no_roster(repo: Path) -> None:
    assert (read_git(repo, people=ROSTER, revisions="main").events["kind"] == "review").sum() == 3
    acks = read_git(repo, people=ROSTER, trailers={"Acked-by": "ack"}).events
    assert [(r.kind, r.teacher, r.learner) for r in acks.itertuples()] == [("ack", "p2", "007")]
    free = read_git(repo)
    assert set(free.people.index) == {
        "ana@firm.example",
        "bo@firm.example",
        "cy@firm.example",
        "zoe@else.example",
        "77+didahl@users.noreply.github.com",
    }
    assert (
        free.people.loc["cy@firm.example", "name"] == "Cy Ødegård"
        or free.people.loc["cy@firm.example", "name"] == "Cy"
    )
    assert len(free.events) == 9
    joined = read_git(repo, aliases={"zoe@else.example": "ana@firm.example"})
    assert len(joined.events) == 8  # it was a suggestion to herself then


def test_copies_are_flagged_and_can_be_dropped(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "root\n", "2024-01-01T00:00:00Z", ANA, "r.txt")
    git(tmp_path, "checkout", "-q", "-b", "fix")
    commit(tmp_path, f"fix\n\nReviewed-by: {BO}\n", "2024-01-02T00:00:00Z", ANA, "f.txt")
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, "other\n", "2024-01-03T00:00:00Z", ANA, "o.txt")
    git(tmp_path, "cherry-pick", "fix", when="2024-01-05T00:00:00Z", author=ANA)
    both = read_git(tmp_path, copies="keep")
    assert len(both.events) == 2
    assert both.report.n_flagged(COPY) == 1
    one = read_git(tmp_path)
    assert len(one.events) == 1
    assert one.events["time"].iloc[0] == pd.Timestamp("2024-01-02", tz="UTC")  # when it was said first
    assert one.report.n_dropped("copy of another commit", "commits") == 1
    assert one.report.n_dropped("on a copy of the commit too", "trailers") == 1
    assert one.report.n_flagged(COPY) == 1
    git(
        tmp_path, "commit", "--amend", "-q", "-m", f"fix\n\nReviewed-by: {BO}\nHelped-by: {BO}",
        when="2024-01-06T00:00:00Z",
    )  # fmt: skip
    more = read_git(tmp_path)  # the copy names a help that the first does not
    assert sorted(zip(more.events["kind"], more.events["time"].dt.day, strict=True)) == [
        ("help", 6),
        ("review", 2),
    ]
    assert balance(more)["trailers"] == [3, 3, 2]


def test_blame_says_whose_lines_are_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    odd = 'sp ace "é".txt'
    commit(tmp_path, "a", "2024-01-01T00:00:00Z", ANA, odd, "".join(f"line {i} by ana\n" for i in range(10)))
    # Bo changes three of Ana's lines, deletes one, adds two; re-indents another, which is nobody's loss
    text = [f"line {i} by ana\n" for i in range(10)]
    text[2:5] = ["-- bo 2\n", "++ bo 3\n", "@@ -1 +1 @@ bo 4\n"]
    text[6] = "   " + text[6]
    del text[8]
    commit(tmp_path, "b", "2024-01-02T00:00:00Z", BO, odd, "".join([*text, "bo 10\n", "bo 11\n"]))
    # Cy changes one of Bo's, one of Ana's, and then one of his own
    text[2], text[0] = "cy 2\n", "cy 0\n"
    commit(tmp_path, "c", "2024-01-03T00:00:00Z", CY, odd, "".join([*text, "bo 10\n", "bo 11\n"]))
    text[2] = "cy again\n"
    commit(tmp_path, "d", "2024-01-04T00:00:00Z", CY, odd, "".join([*text, "bo 10\n", "bo 11\n"]))
    records = read_git(tmp_path, people=ROSTER, blame=True)
    got = {(r.teacher, r.learner, r.weight) for r in records.events.itertuples()}
    assert got == {("007", "p2", 4.0), ("p2", "p3", 1.0), ("007", "p3", 1.0)}
    assert set(records.events["kind"]) == {"builds on"}
    assert records.report.ledger.set_index("what").loc["changed lines"].tolist() == [7, 7, 6]
    assert len(read_git(tmp_path, people=ROSTER, blame=True, blame_commits=2).events) == 2


def test_nothing_of_the_repository_is_run(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitattributes").write_text("*.txt diff=evil\n")
    commit(tmp_path, f"a\n\nReviewed-by: {BO}\n", "2024-01-01T00:00:00Z", ANA)
    commit(tmp_path, "b\n", "2024-01-02T00:00:00Z", BO)
    mark = tmp_path / "ran"
    for key in (
        "diff.evil.textconv",
        "diff.evil.command",
        "core.fsmonitor",
        "gpg.program",
        "core.pager",
        "diff.external",
    ):
        git(tmp_path, "config", key, f"touch {mark};")
    git(tmp_path, "config", "log.showSignature", "true")
    assert len(read_git(tmp_path, blame=True).events) == 2
    assert not mark.exists()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: p / "nowhere", "there is no file 'nowhere'"),
        (lambda p: p, "git cannot read"),
    ],
)
def test_no_repository(tmp_path: Path, make: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read_git(make(tmp_path))  # type: ignore[operator]


def test_empty_damaged_and_wrong_options(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    with pytest.raises(DataError, match="holds no commit"):
        read_git(tmp_path)
    commit(tmp_path, "a\n", "2024-01-01T00:00:00Z", ANA)
    assert len(read_git(tmp_path).events) == 0
    with pytest.raises(DataError, match="cannot read"):
        read_git(tmp_path, revisions="nobranch")
    with pytest.raises(DataError, match="not a branch"):
        read_git(tmp_path, revisions="--output=x")
    with pytest.raises(ValueError, match="time must be one of"):
        read_git(tmp_path, time="mine")  # type: ignore[arg-type]
    for path in (tmp_path / ".git" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"junk")
    with pytest.raises(DataError, match="git cannot read"):
        read_git(tmp_path)


def fast_import(repo: Path, n: int, seed: int = 1) -> None:
    """A repository of n commits with random trailers, made by git fast-import."""
    rng = random.Random(seed)
    people = [f"Person {i} <p{i}@firm.example>" for i in range(200)]
    keys = ["Reviewed-by", "Helped-by", "Co-authored-by", "Signed-off-by", "Acked-by", "reviewed-by"]
    out = []
    for k in range(n):
        author = rng.choice(people)
        lines = [f"{rng.choice(keys)}: {rng.choice(people)}" for _ in range(rng.choice([0, 0, 1, 2, 3]))]
        message = f"commit {k}\n\nSome words.\n" + ("\n" + "\n".join(lines) + "\n" if lines else "")
        data = message.encode()
        out.append(
            f"commit refs/heads/main\nmark :{k + 1}\nauthor {author} {1_600_000_000 + 60 * k} +0100\n"
            f"committer {author} {1_600_000_000 + 60 * k} +0100\ndata {len(data)}\n{message}\n"
            + (f"from :{k}\n" if k else "")
            + f"M 100644 inline f{k % 50}.txt\ndata {len(str(k))}\n{k}\n\n"
        )
    git(repo, "init", "-q", "--bare", "-b", "main")
    git(repo, "fast-import", "--quiet", text="".join(out))


def test_twenty_thousand_commits_as_git_counts_them(tmp_path: Path) -> None:
    fast_import(tmp_path, 20_000)
    records = read_git(tmp_path, copies="keep")  # git counts copies of commits too
    ledger = records.report.ledger.set_index("what")
    assert ledger.loc["commits", "read"] == 20_000
    want = {
        kind: git(tmp_path, "log", "--all", f"--format=%(trailers:key={key},valueonly)").count(
            "@firm.example"
        )
        for key, kind in (("Reviewed-by", "review"), ("Helped-by", "help"), ("Co-authored-by", "co-author"))
    }
    everything = git(tmp_path, "log", "--all", "--format=%(trailers:only)").count("@firm.example")
    assert ledger.loc["trailers", "read"] == everything
    twice = records.report.n_dropped("named twice in one commit")
    assert 0 < twice < 50 and ledger.loc["trailers", "used"] == sum(want.values()) - twice
    own = records.report.n_dropped("a person with themselves")
    lost = want["review"] + want["help"] + 2 * want["co-author"] - len(records.events) - own
    assert twice <= lost <= 2 * twice  # a co-author named twice stands for two events
    # against a count made the slow way, from the raw text
    raw = git(
        tmp_path, "log", "--all", "--format=%ae|%(trailers:key=Reviewed-by,valueonly,separator=%x2C)"
    ).splitlines()
    slow = Counter()
    for line in raw:
        author, _, named = line.partition("|")
        mails = {one.partition("<")[2].rstrip(">") for one in filter(None, named.split(","))}
        for mail in mails:  # whoever is named twice in a commit reviewed it once
            if mail != author:
                slow[mail, author] += 1
    events = records.events[records.events["kind"] == "review"]
    assert Counter(zip(events["teacher"], events["learner"], strict=True)) == slow


def test_the_mailmap_is_found_where_head_names_no_branch(tmp_path: Path, repo: Path) -> None:
    bare = tmp_path / "mirror.git"
    git(tmp_path, "clone", "-q", "--mirror", str(repo), str(bare))
    want = read_git(repo, people=ROSTER).events.drop(columns="context")
    git(bare, "symbolic-ref", "HEAD", "refs/heads/nowhere")
    got = read_git(bare, people=ROSTER)
    pd.testing.assert_frame_equal(got.events.drop(columns="context"), want)
    assert set(got.events["context"]) == {"mirror"}


def test_meridian_is_read_back(tmp_path: Path) -> None:
    from peernet import datasets, ingest

    folder = datasets.sample_dir("meridian")
    people = ingest.read_people(folder / "hr_roster.csv")
    git(tmp_path, "init", "-q", "--bare")
    with (folder / "repository.fast-import").open("rb") as stream:
        subprocess.run(
            ["git", "-C", str(tmp_path), "fast-import", "--quiet"], stdin=stream, check=True, env=ENV
        )
    records = read_git(tmp_path, people=people)
    world = datasets.make_world("meridian")
    made = world.commits[world.commits["helper"] >= 0]
    ids = world.ids.to_numpy()
    want = Counter()
    for row in made.itertuples():
        author, helper = ids[row.author], ids[row.helper]
        want[helper, author] += 0.5 if row.how.startswith("Co-") else 1
        if row.how.startswith("Co-"):
            want[author, helper] += 0.5
    got = records.events.groupby(["teacher", "learner"])["weight"].sum().to_dict()
    assert got == dict(want)
    assert records.report.ledger.set_index("what").loc["accounts", "used"] == len(
        set(made["author"]) | set(made["helper"])
    )


def test_one_review_of_a_commit_is_one_however_often_it_is_written(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    named = "Reviewed-by: Bo <BO@firm.example>\nreviewed-BY: Bo B <bo@firm.example>\nHelped-by: Bo <bo@firm.example>"
    commit(tmp_path, f"fix\n\n{named}\n", "2024-01-02T00:00:00Z", ANA)
    records = read_git(tmp_path, people=ROSTER)
    assert sorted(records.events["kind"]) == ["help", "review"]
    assert records.report.n_dropped("named twice in one commit") == 1
    assert balance(records)["trailers"] == [3, 3, 2]

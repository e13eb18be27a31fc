"""A git history: who reviewed, helped and wrote together, from the trailers of commits; whose code one builds on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from peernet._check import literal
from peernet.errors import DataError
from peernet.ingest import _gitlog
from peernet.ingest._fields import epoch_us, is_bot_name, short
from peernet.ingest._files import PathLike, existing
from peernet.ingest._traces import Traces, progress_bar
from peernet.ingest.survey import Aliases, People
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["TRAILERS", "read_git"]

Role = Literal["teacher", "both"]
# Trailer -> (kind of event, what the person named is to the author). Sign-offs, acks and tests are not teaching.
TRAILERS: dict[str, tuple[str, Role]] = {
    "reviewed-by": ("review", "teacher"),
    "reviewer": ("review", "teacher"),
    "helped-by": ("help", "teacher"),
    "suggested-by": ("help", "teacher"),
    "mentored-by": ("help", "teacher"),
    "improved-by": ("help", "teacher"),
    "thanks-to": ("help", "teacher"),
    "inspired-by": ("help", "teacher"),
    "co-authored-by": ("co-author", "both"),
    "co-developed-by": ("co-author", "both"),
    "pair": ("co-author", "both"),
}
COPY = "looks like a copy of another (same author, author time and subject)"
_PERSON = re.compile(r"^\s*\"?([^<>\"]*?)\"?\s*<\s*([^<>\s]+)\s*>")
_NOREPLY = re.compile(r"^(?:\d+\+)?([^@]+)@users\.noreply\.github\.com$", re.IGNORECASE)


def read_git(
    path: PathLike,
    *,
    people: People | None = None,
    revisions: str | None = None,
    trailers: Mapping[str, str] | None = None,
    time: Literal["committer", "author"] = "committer",
    merges: bool = True,
    copies: Literal["drop", "keep"] = "drop",
    blame: bool = False,
    blame_commits: int | None = None,
    bots: Iterable[str] = (),
    aliases: Aliases = None,
    progress: bool = False,
) -> Records:
    """Who reviewed, helped and wrote with whom, from the commit trailers of a git repository.

    Direction: the person named in ``Reviewed-by``, ``Helped-by``, ``Suggested-by``, ``Mentored-by``,
    ``Improved-by``, ``Thanks-to`` and ``Inspired-by`` teaches the author of the commit (weight 1).
    ``Co-authored-by`` is symmetric: it says nothing about who taught, and is kept as two events of weight
    1/2, one each way. Sign-offs, acks, tests and reports are counted and not read as teaching. With
    ``blame``, whoever last wrote a line that a commit changes or deletes teaches the author of that commit
    (kind "builds on", weight = number of such lines): the nearest to learning from code, and the one most
    confounded by who is assigned to which module.

    Git itself reads the history (``git log`` and ``git blame`` through a subprocess): it applies
    ``.mailmap`` to authors and trailers, finds the trailers of the last paragraph, and unfolds them. Nothing
    in the repository is run or changed, and nothing is fetched.

    Parameters
    ----------
    path : path
        A repository, with or without a work tree.
    people : Records or pandas.DataFrame, optional
        The roster; matched by e-mail. Without it, one person an e-mail address.
    revisions : str, optional
        Branch, tag or range such as ``"v1..main"``. Default: every branch and tag (not notes, not the stash).
    trailers : dict, optional
        Trailer -> kind of event, instead of ``TRAILERS``; the person named is then the teacher.
        ``{"acked-by": "ack"}``.
    time : {"committer", "author"}
        Whose clock: "committer" is when the change came in, and is in order; rebasing moves it.
    merges : bool
        Read the trailers of merge commits too.
    copies : {"drop", "keep"}
        Cherry-picks and rebased branches are copies of a commit (same author, author time and subject), and one
        review is one review however often it is copied: "drop" takes a trailer from the oldest commit that has it,
        and counts those of the copies as left out. "keep" makes events of each. Where every branch is read, or the
        branches of pull requests were fetched, most commits can be copies.
    blame : bool
        Also read whose lines each commit changes. Slow: a process for every file that a commit changes.
    blame_commits : int, optional
        Only the latest so many commits are blamed.
    bots : list of str
        Further e-mail addresses or names of bots; those called ``[bot]``, dependabot, renovate ... are known.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: e-mail -> person.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Records
        ``events`` (kinds review, help, co-author, builds on; time of the commit in UTC, ``context`` = name of the
        repository, ``evidence`` = commit), ``sessions`` (session = commit; author and everybody named), and the report:
        commits, and trailers by what became of them.

    Raises
    ------
    DataError
        When it is no repository, git is not installed, or it cannot read the history.
    """
    literal("time", time, ("committer", "author"))
    literal("copies", copies, ("drop", "keep"))
    where = existing(path, "read_git")
    named = (
        {k.strip().lower().rstrip(":"): (v, "teacher") for k, v in trailers.items()}
        if trailers is not None
        else TRAILERS
    )
    trace = Traces("read_git", "git")
    rules = _Rules(named, time, copies, {b.strip().lower() for b in bots})
    name = where.resolve().name.removesuffix(".git") or "repository"
    history = _gitlog.History(where, revisions, merges=merges)
    commits = list(progress_bar(history.commits(trace.ledger), progress, "git log"))
    if not commits:
        raise DataError(
            f"{where.name}: the history holds no commit"
            + (f" in {revisions!r}." if revisions else ". Is it a fresh clone?")
        )
    canonical = history.mailmap(_idents(commits, rules))
    _read_trailers(trace, commits, canonical, rules, name)
    if blame:
        _gitlog.read_blame(
            trace,
            history,
            commits,
            lambda n, e: _who(trace, n, e, rules),
            name,
            blame_commits,
            time,
            progress,
        )
    trace.ledger.files.append(
        {"file": f"{name} (git, newest commit {commits[0].hash[:12]})", "sha256": "", "bytes": 0}
    )
    if history.shallow():
        trace.ledger.notes.append("the clone is shallow: older commits are not in it")
    return trace.records(
        people,
        aliases,
        time_zone=f"UTC ({time} time of the commit)",
        direction=(
            "the person named in a review or help trailer teaches the author of the commit; "
            "co-authors both ways, half each"
        )
        + ("; whoever wrote a line teaches whoever changes it" if blame else ""),
        notes=[
            "messages, diffs and file names are not kept; squash merges erase authors; review by rule is "
            "authority, not choice"
        ],
    )


class _Rules:
    """What the caller chose."""

    def __init__(
        self, trailers: Mapping[str, tuple[str, str]], time: str, copies: str, bots: set[str]
    ) -> None:
        self.trailers, self.time, self.copies, self.bots = trailers, time, copies, bots


def _idents(commits: list[_gitlog.Commit], rules: _Rules) -> list[tuple[str, str]]:
    """Return every (name, e-mail) that a trailer names, once."""
    out: dict[tuple[str, str], None] = {}
    for commit in commits:
        for key, value in commit.trailers:
            match = _PERSON.match(value) if key in rules.trailers else None
            if match:
                out[match.group(1).strip(), match.group(2)] = None
    return list(out)


def _who(trace: Traces, name: str, mail: str, rules: _Rules) -> int:
    """Return the account of an ident."""
    mail = mail.strip().lower()
    login = _NOREPLY.match(mail)
    bot = (
        is_bot_name(name)
        or is_bot_name(mail.split("@")[0])
        or mail in rules.bots
        or name.strip().lower() in rules.bots
    )
    bot = bot or mail == "noreply@github.com"
    return trace.account(
        mail or name,
        name=name,
        email=mail if "@" in mail else "",
        login=login.group(1) if login else "",
        bot=bot,
    )


def _read_trailers(
    trace: Traces,
    commits: list[_gitlog.Commit],
    canonical: Mapping[tuple[str, str], tuple[str, str]],
    rules: _Rules,
    name: str,
) -> None:
    """Turn the trailers of every commit into ties."""
    ledger = trace.ledger
    seen: dict[tuple[str, str, int], set[tuple[str, str]]] = {}
    other: dict[str, int] = {}
    for commit in reversed(commits):  # the oldest first: whoever is named taught before that
        moment = epoch_us(commit.committed if rules.time == "committer" else commit.authored)
        ledger.read("trailers", len(commit.trailers))
        trailers = commit.trailers if moment is None else _new(ledger, commit, seen, rules.copies)
        if moment is None or (commit.trailers and not trailers):
            reason = (
                "the time of the commit is not between 1980 and 2100"
                if moment is None
                else "copy of another commit"
            )
            ledger.drop("commits", reason, (), n=1)
            ledger.drop("trailers", reason, (), n=len(trailers))
            continue
        author = _who(trace, commit.name, commit.email, rules)
        named: list[tuple[int, str]] = []
        for trailer, value in trailers:
            kind, role = rules.trailers.get(trailer, ("", ""))
            match = _PERSON.match(value) if kind else None
            if not kind:
                ledger.drop(
                    "trailers", "not a trailer of teaching (signed off, tested, reported, links ...)", (), n=1
                )
                other[trailer] = other.get(trailer, 0) + 1
            elif match is None:
                ledger.drop("trailers", "names nobody by e-mail", (), stage="match", n=1)
            else:
                ident = (str(match.group(1)).strip(), str(match.group(2)))
                mapped_name, mapped_mail = canonical.get(ident, ident)
                other_person = _who(trace, mapped_name, mapped_mail, rules)
                if (other_person, kind) in named:
                    ledger.drop("trailers", "named twice in one commit", (), n=1)
                    continue
                _tie(trace, moment, other_person, author, kind, role, name, commit.hash)
                named.append((other_person, kind))
        if named:
            trace.attend(commit.hash, author, moment, "author", "commit")
            for account, kind in named:
                trace.attend(commit.hash, account, moment, kind, "commit")
    if other:
        most = sorted(other.items(), key=lambda kv: (-kv[1], kv[0]))[:8]
        ledger.notes.append(
            "trailers not read as teaching: " + ", ".join(f"{short(k, 40)} {n}" for k, n in most)
        )


def _new(
    ledger: Ledger,
    commit: _gitlog.Commit,
    seen: dict[tuple[str, str, int], set[tuple[str, str]]],
    copies: str,
) -> tuple[tuple[str, str], ...]:
    """Return the trailers of a commit that no older copy of it has, or all of them; flag copies either way."""
    if not commit.trailers:
        return ()
    key = (commit.email.lower(), commit.authored, commit.subject)
    before = seen.setdefault(key, set())
    if before:
        ledger.flag("commits", COPY, n=1)
    known = before.copy()
    before.update((trailer, value.lower()) for trailer, value in commit.trailers)
    if copies == "keep":
        return commit.trailers
    new = tuple((t, v) for t, v in commit.trailers if (t, v.lower()) not in known)
    ledger.drop("trailers", "on a copy of the commit too", (), n=len(commit.trailers) - len(new))
    return new


def _tie(
    trace: Traces, time: int, named: int, author: int, kind: str, role: str, context: str, commit: str
) -> None:
    """Add the events of one trailer."""
    if role == "both":
        trace.tie(time, named, author, kind, weight=0.5, context=context, evidence=commit)
        trace.tie(time, author, named, kind, weight=0.5, context=context, evidence=commit)
    else:
        trace.tie(time, named, author, kind, context=context, evidence=commit)


def repository_of(path: Path) -> bool:
    """Say whether a folder is a git repository, by the files it holds."""
    return (path / ".git").exists() or (
        (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
    )

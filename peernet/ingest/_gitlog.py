"""Talking to git: log, mailmap and blame as streams, with all switched off that would run the repository's code."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from peernet.errors import DataError
from peernet.ingest._fields import epoch_us
from peernet.ingest._traces import Traces, progress_bar
from peernet.records.report import Ledger

__all__ = ["Commit", "History", "read_blame"]

# %x00 cannot stand in a message, so it ends a commit; %x1f and %x1d part fields and trailers.
_FORMAT = "%H%x1f%P%x1f%aN%x1f%aE%x1f%at%x1f%ct%x1f%s%x1f%(trailers:only=true,unfold=true,separator=%x1d)%x00"
_SAFE = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "core.pager=cat",
    "-c",
    "color.ui=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "i18n.logOutputEncoding=UTF-8",
    "-c",
    "core.quotePath=true",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "log.mailmap=true",
    "-c",
    "core.attributesFile=/dev/null",
    "-c",
    "diff.noprefix=false",
    "-c",
    "diff.mnemonicPrefix=false",
)
_EVERYTHING = ("--exclude=refs/notes/*", "--exclude=refs/stash", "--exclude=refs/replace/*", "--all", "HEAD")
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
_KEY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9-]*)\s*[:=]\s*(.*)$", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_PLAIN = {
    b"n": b"\n",
    b"t": b"\t",
    b'"': b'"',
    b"\\": b"\\",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"r": b"\r",
    b"v": b"\v",
}


class Commit(NamedTuple):
    """What is kept of a commit while reading; trailer names in lower case."""

    hash: str
    parents: tuple[str, ...]
    name: str
    email: str
    authored: str
    committed: str
    subject: int
    trailers: tuple[tuple[str, str], ...]


class History:
    """The history of one repository."""

    def __init__(self, path: Path, revisions: str | None, *, merges: bool = True) -> None:
        self.path = path
        if not path.is_dir():
            raise DataError(f"read_git: {path.name} is not a folder. Give the folder of a git repository.")
        self._merges = merges
        if revisions is not None and (not revisions.strip() or revisions.startswith("-")):
            raise DataError(f"read_git: revisions={revisions!r} is not a branch, tag or range.")
        self._mailmap: tuple[str, ...] = ()
        self._run("rev-parse", "--git-dir")
        self._find_mailmap()
        self._revisions = ("--end-of-options", revisions) if revisions else self._all()

    def _all(self) -> tuple[str, ...]:
        """Name every branch and tag; a repository whose HEAD is unborn has no HEAD."""
        born = self._try("rev-parse", "--verify", "--quiet", "HEAD") is not None
        return _EVERYTHING if born else _EVERYTHING[:-1]

    def _find_mailmap(self) -> None:
        """Where HEAD names no commit, take the ``.mailmap`` of the branch that was written to last."""
        if self.tip():
            return
        out = (
            self._try(
                "for-each-ref",
                "--sort=-committerdate",
                "--count=1",
                "--format=%(objectname)",
                "refs/heads",
                "refs/remotes",
            )
            or b""
        )
        newest = out.decode(errors="replace").strip()
        if newest and self._try("cat-file", "-e", f"{newest}:.mailmap") is not None:
            self._mailmap = ("-c", f"mailmap.blob={newest}:.mailmap")

    def command(self, *arguments: str) -> list[str]:
        """Return a git command that runs nothing of the repository's."""
        return ["git", *_SAFE, *self._mailmap, "-C", str(self.path), *arguments]

    @staticmethod
    def environment() -> dict[str, str]:
        """Return an environment without a terminal, a network or surprises."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return kept | {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_PAGER": "cat",
            "LC_ALL": "C",
        }

    def open(self, *arguments: str, stdin: int | None = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start git."""
        try:
            return subprocess.Popen(
                self.command(*arguments),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
            )
        except OSError as error:
            raise DataError(f"read_git: git cannot be started ({error}). Install git.") from None

    def _try(self, *arguments: str, text: bytes | None = None) -> bytes | None:
        process = self.open(*arguments, stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL)
        out, self._said = process.communicate(text)
        return out if process.returncode == 0 else None

    def _run(self, *arguments: str, text: bytes | None = None) -> bytes:
        out = self._try(*arguments, text=text)
        if out is None:
            raise self.failure(self._said)
        return out

    def failure(self, said: bytes) -> DataError:
        """Return the error for what git said."""
        lines = said.decode(errors="replace").strip().splitlines()
        why = next(
            (line for line in lines if line.startswith("fatal")), lines[0] if lines else "no reason given"
        )
        return DataError(
            f"read_git: git cannot read {self.path.name!r}: {why[:200]}. Give the folder of a complete "
            "git repository."
        )

    def commits(self, ledger: Ledger) -> Iterator[Commit]:
        """Yield commits, newest first."""
        merges = () if self._merges else ("--no-merges",)
        process = self.open(
            "log",
            "--no-show-signature",
            "--no-color",
            "--no-notes",
            *merges,
            f"--format=tformat:{_FORMAT}",
            *self._revisions,
        )
        assert process.stdout is not None and process.stderr is not None
        rest = b""
        try:
            while block := process.stdout.read(1 << 20):
                *whole, rest = (rest + block).split(b"\x00")
                for record in whole:
                    yield from self._commit(record, ledger)
            said = process.stderr.read()
        finally:
            process.stdout.close()
            process.stderr.close()
            code = process.wait()
        if code:
            raise self.failure(said)

    @staticmethod
    def _commit(record: bytes, ledger: Ledger) -> Iterator[Commit]:
        """Read one commit."""
        ledger.read("commits", 1)
        parts = record.lstrip(b"\n").decode(errors="replace").split("\x1f", 7)
        if len(parts) != 8 or not parts[4].isdigit() or not parts[5].isdigit():
            ledger.drop("commits", "has no readable author or time", (), stage="match", n=1)
            return
        commit, parents, name, mail, authored, committed, subject, tail = parts
        found = []
        for line in tail.split("\x1d"):
            match = _KEY.match(line.strip())
            if match:
                found.append((match.group(1).lower(), match.group(2).strip()))
        yield Commit(
            commit, tuple(parents.split()), name, mail, authored, committed, hash(subject), tuple(found)
        )

    def mailmap(self, idents: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
        """Return the canonical (name, e-mail) of those that trailers name."""
        clean = [(n, m) for n, m in idents if not re.search(r"[\n\r\x00<>]", n + m)]
        if not clean:
            return {}
        text = "".join(f"{n} <{m}>\n" if n else f"<{m}>\n" for n, m in clean).encode(errors="replace")
        out = self._run("check-mailmap", "--stdin", text=text).decode(errors="replace").splitlines()
        if len(out) != len(clean):
            return {}
        found = {}
        for ident, line in zip(clean, out, strict=True):
            name, _, mail = line.rpartition("<")
            found[ident] = (name.strip() or ident[0], mail.rstrip("> \n") or ident[1])
        return found

    def tip(self) -> str:
        """Return the commit that HEAD names, or nothing."""
        return (self._try("rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()

    def shallow(self) -> bool:
        """Say whether the history was cut when it was cloned."""
        return (self._try("rev-parse", "--is-shallow-repository") or b"").strip() == b"true"

    def changes(self, revision: str) -> dict[bytes, list[tuple[int, int]]]:
        """Return the lines of the first parent that a commit changes or deletes: file -> (first, last)."""
        raw = self._run(
            "diff-tree",
            "-r",
            "-p",
            "-U0",
            "-M",
            "-w",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--ignore-submodules=all",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            f"{revision}^1",
            revision,
        )
        out: dict[bytes, list[tuple[int, int]]] = {}
        name, left = b"", 0
        for line in raw.split(b"\n"):
            if left:
                left -= 1
                continue
            if line.startswith(b"--- "):
                name = _unquote(line[4:])
            hunk = _HUNK.match(line)
            if hunk:
                n = int(hunk.group(2)) if hunk.group(2) is not None else 1
                left = _body(line, n)
                if n and name.startswith(b"a/"):
                    first = int(hunk.group(1))
                    out.setdefault(name[2:], []).append((first, first + n - 1))
        return out

    def blame(
        self, revision: str, file: bytes, ranges: list[tuple[int, int]], ignore: tuple[str, ...]
    ) -> Counter[tuple[str, str]]:
        """Count the lines of each (name, e-mail) who last wrote them."""
        spans = [f"-L{a},{b}" for a, b in ranges]
        raw = self._run(
            "blame",
            "-w",
            "-M",
            "--line-porcelain",
            "--no-textconv",
            *ignore,
            *spans,
            f"{revision}^1",
            "--",
            os.fsdecode(file),
        )
        out: Counter[tuple[str, str]] = Counter()
        name = ""
        for line in raw.split(b"\n"):
            if line.startswith(b"author "):
                name = line[7:].decode(errors="replace")
            elif line.startswith(b"author-mail "):
                out[name, line[12:].decode(errors="replace").strip("<> ")] += 1
        return out

    def ignored(self) -> tuple[str, ...]:
        """Return the option that skips reformatting commits, where the repository lists them."""
        listed = self.path / ".git-blame-ignore-revs"
        if not listed.is_file():
            return ()
        option = (f"--ignore-revs-file={listed.resolve()}",)
        return option


def _body(line: bytes, removed: int) -> int:
    """Return the number of lines in a hunk without context, so that a text like ``--- a/x`` inside is not a header."""
    added = re.search(rb" \+\d+(?:,(\d+))? @@", line)
    count = 1 if added is None or added.group(1) is None else int(added.group(1))
    return removed + count


def _unquote(name: bytes) -> bytes:
    """Return a file name as it is, from the form in which git quotes odd ones."""
    name = name.rstrip(b"\t\r")
    if not (name.startswith(b'"') and name.endswith(b'"')):
        return name

    def plain(match: re.Match[bytes]) -> bytes:
        code = match.group(1)
        return bytes([int(code, 8) & 255]) if len(code) == 3 else _PLAIN.get(code, code)

    return _ESCAPE.sub(plain, name[1:-1])


def read_blame(
    trace: Traces,
    history: History,
    commits: list[Commit],
    who: Callable[[str, str], int],
    context: str,
    limit: int | None,
    time: str,
    progress: bool,
) -> None:
    """Add whose lines each commit changes; merges and first commits have none."""
    ordinary = [c for c in commits if len(c.parents) == 1][: limit if limit is not None else None]
    ledger, ignore = trace.ledger, history.ignored()
    if limit is not None:
        ledger.notes.append(f"blame looked at the latest {len(ordinary)} commits")
    for commit in progress_bar(ordinary, progress, "git blame"):
        moment = epoch_us(commit.committed if time == "committer" else commit.authored)
        lines: Counter[tuple[str, str]] = Counter()
        changed: Any = history.changes(commit.hash)
        for file, ranges in changed.items():
            lines += history.blame(commit.hash, file, ranges, ignore)
        ledger.read("changed lines", sum(lines.values()))
        author = who(commit.name, commit.email)
        for (name, mail), n in sorted(lines.items()):
            other = who(name, mail)
            if other == author:
                ledger.drop("changed lines", "the author's own", (), n=n)
            elif moment is None:
                ledger.drop("changed lines", "the time of the commit is not between 1980 and 2100", (), n=n)
            else:
                trace.tie(
                    moment, other, author, "builds on", weight=float(n), context=context, evidence=commit.hash
                )

"""Warnings gathered from a notebook, with what identifies people taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Note", "redact", "strip_ansi", "warnings_in"]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*(?:\x07|\x1b\\)")
_WARNING = re.compile(
    r"^(?:(?P<path>[^\n:]*):(?P<line>\d+): )?(?P<kind>[A-Za-z_][\w.]*Warning): ?(?P<text>.*)$"
)
_PROGRESS = re.compile(r"\d+%\|.*\||\b\d+(?:\.\d+)?(?:it|k|M)? \[\d+:\d+|\bit/s\]|\bs/it\]")
_NOISE = re.compile(
    r"Kernel is running over TCP|frozen modules|PYDEVD_DISABLE_FILE_VALIDATION|make the debugger miss"
)

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_HANDLE = re.compile(r"(?<![\w@])@[A-Za-z0-9][\w.-]*|<@[A-Z0-9]+>")
_SLACK = re.compile(r"\b[UWBDGC](?=[A-Z0-9]*\d)[A-Z0-9]{6,}\b")
_CODED = re.compile(
    r"\b(?!(?:u?int|float|utf|complex|md|sha|py|iso|rfc|cp|base|arm|amd|x|v)[-_]?\d)[a-z]{1,4}[-_]?\d{2,}\b",
    re.I,
)
_LONG_NUMBER = re.compile(r"(?<![\d.,])\d{6,}(?![\d.,]\d)")
_HOME = re.compile(r"(?<![\w.])(?:/[\w.@+-]+){2,}/?|\b[A-Za-z]:\\[^\s'\"]+")
_ONE = r"(?:'[^'\n]*'|\"[^\"\n]*\")"
_QUOTED_LIST = re.compile(rf"\brows?\b[^:()]*:\s*(?P<list>{_ONE}(?:,\s*(?:{_ONE}|\.\.\.))*)")
_QUOTED = re.compile(r"'([^'\n]{1,80})'|\"([^\"\n]{1,80})\"")
_COLUMN_NAME = re.compile(r"[a-z][a-z_]*$")


@dataclass(frozen=True)
class Note:
    """Something that was said on the side while the notebook ran.

    Attributes
    ----------
    kind : str
        Name of the warning class, or ``"message"``.
    text : str
        What it said, redacted.
    cell : int
        Number of the cell, counted from 1.
    """

    kind: str
    text: str
    cell: int


def strip_ansi(text: str) -> str:
    """Text without terminal colours and cursor movements."""
    return _ANSI.sub("", text)


def redact(text: str) -> str:
    """A message without what could identify a person.

    Taken out: e-mail addresses, handles, chat and other coded ids, long numbers, names in quotes (quoted
    words that look like column names or options stay), and the folders of file paths.

    Parameters
    ----------
    text : str
        A warning or an error.

    Returns
    -------
    str
        The same with placeholders in square brackets.

    Examples
    --------
    >>> redact("column 'unit': rows 3, 9: 'ana', 'bo' (ana@example.org)")
    "column 'unit': rows 3, 9: [2 ids] ([e-mail])"
    """
    text = _EMAIL.sub("[e-mail]", text)
    text = _UUID.sub("[id]", text)
    text = _HOME.sub(lambda m: re.split(r"[/\\]", m.group().rstrip("/\\"))[-1], text)
    text = _QUOTED_LIST.sub(_count_list, text)
    text = _QUOTED.sub(_quoted_word, text)
    text = _HANDLE.sub("[id]", text)
    text = _SLACK.sub("[id]", text)
    text = _CODED.sub("[id]", text)
    return _LONG_NUMBER.sub("[number]", text)


def _count_list(match: re.Match[str]) -> str:
    listed = match.group("list")
    n = len(_QUOTED.findall(listed))
    return match.group().replace(listed, f"[{n} ids]" if n > 1 else "[id]")


# What peernet itself puts in quotation marks: verdicts, which a reader must see.
_OUR_WORDS = frozenset(
    ("supported", "contradicted", "inconclusive", "not answered by these data", "not answerable")
)


def _quoted_word(match: re.Match[str]) -> str:
    word = match.group(1) or match.group(2) or ""
    return match.group() if _COLUMN_NAME.match(word) or word in _OUR_WORDS else "[name]"


def warnings_in(stderr: str, cell: int) -> list[Note]:
    """Read the warnings out of what one cell wrote to stderr.

    Parameters
    ----------
    stderr : str
        Everything that the cell wrote, in order.
    cell : int
        Number of the cell, counted from 1.

    Returns
    -------
    list of Note
        Python warnings by class; any other line as a ``"message"``. Progress bars and the kernel's own
        chatter are left out.
    """
    notes: list[Note] = []
    after_warning = False
    for line in re.split(r"[\r\n]+", strip_ansi(stderr)):
        if not line.strip() or _PROGRESS.search(line) or _NOISE.search(line):
            continue
        match = _WARNING.match(line)
        if match:
            notes.append(
                Note(match.group("kind").rsplit(".", 1)[-1], redact(match.group("text").strip()), cell)
            )
        elif not (after_warning and line.startswith("  ")):
            notes.append(Note("message", redact(line.strip()), cell))
        after_warning = match is not None
    return notes

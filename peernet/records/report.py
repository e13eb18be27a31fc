"""What a reader did with a file: read, matched, used, dropped and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from peernet._check import literal, some
from peernet.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["IngestReport", "Ledger", "join_reports", "tuples"]

Stage = Literal["match", "use"]
_DROPPED = ["what", "reason", "stage", "n", "rows"]
_FLAGGED = ["what", "note", "n", "rows"]
_LEDGER = ["what", "read", "matched", "used"]
_FILES = ["file", "sha256", "bytes"]
UNMATCHED = ["given", "n", "suggested", "suggested_name", "score", "why", "person"]
_RESPONSE = ["unit", "asked", "answered", "share"]
_MAPPING = ["field", "column", "how"]


@dataclass(frozen=True, eq=False, kw_only=True)
class IngestReport:
    """The account of one file, or of several after a merge: nothing leaves without a reason.

    Attributes
    ----------
    reader : str
        The function that read, such as ``"read_qualtrics"``.
    files : pandas.DataFrame
        ``file, sha256, bytes``.
    ledger : pandas.DataFrame
        One row per kind of thing in the file (rows, names, shares, messages ...): ``what, read, matched,
        used``; what was read is what was used plus what was dropped.
    dropped : pandas.DataFrame
        ``what, reason, stage, n, rows``: how many were left out for which reason; rows are numbered as in a
        spreadsheet (the first line of the file is row 1).
    flagged : pandas.DataFrame
        ``what, note, n, rows``: what was kept but needs an eye: sums that were rescaled, names that looked
        like HTML.
    unmatched : pandas.DataFrame
        Names that fit nobody, with suggestions (``given, n, suggested, suggested_name, score, why,
        person``). Nothing here has been applied: fill ``person`` where a suggestion is right and pass the
        table back as ``aliases=``.
    response : pandas.DataFrame
        By unit: ``unit, asked, answered, share``. Empty where the file is not a survey.
    mapping : pandas.DataFrame
        ``field, column, how``: which column of the file was read as what.
    direction : str
        Who teaches whom, and by which rule.
    time_zone : str
        In which zone the times were read.
    start, end : pandas.Timestamp or None
        First and last time, UTC.
    not_read : tuple of str
        What was there and left alone: private conversations, sources that a study does not allow.
    notes : tuple of str
        Remarks that have no rows.
    """

    reader: str
    files: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_FILES))
    ledger: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_LEDGER))
    dropped: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_DROPPED))
    flagged: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_FLAGGED))
    unmatched: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=UNMATCHED))
    response: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_RESPONSE))
    mapping: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_MAPPING))
    direction: str = ""
    time_zone: str = ""
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    not_read: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """Rows (or messages) in the file."""
        return int(self.ledger["read"].iloc[0]) if len(self.ledger) else 0

    @property
    def rows_used(self) -> int:
        """Rows (or messages) that were used."""
        return int(self.ledger["used"].iloc[0]) if len(self.ledger) else 0

    @property
    def rows_dropped(self) -> dict[str, int]:
        """Rows (or messages) left out, by reason."""
        if not len(self.ledger):
            return {}
        mine = self.dropped[self.dropped["what"] == self.ledger["what"].iloc[0]]
        return {str(r): int(n) for r, n in mine.groupby("reason", sort=False)["n"].sum().items()}

    def n_dropped(self, reason: str, what: str | None = None) -> int:
        """Number of things left out for a reason; 0 where the reason did not occur.

        Parameters
        ----------
        reason : str
            As in ``dropped``.
        what : str, optional
            Kind of thing; all kinds by default.

        Returns
        -------
        int
            At least 0.
        """
        hit = self.dropped["reason"] == reason
        if what is not None:
            hit &= self.dropped["what"] == what
        return int(self.dropped.loc[hit, "n"].sum())

    def n_flagged(self, note: str) -> int:
        """Number of things kept with a flag; 0 where the flag did not occur.

        Parameters
        ----------
        note : str
            As in ``flagged``.

        Returns
        -------
        int
            At least 0.
        """
        return int(self.flagged.loc[self.flagged["note"] == note, "n"].sum())

    def summary(self) -> str:
        """State what was read, used, dropped and left alone, in a few lines."""
        names = ", ".join(str(f) for f in self.files["file"])
        lines = [f"{self.reader}: {names}" if names else self.reader]
        for row in tuples(self.ledger):
            lines.append(f"  {row.what}: {row.read} read, {row.matched} matched, {row.used} used")
            mine = self.dropped[self.dropped["what"] == row.what]
            lines += [f"    {d.n} dropped: {d.reason}{_where(d.rows)}" for d in tuples(mine)]
        for flag in tuples(self.flagged):
            lines.append(f"  {flag.n} {flag.what} flagged: {flag.note}{_where(flag.rows)}")
        if len(self.unmatched):
            offered = int((self.unmatched["suggested"] != "").sum())
            lines.append(
                f"  {len(self.unmatched)} names fit nobody; {offered} have a suggestion (report.unmatched), "
                "none applied"
            )
        if len(self.response):
            asked, answered = int(self.response["asked"].sum()), int(self.response["answered"].sum())
            share = f" ({answered / asked:.0%})" if asked else ""
            lines.append(f"  {answered} of {asked} people asked have answered{share}")
        if self.direction:
            lines.append(f"  Direction: {self.direction}")
        if self.time_zone:
            span = (
                f"; {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"
                if self.start is not None and self.end is not None
                else ""
            )
            lines.append(f"  Times: {self.time_zone}{span}")
        lines += [f"  Not read: {text}" for text in self.not_read]
        lines += [f"  Note: {text}" for text in self.notes]
        lines += [f"  sha256 {row.sha256[:16]}... {row.file}" for row in tuples(self.files)]
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """Return the whole account as one table: ``what, step, n, rows``."""
        out: list[dict[str, Any]] = []
        for row in tuples(self.ledger):
            out += [
                {"what": row.what, "step": step, "n": getattr(row, step), "rows": ""}
                for step in ("read", "matched")
            ]
            mine = self.dropped[self.dropped["what"] == row.what]
            out += [
                {"what": row.what, "step": f"dropped: {d.reason}", "n": d.n, "rows": some(d.rows, 8)}
                for d in tuples(mine)
            ]
            out.append({"what": row.what, "step": "used", "n": row.used, "rows": ""})
        out += [
            {"what": f.what, "step": f"flagged: {f.note}", "n": f.n, "rows": some(f.rows, 8)}
            for f in tuples(self.flagged)
        ]
        return pd.DataFrame(out, columns=["what", "step", "n", "rows"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the way from read to used as a waterfall, each loss named.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        matplotlib Axes
            Bars of counts, from what was read (top) to what was used (bottom).
        """
        from peernet.records import _pictures

        return _pictures.waterfall(self, ax)

    def plot_response(self, ax: Axes | None = None, *, min_group: int = 5) -> Axes:
        """Draw the share of people asked who answered, by unit; units below the floor are left out of bars and totals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.
        min_group : int
            Smallest number of people asked whose answers are shown.

        Returns
        -------
        matplotlib Axes
            One bar a unit with its counts written on it.

        Raises
        ------
        DataError
            When the file was not a survey, or no roster was given.
        """
        from peernet.records import _pictures

        return _pictures.response(self, ax, min_group)

    def __repr__(self) -> str:
        """Return the summary."""
        return self.summary()

    def _repr_html_(self) -> str:
        """Return the account as a table for notebooks, every text escaped, names left out."""
        body = "".join(
            f'<tr><th scope="row">{escape(str(r.what))}</th><td>{escape(str(r.step))}</td><td>{r.n}</td>'
            f"<td>{escape(str(r.rows))}</td></tr>"
            for r in tuples(self.to_frame())
        )
        facts = [("Direction", self.direction), ("Times", self.time_zone)]
        facts += [("Not read", text) for text in self.not_read] + [("Note", text) for text in self.notes]
        facts += [("File", f"{r.file}, sha256 {r.sha256[:16]}") for r in tuples(self.files)]
        if len(self.unmatched):
            facts.append(("Unmatched names", f"{len(self.unmatched)}, see report.unmatched"))
        items = "".join(f"<li><b>{escape(k)}:</b> {escape(v)}</li>" for k, v in facts if v)
        return (
            f'<div class="peernet-result"><p>{escape(self.reader)}</p><table><thead><tr><th scope="col">what</th>'
            '<th scope="col">step</th><th scope="col">n</th><th scope="col">rows</th></tr></thead>'
            f"<tbody>{body}</tbody></table><ul>{items}</ul></div>"
        )


def _where(rows: Iterable[int]) -> str:
    """Write the first row numbers, or nothing."""
    items = list(rows)
    return f" ({'row' if len(items) == 1 else 'rows'} {some(items)})" if items else ""


def tuples(frame: pd.DataFrame) -> list[Any]:
    """Rows as named tuples."""
    return list(frame.itertuples(index=False))


class Ledger:
    """Book-keeping while a file is read; ``report()`` closes the books and checks that they balance.

    Parameters
    ----------
    reader : str
        Name of the reading function.
    """

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self._read: dict[str, int] = {}
        self._dropped: list[dict[str, Any]] = []
        self._flagged: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.not_read: list[str] = []
        self.facts: dict[str, Any] = {}

    def read(self, what: str, n: int) -> None:
        """Count things that the file holds."""
        self._read[what] = self._read.get(what, 0) + int(n)

    def drop(
        self, what: str, reason: str, rows: Iterable[int], *, stage: Stage = "use", n: int | None = None
    ) -> None:
        """Count things left out; nothing is written for none."""
        literal("stage", stage, ("match", "use"))
        listed = [int(r) for r in rows]
        number = len(listed) if n is None else int(n)
        if not number:
            return
        for entry in self._dropped:
            if (entry["what"], entry["reason"], entry["stage"]) == (what, reason, stage):
                entry["n"] += number
                entry["rows"] = (*entry["rows"], *listed)
                return
        self._dropped.append(
            {"what": what, "reason": reason, "stage": stage, "n": number, "rows": tuple(listed)}
        )

    def flag(self, what: str, note: str, rows: Iterable[int] = (), *, n: int | None = None) -> None:
        """Count things kept that need an eye; nothing is written for none."""
        listed = [int(r) for r in rows]
        number = len(listed) if n is None else int(n)
        if not number:
            return
        for entry in self._flagged:
            if (entry["what"], entry["note"]) == (what, note):
                entry["n"] += number
                entry["rows"] = (*entry["rows"], *listed)
                return
        self._flagged.append({"what": what, "note": note, "n": number, "rows": tuple(listed)})

    def report(self) -> IngestReport:
        """Close the books."""
        lines = []
        for what, n in self._read.items():
            lost = {
                s: sum(d["n"] for d in self._dropped if d["what"] == what and d["stage"] == s)
                for s in ("match", "use")
            }
            used = n - lost["match"] - lost["use"]
            if used < 0:
                raise AssertionError(f"{self.reader}: more {what} dropped than read")
            lines.append({"what": what, "read": n, "matched": n - lost["match"], "used": used})
        return IngestReport(
            reader=self.reader,
            files=pd.DataFrame(self.files, columns=_FILES),
            ledger=pd.DataFrame(lines, columns=_LEDGER),
            dropped=pd.DataFrame(self._dropped, columns=_DROPPED),
            flagged=pd.DataFrame(self._flagged, columns=_FLAGGED),
            not_read=tuple(self.not_read),
            notes=tuple(self.notes),
            **self.facts,
        )


def join_reports(reports: Iterable[IngestReport]) -> IngestReport:
    """Join the accounts of several files into one."""
    parts = list(reports)
    if not parts:
        raise DataError("nothing to merge: no report was given.")
    if len(parts) == 1:
        return parts[0]

    def stack(name: str, source: bool = True) -> pd.DataFrame:
        frames = []
        for part in parts:
            frame = getattr(part, name)
            if source and len(frame) and "what" in frame.columns:
                short = part.reader.removeprefix("read_")
                mark = f" ({short})" if len(part.files) < 2 and "(" not in str(frame["what"].iloc[0]) else ""
                frame = frame.assign(what=frame["what"] + mark)
            if len(frame):
                frames.append(frame)
        empty: pd.DataFrame = getattr(parts[0], name)
        return pd.concat(frames, ignore_index=True) if frames else empty

    starts = [p.start for p in parts if p.start is not None]
    ends = [p.end for p in parts if p.end is not None]
    return IngestReport(
        reader=" + ".join(dict.fromkeys(p.reader for p in parts)),
        files=stack("files").drop_duplicates(ignore_index=True),
        ledger=stack("ledger"),
        dropped=stack("dropped"),
        flagged=stack("flagged"),
        unmatched=stack("unmatched"),
        response=stack("response"),
        mapping=stack("mapping"),
        direction=" | ".join(dict.fromkeys(p.direction for p in parts if p.direction)),
        time_zone=" | ".join(dict.fromkeys(p.time_zone for p in parts if p.time_zone)),
        start=min(starts) if starts else None,
        end=max(ends) if ends else None,
        not_read=tuple(dict.fromkeys(t for p in parts for t in p.not_read)),
        notes=tuple(dict.fromkeys(t for p in parts for t in p.notes)),
    )

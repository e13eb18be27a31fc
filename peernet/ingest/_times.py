"""Times as typed by people and programs, to UTC."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from peernet._check import rows_text
from peernet.errors import DataError

__all__ = ["DateOrder", "Times", "parse_times", "zone"]

DateOrder = Literal["auto", "ymd", "dmy", "mdy"]
_ISO = re.compile(
    r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"^(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:,?[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp]\.?[Mm]\.?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
)
_SERIAL = re.compile(r"^\d{5}(\.\d+)?$")


class Times(NamedTuple):
    """UTC times with what had to be assumed.

    Attributes
    ----------
    time : pandas.Series
        UTC, missing where the cell was empty or unreadable.
    unreadable : list of int
        Rows that hold something else than a time.
    doubtful : list of int
        Rows in the hour that the clocks repeat or skip.
    zone : str
        In words.
    """

    time: pd.Series[Any]
    unreadable: list[int]
    doubtful: list[int]
    zone: str


def zone(name: str, what: str = "time_zone") -> ZoneInfo:
    """Return a time zone by its name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise DataError(
            f"{what}: there is no time zone {name!r}. Use a name like 'Europe/Berlin' or 'UTC'."
        ) from None


def parse_times(
    values: pd.Series[Any], what: str, *, time_zone: str | None = None, date_order: DateOrder = "auto"
) -> Times:
    """Read a column of times; the index holds row numbers.

    Raises
    ------
    DataError
        When some cells state their offset and others do not and no ``time_zone`` is given, or when day and
        month cannot be told apart.
    """
    local = zone(time_zone) if time_zone else None
    order = date_order if date_order != "auto" else _order(values, what)
    found: list[dt.datetime | None] = []
    naive: list[int] = []
    aware: list[int] = []
    unreadable: list[int] = []
    doubtful: list[int] = []
    for row, cell in values.items():
        text = "" if pd.isna(cell) else str(cell).strip()
        moment = _one(text, order) if text else None
        if moment is None:
            if text:
                unreadable.append(int(str(row)))
            found.append(None)
            continue
        if moment.tzinfo is None:
            naive.append(int(str(row)))
            place = local or dt.UTC
            if local is not None and _clock_moves(moment, local):
                doubtful.append(int(str(row)))
            moment = moment.replace(tzinfo=place)
        else:
            aware.append(int(str(row)))
        try:
            found.append(moment.astimezone(dt.UTC))
        except OverflowError:
            unreadable.append(int(str(row)))
            found.append(None)
    if naive and aware and local is None:
        raise DataError(
            f"{what}: times of mixed kinds: {len(aware)} state their time zone ({rows_text(aware)}), "
            f"{len(naive)} do not "
            f"({rows_text(naive)}). Pass time_zone= for those that do not, for example time_zone='Europe/Berlin'."
        )
    time = pd.Series(
        pd.DatetimeIndex(pd.Series(found, dtype="datetime64[us, UTC]")), index=values.index
    ).astype("datetime64[us, UTC]")
    said = (
        "as stated in the file"
        if aware and not naive
        else f"local times of {time_zone}"
        if local is not None
        else ""
    )
    return Times(
        time, unreadable, doubtful, said or ("UTC (assumed: the file states no zone)" if naive else "")
    )


def _clock_moves(moment: dt.datetime, place: ZoneInfo) -> bool:
    """Say whether a local time occurs twice or never."""
    early, late = (moment.replace(tzinfo=place, fold=f).utcoffset() for f in (0, 1))
    return early != late


def _order(values: pd.Series[Any], what: str) -> DateOrder:
    """Find out whether day or month comes first."""
    day_first: list[int] = []
    month_first: list[int] = []
    open_rows: list[int] = []
    sample = ""
    dotted = True
    for row, cell in values.items():
        match = None if pd.isna(cell) else _SPOKEN.match(str(cell).strip())
        if match is None:
            continue
        first, second = int(match.group(1)), int(match.group(3))
        dotted &= match.group(2) == "."
        (day_first if first > 12 else month_first if second > 12 else open_rows).append(int(str(row)))
        if first <= 12 and second <= 12 and first != second and not sample:
            sample = str(cell)
    if day_first and month_first:
        raise DataError(
            f"{what}: the day comes first in {rows_text(day_first)} and the month in {rows_text(month_first)}. "
            "Two formats were mixed in one column; export it again in one of them."
        )
    if day_first or (dotted and open_rows and not month_first):
        return "dmy"
    if month_first:
        return "mdy"
    if sample:
        raise DataError(
            f"{what}: {rows_text(open_rows)} could be day/month or month/day ({sample!r}). Pass "
            "date_order='dmy' or 'mdy'."
        )
    return "ymd"


def _one(text: str, order: DateOrder) -> dt.datetime | None:
    """Read one time, or return nothing."""
    iso = _ISO.match(text)
    try:
        if iso:
            year, month, day, hour, minute, second, part, offset = iso.groups()
            micro = int((part or "0")[:6].ljust(6, "0"))
            clock = (int(hour or 0), int(minute or 0), int(second or 0), micro)
            return dt.datetime(int(year), int(month), int(day), *clock, tzinfo=_offset(offset))
        spoken = _SPOKEN.match(text)
        if spoken and order != "ymd":
            one, _, two, year, hour, minute, second, half, offset = spoken.groups()
            day, month = (one, two) if order == "dmy" else (two, one)
            full = int(year) + (2000 if len(year) == 2 else 0)
            number = int(hour or 0)
            if half:
                number = number % 12 + (12 if half.lower().startswith("p") else 0)
            return dt.datetime(
                full, int(month), int(day), number, int(minute or 0), int(second or 0), tzinfo=_offset(offset)
            )
        if spoken:
            return _one(text, "dmy")
        if _SERIAL.match(text) and 20_000 < float(text) < 80_000:
            return dt.datetime(1899, 12, 30) + dt.timedelta(days=float(text))
    except (ValueError, OverflowError):
        return None
    return None


def _offset(text: str | None) -> dt.tzinfo | None:
    """Read Z or +02:00."""
    if not text:
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return dt.UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "")
    return dt.timezone(sign * dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))

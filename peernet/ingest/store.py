"""Records on disk as Parquet: written whole or not at all, read back as they were."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from peernet.errors import DataError
from peernet.privacy.permissions import Permissions
from peernet.records.report import IngestReport
from peernet.records.tables import FRAMES, Records, empty_table

__all__ = ["load_records", "save_records"]

_NAME = "records.json"
_VERSION = 1


def save_records(records: Records, folder: str | os.PathLike[str]) -> Path:
    """Write records into a folder, one Parquet file a table; the folder appears whole or not at all.

    Parameters
    ----------
    records : Records
        From a reader or a merge.
    folder : path
        Is replaced if it holds records already; refused if it holds anything else.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    DataError
        When the folder holds something else.
    """
    where = Path(folder)
    if where.exists() and (not where.is_dir() or (any(where.iterdir()) and not (where / _NAME).is_file())):
        raise DataError(f"{where.name} is there already and holds no records. Name another folder.")
    where.parent.mkdir(parents=True, exist_ok=True)
    half = where.with_name(f".{where.name}.part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    try:
        columns: dict[str, list[str]] = {}
        for name, frame in records.tables().items():
            table = frame.reset_index() if name == "people" else frame
            columns[name] = [str(c) for c in table.columns]
            _write(table, half / f"{name}.parquet")
        about = {
            "version": _VERSION,
            "columns": columns,
            "roles": records.roles,
            "report": _report_out(records.report),
        }
        if records.permissions is not None:
            about["permissions"] = asdict(records.permissions)
        if records.objectors is not None:
            about["objectors"] = sorted(records.objectors)
        (half / _NAME).write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        old = where.with_name(f".{where.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if where.exists():
            where.rename(old)
        half.rename(where)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return where


def load_records(folder: str | os.PathLike[str]) -> Records:
    """Records that :func:`save_records` wrote.

    Parameters
    ----------
    folder : path
        The folder.

    Returns
    -------
    Records
        Equal to those saved, the report included.

    Raises
    ------
    DataError
        When the folder holds no records, or they are damaged.
    """
    where = Path(folder)
    file = where / _NAME
    if not file.is_file():
        raise DataError(
            f"{where} holds no records (no {_NAME}). Write them with save_records or peernet ingest."
        )
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        if about["version"] != _VERSION:
            raise DataError(
                f"{where.name}: records of version {about['version']}; this peernet reads {_VERSION}. "
                "Ingest again."
            )
        tables = {
            name: _read(where / f"{name}.parquet", name, names)
            for name, names in about["columns"].items()
            if name in FRAMES
        }
        report = _report_in(about["report"])
        roles = {str(k): v for k, v in about["roles"].items()}
        permissions = _permissions_in(about.get("permissions"))
        listed = about.get("objectors")
        objectors = None if listed is None else frozenset(str(p) for p in listed)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{where.name}: the records are damaged ({str(error)[:120]}). Ingest again."
        ) from None
    return Records(**tables, roles=roles, report=report, permissions=permissions, objectors=objectors)


def _permissions_in(kept: dict[str, Any] | None) -> Permissions | None:
    """Read what the study allowed."""
    if kept is None:
        return None
    return Permissions(**{**kept, "analyses": {k: tuple(v) for k, v in kept["analyses"].items()}})


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a table with DuckDB; values of mixed kinds as JSON."""
    import duckdb

    out = pd.DataFrame(index=range(len(table)))
    for k, (name, column) in enumerate(table.items()):
        plain = column.reset_index(drop=True)
        if name == "value" and plain.dtype == object:
            plain = plain.map(
                lambda v: (
                    json.dumps(v.item() if hasattr(v, "item") else v, ensure_ascii=False)
                    if pd.notna(v)
                    else None
                )
            )
        if isinstance(plain.dtype, pd.DatetimeTZDtype):
            plain = plain.dt.tz_convert("UTC").dt.tz_localize(None)
        if plain.dtype == object or isinstance(plain.dtype, (pd.StringDtype, pd.CategoricalDtype)):
            plain = plain.astype("object").map(lambda v: None if pd.isna(v) else str(v))
        out[f"c{k}"] = plain
    types = ", ".join(
        f"CAST(c{k} AS {_sql(column.dtype)}) AS c{k}" for k, column in enumerate(out[c] for c in out.columns)
    )
    con = duckdb.connect()
    try:
        con.register("t", out)
        target = str(path).replace("'", "''")
        con.execute(f"COPY (SELECT {types} FROM t) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    finally:
        con.close()


def _sql(dtype: Any) -> str:
    """Return DuckDB's name of a type."""
    if pd.api.types.is_bool_dtype(dtype):
        return "BOOLEAN"
    if pd.api.types.is_integer_dtype(dtype):
        return "BIGINT"
    if pd.api.types.is_float_dtype(dtype):
        return "DOUBLE"
    return "TIMESTAMP" if pd.api.types.is_datetime64_any_dtype(dtype) else "VARCHAR"


def _read(path: Path, name: str, columns: list[str]) -> pd.DataFrame:
    """Read a table, every column in its kind."""
    import duckdb

    from peernet._portable import as_lazy, collect

    con = duckdb.connect()
    try:
        found = collect(as_lazy(con.read_parquet(str(path))))
    except duckdb.Error as error:
        raise DataError(
            f"{path.name} is damaged or missing ({str(error).splitlines()[0][:120]}). Ingest again."
        ) from None
    finally:
        con.close()
    if len(found.columns) != len(columns):
        raise DataError(
            f"{path.name} has {len(found.columns)} columns instead of {len(columns)}. Ingest again."
        )
    frame = found.set_axis(pd.Index(columns, dtype="str"), axis=1)
    shape = empty_table(name)  # type: ignore[arg-type]
    for column in frame.columns:
        values = frame[column]
        if column in shape.columns and shape[column].dtype != object:
            kind: Any = shape[column].dtype
            if isinstance(kind, pd.DatetimeTZDtype):
                frame[column] = pd.to_datetime(values, utc=True).astype(kind)
            else:
                frame[column] = values.astype(kind)
        elif column == "value":
            frame[column] = values.astype("object").map(
                lambda v: json.loads(v) if isinstance(v, str) else None
            )
        elif pd.api.types.is_datetime64_any_dtype(values.dtype):
            frame[column] = pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
        elif values.dtype == object:
            frame[column] = values.astype("str")
    return frame.set_index("person") if name == "people" else frame


def _report_out(report: IngestReport) -> dict[str, Any]:
    """Turn a report into plain values."""
    frames = ("files", "ledger", "dropped", "flagged", "unmatched", "response", "mapping")
    out: dict[str, Any] = {
        name: json.loads(getattr(report, name).to_json(orient="split", index=False)) for name in frames
    }
    for name in ("start", "end"):
        value = getattr(report, name)
        out[name] = None if value is None else pd.Timestamp(value).isoformat()
    return out | {
        "reader": report.reader, "direction": report.direction, "time_zone": report.time_zone,
        "not_read": list(report.not_read), "notes": list(report.notes),
    }  # fmt: skip


def _report_in(value: dict[str, Any]) -> IngestReport:
    """Turn plain values into a report."""
    frames = {}
    for name in ("files", "ledger", "dropped", "flagged", "unmatched", "response", "mapping"):
        table = pd.DataFrame(value[name]["data"], columns=value[name]["columns"])
        if "rows" in table.columns:
            table["rows"] = [tuple(r) for r in table["rows"]]
        frames[name] = table
    times = [None if value[k] is None else pd.Timestamp(value[k]) for k in ("start", "end")]
    return IngestReport(
        reader=str(value["reader"]),
        direction=str(value["direction"]),
        time_zone=str(value["time_zone"]),
        start=times[0],
        end=times[1],
        not_read=tuple(value["not_read"]),
        notes=tuple(value["notes"]),
        **frames,
    )

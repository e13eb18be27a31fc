"""Pseudonyms by keyed hash: the same person, the same word, and no way back without the key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from peernet._check import column as need
from peernet.errors import DataError

__all__ = ["load_key", "new_key", "pseudonym", "pseudonymise", "redact"]

_MIN_BYTES = 16
_HEX = re.compile(rb"^[0-9a-fA-F]{32,}\s*$")


def new_key(path: str | os.PathLike[str]) -> Path:
    """New random key in a file that only its owner can read; never overwrites one.

    Keep it apart from the data, with somebody who does not analyse them. Who has both can tell who is who;
    without it the pseudonyms cannot be undone, nor continued in a second wave.

    Parameters
    ----------
    path : path
        Where to write; must not exist.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DataError
        When the file exists: a new key would break the pseudonyms of earlier waves.
    """
    where = Path(path)
    where.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise DataError(
            f"there is a key in {where.name!r} already; a new one would break the pseudonyms of earlier "
            "waves. Use it, or "
            "choose another name."
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    return where


def key_outside(
    folder: str | os.PathLike[str],
    name: str,
    stated: str | os.PathLike[str] | None = None,
    *,
    make: bool = True,
) -> Path:
    """Key file for the data in a folder, outside it; made when it is first needed.

    Parameters
    ----------
    folder : path
        Where the data are.
    name : str
        What the key is called by default: ``<PEERNET_KEYS or ~/.peernet/keys>/<name>.key``.
    stated : path, optional
        Another place.
    make : bool
        Make the key where there is none.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DataError
        When it would lie inside the folder.
    """
    if stated:
        path = Path(os.path.expanduser(str(stated)))
    else:
        home = Path(os.environ.get("PEERNET_KEYS") or Path.home() / ".peernet" / "keys")
        path = home / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-') or 'study'}.key"
    if path.resolve().is_relative_to(Path(folder).resolve()):
        raise DataError(
            f"the key of the pseudonyms lies inside the study ({path.name}): whoever has the data would have "
            "the names. Put it "
            "elsewhere, and give its path as key under [privacy] in study.toml, or with --key."
        )
    return path if path.exists() or not make else new_key(path)


def load_key(key: str | os.PathLike[str] | bytes) -> bytes:
    """Key as bytes, from its file or as given.

    Parameters
    ----------
    key : path or bytes
        File written by :func:`new_key`, or at least 16 bytes.

    Returns
    -------
    bytes
        The secret.

    Raises
    ------
    DataError
        When there is no such file or the key is short enough to guess.
    """
    if isinstance(key, bytes):
        secret = key
    else:
        where = Path(key)
        if not where.is_file():
            raise DataError(
                f"there is no key file {where.name!r}. Make one with privacy.new_key(path), outside the data."
            )
        raw = where.read_bytes()
        secret = bytes.fromhex(raw.decode().strip()) if _HEX.match(raw) else raw.strip()
    if len(secret) < _MIN_BYTES:
        raise DataError(
            f"the key has {len(secret)} bytes; at least {_MIN_BYTES} are needed. Make one with "
            "privacy.new_key(path)."
        )
    return secret


def pseudonym(value: str, *, key: str | os.PathLike[str] | bytes) -> str:
    """Pseudonym of one id: ``p`` and 16 letters of HMAC-SHA256(key, id), 80 bits.

    Parameters
    ----------
    value : str
        The id, exactly as in the data.
    key : path or bytes
        As in :func:`load_key`.

    Returns
    -------
    str
        The same for the same id and key, in every table and wave.

    Examples
    --------
    >>> pseudonym("00417", key=b"0123456789abcdef") == pseudonym("00417", key=b"0123456789abcdef")
    True
    """
    digest = hmac.new(load_key(key), str(value).encode("utf-8"), hashlib.sha256).digest()
    return "p" + base64.b32encode(digest[:10]).decode("ascii").lower()


def pseudonymise(
    frame: pd.DataFrame, columns: str | Iterable[str], *, key: str | os.PathLike[str] | bytes
) -> pd.DataFrame:
    """Copy of a table in which ids are keyed hashes; missing cells stay missing.

    The hash is HMAC-SHA256, so that nobody who lacks the key can try out e-mail addresses. Names, free text
    and rare combinations of attributes still identify people: drop the first two and put a floor under the third.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    columns : str or list of str
        Columns that hold ids. The index is replaced where its name is listed.
    key : path or bytes
        File outside the data, written by :func:`new_key`.

    Returns
    -------
    pandas.DataFrame
        Other columns as they were.

    Raises
    ------
    DataError
        When a column is missing, the key is, or two ids fall on one pseudonym.
    """
    secret = load_key(key)
    names = [columns] if isinstance(columns, str) else list(columns)
    out = frame.copy(deep=False)
    known: dict[str, str] = {}

    def hashed(values: pd.Series[Any]) -> pd.Series[Any]:
        missing = values.isna()
        for value in values[~missing].unique():
            known.setdefault(str(value), pseudonym(str(value), key=secret))
        return values.astype("str").map(known).where(~missing).astype("str")

    for name in names:
        if name == out.index.name and name not in out.columns:
            out.index = pd.Index(hashed(out.index.to_series()).to_numpy(), dtype="str", name=name)
        else:
            out[name] = hashed(need(out, name, "frame"))
    if len(set(known.values())) < len(known):
        raise DataError("pseudonymise: two ids fall on one pseudonym. Use another key.")
    return out


def redact(text: str, ids: Iterable[str]) -> str:
    """Text in which every id is replaced by ``[withheld]``; for messages about pseudonymous data.

    Parameters
    ----------
    text : str
        An error message, a warning, a note.
    ids : list of str
        What must not appear: ids, names, e-mails. Those of one or two characters are replaced where they stand in
        quotation marks only.

    Returns
    -------
    str
        The text without them.
    """
    words = sorted({str(i) for i in ids if str(i).strip()}, key=len, reverse=True)
    long = [re.escape(w) for w in words if len(w) > 2]
    short = [re.escape(w) for w in words if len(w) <= 2]
    for start in range(0, len(long), 2000):
        text = re.sub(rf"(?<!\w)(?:{'|'.join(long[start : start + 2000])})(?!\w)", "[withheld]", text)
    for start in range(0, len(short), 2000):
        text = re.sub(rf"(['\"])(?:{'|'.join(short[start : start + 2000])})\1", r"\1[withheld]\1", text)
    return text

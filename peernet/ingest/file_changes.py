"""Who has to work together, read off a git history: people who change the same files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import count
from peernet.errors import DataError
from peernet.ingest import _gitlog
from peernet.ingest._fields import epoch_us
from peernet.ingest._files import PathLike, existing
from peernet.ingest._traces import Traces
from peernet.ingest.git import _Rules, _who
from peernet.ingest.survey import Aliases, People

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["co_change"]

_FORMAT = "%x1e%aN%x1f%aE%x1f%ct%x00"


def co_change(
    path: PathLike,
    *,
    people: People | None = None,
    start: Any = None,
    end: Any = None,
    revisions: str | None = None,
    most_people: int = 20,
    bots: Iterable[str] = (),
    aliases: Aliases = None,
) -> PeerNetwork:
    r"""Who changed the same files in a git repository: a task-need layer for :mod:`peernet.silos`.

    With :math:`F_i` the files that person i changed in [start, end), changed by 2 to ``most_people`` people,

    .. math:: w_{ij} = |F_i \cap F_j|,

    the same both ways. Whoever changes the same file has to know what the other did: a stand-in for who has to work
    together (Cataldo, Herbsleb and Carley 2008), not evidence that anybody taught anybody. Files that nearly everybody
    changes (a changelog, a list of versions) bind nobody to anybody, hence ``most_people``.

    Parameters
    ----------
    path : path
        A repository, with or without a work tree. Nothing in it is run or changed; merges are left out.
    people : Records or pandas.DataFrame, optional
        The roster; matched by e-mail, through ``.mailmap``. Without it, one person an e-mail address.
    start, end : str or timestamp, optional
        Window of the committers' times, UTC; ``end`` is not included.
    revisions : str, optional
        Branch, tag or range. Default: every branch and tag.
    most_people : int
        Files changed by more people are left out.
    bots : list of str
        Further e-mail addresses or names of bots.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: e-mail -> person.

    Returns
    -------
    PeerNetwork
        Over everybody on the roster; ``weight`` = number of shared files. File names are not kept.

    Raises
    ------
    DataError
        When it is no repository, or no commit in the window can be given to a person.

    References
    ----------
    .. [1] Cataldo, M., Herbsleb, J. D. & Carley, K. M. (2008). Socio-technical congruence. ESEM 2008, 2-11.
       doi:10.1145/1414004.1414008
    """
    most = count("most_people", most_people, 2)
    low, high = (None if t is None else int(_utc(t).value // 1000) for t in (start, end))
    where = existing(path, "co_change")
    trace = Traces("co_change", "git")
    rules = _Rules({}, "committer", "keep", {b.strip().lower() for b in bots})
    seen: set[tuple[str, int]] = set()
    for name, mail, moment, files in _log(_gitlog.History(where, revisions, merges=False)):
        if moment is None or (low is not None and moment < low) or (high is not None and moment >= high):
            continue
        account = _who(trace, name, mail, rules)
        for file in files:
            session = hashlib.blake2b(file, digest_size=12).hexdigest()
            if (session, account) not in seen:
                seen.add((session, account))
                trace.attend(session, account, moment, "author", "file")
    records = trace.records(people, aliases, direction="none: people who change the same file")
    if not len(records.sessions):
        raise DataError(
            f"co_change: no commit of {where.name} between {start or 'the first'} and {end or 'the last'} belongs to "
            "somebody on the roster. Look at start and end, and at the addresses: read_git(...).report.unmatched."
        )
    return _network(records.people, records.sessions, most)


def _utc(moment: Any) -> pd.Timestamp:
    """Return a moment in UTC."""
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def _log(history: _gitlog.History) -> Iterator[tuple[str, str, int | None, list[bytes]]]:
    """Yield author, address, time and files of each commit."""
    out = history._run(
        *("log", "--no-show-signature", "--no-color", "--no-notes", "--no-merges", "--no-renames"),
        *("--no-ext-diff", "--name-only", "-z", f"--format=tformat:{_FORMAT}", *history._revisions),
    )
    for record in out.split(b"\x1e")[1:]:
        head, _, rest = record.partition(b"\x00")
        name, mail, when = head.decode(errors="replace").split("\x1f", 2)
        yield name, mail, epoch_us(when), [f for part in rest.split(b"\x00") if (f := part.strip(b"\n"))]


def _network(people: pd.DataFrame, sessions: pd.DataFrame, most: int) -> PeerNetwork:
    """Count the files that each two people share."""
    from scipy import sparse

    from peernet.network import PeerNetwork

    pairs = sessions[["session", "person"]].drop_duplicates()
    widest = pairs["session"].map(pairs["session"].value_counts())
    pairs = pairs[widest.between(2, most)]
    file = pd.factorize(pairs["session"])[0]
    person = people.index.get_indexer(pd.Index(pairs["person"]))
    shape = (len(people), int(file.max(initial=-1)) + 1)
    table = sparse.csr_array((np.ones(len(file)), (person, file)), shape=shape)
    shared = sparse.coo_array(table @ table.T)
    off = shared.row != shared.col
    ties = {
        "teacher": people.index[shared.row[off]],
        "learner": people.index[shared.col[off]],
        "weight": shared.data[off],
    }
    return PeerNetwork(people, pd.DataFrame(ties))

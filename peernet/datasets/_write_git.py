"""The git history of a synthetic year, as a stream for ``git fast-import``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from peernet.datasets._design import YEAR
from peernet.datasets._names import ascii_fold
from peernet.datasets._people import Structure, each
from peernet.datasets._ties import Ties
from peernet.datasets._traces import work_seconds

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation

__all__ = ["commits", "fast_import"]

_SUBJECTS = (
    "Round invoices to cents", "Cache the exchange rates", "Fix the retry loop", "Split the parser",
    "Log less at start", "Accept empty queues", "Name the columns", "Test leap years",
    "Drop the old endpoint", "Sort before writing",
)  # fmt: skip
_FOLDERS = ("billing", "ingest", "web", "reports", "tools")


def commits(where: Structure, ties: Ties, rng: np.random.Generator) -> pd.DataFrame:
    """Draw commits of engineers and analysts: author, helper (or -1) and how the helper helped.

    The helper is one of the author's true teachers within the two trades: a reviewer (70 %), named for help (20 %), or
    co-author.
    """
    codes = (where.family <= 1) & (where.hired < 0) & (where.left > 9_999)
    inside = np.flatnonzero(codes[ties.teacher] & codes[ties.learner] & (ties.since == 0))
    count = rng.poisson(1.5 * ties.weight[inside])
    tie = np.repeat(inside, count)
    alone = np.repeat(np.flatnonzero(codes), rng.poisson(2.0, int(codes.sum())))
    author = np.r_[ties.learner[tie], alone]
    helper = np.r_[ties.teacher[tie], np.full(len(alone), -1)]
    how = np.where(
        helper < 0,
        "",
        rng.choice(["Reviewed-by", "Helped-by", "Co-authored-by"], p=[0.7, 0.2, 0.1], size=len(author)),
    )
    second = work_seconds(rng.uniform(0, 364, len(author)), rng)
    out = pd.DataFrame({"second": second, "author": author, "helper": helper, "how": how})
    return out.sort_values(["second", "author"], kind="stable").reset_index(drop=True)


def fast_import(firm: Organisation) -> bytes:
    """Return the stream: bot commits, a second address for some authors, a ``.mailmap`` that joins them."""
    rng = firm.stream("git_file")
    people = firm.people
    epoch = int(pd.Timestamp(YEAR, tz="UTC").timestamp())
    second_mail = rng.random(len(people)) < 0.15
    names, mails = people["name"].to_numpy(), people["email"].to_numpy()
    mailmap = "".join(
        f"{names[k]} <{mails[k]}> <{ascii_fold(str(people['first'].iloc[k])).lower()}@laptop-{k}.local>\n"
        for k in np.flatnonzero(second_mail)
    )
    parts: list[str] = []
    mark = 0

    def commit(who: str, when: int, zone: str, message: str, path: str, content: str) -> None:
        nonlocal mark
        mark += 1
        parts.append(
            f"commit refs/heads/main\nmark :{mark}\nauthor {who} {when} {zone}\ncommitter {who} {when} {zone}\n"
            f"data {len(message.encode())}\n{message}\n"
            + (f"from :{mark - 1}\n" if mark > 1 else "")
            + f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n"
        )

    commit(f"{names[0]} <{mails[0]}>", epoch, "+0100", "Start\n", ".mailmap", mailmap)
    for k, row in enumerate(each(firm.commits)):
        author, helper = int(row.author), int(row.helper)
        mail = str(mails[author])
        if second_mail[author] and rng.random() < 0.4:
            mail = f"{ascii_fold(str(people['first'].iloc[author])).lower()}@laptop-{author}.local"
        subject = str(rng.choice(_SUBJECTS))
        trailer = f"\n{row.how}: {names[helper]} <{mails[helper]}>\n" if helper >= 0 else ""
        path = f"{rng.choice(_FOLDERS)}/part_{int(rng.integers(12)):02d}.py"
        zone = "+0200" if 88 <= row.second / 86_400 < 298 else "+0100"
        commit(
            f"{names[author]} <{mail}>",
            epoch + int(row.second),
            zone,
            f"{subject}\n{trailer}",
            path,
            f"# {k}\n",
        )
        if k % 40 == 0:
            commit(
                "build-bot[bot] <bot@meridian.example>",
                epoch + int(row.second) + 60,
                "+0000",
                "Bump version\n",
                "VERSION",
                f"{k}\n",
            )
    return b"feature done\n" + "".join(parts).encode() + b"done\n"

"""Published networks, by name: Lazega's lawyers, Krackhardt's managers, Medical Innovation."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from peernet._check import literal
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["catalogue", "load_krackhardt", "load_lazega", "load_medical_innovation"]

_NETWORKDATA = "https://raw.githubusercontent.com/schochastics/networkdata/8e4994bc261654d040b8438a6568c6087db9dc60/data/"
_DIFFUSER = (
    "https://raw.githubusercontent.com/USCCANA/netdiffuseR/f16350e503126db0f8f3384ce8afcbefde28f83d/data/"
)


class _Source(NamedTuple):
    """Where a file comes from and what it must be."""

    base: str
    sha256: str


_FILES = {
    "law_advice.rda": _Source(
        _NETWORKDATA, "f0541e7f19a00addc58f49c92d5222234419d382847a651c3578a19e3d37725b"
    ),
    "law_friends.rda": _Source(
        _NETWORKDATA, "289e12cc9c5781ef2dbf8dede8b089fbded6cbfdb8a709bcd63af5467112b779"
    ),
    "law_cowork.rda": _Source(
        _NETWORKDATA, "ca9063084f12132114ce5e66a9bf5ac5925d7f2c42b2f23de1d3268b702dd948"
    ),
    "ht_advice.rda": _Source(
        _NETWORKDATA, "55e4d439b80e634c9ca531f57152bb4809cf9bda82b9c50be6dabd0ddadde549"
    ),
    "ht_friends.rda": _Source(
        _NETWORKDATA, "dcad3b35f79a2a4fd92019475b88ee181eb479d188321304ecd49fdc4ad71c16"
    ),
    "ht_reports.rda": _Source(
        _NETWORKDATA, "10624603f8863ec1069394d39473ece69e5f18b8ed31624a08dd42ccfa857f03"
    ),
    "medInnovations.rdata": _Source(
        _DIFFUSER, "10a6e0fbf8f69c349b1c2b39d308a57355155890d889caf0fc8d5c8b867e447e"
    ),
}
_LAZEGA = {"advice": "law_advice", "friendship": "law_friends", "cowork": "law_cowork"}
_KRACKHARDT = {"advice": "ht_advice", "friendship": "ht_friends", "reports_to": "ht_reports"}
_LAWYER_WORDS = {
    "status": {1: "partner", 2: "associate"},
    "gender": {1: "man", 2: "woman"},
    "office": {1: "Boston", 2: "Hartford", 3: "Providence"},
    "practice": {1: "litigation", 2: "corporate"},
    "law_school": {1: "Harvard/Yale", 2: "UConn", 3: "other"},
}
_MANAGER_WORDS = {"level": {1: "CEO", 2: "vice president", 3: "manager"}}
_CITIES = {1: "Peoria", 2: "Bloomington", 3: "Quincy", 4: "Galesburg"}
_GENERATORS = {"advice": "net1", "discussion": "net2", "friendship": "net3"}
_NEVER = 18  # the month that stands for "not within the 17 months observed"


def _fetch(name: str) -> Path:
    """Return a file: from the folder that PEERNET_DATA names, else from the cache, else from its address.

    Raises
    ------
    DataError
        When it is nowhere to be had, or is not the file that was pinned.
    """
    source = _FILES[name]
    folder = os.environ.get("PEERNET_DATA")
    if folder:
        path = Path(folder) / name
        if not path.is_file():
            raise DataError(
                f"PEERNET_DATA is set to {folder}, but there is no {name} in it. Put it there, or unset PEERNET_DATA."
            )
    else:
        path = _download(name, source)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != source.sha256:
        raise DataError(
            f"{path.name} is not the file that was pinned (sha256 {found[:12]}..., expected {source.sha256[:12]}...). "
            f"Delete it and load again, or take it from {source.base}{name}."
        )
    return path


def _download(name: str, source: _Source) -> Path:
    """Return a file from the cache of this machine, fetched once from its address."""
    import pooch  # type: ignore[import-untyped]

    cache = Path(pooch.os_cache("peernet"))
    if (cache / name).is_file():
        return cache / name
    try:
        found = pooch.retrieve(
            f"{source.base}{name}", known_hash=f"sha256:{source.sha256}", fname=name, path=cache
        )
    except (OSError, ValueError) as error:
        raise DataError(
            f"{name} is not on this machine and could not be fetched from {source.base}{name} "
            f"({type(error).__name__}). Fetch it elsewhere, put it in a folder, and set the environment "
            "variable PEERNET_DATA to that folder."
        ) from None
    return Path(found)


def _keep(content: Any, attributes: Any) -> Any:
    """Take an R object of a class of its own as the plain list that it is."""
    return content


def _read_igraph(name: str) -> tuple[pd.DataFrame, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return attributes and ends (from, to; rows from 0) of a stored igraph object."""
    import rdata

    classes = {**rdata.conversion.DEFAULT_CLASS_MAP, "igraph": _keep}
    stored = rdata.read_rda(_fetch(f"{name}.rda"), constructor_dict=classes)[name]
    people = pd.DataFrame({str(key): np.asarray(value) for key, value in stored[8][2].items()})
    return people, np.asarray(stored[2], dtype=int), np.asarray(stored[3], dtype=int)


def _load_igraph(name: str, relation: str, words: dict[str, dict[int, str]]) -> PeerNetwork:
    """Return a network in which the person named teaches."""
    from peernet.network import PeerNetwork

    people, asks, named = _read_igraph(name)
    width = len(str(len(people)))
    people.index = pd.Index([f"p{k:0{width}d}" for k in range(1, len(people) + 1)], name="person")
    for column in people:
        values = people[column].astype(int)
        people[column] = values.map(words[column]) if column in words else values
    answers = pd.DataFrame(
        {"respondent": people.index[asks], "named": people.index[named], "relation": relation}
    )
    return PeerNetwork.from_nominations(people, answers, respondent_is="learner", respondents=people.index)


def load_lazega(relation: Literal["advice", "friendship", "cowork"] = "advice") -> PeerNetwork:
    """Who goes to whom among 71 lawyers: 892 advice, 575 friendship, 1,104 co-work ties (Lazega 2001).

    The person named stands in the teacher column: whoever is asked for advice teaches. Everybody answered. Co-work is
    nearly mutual, as reported.

    ``people`` (in the order of the file, ``p01`` to ``p71``): ``status`` partner / associate; ``gender`` man / woman;
    ``office`` Boston / Hartford / Providence; ``seniority`` years with the firm; ``age`` years; ``practice`` litigation
    / corporate; ``law_school`` Harvard/Yale / UConn / other. ``ties``: ``teacher, learner, weight`` (1) and
    ``relation``.

    From schochastics/networkdata (MIT), 5 to 15 kB a file, fetched once and checked by sha256; ``PEERNET_DATA`` names
    a folder to take it from instead.

    Parameters
    ----------
    relation : {"advice", "friendship", "cowork"}
        The question asked.

    Returns
    -------
    PeerNetwork
        71 people.

    Raises
    ------
    DataError
        When the file can neither be found nor fetched, or is not the one pinned.

    References
    ----------
    .. [1] Lazega, E. (2001). *The Collegial Phenomenon*. Oxford University Press.
    """
    literal("relation", relation, tuple(_LAZEGA))
    return _load_igraph(_LAZEGA[relation], relation, _LAWYER_WORDS)


def load_krackhardt(relation: Literal["advice", "friendship", "reports_to"] = "advice") -> PeerNetwork:
    """Who goes to whom among 21 managers: 190 advice, 102 friendship, 20 reporting ties (Krackhardt 1987).

    The person named stands in the teacher column: whoever is asked for advice, named as a friend, or reported to.

    ``people`` (``p01`` to ``p21``): ``age`` and ``tenure`` in years; ``level`` CEO / vice president / manager; ``dept``
    0 to 4 (0 is the CEO alone). ``ties``: ``teacher, learner, weight`` (1)``, relation``.

    From schochastics/networkdata (MIT), under 2 kB a file, fetched once and checked by sha256; ``PEERNET_DATA`` names
    a folder to take it from instead.

    Parameters
    ----------
    relation : {"advice", "friendship", "reports_to"}
        The question asked.

    Returns
    -------
    PeerNetwork
        21 people.

    Raises
    ------
    DataError
        When the file can neither be found nor fetched, or is not the one pinned.

    References
    ----------
    .. [1] Krackhardt, D. (1987). Cognitive social structures. *Social Networks* 9(2), 109-134.
       doi:10.1016/0378-8733(87)90009-8
    """
    literal("relation", relation, tuple(_KRACKHARDT))
    return _load_igraph(_KRACKHARDT[relation], relation, _MANAGER_WORDS)


def load_medical_innovation() -> tuple[PeerNetwork, pd.DataFrame]:
    """Which of 125 doctors named which colleagues (294 ties), and when each first prescribed tetracycline.

    Coleman, Katz & Menzel. Every doctor named up to three colleagues for advice, for discussing cases and as friends.
    The network has one row per pair and weight 1: learner = who names, teacher = who is named; ``relation`` says which
    questions ("advice", "advice+discussion", ...), ``n_relations`` how many (1 to 3; 450 in all). Of 912 names 462 are
    of doctors outside the data; they are left out, counted in ``net.provenance``.

    ``people`` (in the order of the file, ids ``c1-001`` = city 1, doctor 1): ``city`` 1 to 4, ``city_name``, ``id``
    within the city, and the numeric answers of the file, among them ``toa`` (month of adoption; 18 = never within the
    17 months).

    From USCCANA/netdiffuseR (MIT), 6 kB, fetched once and checked by sha256; ``PEERNET_DATA`` names a folder to take it
    from instead.

    Returns
    -------
    net : PeerNetwork
        125 people.
    adoptions : pandas.DataFrame
        ``person, item`` ("tetracycline")``, time`` (month 1 to 17; NaN for the 16 doctors never seen to prescribe it).
        Observed span: months 1 to 17.

    Raises
    ------
    DataError
        When the file can neither be found nor fetched, or is not the one pinned.

    References
    ----------
    .. [1] Coleman, J., Katz, E. & Menzel, H. (1966). *Medical Innovation: A Diffusion Study*. Bobbs-Merrill.
    """
    import rdata

    from peernet.network import PeerNetwork

    raw = rdata.read_rda(_fetch("medInnovations.rdata"))["medInnovations"].reset_index(drop=True)
    city, number = raw["city"].astype(int), raw["id"].astype(int)
    ids = pd.Index([f"c{c}-{k:03d}" for c, k in zip(city, number, strict=True)], name="person")
    slots = [column for column in raw if str(column).startswith(tuple(f"{g}_" for g in _GENERATORS.values()))]
    rest = raw.drop(columns=["city", "id", *slots])
    people = pd.concat(
        [pd.DataFrame({"city": city, "city_name": city.map(_CITIES), "id": number}), rest], axis=1
    )
    people.index = ids

    names = []
    for relation, stem in _GENERATORS.items():
        for column in (c for c in slots if c.startswith(f"{stem}_")):
            given = raw[column].notna()
            named = [f"c{c}-{int(k):03d}" for c, k in zip(city[given], raw.loc[given, column], strict=True)]
            names.append(pd.DataFrame({"learner": ids[given], "teacher": named, "relation": relation}))
    named_all = pd.concat(names, ignore_index=True)
    # One name twice in one question counts once; the order of the questions makes the word.
    folded = (
        named_all.drop_duplicates()
        .groupby(["teacher", "learner"], sort=False)["relation"]
        .agg(["+".join, "size"])
        .set_axis(["relation", "n_relations"], axis=1)
        .reset_index()
    )
    outside = ~folded["teacher"].isin(ids)
    net = PeerNetwork(people, folded, unknown="drop", respondent_is="learner")
    net._provenance["names_given"] = len(named_all)
    net._provenance["names_of_doctors_outside"] = int((~named_all["teacher"].isin(ids)).sum())
    net._provenance["pairs_outside"] = int(outside.sum())
    month = raw["toa"].where(raw["toa"] < _NEVER).to_numpy(dtype=float)
    return net, pd.DataFrame({"person": ids, "item": "tetracycline", "time": month})


def catalogue() -> pd.DataFrame:
    """List the data sets that peernet can load, with size, licence and where each comes from.

    Returns
    -------
    pandas.DataFrame
        Index ``name``; columns ``load`` (the call), ``what``, ``people``, ``ties``, ``licence``, ``origin``, ``sha256``
        (empty for sample worlds: their folders carry SHA256SUMS). Ties are NA where they depend on the source read.
    """
    synthetic = "make_organisation, fixed seed"
    rows: list[tuple[str, str, str, int, int | None, str, str, str]] = [
        (
            "meridian",
            'load_meridian("meridian")',
            "a year of a firm, synthetic",
            240,
            None,
            "CC0-1.0",
            synthetic,
            "",
        ),
        (
            "null_meridian",
            'load_meridian("null_meridian")',
            "the same, all effects off",
            240,
            None,
            "CC0-1.0",
            synthetic,
            "",
        ),
        (
            "bad_meridian",
            'load_meridian("bad_meridian")',
            "the same, badly measured",
            240,
            None,
            "CC0-1.0",
            synthetic,
            "",
        ),
    ]
    published = [
        ("lazega_advice", 'load_lazega("advice")', "advice among lawyers", 71, 892, "law_advice.rda"),
        ("lazega_friendship", 'load_lazega("friendship")', "friends among lawyers", 71, 575, "law_friends.rda"),
        ("lazega_cowork", 'load_lazega("cowork")', "co-work among lawyers", 71, 1104, "law_cowork.rda"),
        ("krackhardt_advice", 'load_krackhardt("advice")', "advice among managers", 21, 190, "ht_advice.rda"),
        ("krackhardt_friendship", 'load_krackhardt("friendship")', "friends among managers", 21, 102, "ht_friends.rda"),
        ("krackhardt_reports_to", 'load_krackhardt("reports_to")', "who reports to whom", 21, 20, "ht_reports.rda"),
        ("medical_innovation", "load_medical_innovation()", "doctors and a new drug", 125, 294, "medInnovations.rdata"),
    ]  # fmt: skip
    for name, call, what, people, ties, file in published:
        source = _FILES[file]
        rows.append((name, call, what, people, ties, "MIT", f"{source.base}{file}", source.sha256))
    columns = ["name", "load", "what", "people", "ties", "licence", "origin", "sha256"]
    return pd.DataFrame(rows, columns=columns).astype({"ties": "Int64"}).set_index("name")

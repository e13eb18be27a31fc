"""What every reader of traces shares: accounts, who they are, the ties found, and the account of it all."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from peernet.errors import DataError
from peernet.ingest._columns import Texts, Words, in_order, ints, text_column
from peernet.ingest.survey import Aliases, People, roster_of
from peernet.records.identity import clean_text, match_names, normalise_name
from peernet.records.report import UNMATCHED, Ledger
from peernet.records.tables import Records, empty_table

__all__ = ["Account", "Traces", "allowed", "progress_bar"]

LOGINS = ("login", "github", "username", "user_name", "slack_id", "upn")


class Account(NamedTuple):
    """Somebody as one system knows them."""

    handle: str
    name: str
    email: str
    login: str
    bot: bool


def allowed(wanted: Iterable[str] | str | None) -> frozenset[str] | None:
    """Return the channels to read, without ``#`` and case; None = all."""
    if wanted is None:
        return None
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return frozenset(str(n).lstrip("#").casefold() for n in names)


def progress_bar(rows: Iterable[Any], progress: bool, about: str) -> Iterable[Any]:
    """Wrap rows in a progress bar when it was asked for."""
    if not progress:
        return rows
    from tqdm.auto import tqdm

    return tqdm(rows, desc=about, unit=" rows", leave=False)


class Traces:
    """Ties and attendances as a reader finds them, in a few bytes each, until people are known.

    Parameters
    ----------
    reader, source : str
        Name of the function, and the value of ``source`` in its events.
    """

    def __init__(self, reader: str, source: str) -> None:
        self.ledger = Ledger(reader)
        self.source = source
        self.accounts: list[Account] = []
        self._row: dict[str, int] = {}
        self._words = Words()
        self._time, self._weight, self._confirmed = array("q"), array("d"), array("b")
        self._teacher, self._learner = array("i"), array("i")
        self._kind, self._context, self._topic = array("i"), array("i"), array("i")
        self._evidence = Texts()
        self._sessions = Texts()
        self._seen, self._attendee, self._seen_at = array("i"), array("i"), array("q")
        self._role, self._session_kind = array("i"), array("i")
        self.says_confirmed = False
        self.person: list[str | None] = []

    def account(
        self, handle: str, *, name: str = "", email: str = "", login: str = "", bot: bool = False
    ) -> int:
        """Return the number of an account; what is said later fills what was not known before."""
        at = self._row.get(handle)
        if at is None:
            at = self._row[handle] = len(self.accounts)
            self.accounts.append(Account(handle, clean_text(name), email.strip().lower(), login.strip(), bot))
        elif name or email or login or bot:
            old = self.accounts[at]
            self.accounts[at] = Account(
                handle,
                old.name or clean_text(name),
                old.email or email.strip().lower(),
                old.login or login.strip(),
                old.bot or bot,
            )
        return at

    def known(self, handle: str) -> int | None:
        """Return the number of an account that was registered before."""
        return self._row.get(handle)

    def tie(
        self,
        time: int,
        teacher: int,
        learner: int,
        kind: str,
        *,
        weight: float = 1.0,
        context: str = "",
        topic: str = "",
        evidence: str = "",
        confirmed: bool = False,
    ) -> None:
        """Note that an account taught another; time in microseconds since 1970, UTC."""
        self._time.append(time)
        self._teacher.append(teacher)
        self._learner.append(learner)
        self._kind.append(self._words.code(kind))
        self._weight.append(weight)
        self._context.append(self._words.code(context))
        self._topic.append(self._words.code(topic))
        self._confirmed.append(confirmed)
        self._evidence.append(evidence)

    def bulk(self, frame: pd.DataFrame) -> None:
        """Note many ties at once, as :meth:`tie` would; teacher and learner are handles."""
        both = pd.concat([frame["teacher"], frame["learner"]], ignore_index=True)
        codes, handles = pd.factorize(both)
        rows = np.array(
            [self.account(str(h), email=str(h) if "@" in str(h) else "") for h in handles], dtype=np.int64
        )
        ends = rows[codes].astype(f"i{self._teacher.itemsize}")
        self._teacher.frombytes(ends[: len(frame)].tobytes())
        self._learner.frombytes(ends[len(frame) :].tobytes())
        self._time.frombytes(frame["time"].to_numpy(np.int64).tobytes())
        self._weight.frombytes(frame["weight"].to_numpy(np.float64).tobytes())
        self._confirmed.frombytes(np.zeros(len(frame), dtype=np.int8).tobytes())
        for name, column in (("kind", self._kind), ("context", self._context), ("topic", self._topic)):
            words, known = pd.factorize(frame[name])
            at = np.array([self._words.code(str(w)) for w in known], dtype=np.int64)
            column.frombytes(at[words].astype(f"i{column.itemsize}").tobytes() if len(frame) else b"")
        self._evidence.extend(frame["evidence"].tolist())

    def attend(self, session: str, account: int, time: int, role: str, kind: str) -> None:
        """Note that an account was part of something."""
        if not self._sessions.last_is(session):
            self._sessions.append(session)
        self._seen.append(len(self._sessions) - 1)
        self._attendee.append(account)
        self._seen_at.append(time)
        self._role.append(self._words.code(role))
        self._session_kind.append(self._words.code(kind))

    @property
    def n_ties(self) -> int:
        """Ties noted so far."""
        return len(self._time)

    @property
    def n_attendances(self) -> int:
        """Attendances noted so far."""
        return len(self._seen)

    def forget(self, ties: Any, attendances: Any) -> None:
        """Take back the ties and attendances that two masks mark, as if they had never been noted."""
        if ties.any():
            keep = np.flatnonzero(~ties)
            for name in (
                "_time",
                "_teacher",
                "_learner",
                "_kind",
                "_weight",
                "_context",
                "_topic",
                "_confirmed",
            ):
                self._shorten(name, keep)
            left = Texts()
            left.extend(self._evidence[int(row)] for row in keep)
            self._evidence = left
        if attendances.any():
            for name in ("_seen", "_attendee", "_seen_at", "_role", "_session_kind"):
                self._shorten(name, np.flatnonzero(~attendances))

    def _shorten(self, name: str, keep: Any) -> None:
        """Keep some rows of a packed column."""
        kind = getattr(self, name).typecode
        setattr(self, name, array(kind, self._take(name, keep).tobytes()))

    def records(
        self,
        people: People | None,
        aliases: Aliases,
        *,
        direction: str,
        time_zone: str = "UTC, as stated in the file",
        notes: Iterable[str] = (),
        by_name: bool = False,
    ) -> Records:
        """Find out who the accounts are, and close the books."""
        roster = None if people is None else roster_of(people)
        active = self._active()
        if roster is None:
            person, table = self._from_file(active, aliases)
            review = pd.DataFrame(columns=UNMATCHED)
        else:
            person, review = self._from_roster(active, roster, aliases, by_name)
            table = roster
        self.person = person
        events = self._events(person)
        sessions = self.sessions(person)
        ends = [t for t in (events["time"], sessions["time"].dropna()) if len(t)]
        self.ledger.notes.extend(notes)
        self.ledger.facts.update(
            direction=direction, time_zone=time_zone, unmatched=review,
            start=min(t.min() for t in ends) if ends else None, end=max(t.max() for t in ends) if ends else None,
        )  # fmt: skip
        pairs = [
            {"person": person[i], "system": self.source, "id": a.handle}
            for i, a in enumerate(self.accounts) if person[i] is not None and active[i] and a.handle != person[i]
        ]  # fmt: skip
        known = pd.DataFrame(pairs, columns=["person", "system", "id"]).astype("str")
        return Records(
            people=table, events=events, sessions=sessions, aliases=known, report=self.ledger.report()
        )

    def _active(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Mark the accounts that occur in a tie or an attendance."""
        out = np.zeros(len(self.accounts), dtype=bool)
        for column in (self._teacher, self._learner, self._attendee):
            out[ints(column)] = True
        return out

    def _from_file(self, active: Any, aliases: Aliases) -> tuple[list[str | None], pd.DataFrame]:
        """Without a roster: one person an e-mail or handle, joined where an alias says so."""
        given = _plain_aliases(aliases)
        person: list[str | None] = []
        for account in self.accounts:
            if account.bot:
                person.append(None)
                continue
            forms = (account.handle, account.email, account.login, account.name)
            said = next(
                (given[f] for form in forms for f in (form, normalise_name(form)) if form and f in given),
                None,
            )
            person.append(said or account.email or account.handle)
        rows: dict[str, tuple[str, str]] = {}
        for i, account in enumerate(self.accounts):
            who = person[i]
            if who is not None and active[i]:
                name, mail = rows.get(who, ("", ""))
                rows[who] = (name or account.name, mail or account.email)
        order = sorted(rows)
        table = pd.DataFrame(
            {"name": [rows[p][0] for p in order], "email": [rows[p][1] for p in order]},
            index=pd.Index(order, dtype="str", name="person"), dtype="str",
        )  # fmt: skip
        n_bots = sum(a.bot for i, a in enumerate(self.accounts) if active[i])
        self.ledger.read("accounts", int(active.sum()))
        self.ledger.drop("accounts", "bots and apps", (), stage="match", n=n_bots)
        self.ledger.notes.append(
            "no roster was given: one person an e-mail address or account, nobody without a trace"
        )
        return person, table

    def _from_roster(
        self, active: Any, roster: pd.DataFrame, aliases: Aliases, by_name: bool
    ) -> tuple[list[str | None], pd.DataFrame]:
        """Match by alias, e-mail and login; names are proposed, or applied where a source has nothing else."""
        human = [i for i, a in enumerate(self.accounts) if active[i] and not a.bot]
        label = {
            i: f"{self.accounts[i].email or self.accounts[i].name or 'unnamed'} ({self.accounts[i].handle})"
            for i in human
        }
        person: list[str | None] = [None] * len(self.accounts)
        logins = tuple(c for c in LOGINS if c in roster.columns)
        forms: list[tuple[Any, tuple[str, ...]]] = [
            (lambda i: self.accounts[i].handle, logins),
            (lambda i: label[i], ()),
            (lambda i: self.accounts[i].email, ("email",)),
            (lambda i: self.accounts[i].login, logins),
        ]
        if by_name:
            forms.append((lambda i: "" if self.accounts[i].email else self.accounts[i].name, ("name",)))
        for form, columns in forms:
            left = [i for i in human if person[i] is None]
            found = match_names([form(i) for i in left], roster, aliases=aliases, columns=columns)
            for i, who in zip(left, found.person, strict=True):
                person[i] = str(who) if pd.notna(who) else None
        lost = [i for i in human if person[i] is None]
        n_active = int(active.sum())
        self.ledger.read("accounts", n_active)
        self.ledger.drop("accounts", "bots and apps", (), stage="match", n=n_active - len(human))
        self.ledger.drop("accounts", "not on the roster", (), stage="match", n=len(lost))
        counts = Counter(person[i] for i in human if person[i] is not None)
        self.ledger.flag(
            "accounts", "several accounts of one person", n=sum(n for n in counts.values() if n > 1)
        )
        return person, self._review(lost, label, roster)

    def _review(self, lost: list[int], label: Mapping[int, str], roster: pd.DataFrame) -> pd.DataFrame:
        """Propose people for accounts that nothing but their name ties to the roster."""
        names = [self.accounts[i].name for i in lost]
        by_name = match_names(names, roster, columns=("name",))
        near = (
            by_name.review.drop_duplicates("given").set_index("given")
            if len(by_name.review)
            else by_name.review
        )
        rows = []
        for i, who in zip(lost, by_name.person, strict=True):
            offer: dict[str, Any] = {
                "suggested": "",
                "suggested_name": "",
                "score": float("nan"),
                "why": "nobody is near",
            }
            if pd.notna(who):
                why = "same name, another e-mail" if self.accounts[i].email else "same name, no e-mail"
                offer = {
                    "suggested": who,
                    "suggested_name": str(roster.at[who, "name"]),
                    "score": 1.0,
                    "why": why,
                }
            elif self.accounts[i].name in near.index:
                found = near.loc[self.accounts[i].name]
                offer = {k: found[k] for k in ("suggested", "suggested_name", "score", "why")}
            rows.append({"given": label[i], "n": 1, **offer, "person": ""})
        return pd.DataFrame(rows, columns=UNMATCHED)

    def _events(self, person: list[str | None]) -> pd.DataFrame:
        """Make the table of events, counting what is left out."""
        n = len(self._time)
        self.ledger.read("events", n)
        teacher, learner = ints(self._teacher), ints(self._learner)
        bot = np.array([a.bot for a in self.accounts], dtype=bool)
        codes, names = _people(person)
        with_bot = bot[teacher] | bot[learner]
        lost = ~with_bot & ((codes[teacher] < 0) | (codes[learner] < 0))
        own = ~with_bot & ~lost & (codes[teacher] == codes[learner])
        self.ledger.drop("events", "teacher or learner is a bot", (), stage="match", n=int(with_bot.sum()))
        self.ledger.drop(
            "events", "teacher or learner is not on the roster", (), stage="match", n=int(lost.sum())
        )
        self.ledger.drop("events", "a person with themselves", (), n=int(own.sum()))
        keep = np.flatnonzero(~(with_bot | lost | own))
        del with_bot, lost, own
        shape = empty_table("events")
        if not len(keep):
            return shape.assign(confirmed=pd.Series(dtype="bool")) if self.says_confirmed else shape
        kind = self._words.ranks()[ints(self._kind)[keep]]
        ends = codes[teacher[keep]], codes[learner[keep]]
        keep = keep[in_order(ints(self._time)[keep], self._evidence, keep, kind, *ends)]
        del kind, ends, teacher, learner
        # Each packed column goes as soon as it stands in the table: both at once would be the peak.
        evidence = self._evidence.column(keep)
        frame: dict[str, Any] = {"event_id": self._numbered(evidence, keep)}
        self._evidence = Texts()
        frame["time"] = pd.to_datetime(self._take("_time", keep), unit="us", utc=True)
        frame["teacher"] = text_column(names, codes[self._take("_teacher", keep)])
        frame["learner"] = text_column(names, codes[self._take("_learner", keep)])
        frame["kind"] = self._words.column(self._take("_kind", keep))
        frame["weight"] = self._take("_weight", keep)
        frame["context"] = self._words.column(self._take("_context", keep))
        frame["topic"] = self._words.column(self._take("_topic", keep))
        frame["source"] = text_column([self.source], np.zeros(len(keep), dtype=np.int8))
        frame["evidence"] = evidence
        if self.says_confirmed:
            frame["confirmed"] = self._take("_confirmed", keep).astype(bool)
        return pd.DataFrame(frame).astype(dict(shape.dtypes.items()))

    def _take(self, name: str, keep: Any) -> np.ndarray[Any, Any]:
        """Return some rows of a packed column, and let go of it."""
        column = getattr(self, name)
        rows = np.frombuffer(
            column, dtype=f"f{column.itemsize}" if column.typecode == "d" else f"i{column.itemsize}"
        )
        taken: np.ndarray[Any, Any] = rows[keep]
        setattr(self, name, array(column.typecode))
        return taken

    def _numbered(self, evidence: pd.Series[Any], keep: Any) -> pd.Series[Any]:
        """Make ids of evidence: the second event of the same evidence ends with #2."""
        if self._evidence.all_differ():
            return evidence
        codes = self._evidence.codes()[keep]
        if np.bincount(codes).max() == 1:
            return evidence
        nth = pd.Series(codes).groupby(codes, sort=False).cumcount()
        return evidence.where(nth == 0, evidence + "#" + (nth + 1).astype("str"))

    def sessions(self, person: list[str | None]) -> pd.DataFrame:
        """Make the table of sessions, given whom each account belongs to."""
        shape = empty_table("sessions")
        n = len(self._seen)
        if not n:
            return shape
        self.ledger.read("attendances", n)
        codes, names = _people(person)
        who = codes[self._take("_attendee", slice(None))]
        keep = np.flatnonzero(who >= 0)
        self.ledger.drop("attendances", "bot, or not on the roster", (), stage="match", n=n - len(keep))
        if len(keep) < n:
            who = who[keep]
        session, role = self._take("_seen", keep), self._take("_role", keep)
        time, kind = self._take("_seen_at", keep), self._take("_session_kind", keep)
        rank = self._words.ranks()[role] if len(keep) else keep
        at = in_order(time, self._sessions, session, who, rank)
        del rank
        at = at[~_again(at, self._sessions.codes()[session], who, role, kind)]
        self.ledger.drop("attendances", "the same person in the same role again", (), n=len(keep) - len(at))
        del keep
        frame: dict[str, Any] = {"session": self._sessions.column(session[at])}
        self._sessions = Texts()
        del session
        frame["person"] = text_column(names, who[at])
        del who
        frame["time"] = pd.to_datetime(time[at], unit="us", utc=True)
        frame["role"], frame["kind"] = self._words.column(role[at]), self._words.column(kind[at])
        return pd.DataFrame(frame).astype(dict(shape.dtypes.items()))


def _again(order: Any, *keys: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mark, in an order of rows, those that have all keys in common with one before."""
    place = np.lexsort(tuple(key[order] for key in keys[::-1]))  # stable: the first stays the first
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        value = key[order][place]
        same &= value[1:] == value[:-1]
    out = np.zeros(len(order), dtype=bool)
    out[place[1:]] = same
    return out


def _people(person: list[str | None]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[str]]:
    """Number the people that accounts belong to in the order of their ids; -1 = nobody."""
    names = sorted({p for p in person if p is not None})
    at = {name: k for k, name in enumerate(names)}
    return np.array([-1 if p is None else at[p] for p in person], dtype=np.int64), names


def _plain_aliases(aliases: Aliases) -> dict[str, str]:
    """Return given -> person where there is no roster to check against."""
    if aliases is None:
        return {}
    if isinstance(aliases, Mapping):
        pairs = [(str(k), str(v)) for k, v in aliases.items()]
    else:
        column = next((c for c in ("given", "id") if c in aliases.columns), None)
        if column is None or "person" not in aliases.columns:
            have = ", ".join(map(str, aliases.columns)) or "none"
            raise DataError(f"aliases needs the columns given (or id) and person. Columns: {have}.")
        pairs = [(str(g), str(p)) for g, p in aliases[[column, "person"]].dropna().itertuples(index=False)]
    return {form: p for g, p in pairs if p.strip() for form in (g.strip(), normalise_name(g))}

"""What is made from a locked study stays locked, by whatever innocent route a network is made again."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import peernet
from peernet import DataError, PeerNetwork, Records, ingest, nulls, privacy, silos
from peernet._permissions import MARK, marked
from peernet.errors import PermissionLocked
from peernet.privacy import Permissions

PILOT = Permissions(study="Pilot", analyses={"person_level": ("silos.brokerage",)}, floor=6)


def firm() -> PeerNetwork:
    rng = np.random.default_rng(3)
    ids = pd.Index([f"p{i:02d}" for i in range(18)], name="person")
    people = pd.DataFrame({"unit": np.repeat(list("abc"), 6), "start": 1.0}, index=ids)
    pairs = np.argwhere(rng.random((18, 18)) < 0.3)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    ties = pd.DataFrame({"teacher": ids[pairs[:, 0]], "learner": ids[pairs[:, 1]], "weight": 1.0})
    ties["time"] = pd.Timestamp("2025-01-06") + pd.to_timedelta(np.arange(len(ties)), unit="D")
    ties["relation"] = "advice"
    return PeerNetwork(people, ties)


def study() -> PeerNetwork:
    return firm().with_permissions(PILOT)


def study_records() -> Records:
    """Two relations that ask for the same ties from both ends, and events, of a study."""
    net = firm()
    asked = pd.DataFrame({"person": net.ids, "wave": "1", "status": "answered"})
    asked["started"] = asked["finished"] = pd.Timestamp("2025-06-01", tz="UTC")
    ends = {"teacher": "named", "learner": "respondent"}
    names = net.ties.rename(columns=ends)[["respondent", "named", "weight"]].assign(
        wave="1", relation="learn"
    )
    other = names.rename(columns={"respondent": "named", "named": "respondent"}).assign(relation="teach")
    return Records(
        people=net.people,
        events=net.ties.assign(kind="answer", source="chat", time=net.ties["time"].dt.tz_localize("UTC")),
        nominations=pd.concat([names, other], ignore_index=True),
        respondents=asked,
        roles={"learn": "learner", "teach": "teacher"},
        permissions=PILOT,
    )


def _graphml(tmp: Path) -> PeerNetwork:
    nx.write_graphml(study().to_networkx(), tmp / "g.graphml")
    return PeerNetwork.from_networkx(nx.read_graphml(tmp / "g.graphml"), edge_means="teaches")


def _parquet(tmp: Path) -> PeerNetwork:
    study().people.to_parquet(tmp / "p.parquet")
    return PeerNetwork(pd.read_parquet(tmp / "p.parquet"), firm().ties)


def _stored(tmp: Path) -> PeerNetwork:
    return ingest.load_records(ingest.save_records(study_records(), tmp / "kept")).network(relation="learn")


def _from_events(records: Records, people: Any) -> PeerNetwork:
    return PeerNetwork.from_events(records.events[["teacher", "learner", "time"]], people)


ROUTES: dict[str, Callable[[Path], PeerNetwork]] = {
    "subset": lambda _: study().subset(list(firm().ids[:12])),
    "where": lambda _: study().where(relation="advice"),
    "window": lambda _: study().window("2025-01-10", "2025-03-01"),
    "aggregate": lambda _: study().aggregate(),
    "aggregate by": lambda _: study().aggregate(by="relation"),
    "reverse": lambda _: study().reverse(),
    "with_people": lambda _: study().with_people(x=1),
    "permissions of a network without a study": lambda _: study().with_permissions(firm().permissions),
    "permissions of a study that allows more": lambda _: study().with_permissions(
        Permissions(analyses={"person_level": ("*",)})
    ),
    "copied": lambda _: copy.copy(study()),
    "copied deep": lambda _: copy.deepcopy(study()),
    "pickled": lambda _: pickle.loads(pickle.dumps(study())),
    "pickled folded": lambda _: pickle.loads(pickle.dumps(nulls.rewire(study(), rng=1))),
    "labels shuffled": lambda _: nulls.shuffle_labels(study(), "unit", rng=1),
    "networkx": lambda _: PeerNetwork.from_networkx(study().to_networkx(), edge_means="teaches"),
    "networkx subgraph reversed": lambda _: PeerNetwork.from_networkx(
        nx.DiGraph(study().to_networkx().subgraph(list(firm().ids[:12]))).reverse(), edge_means="asks"
    ),
    "networkx union": lambda _: PeerNetwork.from_networkx(
        nx.compose(firm().to_networkx(), study().to_networkx()), edge_means="teaches"
    ),
    "GraphML": _graphml,
    "Parquet": _parquet,
    "tables": lambda _: PeerNetwork(study().people, study().ties),
    "people alone": lambda _: PeerNetwork(study().people, firm().ties),
    "ties alone": lambda _: PeerNetwork(list(firm().ids), study().ties),
    "ties cut": lambda _: PeerNetwork(
        firm().people,
        study().ties.query("relation == 'advice'").drop(columns="time").head(30).reset_index(drop=True),
    ),
    "people cut": lambda _: PeerNetwork(
        study().people.reset_index().sort_values("unit").assign(x=1), firm().ties
    ),
    "adjacency": lambda _: PeerNetwork.from_adjacency(
        study().adjacency, row_is="teacher", people=study().people
    ),
    "codes": lambda _: PeerNetwork.from_codes(study().teacher, study().learner, people=study().people),
    "codes of people cut": lambda _: PeerNetwork.from_codes([0], [1], people=study().people.iloc[:2]),
    "records": lambda _: study_records().network(relation="learn"),
    "records, events": lambda _: study_records().network(),
    "records merged": lambda _: (
        study_records().merge(Records(people=firm().people)).network(relation="learn")
    ),
    "records merged into others": lambda _: Records(people=firm().people).merge(study_records()).network(),
    "records replaced": lambda _: replace(study_records(), events=firm().ties.iloc[:0]).network(
        relation="learn"
    ),
    "records made again": lambda _: Records(
        people=study_records().people, events=study_records().events
    ).network(),
    "records without": lambda _: replace(study_records(), permissions=None).network(relation="learn"),
    "people of a reader": lambda _: Records(people=study_records().people, events=study_records().events).merge(
        Records(people=firm().people)
    ).network(),
    "records pseudonymised": lambda _: study_records().pseudonymise(key=b"0123456789abcdef").network(),
    "records erased": lambda _: study_records().erase("p03").network(),
    "records kept": _stored,
    "reports of both ends": lambda _: ingest.combine_reports(study_records(), "learn", "teach", rule="union"),
    "nominations": lambda _: PeerNetwork.from_nominations(
        study_records().people,
        study_records().nominations.query("relation == 'learn'"),
        respondent_is="learner",
    ),
    "nominations alone": lambda _: PeerNetwork.from_nominations(
        list(firm().ids), study_records().nominations.query("relation == 'learn'"), respondent_is="learner"
    ),
    "events": lambda _: _from_events(study_records(), study_records().people),
    "events alone": lambda _: _from_events(study_records(), firm().people),
    "events of strangers": lambda _: PeerNetwork.from_events(
        study_records().events[["teacher", "learner"]], list(firm().ids[:9]), unknown="drop"
    ),
}


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_no_innocent_route_leads_out(route: str, tmp_path: Path) -> None:
    made = ROUTES[route](tmp_path)
    assert made.permissions is not None and made.permissions.floor == 6
    with pytest.raises(PermissionLocked, match=r"silos\.constraint is locked: the study 'Pilot"):
        silos.constraint(made)
    assert marked(made.people) == made.permissions == marked(made.ties)


def test_nothing_is_locked_without_a_study() -> None:
    net = firm()
    assert net.permissions is None and net.with_permissions(None).permissions is None
    for thing in (net.people.attrs, net.ties.attrs, net.to_networkx().graph):
        assert MARK not in thing
    assert PeerNetwork(net.people, net.ties).permissions is None
    assert Records(people=net.people).people.attrs == {}
    # the tables of a free network do not keep what was on the way
    free = study()._replace(permissions=None)
    assert MARK not in free.people.attrs and MARK not in free.ties.attrs


def test_listed_functions_stay_open_and_studies_join() -> None:
    net = PeerNetwork.from_networkx(study().to_networkx(), edge_means="teaches")
    assert net.permissions == PILOT
    silos.brokerage(net, "unit")
    other = Permissions(study="Second", analyses={"person_level": ("silos.constraint",)}, floor=9)
    both = PeerNetwork(study().people, firm().with_permissions(other).ties)
    assert both.permissions is not None and both.permissions.floor == 9
    assert both.permissions.study == "Second + Pilot" or both.permissions.study == "Pilot + Second"
    for function in ("silos.brokerage", "silos.constraint"):
        assert not privacy.allows(both, "person_level", function=function)


@pytest.mark.parametrize("given", ["person_level", {"person_level": ["*"]}, True, object(), study])
def test_only_permissions_are_permissions(given: Any) -> None:
    with pytest.raises(
        DataError, match=r"takes the permissions of a study \(study.permissions, or privacy.Perm"
    ):
        firm().with_permissions(given)


def test_a_study_or_network_instead_of_its_permissions() -> None:
    with pytest.raises(DataError, match=r"got PeerNetwork\. It has permissions: pass those"):
        firm().with_permissions(study())  # type: ignore[arg-type]


def test_a_damaged_mark_locks_everything() -> None:
    for text in ("{", '{"study": 1}', 3, "null"):
        people = firm().people
        people.attrs[MARK] = text
        with pytest.raises(PermissionLocked):
            silos.brokerage(PeerNetwork(people, firm().ties), "unit")


def test_exports_that_are_allowed_hold_no_permissions(tmp_path: Path) -> None:
    net = firm().with_permissions(Permissions(study="Pilot", analyses={"person_level": ("*",)}))
    text = privacy.to_graphml(net, tmp_path / "g.graphml").read_text(encoding="utf-8")
    assert "Pilot" not in text and MARK not in text


def test_igraph_carries_the_mark() -> None:
    pytest.importorskip("igraph")
    assert study().to_igraph()[MARK] == study().to_networkx().graph[MARK]
    assert MARK not in firm().to_igraph().attributes()


NETWORKS = {
    "nulls.rewire": lambda net: nulls.rewire(net, rng=1),
    "nulls.shuffle_labels": lambda net: nulls.shuffle_labels(net, "unit", rng=1),
    "nulls.dyad_census": lambda net: nulls.dyad_census(net, rng=1),
    "silos.make_silent": lambda net: silos.make_silent(net, ["p01"], role="learner"),
    "silos.impute_reversed": lambda net: silos.impute_reversed(
        silos.make_silent(PeerNetwork(net.people, net.ties, respondent_is="learner"), ["p01"]), rng=1
    ),
}


def test_every_function_that_gives_a_network_is_known() -> None:
    """A new one must carry the permissions: put it into NETWORKS, or among the readers whose input is no network."""
    made = set()
    for module in peernet._modules:
        package = importlib.import_module(f"peernet.{module}")
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isfunction(value) and str(inspect.signature(value).return_annotation) == "PeerNetwork":
                made.add(f"{module}.{name}")
    known = {*NETWORKS, "ingest.combine_reports", "ingest.co_change"}
    assert {m for m in made if not m.startswith("datasets.")} == known
    for run in NETWORKS.values():
        assert run(study()).permissions == PILOT

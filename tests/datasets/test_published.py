"""Published networks: counts, direction, values that other software computed on the same files."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from peernet.datasets import catalogue, load_krackhardt, load_lazega, load_medical_innovation
from peernet.datasets import published as module
from peernet.errors import DataError
from peernet.network import PeerNetwork


def ei(net: PeerNetwork, group: str) -> float:
    """(External - internal) / all, over distinct ties."""
    code = net.people[group].to_numpy()
    return float(1 - 2 * (code[net.teacher] == code[net.learner]).mean())


@pytest.mark.usefixtures("published_data")
class TestLazega:
    @pytest.mark.parametrize(("relation", "ties"), [("advice", 892), ("friendship", 575), ("cowork", 1104)])
    def test_counts(self, relation: str, ties: int) -> None:
        net = load_lazega(relation)  # type: ignore[arg-type]
        assert (net.n_people, net.n_ties) == (71, ties)
        assert net.ids[[0, 70]].tolist() == ["p01", "p71"]
        assert (net.ties["relation"] == relation).all()
        assert (net.observed == "answered").all()
        assert net.respondent_is == "learner"

    def test_words_and_numbers(self) -> None:
        people = load_lazega().people
        assert people["office"].value_counts().to_dict() == {"Boston": 48, "Hartford": 19, "Providence": 4}
        assert people["status"].value_counts().to_dict() == {"partner": 36, "associate": 35}
        assert people["practice"].value_counts().to_dict() == {"litigation": 41, "corporate": 30}
        assert people["gender"].value_counts().to_dict() == {"man": 53, "woman": 18}
        assert set(people["law_school"]) == {"Harvard/Yale", "UConn", "other"}
        assert people["seniority"].dtype.kind == people["age"].dtype.kind == "i"

    def test_reference_values(self, reference_dir: Path) -> None:
        stored = json.loads((reference_dir / "silos_lazega_advice.json").read_text())
        net = load_lazega("advice")
        text = json.dumps(stored)
        for group, value in (
            ("office", -0.5695067264573991),
            ("practice", -0.4820627802690583),
            ("status", -0.3251121076233184),
        ):
            assert ei(net, group) == pytest.approx(value, abs=1e-12)
            assert str(value)[:9] in text

    def test_the_person_asked_stands_in_the_teacher_column(self) -> None:
        """Associates ask partners, so partners teach: more ties run from partners to associates than back."""
        net = load_lazega("advice")
        status = net.people["status"].to_numpy()
        down = np.sum((status[net.teacher] == "partner") & (status[net.learner] == "associate"))
        up = np.sum((status[net.teacher] == "associate") & (status[net.learner] == "partner"))
        assert down > 4 * up


@pytest.mark.usefixtures("published_data")
class TestKrackhardt:
    @pytest.mark.parametrize(("relation", "ties"), [("advice", 190), ("friendship", 102), ("reports_to", 20)])
    def test_counts(self, relation: str, ties: int) -> None:
        net = load_krackhardt(relation)  # type: ignore[arg-type]
        assert (net.n_people, net.n_ties) == (21, ties)

    def test_values_of_the_attributes(self) -> None:
        net = load_krackhardt()
        assert ei(net, "dept") == pytest.approx(0.5157894736842106, abs=1e-12)
        assert net.people["level"].value_counts().to_dict() == {"manager": 16, "vice president": 4, "CEO": 1}
        assert sorted(net.people["dept"].unique()) == [0, 1, 2, 3, 4]

    def test_who_is_reported_to_teaches(self) -> None:
        net = load_krackhardt("reports_to")
        ceo = net.people.index[net.people["level"] == "CEO"][0]
        assert (net.ties["teacher"] == ceo).sum() == 4
        assert (net.ties["learner"] == ceo).sum() == 0
        assert net.ties["learner"].is_unique


@pytest.mark.usefixtures("published_data")
class TestMedicalInnovation:
    def test_counts(self) -> None:
        net, adoptions = load_medical_innovation()
        assert (net.n_people, net.n_ties, len(net.ties)) == (125, 294, 294)
        assert (net.ties["weight"] == 1).all()
        assert net.ties["n_relations"].sum() == 450
        parts = net.ties["relation"].str.split("+")
        assert (parts.str.len() == net.ties["n_relations"]).all()
        assert parts.explode().value_counts().to_dict() == {
            "advice": 161,
            "discussion": 165,
            "friendship": 124,
        }
        assert net.people["city"].value_counts().to_dict() == {1: 62, 2: 24, 3: 21, 4: 18}
        assert list(adoptions.columns) == ["person", "item", "time"]
        assert adoptions["time"].isna().sum() == 16
        assert (adoptions["time"].min(), adoptions["time"].max()) == (1, 17)
        assert (adoptions["person"] == net.ids).all()

    def test_names_outside_the_data_are_counted(self) -> None:
        facts = load_medical_innovation()[0].provenance
        assert facts["names_given"] == 912
        assert facts["names_of_doctors_outside"] == 462
        assert facts["dropped"]["unknown"] == facts["pairs_outside"]

    def test_ties_stay_within_the_city_and_the_named_teach(self) -> None:
        net, _ = load_medical_innovation()
        city = net.people["city"].to_numpy()
        assert (city[net.teacher] == city[net.learner]).all()
        # Doctor 2 of city 1 named doctor 11 (net1_1); nobody named doctor 2 so.
        first = net.ties.query("learner == 'c1-002' and teacher == 'c1-011'")
        assert len(first) == 1


@pytest.mark.usefixtures("published_data")
def test_loading_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_lazega("cowork")
        load_krackhardt("friendship")
        load_medical_innovation()


def test_a_wrong_word_names_the_right_ones() -> None:
    with pytest.raises(ValueError, match="'advice', 'friendship', 'cowork'"):
        load_lazega("advise")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'reports_to'"):
        load_krackhardt("reports")  # type: ignore[arg-type]


def test_a_folder_without_the_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERNET_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"no law_advice\.rda in it"):
        load_lazega()


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ht_advice.rda").write_bytes(b"something else")
    monkeypatch.setenv("PEERNET_DATA", str(tmp_path))
    with pytest.raises(DataError, match="not the file that was pinned"):
        load_krackhardt()


def test_offline_and_absent_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    def no_internet(*_: object, **__: object) -> str:
        raise OSError("Name or service not known")

    monkeypatch.delenv("PEERNET_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path)
    monkeypatch.setattr(pooch, "retrieve", no_internet)
    with pytest.raises(
        DataError, match=r"could not be fetched from https://raw\.githubusercontent\.com/.*PEERNET_DATA"
    ):
        load_medical_innovation()


def test_the_cache_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    monkeypatch.delenv("PEERNET_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path)
    (tmp_path / "ht_reports.rda").write_bytes(b"cut")
    with pytest.raises(DataError, match="not the file that was pinned"):
        load_krackhardt("reports_to")


def test_every_pinned_file_has_a_full_checksum_and_address() -> None:
    for name, source in module._FILES.items():
        assert len(source.sha256) == 64
        assert source.base.startswith("https://raw.githubusercontent.com/")
        assert name.endswith((".rda", ".rdata"))


def test_catalogue_lists_everything() -> None:
    table = catalogue()
    assert len(table) == 10
    assert table.loc["lazega_advice", "ties"] == 892
    assert table["origin"].notna().all()
    assert set(table["licence"]) == {"CC0-1.0", "MIT"}

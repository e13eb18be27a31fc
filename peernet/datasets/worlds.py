"""The three sample worlds: something to find, nothing to find, and the same firm badly measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from peernet._check import literal
from peernet.datasets.make import make_organisation
from peernet.datasets.organisation import Organisation
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.records import Records

__all__ = ["WORLDS", "World", "load_meridian", "load_truth", "make_world", "sample_dir"]

World = Literal["meridian", "null_meridian", "bad_meridian"]

_MERIDIAN: dict[str, Any] = {
    "mean_teachers": 4.6, "transmission": 1.2, "homophily": 1.3,
    "seniority": 0.35,
    "response_rate": 0.75, "silence_bias": 0.5, "heaping": 0.7, "sum_errors": 0.08, "wording_shift": 0.04,
    "movers": 0.05, "turnover": 0.06, "vanishing_silo": True, "small_unit": True, "lookalikes": True,
    "sole_expert": True, "same_names": True, "hidden_team": 9, "small_skill": 12,
}  # fmt: skip
_NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "seniority", "silo_strength", "site_strength", "team_strength", "homophily", "authority", "unit_share_spread",
        "silence_bias", "wording_shift", "teach_expected", "teach_impromptu", "teacher_selection", "similarity_trust",
        "trust_usefulness", "peer_advantage", "safety_effect", "lunch_effect", "mentoring_effect", "match_effect",
        "mentor_selection", "mentor_spread", "choice_effect", "mixing_effect", "media_effect", "formal_informal",
        "launch_effect", "transmission", "deadline", "taste", "course_equivalence",
    ),
    0.0,
)  # fmt: skip
_NOTHING |= {
    "adoption_rate": 1.5,
    "hidden_team": 0,
    "vanishing_silo": False,
    "lookalikes": False,
    "sole_expert": False,
}
_BADLY: dict[str, Any] = {
    "response_rate": 0.45,
    "silence_bias": 0.9,
    "split_ids": 0.3,
    "cap": 3,
    "typos": 0.2,
    "recall": 0.7,
}

WORLDS: dict[str, tuple[int, dict[str, Any]]] = {
    "meridian": (138, _MERIDIAN),
    "null_meridian": (90, _MERIDIAN | _NOTHING),
    "bad_meridian": (138, _MERIDIAN | _BADLY),
}


def make_world(world: World = "meridian") -> Organisation:
    """Draw one of the sample worlds again from its fixed seed.

    Parameters
    ----------
    world : {"meridian", "null_meridian", "bad_meridian"}
        Which one.

    Returns
    -------
    Organisation
        The organisation behind the files of :func:`sample_dir`.
    """
    literal("world", world, tuple(WORLDS))
    seed, knobs = WORLDS[world]
    return make_organisation(**knobs, rng=seed)


def sample_dir(world: World = "meridian") -> Path:
    """Return the folder with the files of a sample world.

    In a checkout ``data/samples``, in a wheel ``peernet/_samples``.

    Parameters
    ----------
    world : {"meridian", "null_meridian", "bad_meridian"}
        Which one.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    DataError
        When the files are not there.
    """
    literal("world", world, tuple(WORLDS))
    package = Path(__file__).resolve().parents[1]
    for base in (package.parent / "data" / "samples", package / "_samples"):
        if (base / world / "hr_roster.csv").is_file():
            return base / world
    raise DataError(
        f"the files of {world!r} are missing. Write them with `python -m peernet.datasets.build`, or install peernet "
        "from a wheel."
    )


def load_truth(world: World = "meridian") -> dict[str, Any]:
    """Return what is true of a sample world: the answers that the estimates are held against.

    Parameters
    ----------
    world : {"meridian", "null_meridian", "bad_meridian"}
        Which one.

    Returns
    -------
    dict
        The content of its ``truth.json``; ``docs/worlds.md`` explains it.
    """
    found: dict[str, Any] = json.loads((sample_dir(world) / "truth.json").read_text(encoding="utf-8"))
    return found


def load_meridian(world: World = "meridian") -> Records:
    """Read a sample world through the readers that analysts use: roster, survey, chat export, platform completions.

    About 240 people, 8 units, 3 sites, the year 2025; synthetic, CC0; under 5 MB. Columns: ``data/samples/README.md``.

    Parameters
    ----------
    world : {"meridian", "null_meridian", "bad_meridian"}
        Which one.

    Returns
    -------
    Records
        All sources merged, without what the chat and the platform hold about people who object in the survey;
        ``report`` says what was read, matched and dropped.

    Raises
    ------
    DataError
        When files are missing or were changed (their checksums differ).
    """
    from peernet import ingest

    folder = sample_dir(world)
    _check_sums(folder)
    people = ingest.read_people(folder / "hr_roster.csv")
    survey = ingest.read_qualtrics(
        folder / "survey_qualtrics.csv", codebook=folder / "codebook.csv", people=people
    )
    chat = ingest.read_slack(folder / "slack_export.zip", people=people)
    courses = ingest.read_completions(folder / "completions.csv", people=people)
    return people.merge(survey, chat, courses)


def _check_sums(folder: Path) -> None:
    """Refuse files that are not the ones written."""
    wrong = []
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ", 1)
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(name)
    if wrong:
        raise DataError(
            f"{folder.name}: {', '.join(wrong)} differ from SHA256SUMS. Restore them, or write them again with "
            "`python -m peernet.datasets.build`."
        )

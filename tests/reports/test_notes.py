from __future__ import annotations

import pytest

from peernet.reports._notes import redact, strip_ansi, warnings_in


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("mail ana.garcia+x@mail.example.org now", "ana"),
        ("user U02AB3CD4 replied", "U02AB3CD4"),
        ("person p091 is unknown", "p091"),
        ("person E-10245 is unknown", "10245"),
        ("employee 20481734 left", "20481734"),
        ("name 'Ana Garcia' fits nobody", "Garcia"),
        ('name "Ana Garcia" fits nobody', "Ana"),
        ("ties: rows 17, 40: 'ana', 'bo'", "ana"),
        ("asked @ana.garcia about it", "garcia"),
        ("<@U7> asked", "U7"),
        ("id 0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b"),
        ("/home/ana/study/survey.csv: 3 rows", "/home"),
        (r"C:\Users\ana\survey.csv was empty", "Users"),
    ],
)
def test_people_are_taken_out(text: str, gone: str) -> None:
    assert gone in text
    assert gone not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "column 'unit' is missing; options are 'labels', 'degrees'",
        "rows 17, 40 were dropped (12 of 1964)",
        "cast from float64 to int32 in 2024-05-01, utf-8",
        "0.25 of 1,234,567 draws took 12.5 s",
    ],
)
def test_facts_stay(text: str) -> None:
    assert redact(text) == text


def test_file_names_stay_without_their_folders() -> None:
    assert redact("/home/ana/study/survey.csv: 3 rows") == "survey.csv: 3 rows"


def test_warnings_are_read_from_stderr() -> None:
    text = (
        "\x1b[33m/tmp/ipykernel_1/2.py:7: PeerNetWarning: 3 people are silent\x1b[0m\n  warnings.warn(text)\n"
        "a plain message\n"
        "  10%|█         | 1/10 [00:00<00:01,  9.9it/s]\r 20%|██        | 2/10 [00:00<00:01,  9.9it/s]\n"
        "[IPKernelApp] WARNING | Kernel is running over TCP without encryption. All\n"
        "x.py:1: pandas.errors.PerformanceWarning: slow\n"
    )
    notes = warnings_in(text, 4)
    assert [(note.kind, note.text, note.cell) for note in notes] == [
        ("PeerNetWarning", "3 people are silent", 4),
        ("message", "a plain message", 4),
        ("PerformanceWarning", "slow", 4),
    ]


def test_colours_are_stripped() -> None:
    assert strip_ansi("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link") == "red link"

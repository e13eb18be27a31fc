"""The Qualtrics export of a synthetic survey, and its codebook."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.datasets._design import SOURCES, SURVEY_DAY, TOPICS, YEAR

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation

__all__ = ["codebook", "contents", "survey_csv"]

ZONE = "Europe/Berlin"
_FIXED = {
    "StartDate": "Start Date", "EndDate": "End Date", "Status": "Response Type", "IPAddress": "IP Address",
    "Progress": "Progress", "Duration (in seconds)": "Duration (in seconds)", "Finished": "Finished",
    "RecordedDate": "Recorded Date", "ResponseId": "Response ID", "RecipientLastName": "Recipient Last Name",
    "RecipientFirstName": "Recipient First Name", "RecipientEmail": "Recipient Email",
    "ExternalReference": "External Data Reference", "LocationLatitude": "Location Latitude",
    "LocationLongitude": "Location Longitude", "DistributionChannel": "Distribution Channel",
    "UserLanguage": "User Language",
}  # fmt: skip
_SOURCE_TEXT = {
    "peers": "Colleagues", "manager": "My manager", "courses": "Courses and training", "reading": "Reading and search",
    "trial": "My own trial and error", "outside": "People outside the firm",
}  # fmt: skip
_READING = {
    "peers": ("social", "strict"), "manager": ("social", "wide"), "outside": ("social", "wide"),
    "courses": ("formal", ""), "reading": ("solo", ""), "trial": ("solo", ""),
}  # fmt: skip
_SAFETY = (
    "If you make a mistake in this team, it is often held against you.",
    "Members of this team are able to bring up problems and tough issues.",
    "People in this team sometimes reject others for being different.",
    "It is safe to take a risk in this team.",
    "It is difficult to ask other members of this team for help.",
    "No one in this team would deliberately act in a way that undermines my efforts.",
    "Working with members of this team, my skills and talents are valued and used.",
)
_REVERSED = (1, 3, 5)
_ASKING = (
    "I ask others for help when I am stuck.",
    "I ask for feedback.",
    "I talk about my errors with others.",
)
_ENGAGED = (
    "At my work, I feel full of energy.",
    "I am enthusiastic about my job.",
    "I am immersed in my work.",
)
_COLUMNS = (
    "column", "kind", "relation", "respondent_is", "slot", "question", "item", "source", "reading", "social_in", "low",
    "high", "reverse", "missing", "labels", "text",
)  # fmt: skip


def codebook(cap: int) -> pd.DataFrame:
    """Describe every survey column that a reader uses; all cells are text."""
    rows: list[dict[str, Any]] = [
        {"column": "ExternalReference", "kind": "person", "text": "Employee id"},
        {"column": "RecipientEmail", "kind": "email", "text": "Work e-mail"},
        {"column": "Q0", "kind": "consent", "question": "consent", "labels": "1=yes|2=no",
         "text": "May we use your answers in aggregated form?"},
    ]  # fmt: skip
    rows += _names(cap) + _learning()
    rows += _scale("Q4", "safety", _SAFETY, reverse=_REVERSED) + _scale("Q5", "asking", _ASKING)
    rows += [
        row | {"column": "Q5_4", "item": 1}
        for row in _scale("Q5", "motivation", ("I want to learn new things in my job.",))
    ]
    rows += _skills() + _scale("Q10", "engagement", _ENGAGED) + _numbers()
    return pd.DataFrame([{name: str(row.get(name, "")) for name in _COLUMNS} for row in rows])


def _names(cap: int) -> list[dict[str, Any]]:
    """Describe the names given, and what is said about each person named."""
    ask = {
        "Q1": (
            "learn_from",
            "learner",
            "In the last six months, from whom did you learn most for your work?\nName up to {cap} people.",
        ),
        "Q2": ("comes_to_me", "teacher", "And who comes to you to learn?\nName up to {cap} people."),
    }
    rows: list[dict[str, Any]] = []
    for stem, (relation, role, text) in ask.items():
        for slot in range(1, cap + 1):
            rows.append(
                {"column": f"{stem}_{slot}", "kind": "nomination", "relation": relation, "respondent_is": role,
                 "slot": slot, "text": f"{text.format(cap=cap)} - Person {slot}"}
            )  # fmt: skip
    for stem, question, text in (
        ("Q1T", "trust", "I trust this person's advice"),
        ("Q1U", "usefulness", "What I learned from this person was useful"),
    ):
        for slot in range(1, cap + 1):
            rows.append(
                {"column": f"{stem}_{slot}", "kind": "tie_rating", "relation": "learn_from", "slot": slot,
                 "question": question, "low": 1, "high": 7, "text": f"{text} - Person {slot}"}
            )  # fmt: skip
    return rows


def _learning() -> list[dict[str, Any]]:
    """Describe where learning came from, in shares, and the wording of the list of sources."""
    rows: list[dict[str, Any]] = []
    for k, source in enumerate(SOURCES, start=1):
        reading, social_in = _READING[source]
        rows.append(
            {"column": f"Q3_{k}", "kind": "learning_share", "question": "learning_share", "item": source,
             "source": source, "reading": reading, "social_in": social_in, "low": 0, "high": 100,
             "text": "Of everything you learned for your job in the last 12 months, what percentage came from:\n"
                     f"(should sum to 100) - {_SOURCE_TEXT[source]}"}
        )  # fmt: skip
    rows.append({"column": "Q3_version", "kind": "wording", "question": "wording", "labels": "A=list A|B=list B",
                 "text": "Wording of the source list"})  # fmt: skip
    return rows


def _skills() -> list[dict[str, Any]]:
    """Describe each topic: skill before and after, whether it was taught, when it was first used."""
    rows: list[dict[str, Any]] = []
    for stem, question, text in (
        ("Q6", "skill_before", "How well could you do this a year ago? (0-100)"),
        ("Q7", "skill_after", "How well can you do this now? (0-100)"),
    ):
        for k, topic in enumerate(TOPICS, start=1):
            rows.append({"column": f"{stem}_{k}", "kind": "rating", "question": question, "item": topic, "low": 0,
                         "high": 100, "text": f"{text} - {topic}"})  # fmt: skip
    for k, topic in enumerate(TOPICS, start=1):
        rows.append({"column": f"Q8_{k}", "kind": "choice", "question": "taught", "item": topic,
                     "labels": "1=no|2=yes, when somebody asked|3=yes, and I knew beforehand that I would",
                     "text": f"Did you teach it to somebody this year? - {topic}"})  # fmt: skip
    for k, topic in enumerate(TOPICS[:4], start=1):
        rows.append({"column": f"Q9_{k}", "kind": "date", "question": "first_use", "item": topic,
                     "text": f"In which month did you first use it at work? (YYYY-MM) - {topic}"})  # fmt: skip
    return rows


def _numbers() -> list[dict[str, Any]]:
    """Describe hours of learning and performance."""
    asked = (
        ("hours", "courses_year", "Hours of courses in the last 12 months"),
        ("hours", "colleagues_week", "Hours a week learning from colleagues"),
        ("performance", "now", "How well do you do your job now? (0-100)"),
    )
    return [
        {"column": f"Q11_{k}", "kind": "number", "question": question, "item": item, "low": 0, "text": text}
        for k, (question, item, text) in enumerate(asked, start=1)
    ]


def _scale(
    stem: str, question: str, statements: tuple[str, ...], reverse: tuple[int, ...] = ()
) -> list[dict[str, Any]]:
    """Describe the items of a seven-point scale."""
    return [
        {"column": f"{stem}_{k}", "kind": "likert", "question": question, "item": k, "low": 1, "high": 7,
         "reverse": int(k in reverse), "missing": "9",
         "labels": "1=strongly disagree|7=strongly agree|9=don't know", "text": f"Do you agree? - {text}"}
        for k, text in enumerate(statements, start=1)
    ]  # fmt: skip


def survey_csv(firm: Organisation) -> bytes:
    """Return the export: BOM, three header rows, answers in order of recording, previews and broken-off rows too."""
    rng = firm.stream("survey_file")
    book = codebook(firm.design.cap)
    questions = book.loc[~book["column"].isin(list(_FIXED)), ["column", "text"]]
    columns = [*_FIXED, *questions["column"]]
    texts = [*_FIXED.values(), *questions["text"]]
    imports = [_import_id(name) for name in columns]
    rows = _answers(firm, columns, rng)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerow(texts)
    writer.writerow(imports)
    writer.writerows([[row.get(name, "") for name in columns] for row in rows])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _import_id(name: str) -> str:
    """Return the third header cell of a column."""
    if name in ("StartDate", "EndDate", "RecordedDate"):
        return json.dumps({"ImportId": name[0].lower() + name[1:], "timeZone": ZONE}, separators=(",", ":"))
    if name in _FIXED:
        words = {"Duration (in seconds)": "duration", "IPAddress": "ipAddress", "ResponseId": "_recordId"}
        return json.dumps({"ImportId": words.get(name, name[0].lower() + name[1:])}, separators=(",", ":"))
    return json.dumps({"ImportId": f"QID{name[1:]}" if name != "Q3_version" else name}, separators=(",", ":"))


def _answers(firm: Organisation, columns: list[str], rng: np.random.Generator) -> list[dict[str, str]]:
    """Return all rows of the export, in order of recording."""
    rows = []
    content = contents(firm)
    for row, status in enumerate(firm.status):
        if status in ("answered", "objected"):
            cells = content[row] if status == "answered" else {"Q0": "2"}
            rows.append(_fixed(firm, row, rng) | cells)
    answered = [k for k, s in enumerate(firm.status) if s == "answered"]
    silent = [k for k, s in enumerate(firm.status) if s == "silent"]
    # Some who stay silent broke off after the first page, some answered twice, and the survey's author looked in.
    for row in silent[:: max(1, len(silent) // 6)][:6]:
        some = {k: v for k, v in content[row].items() if k.startswith(("Q0", "Q1_"))}
        rows.append(_fixed(firm, row, rng) | some | {"Finished": "0", "Progress": "22"})
    for row in answered[:: max(1, len(answered) // 3)][:3]:
        early = _fixed(firm, row, rng) | content[row]
        mine = next(r for r in rows if r.get("ExternalReference") == firm.ids[row])
        for key in ("StartDate", "EndDate", "RecordedDate"):
            early[key] = (pd.Timestamp(mine[key]) - pd.Timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S")
        rows.append(early | {"Q3_1": "100", "Q3_2": "", "Q3_3": "", "Q3_4": "", "Q3_5": "", "Q3_6": ""})
    for k in range(2):
        preview = _fixed(firm, 0, rng) | {"Q0": "1", "Q1_1": "test", "Q3_1": "100"}
        nobody = {
            "Status": "1",
            "DistributionChannel": "preview",
            "ExternalReference": "",
            "RecipientEmail": "",
        }
        when = {"StartDate": "10:00:00", "EndDate": "10:03:00", "RecordedDate": "10:03:01"}
        rows.append(preview | nobody | {key: f"2025-10-3{k} {clock}" for key, clock in when.items()})
    # A few links were opened from a forwarded mail: no reference, but the address is there.
    for forwarded in rows[5 : len(rows) - 11 : max(1, len(rows) // 4)]:
        forwarded["ExternalReference"] = ""
    return sorted(rows, key=lambda r: (r["RecordedDate"], r["ResponseId"]))


def _fixed(firm: Organisation, row: int, rng: np.random.Generator) -> dict[str, str]:
    """Return the columns that Qualtrics adds, for one answer."""
    person = firm.people.iloc[row]
    opened = pd.Timestamp(YEAR) + pd.Timedelta(
        days=SURVEY_DAY + int(rng.integers(0, 18)), seconds=int(rng.integers(28_000, 66_000))
    )
    took = int(np.exp(rng.normal(6.3, 0.5)))
    done = opened + pd.Timedelta(seconds=took)
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return {
        "StartDate": f"{opened:%Y-%m-%d %H:%M:%S}", "EndDate": f"{done:%Y-%m-%d %H:%M:%S}", "Status": "0",
        "IPAddress": f"192.0.2.{int(rng.integers(1, 255))}", "Progress": "100", "Duration (in seconds)": str(took),
        "Finished": "1", "RecordedDate": f"{done + pd.Timedelta(seconds=1):%Y-%m-%d %H:%M:%S}",
        "ResponseId": "R_" + "".join(letters[k] for k in rng.integers(len(letters), size=15)),
        "RecipientLastName": person["last"], "RecipientFirstName": person["first"], "RecipientEmail": person["email"],
        "ExternalReference": str(person.name), "LocationLatitude": "52.52", "LocationLongitude": "13.40",
        "DistributionChannel": "email", "UserLanguage": "EN",
    }  # fmt: skip


def contents(firm: Organisation) -> list[dict[str, str]]:
    """Return what everybody would write, question by question; one dict per person, by column."""
    rng = firm.stream("survey_cells")
    out: list[dict[str, str]] = [{"Q0": "1"} for _ in range(len(firm.ids))]
    _put_names(firm, out, rng)
    _put_shares(firm, out, rng)
    feel = firm.attitudes
    for stem, column, n_items, reverse in (
        ("Q4", "safety", 7, _REVERSED), ("Q5", "asking", 3, ()), ("Q10", "engagement", 3, ()),
    ):  # fmt: skip
        for k in range(1, n_items + 1):
            answer = np.clip(np.round(4.4 + 1.1 * feel[column] + 0.9 * rng.standard_normal(len(feel))), 1, 7)
            answer = 8 - answer if k in reverse else answer
            answer[rng.random(len(feel)) < 0.02] = 9
            _put(out, f"{stem}_{k}", answer)
    _put(out, "Q5_4", np.clip(np.round(5.2 + feel["motivation"]), 1, 7))
    _put(out, "Q11_1", np.round(np.exp(2.8 + 0.6 * feel["formal"])))
    _put(out, "Q11_2", np.round(np.exp(1.2 + 0.5 * feel["informal"])))
    _put(out, "Q11_3", np.clip(np.round(65 + 10 * feel["performance"]), 0, 100))
    for k, topic in enumerate(TOPICS, start=1):
        rated = firm.skills[firm.skills["topic"] == topic]
        _put(out, f"Q6_{k}", rated["before"].to_numpy())
        _put(out, f"Q7_{k}", rated["after"].to_numpy())
        _put(out, f"Q8_{k}", rated["taught"].to_numpy())
    for k, item in enumerate("ABCD", start=1):
        day = firm.adoptions.loc[firm.adoptions["item"] == item, "time"].to_numpy()
        for row, value in enumerate(day):
            if value < SURVEY_DAY and rng.random() < 0.95:
                out[row][f"Q9_{k}"] = f"{pd.Timestamp(YEAR) + pd.Timedelta(days=float(value)):%Y-%m}"
    return out


def _put(out: list[dict[str, str]], column: str, values: Any) -> None:
    """Write whole numbers into one column."""
    for cells, value in zip(out, values, strict=True):
        cells[column] = str(int(value))


def _put_names(firm: Organisation, out: list[dict[str, str]], rng: np.random.Generator) -> None:
    """Write names, and trust and usefulness in the slots of those one learns from."""
    rows, ties = firm._nominations, firm.ties
    for stem, column in (("Q1T", "trust"), ("Q1U", "usefulness")):
        felt = np.clip(np.round(4.5 + 1.2 * ties[column].to_numpy()), 1, 7).astype(int)
        for row, slot, tie, relation in rows[["respondent", "slot", "tie", "relation"]].itertuples(
            index=False
        ):
            if relation == "learn_from" and rng.random() < 0.97:
                out[row][f"{stem}_{slot}"] = str(felt[tie])
    stem_of = {"learn_from": "Q1", "comes_to_me": "Q2"}
    typed = firm.nominations["typed"]
    for (row, slot, relation), name in zip(
        rows[["respondent", "slot", "relation"]].itertuples(index=False), typed, strict=True
    ):
        out[row][f"{stem_of[relation]}_{slot}"] = name


def _put_shares(firm: Organisation, out: list[dict[str, str]], rng: np.random.Generator) -> None:
    """Write percentages as people do: bare, with a sign, with a decimal comma; zeros often left blank."""
    percent, version = firm._reported
    style = rng.random(len(out))
    for row, cells in enumerate(out):
        total = percent[row].sum()
        blank = abs(total - 100) < 1e-9 and rng.random() < 0.4
        for k, value in enumerate(percent[row], start=1):
            if value == 0 and blank:
                continue
            text = f"{value:.4g}"
            if total > 2 and value > 0 and style[row] < 0.04:
                text = f"{value:.1f}".replace(".", ",")
            elif total < 2:
                text = f"{value:.2f}"
            cells[f"Q3_{k}"] = f"{text}%" if 0.04 <= style[row] < 0.14 and total > 2 else text
        cells["Q3_version"] = version[row]

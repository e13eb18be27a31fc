"""Invented names, and the ways in which people mistype them."""

from __future__ import annotations

import unicodedata

import numpy as np

__all__ = ["ascii_fold", "draw_names", "emails", "mistype"]

_FIRST = (
    "Ada", "Agnieszka", "Aisha", "Alba", "Alejandro", "Amara", "Anders", "Anjali", "Anton", "Beatriz", "Bence",
    "Bjørn", "Camille", "Carlos", "Chiara", "Chidi", "Clara", "Daiki", "Daniel", "Deniz", "Dmitri", "Eleni", "Elif",
    "Emil", "Emma", "Esra", "Fatima", "Felix", "Filipe", "Freya", "Gabriel", "Gül", "Hana", "Hannah", "Hugo", "Ifeoma",
    "Ines", "Ingrid", "Isabel", "Ivan", "Jakub", "Joana", "João", "Johanna", "Jonas", "José", "Julia", "Kamal", "Karin",
    "Katarzyna", "Kenji", "Lars", "Laura", "Lea", "Leïla", "Liam", "Linh", "Lucía", "Luís", "Magda", "Malte", "Marek",
    "Marta", "Mateusz", "Mei", "Miguel", "Mirela", "Mohammed", "Nadia", "Naoko", "Niklas", "Nina", "Noah", "Olga",
    "Omar", "Paula", "Paweł", "Pedro", "Petra", "Priya", "Rafael", "Renata", "Rui", "Sanna", "Sara", "Sofia", "Søren",
    "Stefan", "Tariq", "Teresa", "Thomas", "Tiago", "Tomasz", "Ulrike", "Vera", "Viktor", "Wei", "Yara", "Zofia", "Zoë",
)  # fmt: skip
_LAST = (
    "Abiodun", "Adamczyk", "Almeida", "Andersen", "Aydın", "Bakker", "Barbosa", "Baumann", "Becker", "Bianchi",
    "Borowski", "Braun", "Cardoso", "Carvalho", "Chen", "Costa", "Dąbrowski", "Demir", "Dias", "Diallo", "Dubois",
    "Eriksson", "Esteves", "Farkas", "Ferreira", "Fischer", "Fonseca", "García", "Gomes", "Górski", "Gruber", "Hansen",
    "Hartmann", "Hoffmann", "Horváth", "Ibrahim", "Ivanova", "Jabłoński", "Jensen", "Kaiser", "Kamiński", "Kaya",
    "Keller", "Khan", "Kim", "König", "Kozłowski", "Krause", "Kumar", "Lange", "Larsen", "Lewandowski", "Lindqvist",
    "Lopes", "Machado", "Malinowski", "Marques", "Martins", "Mazur", "Mendes", "Meyer", "Moreau", "Müller", "Na",
    "Nakamura", "Neves", "Nguyen", "Nowak", "Nunes", "O'Brien", "Okafor", "Öztürk", "Papadakis", "Patel", "Pereira",
    "Petrov", "Pinto", "Popescu", "Ramos", "Ribeiro", "Richter", "Rossi", "Rutkowski", "Santos", "Schäfer", "Schmidt",
    "Schröder", "Sharma", "Silva", "Sobczak", "Sousa", "Suzuki", "Szymański", "Tavares", "Teixeira", "Tran", "Vogel",
    "Wagner", "Weber", "Wiśniewski", "Wójcik", "Yılmaz", "Zając", "Zimmermann",
)  # fmt: skip
_PLAIN = str.maketrans("łŁøØıßđĐ", "lLoOisdD")


def ascii_fold(text: str) -> str:
    """Return the text without accents, as mail addresses have it."""
    folded = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(c for c in folded if not unicodedata.combining(c)).encode("ascii", "ignore").decode()


def draw_names(n: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Draw ``n`` different pairs of first and last name; beyond all pairs, last names get a number."""
    pairs = len(_FIRST) * len(_LAST)
    code = rng.permutation(pairs)[: min(n, pairs)]
    code = np.concatenate([code, np.arange(n - len(code)) % pairs])
    first = [_FIRST[k] for k in code // len(_LAST)]
    last = [
        _LAST[k % len(_LAST)] + ("" if row < pairs else f" {row // pairs + 1}") for row, k in enumerate(code)
    ]
    return first, last


def emails(first: list[str], last: list[str]) -> list[str]:
    """Return one address a person; people of one name are told apart by a number."""
    seen: dict[str, int] = {}
    out = []
    for given, family in zip(first, last, strict=True):
        stem = f"{ascii_fold(given)}.{ascii_fold(family)}".lower().replace("'", "").replace(" ", "")
        seen[stem] = seen.get(stem, 0) + 1
        out.append(f"{stem}{seen[stem] if seen[stem] > 1 else ''}@meridian.example")
    return out


def mistype(first: str, last: str, rng: np.random.Generator) -> str:
    """Write a name as people do when they are in a hurry."""
    way = int(rng.integers(6))
    if way == 0:
        return f"{ascii_fold(first)} {ascii_fold(last)}".lower()
    if way == 1:
        return f"{last}, {first}"
    if way == 2:
        return f"{first} {last[0]}."
    if way == 3:
        return f" {first}  {last} "
    name = f"{first} {last}"
    at = int(rng.integers(1, len(name) - 1))
    if way == 4:
        return name[:at] + name[at + 1 :]
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]

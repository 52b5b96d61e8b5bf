"""What the pages say of themselves, in each language: English stands in the templates, a file a language says each text again.

Only the pages' own words are said again. What contracts, suites, errors and people wrote stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jobs.odcs import read_yaml

FOLDER = Path(__file__).parent / "languages"
LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

# Words that stand in views and ledger, and in no template.
WORDS = (
    "accepted", "landed", "held", "refused", "failed", "not delivered", "delivered", "not due", "nothing known",
    "built", "new", "unchanged", "stale", "not released",
    "bronze", "silver", "gold", "band", "landing", "extract", "release", "critical", "warning", "info",
    "bronze and mended", "rows per record", "judged", "good", "set aside", "duplicates", "inserted", "changed", "ended", "outranked",
    "approve", "mend", "dismiss", "accept", "reject", "A person dismissed it.",
    "public", "internal", "confidential", "person",
    "as delivered", "text", "datasets, as delivered", "gold tables", "Which gold tables are made of which datasets",
    "{dataset} to {table}", "{dimension}, per cent",
)  # fmt: skip


@cache
def read_texts(language: str) -> Mapping[str, str]:
    """Each English text with its translation; empty for English itself."""
    texts: Mapping[str, str] = {} if language == "en" else read_yaml(FOLDER / f"{language}.yaml")
    return texts


def say(language: str, text: str) -> str:
    """A text in a language; as it is where nobody has said it again, so that no page fails for a word."""
    return text and read_texts(language).get(text, text)


def place_of(language: str, main: str, page: str) -> str:
    """Where a page stands below `reports`: those of the city's own language there, others in a folder a language."""
    return page if language == main else f"{language}/{page}"


def list_switches(language: str, main: str, page: str) -> list[tuple[str, str, str]]:
    """Of every language its code, its name, and the way there from the same page in this one."""
    up = "../" * place_of(language, main, page).count("/")
    return [(code, name, up + place_of(code, main, page)) for code, name in LANGUAGES.items()]

"""Templates to pages: one look for all, everything escaped, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from jobs.cities import City
from jobs.report import languages

FOLDER = Path(__file__).parent / "templates"
SCRIPTS = ("table", "search")


def delivery_path(dataset: str, business_date: str, revision: int) -> str:
    return f"datasets/{dataset}/{business_date}.r{revision}.html"


def dataset_path(dataset: str) -> str:
    return f"datasets/{dataset}/index.html"


def rules_path(dataset: str) -> str:
    return f"datasets/{dataset}/rules.html"


def department_path(source: str) -> str:
    return f"departments/{source}.html"


def release_path(number: int) -> str:
    return f"releases/{number}.html"


def month_path(month: str) -> str:
    return f"nights/{month}.html"


@cache
def identity() -> str:
    """What makes pages of views: the code, templates and languages of the report."""
    files = sorted(p for p in FOLDER.parent.rglob("*") if p.suffix in (".py", ".html", ".css", ".js", ".yaml"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


@dataclass(frozen=True)
class Edition:
    """The pages of a city in one language."""

    city: City
    language: str
    title: str = ""


@cache
def environment() -> jinja2.Environment:
    """Templates that escape every value and fail on a name that does not exist; compiled once for all editions and commands."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        bytecode_cache=jinja2.FileSystemBytecodeCache(),  # in the temporary folder, for this user's eyes
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found.install_gettext_callables(_say, _say_number_of, newstyle=True)  # type: ignore[attr-defined]
    found.filters |= {
        "say": _say,
        "moment": _say_moment,
        "words": _say_words,
        "thousands": _say_number,
        "bytes": _say_bytes,
        "breakable": _let_break,
        "commands": _mark_commands,
        "json": _to_json,
    }
    found.globals |= {
        "delivery_path": delivery_path,
        "dataset_path": dataset_path,
        "rules_path": rules_path,
        "department_path": department_path,
        "release_path": release_path,
        "month_path": month_path,
        "style": _read("style.css"),
        **{f"{name}_script": Markup("\n") + _read(f"{name}.js") for name in SCRIPTS},
    }
    return found


def render(edition: Edition, template: str, page: str, view: Any, charts: Mapping[str, str] | None = None) -> str:
    """One page, by its name below the folder of its language; `charts` are markup of ours, by name."""
    city = edition.city
    return (
        environment()
        .get_template(template)
        .render(
            city_title=edition.title or city.title,
            language=edition.language,
            zone=ZoneInfo(city.timezone),
            root="../" * page.count("/"),
            languages=languages.list_switches(edition.language, city.language, page),
            v=view,
            charts={name: Markup(svg) for name, svg in (charts or {}).items()},
        )
    )


def script_hashes() -> list[str]:
    """What a Content-Security-Policy calls the scripts of the pages."""
    scripts = [f"\n{_read(f'{name}.js')}".encode() for name in SCRIPTS]
    return [f"sha256-{base64.b64encode(hashlib.sha256(s).digest()).decode()}" for s in scripts]


def _read(name: str) -> Markup:
    return Markup((FOLDER / name).read_text("utf-8"))


def _to_json(value: Any) -> Markup:
    """JSON inside a page: no `<` in it can end the element that holds it."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))


@jinja2.pass_context
def _say(page: jinja2.runtime.Context, text: object) -> str:
    """A text in the language of the page."""
    return languages.say(page["language"], str(text or ""))


@jinja2.pass_context
def _say_number_of(page: jinja2.runtime.Context, one: str, more: str, number: int) -> str:
    """The same, of one thing or of several; translations have the plural alone."""
    said = languages.say(page["language"], more)
    return one if said == more and number == 1 else said


@jinja2.pass_context
def _say_moment(page: jinja2.runtime.Context, at: datetime | str) -> Markup:
    """An instant in the city's wall time; the element keeps it in UTC."""
    zone: ZoneInfo = page["zone"]
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    utc = moment.astimezone(ZoneInfo("UTC"))
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M:%S}", f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    )


def _say_words(name: str) -> str:
    return name.replace("_", " ")


def _say_number(number: int | str) -> str:
    """Digits in groups of three; decimals as they are."""
    whole, dot, rest = str(number).partition(".")
    return f"{int(whole):,}{dot}{rest}" if whole.lstrip("-").isdigit() else str(number)


def _say_bytes(size: int) -> str:
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} B"


def _mark_commands(text: str) -> Markup:
    """What to do next: commands as code. They stand in backticks, or are the whole text."""
    if "`" not in text:
        return Markup("<code>{}</code>" if text.startswith(("lake ", "make ")) else "{}").format(text)
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>" if n % 2 else "{}").format(part) for n, part in enumerate(parts))


def _let_break(name: str) -> Markup:
    """A long dotted name that may break after a dot or underscore."""
    return Markup("").join(Markup("{}<wbr>").format(part) for part in re.split(r"(?<=[._])", name))

"""Templates to pages: one look for all, everything escaped, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

FOLDER = Path(__file__).parent / "templates"


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


@cache
def identity() -> str:
    """What makes pages of views: the code and templates of the report."""
    files = sorted(p for p in FOLDER.parent.rglob("*") if p.suffix in (".py", ".html", ".css"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Compiled templates, kept beside Python's own; where nothing may be written each process compiles them."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                super().dump_bytecode(bucket)


def _compiled_folder() -> str:
    folder = FOLDER / "__pycache__"
    if not sys.dont_write_bytecode:
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
    return str(folder)


def open_templates(timezone: str, title: str) -> jinja2.Environment:
    """Templates that escape every value and fail on a name that does not exist."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        bytecode_cache=_Compiled(_compiled_folder(), f"{identity()[:16]}-%s.cache"),
        optimized=False,  # what is kept compiled has nothing in it of one city or language
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "moment": lambda at: _say_moment(at, ZoneInfo(timezone)),
        "words": _say_words,
        "thousands": _say_number,
        "bytes": _say_bytes,
        "breakable": _let_break,
        "commands": _mark_commands,
    }
    found.globals |= {
        "city_title": title,
        "delivery_path": delivery_path,
        "dataset_path": dataset_path,
        "rules_path": rules_path,
        "department_path": department_path,
        "release_path": release_path,
        "style": _style(),
    }
    return found


def render(
    environment: jinja2.Environment, template: str, root: str, view: Any, charts: Mapping[str, str] | None = None
) -> str:
    """One page. `root` leads from its folder to the first page; `charts` are markup of ours, by name."""
    drawn = {name: Markup(svg) for name, svg in (charts or {}).items()}
    return environment.get_template(template).render(root=root, v=view, charts=drawn)


def search_script() -> str:
    """The search of the data dictionary, as it stands between its tags."""
    return "\n" + (FOLDER / "search.js").read_text("utf-8")


def script_hash() -> str:
    """What a Content-Security-Policy calls that script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(search_script().encode()).digest()).decode()}"


def _style() -> Markup:
    return Markup((FOLDER / "style.css").read_text("utf-8"))


def _say_moment(at: datetime | str, zone: ZoneInfo) -> Markup:
    """An instant in the city's wall time; the element keeps it in UTC."""
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
    return f"{size} bytes"


def _mark_commands(text: str) -> Markup:
    """What to do next: commands as code. They stand in backticks, or are the whole text."""
    if "`" not in text:
        return Markup("<code>{}</code>" if text.startswith(("lake ", "make ")) else "{}").format(text)
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>" if n % 2 else "{}").format(part) for n, part in enumerate(parts))


def _let_break(name: str) -> Markup:
    """A long dotted name that may break after a dot or underscore."""
    return Markup("").join(Markup("{}<wbr>").format(part) for part in re.split(r"(?<=[._])", name))

"""Deliveries from an HTTP service that answers in pages of JSON.

`GET <path>/deliveries` names what there is: {"deliveries": [{"business_date": "2026-01-01", "revision": 1}, ...]}.
`GET <path>?date=D&revision=N&page=P` is one page of it: {"snapshot": "...", "page": P, "pages": n, "total": records, "first": number of
the page's first record, "columns": [...], "rows": [[...], ...], "manifest": {...}}. All pages of a delivery are of one snapshot.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import requests
import urllib3

from jobs.contracts import Contract, Place
from jobs.errors import LakeError
from jobs.extract.place import LONGEST, Passing, again, secret
from jobs.landing import FOLDER, RAW

PATIENCE = (10, 30)  # seconds to connect, and between two bytes
LONGEST_ANSWER = 120.0  # seconds for one page
_LATER = (408, 429, 500, 502, 503, 504)


class Api:
    """The deliveries behind one path; secrets: address (http://host:port or https://...), token."""

    def __init__(self, place: Place, contract: Contract) -> None:
        self.place, self.contract = place, contract
        self.url = secret(place, "address").rstrip("/") + place.path.partition("?")[0]

    def folders(self) -> list[str]:
        found: list[str] = []
        with requests.Session() as web:
            again(lambda: found.extend(self._list(web)), "E122")
        return sorted(found)

    def fetch(self, folder: str, into: Path) -> None:
        """Write the records as one array of arrays, and each answer beside it as it came."""
        match = FOLDER.fullmatch(folder)
        which = {"date": match[1], "revision": match[2] or "1"} if match else {}
        (into / RAW).mkdir(exist_ok=True)
        end = time.monotonic() + LONGEST
        with requests.Session() as web, (into / f"{self.contract.name}.json.part").open("w", encoding="utf-8") as out:
            manifest = self._write(out, self._pages(web, which, into / RAW, end))
        Path(out.name).rename(into / f"{self.contract.name}.json")
        (into / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")

    def _list(self, web: requests.Session) -> list[str]:
        body = self._read(web, f"{self.url}/deliveries", {})
        try:
            names = [_folder(d["business_date"], int(d["revision"])) for d in json.loads(body)["deliveries"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._strange("a list of deliveries", type(error).__name__) from error
        return [n for n in names if FOLDER.fullmatch(n)]

    def _pages(
        self, web: requests.Session, which: Mapping[str, str], raw: Path, end: float
    ) -> Iterator[dict[str, Any]]:
        """Each page once, in order and of one snapshot, without a gap. Raises E123 where they do not fit."""
        number, pages, first = 1, 1, 1
        seen: dict[str, Any] = {}
        while number <= pages:
            if time.monotonic() > end:
                raise LakeError(
                    "E122",
                    place=self.url,
                    expected=f"all pages within {LONGEST:.0f} s",
                    actual=f"{number - 1} of {pages}",
                )
            path = raw / f"page-{number:05}.json"
            again(lambda: path.write_bytes(self._read(web, self.url, {**which, "page": str(number)})), "E122")  # noqa: B023
            page = self._parse(path.read_bytes())
            seen = seen or {k: page[k] for k in ("snapshot", "pages", "total", "columns")}
            found = {k: page[k] for k in (*seen, "page", "first")}
            wanted = {**seen, "page": number, "first": first}
            if found != wanted:
                different = [k for k in found if found[k] != wanted[k]]
                raise LakeError(
                    "E123",
                    place=f"page {number}",
                    expected="the next page of one snapshot",
                    actual=f"another {', '.join(different)}",
                )
            pages, number, first = page["pages"], number + 1, first + len(page["rows"])
            yield page
        if first - 1 != seen["total"]:
            raise LakeError(
                "E123", place=self.url, expected=f"{seen['total']} records", actual=f"{first - 1} on {pages} pages"
            )

    def _write(self, out: TextIO, pages: Iterator[dict[str, Any]]) -> Mapping[str, Any]:
        """One record a line, its columns in the contract's order, then what else was sent; returns the manifest."""
        manifest: Mapping[str, Any] = {}
        for page in pages:
            columns = page["columns"]
            order = _in_order([c.header for c in self.contract.delivered], columns)
            if page["page"] == 1:
                out.write("[\n" + json.dumps([columns[i] for i in order], ensure_ascii=False))
                manifest = page["manifest"]
            for row in page["rows"]:
                fits = len(row) == len(columns)
                out.write(",\n" + json.dumps([row[i] for i in order] if fits else row, ensure_ascii=False))
        out.write("\n]\n")
        return manifest

    def _parse(self, body: bytes) -> dict[str, Any]:
        """A page; numbers in its rows stay as they were written."""
        try:
            page: dict[str, Any] = json.loads(body, parse_float=str, parse_int=str)
            numbers = {k: int(page[k]) for k in ("page", "pages", "total", "first")}
            if not (_is_list(page["columns"], str) and _is_list(page["rows"], list)):
                raise TypeError("columns or rows")
            if numbers["page"] == 1:
                page["manifest"] = json.loads(body)["manifest"]
            return page | numbers | {k: page[k] for k in ("snapshot", "columns", "rows")}
        except (ValueError, KeyError, TypeError) as error:
            raise self._strange("a page of records", type(error).__name__) from error

    def _read(self, web: requests.Session, url: str, query: Mapping[str, str]) -> bytes:
        """The body of an answer that is JSON; a login page or an error in HTML is none (E121)."""
        end = time.monotonic() + LONGEST_ANSWER
        headers = {"Authorization": f"Bearer {secret(self.place, 'token')}", "Accept": "application/json"}
        try:
            with web.get(
                url, params=query, headers=headers, timeout=PATIENCE, stream=True, allow_redirects=False
            ) as answer:
                if answer.status_code in (401, 403):
                    raise LakeError(
                        "E802", place=url, expected="a token that it takes", actual=f"HTTP {answer.status_code}"
                    )
                if answer.status_code in _LATER:
                    raise Passing(f"HTTP {answer.status_code}", _asked_pause(answer))
                kind = answer.headers.get("Content-Type", "").partition(";")[0]
                if answer.status_code != 200 or kind != "application/json":
                    raise self._strange(
                        "HTTP 200 and application/json", f"HTTP {answer.status_code} and {kind[:40] or 'no type'}"
                    )
                return _read_until(answer, end)
        except requests.RequestException as error:
            raise Passing(f"{url}: {type(error).__name__}") from error

    def _strange(self, expected: str, actual: str) -> LakeError:
        return LakeError("E121", place=self.url, expected=expected, actual=actual)


def _is_list(value: object, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, of) for item in value)


def _folder(business_date: str, revision: int) -> str:
    return f"{business_date}.r{revision}" if revision > 1 else business_date


def _in_order(wanted: Sequence[str], there: Sequence[str]) -> list[int]:
    """Positions of the columns: those wanted first and in their order."""
    known = [there.index(h) for h in wanted if h in there]
    return [*known, *(i for i in range(len(there)) if i not in known)]


def _read_until(answer: requests.Response, end: float) -> bytes:
    """The whole body, as it comes: a server that sends a byte now and then is down too."""
    body = bytearray()
    try:
        while block := answer.raw.read1(1 << 16, decode_content=True):
            body += block
            if time.monotonic() > end:
                raise Passing(f"no end after {LONGEST_ANSWER:.0f} s")
    except urllib3.exceptions.HTTPError as error:
        raise Passing(f"broken off after {len(body)} bytes") from error
    stated = answer.headers.get("Content-Length", "") if "Content-Encoding" not in answer.headers else ""
    if stated and int(stated) != len(body):
        raise Passing(f"{len(body)} of {stated} bytes")
    return bytes(body)


def _asked_pause(answer: requests.Response) -> float:
    """Seconds that a busy server asks to wait for; a date, or nothing, is left to our own pauses."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), LONGEST) if text.isdecimal() else 0

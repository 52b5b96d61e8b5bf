"""B1 to B7 of the catalogue of faults: what suppliers do at two in the morning, and what becomes of the night."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncssh
import psycopg2
import pytest

from jobs.cities import load_contracts
from jobs.extract import api, database
from jobs.landing import list_receipts
from jobs.suppliers.api import Answering, serve_pages
from jobs.suppliers.database import OWNER, load, serve_database
from jobs.suppliers.sftp import serve_folder
from tests.extract.conftest import CITY, Lake
from tests.extract.lines import Line, line_to
from tests.little import World

pytestmark = pytest.mark.programs
NIGHT = "2026-01-01"
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def extract(lake: Lake, dataset: str, date: str = NIGHT) -> tuple[int, dict[str, Any]]:
    """Type `lake extract` for a dataset; returns the exit code and the one problem that it names, in its parts."""
    code, _, err = lake("extract", "--date", date, "--dataset", dataset, "--deliveries", "live")
    found = re.search(r"^(?P<code>E\d+) (?P<title>[^:\n]+)(: (?P<place>.*))?$", err, re.M)
    parts = {m[1]: m[2] for m in re.finditer(r"^  (\w+)\s+(.*)$", err, re.M)}
    return code, {**(found.groupdict() if found else {}), **parts}


def landed(world: World, dataset: str) -> list[str]:
    return [r.folder for r in list_receipts(world.lake, load_contracts(CITY)[dataset])]


def assert_nothing_is_left(world: World, dataset: str, state_home: Path) -> None:
    """No receipt, and no part of a file where anybody could take it for whole."""
    assert landed(world, dataset) == []
    assert [p for p in state_home.rglob("*") if p.is_file() and p.suffix != ".lock"] == []
    assert not list(Path(world.lake.base).rglob("*.part"))


@contextmanager
def through(monkeypatch: pytest.MonkeyPatch, variable: str, address: str, *faults: int | bytes) -> Iterator[Line]:
    """The supplier is reached through a line with faults."""
    host = re.sub(r"^https?://|/.*$", "", address)
    with line_to(host, *faults) as line:
        monkeypatch.setenv(variable, address.replace(host, f"127.0.0.1:{line.port}"))
        yield line


# B1 and B2, over SFTP


def test_b1_a_line_that_breaks_in_a_file_is_tried_again(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through(monkeypatch, "LAKE_TAX_ADDRESS", suppliers["LAKE_TAX_ADDRESS"], 6_000, 9_000, 12_000) as line:
        assert extract(lake, "tax.payment") == (0, {})
    assert (line.faults, line.connections > 3) == ([], True)
    assert landed(valley, "tax.payment") == [NIGHT]


def test_b1_a_line_that_always_breaks_is_named_and_leaves_nothing(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path
) -> None:
    with through(monkeypatch, "LAKE_TAX_ADDRESS", suppliers["LAKE_TAX_ADDRESS"], *[9_000] * 20):
        code, problem = extract(lake, "tax.payment")
    assert (code, problem["code"], problem["title"]) == (1, "E120", "The connection was lost")
    assert problem["place"].startswith("tax.payment")
    assert "sftp of tax.payment" in problem["evidence"]
    assert_nothing_is_left(valley, "tax.payment", state_home)


def test_b2_another_host_key_is_refused_at_once_and_no_password_is_sent(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path, tmp_path: Path, pauses: list[float],
) -> None:  # fmt: skip
    (tmp_path / "payment").mkdir()
    with serve_folder(tmp_path, "city", suppliers["LAKE_TAX_PASSWORD"]) as (address, _):
        monkeypatch.setenv("LAKE_TAX_ADDRESS", address)
        code, problem = extract(lake, "tax.payment")
    assert (code, problem["code"], pauses) == (4, "E801", [])
    assert "another way" in problem["next"]
    assert_nothing_is_left(valley, "tax.payment", state_home)


def test_a_folder_in_a_delivery_is_not_passed_over(
    suppliers: dict[str, str],
    lake: Lake,
    valley: World,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    state_home: Path,
) -> None:
    (tmp_path / "served" / "payment" / NIGHT / "more").mkdir(parents=True)
    with serve_folder(tmp_path / "served", "city", suppliers["LAKE_TAX_PASSWORD"]) as (address, key):
        monkeypatch.setenv("LAKE_TAX_ADDRESS", address)
        monkeypatch.setenv("LAKE_TAX_HOST_KEY", key)
        code, problem = extract(lake, "tax.payment")
    assert (code, problem["code"], problem["actual"]) == (4, "E121", "a folder in it")
    assert_nothing_is_left(valley, "tax.payment", state_home)


def test_a_server_without_the_folder_of_the_contract_is_named(
    suppliers: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "served").mkdir()
    with serve_folder(tmp_path / "served", "city", suppliers["LAKE_TAX_PASSWORD"]) as (address, key):
        monkeypatch.setenv("LAKE_TAX_ADDRESS", address)
        monkeypatch.setenv("LAKE_TAX_HOST_KEY", key)
        code, problem = extract(lake, "tax.payment")
    assert (code, problem["code"]) == (4, "E121")
    assert "/payment" in problem["place"]


def test_a_pinned_key_that_is_none_is_named_with_its_variable(
    suppliers: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_TAX_HOST_KEY", "not a key")
    code, problem = extract(lake, "tax.payment")
    assert (code, problem["code"]) == (2, "E802")
    assert "LAKE_TAX_HOST_KEY" in problem["place"]
    assert "ssh-keyscan" in problem["next"]


def test_a_refused_password_is_not_tried_again(
    suppliers: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setenv("LAKE_TAX_PASSWORD", "another")
    code, problem = extract(lake, "tax.payment")
    assert (code, problem["code"], pauses) == (2, "E802", [])


def test_a_department_cannot_be_written_to(suppliers: dict[str, str]) -> None:
    import asyncio

    async def write() -> None:
        host, port = suppliers["LAKE_TAX_ADDRESS"].split(":")
        async with (
            asyncssh.connect(host, int(port), known_hosts=None, username="city", password=suppliers["LAKE_TAX_PASSWORD"], config=None) as c,
            c.start_sftp_client() as files,
            files.open("/payment/new", "w") as new,
        ):  # fmt: skip
            await new.write("x")

    with pytest.raises(asyncssh.SFTPPermissionDenied):
        asyncio.run(write())


# B3, B4 and B5, over HTTP


class Scripted(Answering):
    """Answers as a script says, one number of a request after the other; else as it should."""

    script: Mapping[int, Any] = {}
    seen = count(1)

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        act = self.script.get(next(self.seen))
        act(self) if act else super().do_GET()

    def say(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def service(
    city_inbox: Path, monkeypatch: pytest.MonkeyPatch, script: Mapping[int, Any], page: int = 1_000
) -> Iterator[type[Scripted]]:
    """The employment service with a script; its first request asks for the list, the second for the first page."""
    monkeypatch.setattr("jobs.suppliers.api.PAGE", page)
    monkeypatch.setattr("jobs.suppliers.api.BUSY_EVERY", 10**9)
    scripted = type("Here", (Scripted,), {"script": script, "seen": count(1)})
    with serve_pages({"/insurance": city_inbox / "employment" / "insurance"}, "token", scripted) as address:
        monkeypatch.setenv("LAKE_EMPLOYMENT_ADDRESS", address)
        monkeypatch.setenv("LAKE_EMPLOYMENT_TOKEN", "token")
        yield scripted


STRANGE = {
    "a login page": lambda s: s.say(200, "text/html", b"<html>login</html>"),
    "a login page that calls itself JSON": lambda s: s.say(200, "application/json", b"<html>login</html>"),
    "records that are none": lambda s: s.say(
        200,
        "application/json",
        b'{"snapshot": "s", "page": 1, "pages": 1, "total": 1, "first": 1, "columns": ["x"], "rows": [7], "manifest": {}}',
    ),
    "an error in JSON": lambda s: s.say(200, "application/json", b'{"error": "no quota"}'),
    "a way to a login page": lambda s: s.say(302, "text/html", b"", Location="http://127.0.0.1:9/login"),
    "an error in HTML": lambda s: s.say(500 + 1, "text/html", b"<html>not implemented</html>"),
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_b3_an_answer_of_another_kind_is_refused_by_type_and_content(
    city_inbox: Path, lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path, pauses: list[float], name: str, request_number: int,
) -> None:  # fmt: skip
    with service(city_inbox, monkeypatch, {request_number: STRANGE[name]}):
        code, problem = extract(lake, "employment.insurance")
    assert (code, problem["code"], pauses) == (4, "E121", [])
    assert_nothing_is_left(valley, "employment.insurance", state_home)


def test_b4_a_busy_service_is_given_the_time_it_asks_for(
    city_inbox: Path, lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    script = {
        1: lambda s: s.say(429, "application/json", b"{}", Retry_After="7"),
        3: lambda s: s.say(503, "application/json", b"{}", Retry_After="11"),
        4: lambda s: s.say(503, "application/json", b"{}"),
    }
    with service(city_inbox, monkeypatch, script):
        assert extract(lake, "employment.insurance") == (0, {})
    assert pauses == [7, 11, 0]
    assert landed(valley, "employment.insurance") == [NIGHT]


def cut(s: Scripted) -> None:
    s.send_response(200)
    s.send_header("Content-Type", "application/json")
    s.send_header("Content-Length", "1000")
    s.end_headers()
    s.wfile.write(b'{"snapshot": ')
    s.close_connection = True


def drip(s: Scripted) -> None:
    """A byte now and then, for as long as somebody reads."""
    s.send_response(200)
    s.send_header("Content-Type", "application/json")
    s.send_header("Transfer-Encoding", "chunked")
    s.end_headers()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            s.wfile.write(b"1\r\n \r\n")
            s.wfile.flush()
        except OSError:
            return
        time.sleep(0.01)


@pytest.mark.parametrize("fault", [cut, drip])
def test_b4_an_answer_that_breaks_or_never_ends_is_asked_for_again(
    city_inbox: Path, lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    monkeypatch.setattr(api, "LONGEST_ANSWER", 3.0)
    with service(city_inbox, monkeypatch, {2: fault}):
        assert extract(lake, "employment.insurance") == (0, {})
    assert landed(valley, "employment.insurance") == [NIGHT]


@pytest.mark.parametrize("fault", [cut, lambda s: s.say(503, "text/html", b"")])
def test_b4_a_service_that_stays_down_is_named(
    city_inbox: Path, lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path, fault: Any
) -> None:
    with service(city_inbox, monkeypatch, dict.fromkeys(range(2, 99), fault)):
        code, problem = extract(lake, "employment.insurance")
    assert (code, problem["code"], problem["title"]) == (1, "E122", "The supplier does not answer")
    assert_nothing_is_left(valley, "employment.insurance", state_home)


def test_b4_a_service_that_is_not_there_is_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_EMPLOYMENT_ADDRESS", "http://127.0.0.1:9")
    monkeypatch.setenv("LAKE_EMPLOYMENT_TOKEN", "token")
    code, problem = extract(lake, "employment.insurance")
    assert (code, problem["code"]) == (1, "E122")


def change(**fields: Any) -> Any:
    """The page that was asked for, with other fields."""

    def act(s: Scripted) -> None:
        query = dict(pair.split("=") for pair in s.path.partition("?")[2].split("&"))
        status, page = s.find("/insurance", {**query, **fields.pop("query", {})})
        s.answer(status, {**page, **fields})  # type: ignore[dict-item]

    return act


@pytest.mark.parametrize(
    ("name", "act"),
    {
        "a page comes twice": change(query={"page": "1"}),
        "a page twice, under the number that was asked for": change(query={"page": "1"}, page=2),
        "more records than before": change(total=10**6),
        "another snapshot": change(snapshot="later"),
        "other columns": change(columns=["身份证号"]),
        "fewer records on the page": change(rows=[]),
    }.items(),
)
def test_b5_pages_that_do_not_fit_together_are_refused(
    city_inbox: Path, lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path, name: str, act: Any
) -> None:
    with service(city_inbox, monkeypatch, {3: act}):
        code, problem = extract(lake, "employment.insurance")
    assert (code, problem["code"]) == (4, "E123"), name
    assert_nothing_is_left(valley, "employment.insurance", state_home)


# B6, in a database


def test_b6_a_connection_lost_in_the_middle_is_made_again(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through(monkeypatch, "LAKE_MARKET_ADDRESS", suppliers["LAKE_MARKET_ADDRESS"], 300, 5_000, 20_000) as line:
        assert extract(lake, "market.enterprise") == (0, {})
    assert line.connections > 3
    assert landed(valley, "market.enterprise") == [NIGHT]


def test_b6_a_connection_that_is_always_lost_is_named(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path
) -> None:
    with through(monkeypatch, "LAKE_MARKET_ADDRESS", suppliers["LAKE_MARKET_ADDRESS"], *[20_000] * 20):
        code, problem = extract(lake, "market.enterprise")
    assert (code, problem["code"]) == (1, "E122")
    assert_nothing_is_left(valley, "market.enterprise", state_home)


def test_b6_records_that_change_while_they_are_read_are_read_as_they_were(
    exchange: str, lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody removes half of the records between the count and the copy; it is done, and the copy has them."""
    assert extract(lake, "services.step") == (0, {})
    (before,) = list_receipts(valley.lake, load_contracts(CITY)["services.step"])
    count_and_change = database.Database._columns

    def change_too(self: database.Database, cursor: Any) -> Any:
        monkeypatch.setattr(database.Database, "_columns", count_and_change)
        with owner(exchange) as other:
            other.execute("DELETE FROM services.step WHERE record % 2 = 0")
        return count_and_change(self, cursor)

    monkeypatch.setattr(database.Database, "_columns", change_too)
    code, out, _ = lake("extract", "--date", NIGHT, "--dataset", "services.step", "--deliveries", "live", "--refetch")
    with owner(exchange) as other:
        other.execute("SELECT count(*) FROM services.step WHERE record % 2 = 0")
        assert other.fetchone() == (0,)
    assert (code, "same bytes" in out) == (0, True)
    assert list_receipts(valley.lake, load_contracts(CITY)["services.step"]) == [before]


@pytest.fixture
def exchange(city_inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database of the services' department whose owner's password is known."""
    with serve_database("of the owner") as address:
        user, password = load(address, "of the owner", {"services.step": city_inbox / "services" / "step"})["services"]
        for name, value in {"ADDRESS": address, "USER": user, "PASSWORD": password}.items():
            monkeypatch.setenv(f"LAKE_SERVICES_{name}", value)
        yield address


@contextmanager
def owner(address: str) -> Iterator[Any]:
    """A cursor of the one who may change the department's tables; changes are there when it is left."""
    host, port = address.split(":")
    connection = psycopg2.connect(host=host, port=port, dbname="postgres", user=OWNER, password="of the owner")
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def test_b6_other_tables_than_agreed_are_named(suppliers: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    for name in ("ADDRESS", "USER", "PASSWORD"):
        monkeypatch.setenv(f"LAKE_MARKET_{name}", suppliers[f"LAKE_SERVICES_{name}"])  # may not read the other schema
    code, problem = extract(lake, "market.enterprise")
    assert (code, problem["code"]) == (4, "E121")


# B7, in an object store


@pytest.mark.parametrize("fault", [BUSY, NOT_FOUND, 400, 5_000])
def test_b7_a_store_that_fails_now_and_then_is_asked_again(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, fault: int | bytes
) -> None:
    with through(monkeypatch, "LAKE_LAND_ADDRESS", suppliers["LAKE_LAND_ADDRESS"], fault) as line:
        assert extract(lake, "land.parcel") == (0, {})
    assert line.connections > 1
    assert landed(valley, "land.parcel") == [NIGHT]


@pytest.mark.parametrize("fault", [BUSY, 5_000])
def test_b7_a_store_that_always_fails_is_named(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, state_home: Path, fault: int | bytes,
) -> None:  # fmt: skip
    with through(monkeypatch, "LAKE_LAND_ADDRESS", suppliers["LAKE_LAND_ADDRESS"], *[fault] * 50):
        code, problem = extract(lake, "land.parcel")
    assert (code, problem["code"]) == (1, "E124")
    assert_nothing_is_left(valley, "land.parcel", state_home)


def test_a_store_that_refuses_the_key_is_named(suppliers: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:  # fmt: skip
    monkeypatch.setenv("LAKE_LAND_SECRET_KEY", "another")
    code, problem = extract(lake, "land.parcel")
    assert (code, problem["code"], pauses) == (2, "E802", [])


def test_one_department_that_is_down_stops_no_other(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_EMPLOYMENT_ADDRESS", "http://127.0.0.1:9")
    code, _, err = lake("extract", "--date", NIGHT, "--deliveries", "live")
    assert code == 1
    assert re.findall(r"^E\d+", err, re.M) == ["E122"]
    assert all(landed(valley, d) == [NIGHT] for d in load_contracts(CITY) if d != "employment.insurance")

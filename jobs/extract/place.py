"""What every way to a supplier shares: its secrets, which of its folders are deliveries, and how often it is asked again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import Protocol

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_base, wait_exponential_jitter

from jobs.contracts import Place
from jobs.errors import LakeError
from jobs.file_names import check_file_name
from jobs.landing import FOLDER

TRIES = 4  # one, and three more
LONGEST = 900.0  # seconds for one folder, pauses included
PAUSE: wait_base = wait_exponential_jitter(initial=1, max=30)


class Supplier(Protocol):
    """A department's system, asked for the deliveries of one dataset."""

    def folders(self) -> list[str]:
        """Names of the deliveries it has: YYYY-MM-DD, with .rN for a correction."""

    def fetch(self, folder: str, into: Path) -> None:
        """Write the files of a delivery and its manifest into an empty folder."""


class Passing(Exception):  # noqa: N818 - what passes is no error yet
    """Something that may be over when the supplier is asked again, and the pause it asks for in seconds."""

    def __init__(self, said: str, pause: float = 0) -> None:
        super().__init__(said)
        self.pause = pause


def secret(place: Place, name: str) -> str:
    """The value that the environment holds, or the file that the variable with `_FILE` names. Raises E802 where neither is there."""
    variable = place.secrets[name]
    file = os.environ.get(f"{variable}_FILE", "")
    found, wrong = os.environ.get(variable, ""), "nothing"
    if not found and file:
        try:
            found, wrong = Path(file).read_text("utf-8").strip(), f"{file}: empty"
        except OSError as error:
            wrong = f"{file}: {error.strerror}"
    if found:
        return found
    raise LakeError(
        "E802", place=f"server {place.name}", expected=f"{variable} or {variable}_FILE in the environment", actual=wrong,
        next_command=f"export {variable}=..., or {variable}_FILE=FILE that holds it; then the same command",
    )  # fmt: skip


def host_and_port(address: str, default: int) -> tuple[str, int]:
    """The parts of an address, written host or host:port."""
    host, _, port = address.rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else (address, default)


def base_of(place: Place) -> str:
    """The folder that holds the deliveries: the path up to the business date."""
    return re.sub(r"^[a-z0-9]+://", "", place.path.split("{business_date}")[0]).rstrip("/")


def only_deliveries(names: list[str]) -> list[str]:
    return sorted(n for n in names if FOLDER.fullmatch(n))


def check_file(name: str, is_folder: bool) -> None:
    """Refuse what a delivery does not have: folders and names that lead elsewhere (E121), names that a program could act upon (E812)."""
    if is_folder or "/" in name or name in ("", ".", ".."):
        raise LakeError(
            "E121",
            place=repr(name)[:80],
            expected="a folder of files",
            actual="a folder in it" if is_folder else "a path",
        )
    check_file_name(name)


def is_ours(error: Exception) -> bool:
    """Whether it is this machine's disk that failed, not the supplier: no pause helps."""
    return isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EACCES, EPERM, EROFS)


def empty(folder: Path) -> None:
    """Take away what an earlier try left."""
    for path in folder.iterdir():
        path.unlink()


def again(call: Callable[[], object], code: str) -> None:
    """Call until it passes; what is still `Passing` after the last try is an error of the code."""
    policy = Retrying(
        retry=retry_if_exception_type(Passing), wait=_pause, stop=stop_after_attempt(TRIES) | stop_after_delay(LONGEST), reraise=True
    )  # fmt: skip
    with _said(code):
        policy(call)


def _pause(state: RetryCallState) -> float:
    """As long as the supplier asks for, or longer with every try."""
    asked = state.outcome.exception() if state.outcome else None
    return max(PAUSE(state), asked.pause if isinstance(asked, Passing) else 0)


@contextmanager
def _said(code: str) -> Iterator[None]:
    try:
        yield
    except Passing as error:
        raise LakeError(code, expected="the whole delivery", actual=f"{error}, {TRIES} tries at most") from error

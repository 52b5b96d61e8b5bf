"""Persons as tokens: from silver on, a person is HMAC-SHA256 of the delivered text under a key that no table, plan or log holds.

A token is `<key version>.<64 hex digits>`: equal texts of all departments have equal tokens, so that they can be joined.
"""

from __future__ import annotations

import functools
import hmac
import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.contracts import Contract
from jobs.errors import LakeError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

VARIABLE = "LAKE_PERSON_KEY_FILE"
_KEY = re.compile(r"([a-z0-9]{1,16})\s+([0-9a-f]{64,})", re.I)
_BLOCK = 64  # of SHA-256, in bytes


@dataclass(frozen=True)
class PersonKey:
    """A key and its name. A new key has a new name, and silver is then made again under it."""

    version: str
    secret: bytes = field(repr=False)

    @property
    def identity(self) -> str:
        """Its name, and a mark by which another key under the same name is noticed; nothing follows from it."""
        return f"{self.version}:{hmac.digest(self.secret, b'identity', 'sha256').hex()[:8]}"

    def pads(self) -> tuple[bytes, bytes]:
        """The two blocks that HMAC puts before a text and before the hash of that."""
        block = (sha256(self.secret).digest() if len(self.secret) > _BLOCK else self.secret).ljust(_BLOCK, b"\0")
        return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def persons(contract: Contract) -> tuple[str, ...]:
    """The columns that name or identify a person."""
    return tuple(c.name for c in contract.columns if c.classification == "person")


def person_key() -> PersonKey:
    """The key in the file that LAKE_PERSON_KEY_FILE names, read once a process: a run has one key. Raises E805 where there is none."""
    return _read(os.environ.get(VARIABLE, ""))


def key_identity(contract: Contract) -> str:
    """Identity of the key under which this contract's persons stand in silver; empty where it has none, or no key is there."""
    try:
        return person_key().identity if persons(contract) else ""
    except LakeError:
        return ""


@functools.cache
def _read(file: str) -> PersonKey:
    expected = "a name and at least 64 hex digits"
    if not file:
        raise LakeError("E805", place=VARIABLE, expected=expected, actual="not set")
    try:
        found = _KEY.fullmatch(Path(file).read_text("ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise LakeError("E805", place=VARIABLE, expected=expected, actual=type(error).__name__) from None
    if not found or len(found[2]) % 2:
        raise LakeError("E805", place=VARIABLE, expected=expected, actual="something else")
    return PersonKey(found[1], bytes.fromhex(found[2]))


def with_pads(rows: DataFrame, key: PersonKey) -> DataFrame:
    """Put the key beside every row, as a table of one row: a literal would stand in plans and logs."""
    from pyspark.sql import functions as F

    one = rows.sparkSession.createDataFrame([key.pads()], "_inner binary, _outer binary")
    return rows.crossJoin(F.broadcast(one))


def token(text: Column, key: PersonKey) -> Column:
    """The token of a text, where `with_pads` put the key beside it; null where there is none."""
    from pyspark.sql import functions as F

    inner = F.sha2(F.concat("_inner", text.cast("binary")), 256)
    return F.concat(F.lit(f"{key.version}."), F.sha2(F.concat("_outer", F.unhex(inner)), 256))

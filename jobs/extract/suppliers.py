"""Which class fetches from which type of server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jobs.contracts import Contract, Place
from jobs.extract.place import Supplier


def open_supplier(contract: Contract, place: Place) -> Supplier:
    """Return the supplier behind a server of the contract; nothing is asked of it yet."""
    return TYPES[place.type](contract, place)


def _sftp(_: Contract, place: Place) -> Supplier:
    from jobs.extract.sftp import Sftp

    return Sftp(place)


def _bucket(_: Contract, place: Place) -> Supplier:
    from jobs.extract.bucket import Bucket

    return Bucket(place)


def _database(contract: Contract, place: Place) -> Supplier:
    from jobs.extract.database import Database

    return Database(place, contract)


def _api(contract: Contract, place: Place) -> Supplier:
    from jobs.extract.api import Api

    return Api(place, contract)


TYPES: Mapping[str, Callable[[Contract, Place], Supplier]] = {
    "sftp": _sftp, "s3": _bucket, "postgresql": _database, "api": _api,
}  # fmt: skip
SECRETS: Mapping[str, tuple[str, ...]] = {
    "local": ("folder",),
    "sftp": ("address", "host_key", "user", "password"),
    "s3": ("address", "access_key", "secret_key"),
    "postgresql": ("address", "user", "password"),
    "api": ("address", "token"),
}

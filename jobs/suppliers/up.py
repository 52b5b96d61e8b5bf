"""All suppliers of a city at once, each as its contract's `live` server says."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from jobs.contracts import Contract, Place
from jobs.extract.place import base_of
from jobs.suppliers.api import serve_pages
from jobs.suppliers.bucket import files_of, load_folder, serve_bucket
from jobs.suppliers.database import load, serve_database
from jobs.suppliers.sftp import serve_folder

Places = Mapping[str, tuple[Place, Path]]  # by dataset: its live server, and the deliveries in the inbox


@contextmanager
def serve_all(contracts: Mapping[str, Contract], inbox: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Start what the contracts name, loaded with the inbox; `folder` is new and private. Yields the variables that `lake` needs."""
    live = {
        c.dataset: (c.places["live"], inbox / c.source / c.name)
        for c in contracts.values()
        if "live" in c.places and (inbox / c.source / c.name).is_dir()
    }
    variables: dict[str, str] = {}
    with ExitStack() as up:
        for kind, start in _STARTS.items():
            places = {d: (p, f) for d, (p, f) in live.items() if p.type == kind}
            if places:
                variables |= start(places, folder / kind, up)
        yield variables


def _name(places: Places, values: Mapping[str, str]) -> dict[str, str]:
    """Values of secrets under the names that the contracts give them."""
    return {variable: values[name] for place, _ in places.values() for name, variable in place.secrets.items()}


def _sftp(places: Places, folder: Path, up: ExitStack) -> dict[str, str]:
    for place, delivered in places.values():
        shutil.copytree(delivered, folder / base_of(place).strip("/"))
    user, password = "city", secrets.token_urlsafe(24)
    address, host_key = up.enter_context(serve_folder(folder, user, password))
    return _name(places, {"address": address, "host_key": host_key, "user": user, "password": password})


def _bucket(places: Places, folder: Path, up: ExitStack) -> dict[str, str]:
    found: dict[str, str] = {}
    for dataset, (place, delivered) in places.items():
        bucket, key, secret = base_of(place).split("/")[0], "city", secrets.token_urlsafe(24)
        address = up.enter_context(serve_bucket(folder / bucket, bucket, key, secret))
        load_folder(files_of(address, key, secret), delivered, base_of(place))
        found |= _name({dataset: (place, delivered)}, {"address": address, "access_key": key, "secret_key": secret})
    return found


def _database(places: Places, _: Path, up: ExitStack) -> dict[str, str]:
    owner = secrets.token_urlsafe(24)
    address = up.enter_context(serve_database(owner))
    users = load(address, owner, {place.path: delivered for place, delivered in places.values()})
    found: dict[str, str] = {}
    for dataset, one in places.items():
        user, password = users[one[0].path.partition(".")[0]]
        found |= _name({dataset: one}, {"address": f"{address}/postgres", "user": user, "password": password})
    return found


def _api(places: Places, _: Path, up: ExitStack) -> dict[str, str]:
    token = secrets.token_urlsafe(24)
    folders = {place.path.partition("?")[0]: delivered for place, delivered in places.values()}
    address = up.enter_context(serve_pages(folders, token))
    return _name(places, {"address": address, "token": token})


def _drop(places: Places, folder: Path, _: ExitStack) -> dict[str, str]:
    for dataset, (_place, delivered) in places.items():
        target = folder.joinpath(*dataset.split("."))
        shutil.copytree(delivered, target, copy_function=os.link)
    return _name(places, {"folder": str(folder)})


_STARTS = {"sftp": _sftp, "s3": _bucket, "postgresql": _database, "api": _api, "local": _drop}

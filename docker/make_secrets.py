"""Make every secret that compose.yaml names, once: `python3 docker/make_secrets.py`. Needs nothing but Python.

A file that is there is kept. The folder is for its owner only; the files in it can be read by all, because a container's user is
another one and is given single files, not the folder.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

BUCKET = "lake"
CITY = os.environ.get("LAKE_CITY") or "new_york"
PUBLISHED = ("gold", "audit/releases", "audit/restatements")
FOLDER = Path(__file__).resolve().parent / "secrets"


def texts() -> list[Mapping[str, str]]:
    """File names and what is in them; the files of one group belong together and are made together."""
    (key, secret), (sql_key, sql_secret) = (
        (secrets.token_hex(10).upper(), secrets.token_urlsafe(30)) for _ in range(2)
    )
    return [
        {"postgres_password": secrets.token_urlsafe(32)},
        {"airflow_passwords.json": json.dumps({"admin": secrets.token_urlsafe(18)})},
        {"airflow_jwt_secret": secrets.token_urlsafe(64)},
        {"airflow_secret_key": secrets.token_urlsafe(64)},
        {"airflow_fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode()},
        {
            "s3_identities.json": json.dumps({"identities": [_writer(key, secret), _reader(sql_key, sql_secret)]}),
            "s3_credentials": _credentials(key, secret),
            "s3_credentials_sql": _credentials(sql_key, sql_secret),
        },
        {"person_key": f"k1 {secrets.token_hex(32)}"},
        {"sql_token": secrets.token_urlsafe(32)},
    ]


def _credentials(key: str, secret: str) -> str:
    return f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"


def _writer(key: str, secret: str) -> dict[str, object]:
    """What the lake may do in the object store: everything with objects of its own bucket, and nothing else."""
    actions = [f"{action}:{BUCKET}" for action in ("Read", "Write", "List", "Tagging")]
    return {"name": "lake", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def _reader(key: str, secret: str) -> dict[str, object]:
    """What the SQL service may do: read what is published of the one city."""
    actions = [f"{action}:{BUCKET}/city/{CITY}/{place}/*" for action in ("Read", "List") for place in PUBLISHED]
    return {"name": "sql", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def make_secrets(folder: Path) -> list[Path]:
    """Write what is missing; returns the files that were written."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for group in texts():
        there = [name for name in group if (folder / name).exists()]
        if there and len(there) < len(group):
            sys.exit(
                f"{folder}: of {', '.join(group)} only {', '.join(there)} is there; remove it, then type the same again."
            )
        for name in () if there else group:
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            with os.fdopen(descriptor, "w") as file:
                os.fchmod(descriptor, 0o444)
                file.write(group[name])
            written.append(folder / name)
    return written


if __name__ == "__main__":
    made = make_secrets(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
    print("\n".join(str(path) for path in made) or "All secrets are there.")

"""How files are reached: on this machine's disk, or in an object store that speaks S3.

Spark spells an address `s3a://`, delta-rs and Arrow `s3://`. Where the store is, and who we are, comes from the environment under the
names that every S3 client knows: AWS_ENDPOINT_URL (none for Amazon's own), AWS_REGION, and AWS_ACCESS_KEY_ID with
AWS_SECRET_ACCESS_KEY, or a credentials file that AWS_SHARED_CREDENTIALS_FILE names. Nothing of it is in the project's files.
"""

from __future__ import annotations

import os
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Any

import fsspec

_HADOOP = "org.apache.hadoop.fs.s3a"
_SDK = "software.amazon.awssdk.auth.credentials"


def is_object_store(path: str) -> bool:
    return path.startswith(("s3a://", "s3://"))


def for_spark(path: str) -> str:
    return path.replace("s3://", "s3a://", 1) if path.startswith("s3://") else path


def for_arrow(path: str) -> str:
    return path.replace("s3a://", "s3://", 1) if path.startswith("s3a://") else path


def open_files(path: str) -> tuple[Any, str]:
    """The file system of a path as fsspec sees it, and the path as that file system spells it."""
    if not is_object_store(path):
        found: tuple[Any, str] = fsspec.url_to_fs(path)
        return found
    files = _object_store(_endpoint(), _region())
    return files, str(files._strip_protocol(path))


@cache
def _object_store(endpoint: str, region: str) -> Any:
    """Arrow's own S3 client: no package more, and it takes 2 ms to ask for an object on the same machine."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    return ArrowFSWrapper(
        S3FileSystem(endpoint_override=endpoint or None, region=region or None, allow_delayed_open=True)
    )


def table_files(path: str) -> Any:
    """The files of a table for Arrow to read: delta-rs' own view of them, in Python, aborts one process in ten at its end."""
    from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

    if not is_object_store(path):
        return SubTreeFileSystem(str(Path(path).absolute()), LocalFileSystem())
    files, base = open_files(path)
    return SubTreeFileSystem(base, files.fs)


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _region() -> str:
    """The region; a store of one's own has none, and takes any."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    return named or ("us-east-1" if _endpoint() else "")


def make_folder(path: str) -> None:
    """Make a folder on this machine; an object store has none."""
    if "://" not in path:
        Path(path).mkdir(parents=True, exist_ok=True)


def table_options(path: str) -> dict[str, str] | None:
    """What delta-rs does not read from the environment by itself."""
    if not is_object_store(path):
        return None
    endpoint, region = _endpoint(), _region()
    named = {"aws_endpoint_url": endpoint, "aws_region": region, **_key_in_file()}
    return {k: v for k, v in named.items() if v} | ({"allow_http": "true"} if endpoint.startswith("http://") else {})


def _key_in_file() -> dict[str, str]:
    """The key of AWS_PROFILE in the credentials file: the one place where delta-rs does not look, unlike Arrow and Spark."""
    file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
    if not file or os.environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    profiles = ConfigParser(interpolation=None)
    profiles.read(file)
    name = os.environ.get("AWS_PROFILE") or "default"
    kept = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {k: v for k, v in profiles.items(name) if k in kept} if profiles.has_section(name) else {}


def spark_settings() -> dict[str, str]:
    """The same for Spark; it finds the key itself, in the environment, the credentials file or the machine's role, in this order."""
    providers = (
        f"{_HADOOP}.TemporaryAWSCredentialsProvider",
        f"{_HADOOP}.SimpleAWSCredentialsProvider",
        f"{_SDK}.EnvironmentVariableCredentialsProvider",
        f"{_SDK}.ProfileCredentialsProvider",
        f"{_HADOOP}.auth.IAMInstanceCredentialsProvider",
    )
    named = {
        "endpoint": _endpoint(),
        "endpoint.region": _region(),
        "path.style.access": "true" if _endpoint() else "",  # a store of one's own has no name a bucket
        "aws.credentials.provider": ",".join(providers),
    }
    return {f"spark.hadoop.fs.s3a.{k}": v for k, v in named.items() if v}

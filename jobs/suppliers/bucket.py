"""A department's object store: SeaweedFS, which speaks S3."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyarrow.fs import LocalFileSystem, S3FileSystem, copy_files

from jobs.suppliers.servers import free_ports, running, wait_until

_PARTS = ("master", "volume", "filer", "s3")


@contextmanager
def serve_bucket(
    folder: Path, bucket: str, key: str, secret: str, more: Sequence[Mapping[str, object]] = ()
) -> Iterator[str]:
    """Serve a bucket out of an empty folder; `more` are further identities. Yields the store's address."""
    ports = free_ports(2 * len(_PARTS) + 1)
    http, grpc, debug = ports[:4], ports[4:8], ports[8]
    listening = [
        f"-{name}.{kind}={port}"
        for kind, numbers in (("port", http), ("port.grpc", grpc))
        for name, port in zip(_PARTS, numbers, strict=True)
    ]
    folder.mkdir(parents=True)
    owner = {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": ["Admin"]}
    config = folder / "s3.json"
    config.touch(0o600)
    config.write_text(json.dumps({"identities": [owner, *more]}))
    command = [
        str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.preStopSeconds=0", f"-debug.port={debug}", "-s3", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-s3.config={config}", *listening,
    ]  # fmt: skip
    address = f"http://127.0.0.1:{http[3]}"
    with running(command, folder / "weed.log", lambda: answers(f"{address}/healthz"), cwd=folder):
        _make_bucket(files_of(address, key, secret), bucket, address)
        yield address


def files_of(address: str, key: str, secret: str) -> S3FileSystem:
    return S3FileSystem(
        access_key=key, secret_key=secret, endpoint_override=address, region="us-east-1", allow_bucket_creation=True
    )


def load_folder(files: S3FileSystem, folder: Path, target: str) -> None:
    """Put the deliveries below a folder under a prefix of the bucket."""
    copy_files(str(folder), target, source_filesystem=LocalFileSystem(), destination_filesystem=files)


def answers(address: str) -> bool:
    """Whether a server answers a request, with whatever status."""
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _make_bucket(files: S3FileSystem, bucket: str, address: str) -> None:
    """Make a bucket as soon as the store takes objects: it answers a little before that."""

    def takes_objects() -> bool:
        try:
            files.create_dir(bucket)
            with files.open_output_stream(f"{bucket}/first") as first:
                first.write(b"1")
            files.delete_file(f"{bucket}/first")
        except OSError:
            return False
        return True

    wait_until(takes_objects, 60, lambda: address)

"""Deliveries in folders of a bucket that speaks S3."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from pyarrow.fs import AwsStandardS3RetryStrategy, FileSelector, FileType, S3FileSystem

from jobs.contracts import Place
from jobs.errors import LakeError
from jobs.extract.place import Passing, again, base_of, check_file, empty, is_ours, only_deliveries, secret

_SAID = re.compile(r"AWS Error (\w+)")
_REFUSED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH")
_BLOCK = 1 << 20


class Bucket:
    """A folder of deliveries in a bucket; secrets: address (http://host:port or https://...), access_key, secret_key."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def folders(self) -> list[str]:
        found: list[str] = []
        again(lambda: found.extend(self._list()), "E124")
        return only_deliveries(found)

    def fetch(self, folder: str, into: Path) -> None:
        again(lambda: self._fetch(folder, into), "E124")

    def _list(self) -> list[str]:
        return [info.base_name for info in self._look(base_of(self.place))]

    def _fetch(self, folder: str, into: Path) -> None:
        empty(into)
        for info in self._look(str(PurePosixPath(base_of(self.place), folder))):
            check_file(info.base_name, info.type == FileType.Directory)
            self._get(info.path, info.size, into / info.base_name)

    def _look(self, path: str) -> list[Any]:
        try:
            return list(self._files().get_file_info(FileSelector(path)))
        except OSError as error:
            raise self._judge(error, path) from error

    def _get(self, path: str, size: int, target: Path) -> None:
        part, got = target.with_name(f"{target.name}.part"), 0
        try:
            with self._files().open_input_stream(path) as source, part.open("wb") as out:
                while block := source.read(_BLOCK):
                    got += out.write(block)
        except OSError as error:
            raise self._judge(error, path) from error
        if got != size:
            raise Passing(f"{got} of {size} bytes of {target.name}")
        part.rename(target)

    def _judge(self, error: OSError, path: str) -> Exception:
        if is_ours(error):
            return error
        said = match[1] if (match := _SAID.search(str(error))) else type(error).__name__
        if said in _REFUSED:
            return LakeError("E802", place=path, expected="a key that the store takes", actual=said)
        return Passing(f"{path}: {said}")

    def _files(self) -> S3FileSystem:
        return S3FileSystem(
            endpoint_override=secret(self.place, "address"), access_key=secret(self.place, "access_key"),
            secret_key=secret(self.place, "secret_key"), region="us-east-1", connect_timeout=10, request_timeout=30,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1),
        )  # fmt: skip

"""From a landed file to bytes that a parser can trust: unpacked, and in UTF-8."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from stat import S_ISLNK
from typing import ParamSpec

from jobs.errors import LakeError
from jobs.file_names import check_file_name, check_inside
from jobs.formats.layout import Layout, Refused

Fault = tuple[str, str]
P = ParamSpec("P")
MOST_UNPACKED = 100  # times the size of the archive
# What zipfile says of an archive that is none, has a place that is not in it, or a part that cannot be unpacked.
DAMAGED_ZIP = (
    zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, struct.error, zlib.error, lzma.LZMAError
)  # fmt: skip
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_ENCRYPTED, _UTF8 = 1, 0x800  # flags of a file in a zip archive
# What begins, and ends, like something other than a table: it is not opened to look what it holds.
_KINDS = (
    (b"\x80\x02", b".", "a Python pickle"),
    (b"\x80\x03", b".", "a Python pickle"),
    (b"\x80\x04", b".", "a Python pickle"),
    (b"\x80\x05", b".", "a Python pickle"),
    (b"PAR1", b"PAR1", "Parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", "a document of the old Office, which may hold macros"),
    (b"<?xml", b"", "XML"),
    (b"%PDF-", b"", "PDF"),
)
_TAR = (257, b"ustar")
# GBK and GB2312 are subsets of GB18030, and what is labelled as one of them usually holds characters of the whole.
_CODECS = {"gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def load(path: Path, *, is_zip: bool = False) -> bytes:
    """Read a file and unpack gzip around it, told by its first bytes or its name; and zip, but where the format is one (`is_zip`).

    Raises E105 for a file (or packed content) of zero bytes, E103 for a damaged archive, E316 for one that does not hold
    just one file, E810 for one that would unpack to far more than it is, E811 and E812 for one whose file has such a name, and E814
    for what is no table at all.
    """
    data = path.read_bytes()
    if data.startswith(_ZIP) and not is_zip:
        data = _unzip(data)
    if data and (data.startswith(_GZIP) or path.name.lower().endswith(".gz")):
        data = _unpack(data)
    if not data:
        raise LakeError("E105", expected="at least a header", actual="0 bytes")
    _refuse_kinds(data)
    return data


def _refuse_kinds(data: bytes) -> None:
    """Refuse what some programs run or follow when they open it (E814), and archives of a kind that is not declared (E316)."""
    for start, end, kind in _KINDS:
        if data.startswith(start) and data.endswith(end):
            raise LakeError("E814", place="byte 0", expected="a text, a workbook or JSON", actual=kind)
    at, mark = _TAR
    if data[at : at + len(mark)] == mark:
        raise LakeError(
            "E316", place=f"byte {at}", expected="one file, packed by gzip or zip or not at all", actual="tar"
        )


def _unpack(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except EOFError:
        raise LakeError(
            "E103", expected="a whole gzip file", actual=f"it ends early, after {len(data)} bytes"
        ) from None
    except (OSError, zlib.error) as error:
        raise LakeError("E103", expected="a sound gzip file", actual=str(error)[:80]) from None


def _unzip(data: bytes) -> bytes:
    """Unpack the one file of an archive, after a look at what it says it holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            if len(files) != 1 or files[0].flag_bits & _ENCRYPTED:
                actual = f"{len(files)} files" if len(files) != 1 else "an encrypted one"
                raise LakeError("E316", expected="one file in the archive", actual=actual)
            name = files[0].filename
            # Other names are in an encoding that the archive does not tell, where a letter may look like a sign of programs.
            check_file_name(name) if name.isascii() or files[0].flag_bits & _UTF8 else check_inside(name)
            if S_ISLNK(files[0].external_attr >> 16):
                raise LakeError("E811", expected="a file in the archive", actual="a link")
            size = files[0].file_size
            if size > MOST_UNPACKED * max(len(data), 1 << 16):
                expected = f"at most {MOST_UNPACKED} times the {len(data)} bytes of the archive"
                raise LakeError("E810", expected=expected, actual=f"{size} bytes")
            with archive.open(files[0]) as inside:
                return inside.read(size + 1)
    except DAMAGED_ZIP as error:
        raise LakeError("E103", expected="a sound zip file", actual=str(error)[:80]) from None


def find_codec(encoding: str, data: bytes) -> str:
    """Name the codec that reads a declared encoding, of UTF-16 and UTF-32 the one of the order that the data's mark says."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise LakeError("E003", expected="a known encoding", actual=encoding) from None
    if name in ("utf-16", "utf-32"):
        return name + ("-be" if data.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) else "-le")
    return _CODECS.get(name, name)


def decode_strictly(data: bytes, codec: str) -> bytes:
    """Give a text's bytes in UTF-8, without a byte order mark and without ever putting in a replacement character.

    Bytes that cannot be decoded stay recognisable: the result is not valid UTF-8 at their place, so the record that
    holds them can be refused alone, and `encode_again` gives its delivered bytes. Raises E202 where the file begins
    with the mark of another encoding.
    """
    _check_mark(data, codec)
    if codec != "utf-8":
        try:
            data = data.decode(codec).encode()
        except (UnicodeDecodeError, UnicodeEncodeError):
            data = _decode_partly(data, codec)
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data:
        raise LakeError("E105", expected="at least a header", actual="nothing but a byte order mark")
    return data


def _check_mark(data: bytes, codec: str) -> None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            if not codec.startswith(encoding):
                raise LakeError("E202", place="byte 0", expected=codec, actual=f"the byte order mark of {encoding}")
            return


def _decode_partly(data: bytes, codec: str) -> bytes:
    if codec.startswith(("utf-16", "utf-32")):
        raise LakeError(
            "E201", expected=codec, actual="bytes that are not, in an encoding where records cannot be told apart"
        )
    return data.decode(codec, "surrogateescape").encode("utf-8", "surrogatepass")


def encode_again(text: bytes, codec: str) -> bytes:
    """Give the delivered bytes of a part of what `decode_strictly` made."""
    if codec == "utf-8":
        return text
    return text.decode("utf-8", "surrogatepass").encode(codec, "surrogateescape")


def describe_undecodable(raw: bytes, codec: str) -> tuple[str, bool]:
    """Say which delivered bytes cannot be decoded, and whether they are a character that the end cuts in two."""
    try:
        raw.decode(codec)
    except UnicodeDecodeError as error:
        place = f"byte {error.start} of the record: {raw[error.start : error.end].hex(' ')}"
        return f"not {codec} at {place}", error.end == len(raw) and (
            "unexpected end" in error.reason or "incomplete" in error.reason
        )
    return f"a code of {codec} that is no character", False


def judge_alone(judge: Callable[P, Fault | None], *args: P.args, **kwargs: P.kwargs) -> Fault | None:
    """Judge one record: code and detail of what is wrong with it. One at which the reader itself fails is refused (Q900), and no other."""
    try:
        return judge(*args, **kwargs)
    except LakeError:
        raise
    except Exception as error:
        return "Q900", f"the reader failed at it: {type(error).__name__}"


def check_share(refused: Sequence[Refused], total: int, layout: Layout) -> None:
    """Refuse a file (E201) of which too many records are undecodable."""
    undecodable = [x for x in refused if x.code == "Q201"]
    if undecodable and len(undecodable) > layout.max_undecodable * total:
        first = undecodable[0]
        raise LakeError(
            "E201",
            place=f"line {first.line}",
            expected=f"at most {layout.max_undecodable:%} of the records",
            actual=f"{len(undecodable)} of {total}; the first is {first.detail}",
        )

"""Which code an exception has that the system, Delta or Spark raised: asked by the command line and by a night's stages."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import LakeError
from jobs.lake import Lake

NUMBERS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "E601"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE), "E608"),
    errno.ENOMEM: "E606",
}
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST)
LIBRARIES = ("deltalake", "_internal", "pyspark", "py4j", "pyarrow", "grpc")

FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")

# What delta-rs, Arrow and Spark say in a sentence; the first that fits.
SENTENCES = (
    (
        "E502",
        r"StatusCode\.UNAVAILABLE|failed to connect to all addresses|RETRIES_EXCEEDED|SESSION_CLOSED",
    ),
    (
        "E606",
        r"OutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY|GC overhead limit exceeded|[Oo]ut of memory|malloc of size \d+ failed",
    ),
    ("E620", r"DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION"),
    ("E601", FULL.pattern),
    (
        "E609",
        r"AWS Error (?!NO_SUCH_KEY)\w+|Generic S3 error|lacked the necessary privileges|NoAuthWithAWSException"
        r"|AccessDeniedException: s3a://",
    ),
    ("E608", r"Permission denied|Read-only file system|Operation not permitted|Too many open files"),
    (
        "E602",
        r"FAILED_READ_FILE|ChecksumException|Checksum error|FileNotFoundException|not a Parquet file|Could not open Parquet input source|[Pp]arquet magic bytes|[Pp]arquet error|Invalid Parquet"
        r"|DELTA_(FILE|FILE_OR_DIR|LOG_FILE|TABLE|VERSION)_NOT_FOUND\b|DELTA_(MISSING_DELTA_TABLE|MISSING_PART_FILES|NO_COMMITS_FOUND"
        r"|TRUNCATED_TRANSACTION_LOG|TXN_LOG_FAILED|VERSIONS_NOT_CONTIGUOUS|STATE_RECOVER|PATH_DOES_NOT_EXIST|CHECKPOINT_)"
        r"|Kernel error|Requested range was invalid|Object at location .* not found|Not a Delta table",
    ),
)
EXPECTED = {
    "E502": "a server that answers",
    "E601": "space to write",
    "E602": "a table that can be read",
    "E606": "as much memory as the work needs",
    "E608": "a place that can be written, and files that can be opened",
    "E609": "an object store that can be used",
    "E620": "a version whose files are kept",
}
STORE_SAYS = re.compile(
    r"AWS Error \w+|error sending request|lacked the necessary privileges|\b[45]\d\d [A-Z]\w+(?: [A-Z]\w+)?"
)


def foreseen(error: BaseException, lake: Lake) -> LakeError | None:
    """The failure behind an exception; None where no code foresees it.

    No space (E601), a damaged table (E602), no memory (E606), a place without rights or a limit on open files (E608), an object store
    that cannot be used (E609), a version that is kept no more (E620).
    """
    for cause in _causes(error):
        code = _by_number(cause, lake) or _by_sentence(cause)
        if code:
            found = LakeError(code, place=_place(cause, lake), expected=EXPECTED[code], actual=_what(cause))
            return _with_room(found, lake) if code == "E601" else found
    return None


@contextmanager
def placing(lake: Lake, **place: object) -> Iterator[None]:
    """Say of a failure where in the lake's work it came: an exception that a code foresees becomes that error."""
    try:
        yield
    except LakeError as error:
        error.at(**place)
        raise
    except Exception as error:
        known = foreseen(error, lake)
        if known is None:
            raise
        raise known.at(**place) from error


def _with_room(full: LakeError, lake: Lake) -> LakeError:
    """How much room there is: Spark also keeps rows in the machine's own place for temporary files."""
    base, temporary = Path(lake.base), Path(tempfile.gettempdir())
    places = [next(p for p in (base, *base.parents) if p.is_dir()), temporary] if lake.is_local else [temporary]
    found = [f"{shutil.disk_usage(p).free >> 10:,} KiB free in {p}" for p in dict.fromkeys(places)]
    full.expected, full.evidence = "room for what is written", "; ".join(found)
    return full


def is_damage(error: BaseException, lake: Lake) -> bool:
    found = foreseen(error, lake)
    return found is not None and found.code == "E602"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _text(error: BaseException) -> str:
    """What an exception says; where Spark raised it also what stands behind it in the JVM, which it has as a trace."""
    trace = error.getStackTrace() if hasattr(error, "getStackTrace") else None
    return "\n".join([str(error), *re.findall(r"^Caused by: .*$", trace or "", re.MULTILINE)])


def _by_number(error: BaseException, lake: Lake) -> str:
    """In a lake that is there, a missing file is damage; without one, its place cannot be made."""
    if isinstance(error, MemoryError):
        return "E606"
    if not isinstance(error, OSError) or error.errno is None:
        return ""
    if error.errno in NO_FOLDER and lake.is_local:
        base = Path(lake.base)
        if base.is_dir():
            return "E602" if lake.base in str(error) else ""
        return "E608" if Path(str(error.filename)) in (base, *base.parents) or lake.base in str(error) else ""
    return NUMBERS.get(error.errno, "")


def _by_sentence(error: BaseException) -> str:
    is_theirs = type(error).__module__.split(".")[0] in LIBRARIES or (isinstance(error, OSError) and not error.errno)
    found = (code for code, sentence in SENTENCES if is_theirs and re.search(sentence, _text(error)))
    return next(found, "")


def _place(error: BaseException, lake: Lake) -> str:
    """The file or table, as the lake names it."""
    inside = re.search(re.escape(lake.base) + r"/([^\s'\"`,;:()]+)", _text(error))
    if inside:
        return inside[1]
    return str(error.filename or "") if isinstance(error, OSError) else ""


def _what(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    said = FULL.search(_text(error)) or STORE_SAYS.search(str(error)) or re.search(r"OutOfMemoryError", str(error))
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__

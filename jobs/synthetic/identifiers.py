"""Identifiers with right check characters, all under the division prefix 0999, so that none is a real person's or company's.

Sources: GB 11643-1999 (residents), GB 32100-2015 and GB 11714 (unified social credit code), GB/T 37346-2019 (real-estate units).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.columns import chosen, days, whole
from jobs.synthetic.draws import Ints
from jobs.synthetic.places import DISTRICT_CODES

_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_BORN_FROM = date(1962, 1, 1)
_DAYS = 15_001  # births until January 2003; prime to the step below
_STEP = 7919


def credit_code(number: int) -> str:
    """The unified social credit code of the enterprise of this number (below 20,000,000)."""
    body = f"{number:08}"
    organisation = (11 - sum(int(c) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11) % 11
    code = f"91{DISTRICT_CODES[number % 6]}{body}{'X' if organisation == 10 else organisation}"
    total = sum(_CREDIT.index(c) * pow(3, n, 31) for n, c in enumerate(code))
    return code + _CREDIT[-total % 31]


def resident_ids(numbers: Ints) -> pa.Array:
    """The resident identity numbers of the persons of these numbers (below 15,000,000)."""
    born = pc.replace_substring(days(_BORN_FROM.toordinal() + numbers * _STEP % _DAYS), "-", "")
    body = pc.binary_join_element_wise(chosen(DISTRICT_CODES, numbers % 6), born, whole(numbers // _DAYS, 3), "")
    digits = np.frombuffer(body.buffers()[2], np.uint8, 17 * len(numbers)).reshape(-1, 17) - ord("0")
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(digits[:, n].astype(np.int64) * weight for n, weight in enumerate(weights))
    return pc.binary_join_element_wise(body, chosen("10X98765432", np.asarray(total) % 11), "")


def parcel_code(number: int) -> str:
    """The 19 characters of the parcel of this number: district, cadastral district and sub-district, kind, number."""
    return (
        f"{DISTRICT_CODES[number % 6]}{number // 6 % 40 + 1:03}{number // 240 % 900 + 1:03}GB{number % 99_999 + 1:05}"
    )


def unit_code(parcel: str, unit: int, *, is_built: bool) -> str:
    """The 28 characters of a real-estate unit: a building's unit, or the bare land."""
    return f"{parcel}F{unit:04}0001" if is_built else f"{parcel}W00000000"

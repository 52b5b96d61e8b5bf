"""Counter-based random numbers: a number is a function of the seed, a stream's name and keys, whatever was drawn before."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

Bits = np.ndarray[Any, np.dtype[np.uint64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def draw(seed: int, stream: str, *keys: Any) -> Bits:
    """64 random bits for each combination of keys, which are whole numbers or arrays of them that broadcast.

    The mixing function is that of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    """
    start = hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:8]
    bits = np.array([int.from_bytes(start, "big")], np.uint64)
    for key in keys:
        bits = _mix(bits ^ (np.atleast_1d(key).astype(np.uint64) * _STEP + _STEP))
    return bits


def _mix(bits: Bits) -> Bits:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


def below(bits: Bits, limit: Any) -> Ints:
    """Whole numbers from 0 to below `limit` (at most 2^31), each as likely as the others."""
    limits = np.asarray(limit).astype(np.uint64)
    return (((bits >> np.uint64(32)) * limits) >> np.uint64(32)).astype(np.int64)


def between(bits: Bits, low: Any, high: Any) -> Ints:
    """Whole numbers from `low` to `high`, both included."""
    return np.asarray(low) + below(bits, np.asarray(high) - np.asarray(low) + 1)


def weighted(bits: Bits, weights: list[int]) -> Ints:
    """Positions in `weights`, each as likely as its weight."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends, below(bits, int(ends[-1])), side="right").astype(np.int64)

"""The bodies of all records of a batch: which kind each is, and where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asyncwb.journal.bulk import Bulk

__all__ = ["Bodies", "bodies_of"]

_NUMBER, _LENGTH = 0x08, 2


class Bodies(NamedTuple):
    """The bodies of records in a buffer.

    Attributes:
        numbers: int64: field number of each; 0: the record is unusual or empty.
        starts: int64: where they begin.
        ends: int64: where they end.
    """

    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def bodies_of(bulk: Bulk) -> Bodies:
    """Find the bodies of all records of a batch; a record number in front is passed over."""
    octets = np.frombuffer(bulk.data, np.uint8)
    starts, ends = np.array(bulk.starts, np.int64), np.array(bulk.ends, np.int64)
    numbered = octets[starts] == _NUMBER
    if numbered.any():
        starts = np.where(numbered, _varint(octets, starts + 1)[1], starts)
    tag, starts = _varint(octets, starts)
    size, starts = _varint(octets, starts)
    stops = starts + size
    usual = (tag & 7 == _LENGTH) & (stops <= ends)
    return Bodies(np.where(usual, tag >> 3, 0), starts, stops)


def _varint(
    octets: NDArray[np.uint8], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of up to 49 bits, and where they end."""
    octet = octets[at].astype(np.int64)
    value, more = octet & 0x7F, octet >= 0x80
    at = at + 1
    for shift in range(7, 49, 7):
        if not more.any():
            break
        octet = np.where(more, octets[at], 0).astype(np.int64)
        value |= (octet & 0x7F) << shift
        at = at + more
        more = octet >= 0x80
    return value, at

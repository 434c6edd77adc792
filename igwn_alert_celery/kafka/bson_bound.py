# SPDX-License-Identifier: BSD-3-Clause
"""Walk a BSON document before hop reads it: hop's reader trusts every length.

A negative length sends it round for ever, documents that overlap make it read the same bytes
again and again.
"""

from __future__ import annotations

import struct

from igwn_alert_celery.errors import PoisonRecord

__all__ = ["check_bson"]

_MOST_DEPTH = 50
_DOCUMENTS = {0x03, 0x04}
_SIZES = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8}
_TEXT = 0x02
_BINARY = 0x05


def check_bson(data: bytes) -> None:
    """Check that every element lies inside its document, and the document is all there is.

    Raises
    ------
    PoisonRecord
        ``undecodable``.
    """
    ends = [_document_end(data, 0, len(data))]
    if ends[0] != len(data):
        raise _broken("more than one document")
    position = 4
    while ends:
        if position == ends[-1] - 1 and data[position] == 0:
            position = ends.pop()
        else:
            position = _element(data, position, ends)


def _element(data: bytes, position: int, ends: list[int]) -> int:
    """Go past one element, or into it when it is a document; return the new position."""
    inside = ends[-1] - 1
    kind = data[position]
    start = data.find(0, position + 1, inside) + 1
    if start == 0:
        raise _broken("a name without an end")
    if kind in _DOCUMENTS:
        ends.append(_document_end(data, start, inside))
        if len(ends) > _MOST_DEPTH:
            raise _broken(f"nested deeper than {_MOST_DEPTH} levels")
        return start + 4
    end = start + _size(data, kind, start, inside)
    if end > inside:
        raise _broken("an element that is cut off")
    return end


def _document_end(data: bytes, start: int, limit: int) -> int:
    size = _length(data, start, limit)
    if size < 5 or start + size > limit:
        raise _broken("a document of a wrong length")
    return start + size


def _size(data: bytes, kind: int, start: int, limit: int) -> int:
    if kind in _SIZES:
        return _SIZES[kind]
    if kind not in {_TEXT, _BINARY}:
        raise _broken(f"type {kind}")
    length = _length(data, start, limit)
    if length < (1 if kind == _TEXT else 0):
        raise _broken("a negative length")
    return length + (4 if kind == _TEXT else 5)


def _length(data: bytes, start: int, limit: int) -> int:
    if start + 4 > limit:
        raise _broken("a length that is cut off")
    return int(struct.unpack_from("<i", data, start)[0])


def _broken(detail: str) -> PoisonRecord:
    return PoisonRecord("undecodable", f"BSON: {detail}")

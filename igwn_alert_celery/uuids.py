# SPDX-License-Identifier: BSD-3-Clause
"""UUIDs as :mod:`uuid` makes them, without its objects: some are made for each alert."""

from __future__ import annotations

import hashlib
from uuid import UUID

__all__ = ["uuid5", "uuid_text"]


def uuid5(namespace: UUID, name: str) -> bytes:
    """Return the 16 bytes of the UUID for a name (RFC 9562, 5.5)."""
    digest = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    found = bytearray(digest[:16])
    found[6] = found[6] & 0x0F | 0x50
    found[8] = found[8] & 0x3F | 0x80
    return bytes(found)


def uuid_text(value: bytes) -> str:
    """Return how the UUID of 16 bytes is written."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

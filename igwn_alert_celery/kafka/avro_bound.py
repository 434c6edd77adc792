# SPDX-License-Identifier: BSD-3-Clause
"""Walk an Avro file before fastavro reads it, so that it cannot blow up.

fastavro's compiled reader recurses in C without a check: a linked list of 3 MB ends the whole
process with a segmentation fault. An array of a billion nulls takes no bytes at all, a
compressed block can grow a thousandfold. Here every value is counted before one is built.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastavro.schema import parse_schema

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.json_text import parse

__all__ = ["count_records"]

_MOST_DEPTH = 400  # a union counts as a level here, so twice what the JSON may have
_MOST_DECIMAL_BYTES = 256  # converting to decimal digits takes quadratic time
_SYNC_BYTES = 16
# Values without a byte of their own (nulls, empty records) and those of compressed blocks cost
# time all the same; a real file comes nowhere near.
_FREE_VALUES = 100_000
_MOST_VALUES_PER_BYTE = 8


def count_records(data: bytes, max_bytes: int) -> int:
    """Return how many records an Avro file holds, having walked every one of them.

    Raises
    ------
    PoisonRecord
        ``undecodable``, ``too_deep``, or ``too_large`` when the values could not become JSON
        of at most ``max_bytes``.
    """
    if data[:4] != b"Obj\x01":
        raise _broken("no Avro file header")
    # In JSON a value takes at least a character and a separator.
    budget = min(max_bytes // 2, _FREE_VALUES + _MOST_VALUES_PER_BYTE * len(data))
    file = _Walk(data, {}, budget, position=4)
    meta = file.meta()
    file.skip(_SYNC_BYTES)
    named: dict[str, Any] = {}
    schema = _schema(meta.get("avro.schema", b""), named)
    codec = meta.get("avro.codec", b"null")
    records, room = 0, max_bytes
    while file.position < len(data):
        count = file.size()
        packed = file.take(file.size())
        file.skip(_SYNC_BYTES)
        block = _Walk(_unpacked(packed, codec, room), named, file.budget)
        room -= len(block.data)
        for _ in range(count):
            block.walk(schema, 0)
        file.budget = block.budget
        records += count
    return records


def _schema(text: bytes, named: dict[str, Any]) -> Any:
    # fastavro trusts a schema that says it has been parsed already.
    if b"__fastavro" in text or "__fastavro" in json.dumps(schema := parse(text.decode())):
        raise _broken("a schema with fastavro's own marks")
    return parse_schema(schema, named)


def _unpacked(packed: bytes, codec: bytes, room: int) -> bytes:
    if codec == b"null":
        return packed
    if codec != b"deflate":
        raise _broken(f"compression {codec!r}; null and deflate are read")
    inflate = zlib.decompressobj(-15)
    data = inflate.decompress(packed, room + 1)
    if len(data) > room:
        raise PoisonRecord("too_large", "Avro: unpacks to more than igwn_alert_max_bytes")
    return data


def _broken(detail: str) -> PoisonRecord:
    return PoisonRecord("undecodable", f"Avro: {detail}")


@dataclass(slots=True)
class _Walk:
    """A position in Avro data, and how many values it may still hold."""

    data: bytes
    named: dict[str, Any]
    budget: int
    position: int = 0

    def walk(self, schema: Any, depth: int) -> None:
        """Go past one value."""
        self.budget -= 1
        if self.budget < 0:
            raise PoisonRecord("too_large", "Avro: too many values")
        if depth > _MOST_DEPTH:
            raise PoisonRecord("too_deep", f"Avro: nested deeper than {_MOST_DEPTH} levels")
        if isinstance(schema, list):
            self.walk(schema[self.index(len(schema))], depth + 1)
            return
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in _SIMPLE:
            self.skip(_SIMPLE[kind])
        elif kind in _OTHER:
            _OTHER[kind](self, schema, depth)
        elif isinstance(kind, str):
            self.walk(self.named[kind], depth + 1)
        else:
            self.walk(kind, depth + 1)

    def skip(self, size: int) -> None:
        """Go past so many bytes, all of which have to be there."""
        if not 0 <= size <= len(self.data) - self.position:
            raise _broken(f"{size} bytes are not there")
        self.position += size

    def take(self, size: int) -> bytes:
        """Return so many bytes and go past them."""
        start = self.position
        self.skip(size)
        return self.data[start : self.position]

    def number(self) -> int:
        """Read a zigzag variable-length integer of at most 64 bits."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= 70:
                raise _broken("an integer of more than 64 bits")
        if value >> 64:
            raise _broken("an integer of more than 64 bits")
        return (value >> 1) ^ -(value & 1)

    def size(self) -> int:
        """Read a length that cannot be negative."""
        value = self.number()
        if value < 0:
            raise _broken(f"a length of {value}")
        return value

    def index(self, count: int) -> int:
        """Read the number of a branch or symbol."""
        value = self.size()
        if value >= count:
            raise _broken(f"choice {value} of {count}")
        return value

    def block_count(self) -> int:
        """Read how many items follow; a negative count is followed by a size in bytes."""
        count = self.number()
        if count < 0:
            self.size()
        return abs(count)

    def meta(self) -> dict[str, bytes]:
        """Read the file header's map."""
        found: dict[str, bytes] = {}
        while count := self.block_count():
            for _ in range(count):
                name = self.take(self.size()).decode()
                found[name] = self.take(self.size())
        return found

    def integer(self, _schema: Any, _depth: int) -> None:
        """Go past an int or a long."""
        self.number()

    def text(self, schema: Any, _depth: int) -> None:
        """Go past bytes or a string."""
        size = self.size()
        _check_decimal(schema, size)
        self.skip(size)

    def fixed(self, schema: Any, _depth: int) -> None:
        """Go past a fixed number of bytes."""
        _check_decimal(schema, schema["size"])
        self.skip(schema["size"])

    def enum(self, schema: Any, _depth: int) -> None:
        """Go past a symbol."""
        self.index(len(schema["symbols"]))

    def record(self, schema: Any, depth: int) -> None:
        """Go past all fields."""
        for field in schema["fields"]:
            self.walk(field["type"], depth + 1)

    def array(self, schema: Any, depth: int) -> None:
        """Go past all items."""
        while count := self.block_count():
            for _ in range(count):
                self.walk(schema["items"], depth + 1)

    def map(self, schema: Any, depth: int) -> None:
        """Go past all keys and values."""
        while count := self.block_count():
            for _ in range(count):
                self.skip(self.size())
                self.walk(schema["values"], depth + 1)


def _check_decimal(schema: Any, size: int) -> None:
    is_decimal = isinstance(schema, dict) and schema.get("logicalType") == "decimal"
    if is_decimal and size > _MOST_DECIMAL_BYTES:
        raise PoisonRecord("too_large", f"Avro: a decimal of {size} bytes")


_SIMPLE = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_OTHER: dict[Any, Callable[[_Walk, Any, int], None]] = {
    "int": _Walk.integer,
    "long": _Walk.integer,
    "bytes": _Walk.text,
    "string": _Walk.text,
    "fixed": _Walk.fixed,
    "enum": _Walk.enum,
    "record": _Walk.record,
    "error": _Walk.record,
    "array": _Walk.array,
    "map": _Walk.map,
}

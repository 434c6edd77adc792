# SPDX-License-Identifier: BSD-3-Clause
"""Whole records for the fuzz: drawn by Hypothesis, and mutated from the saved ones by a seed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

from hypothesis import strategies as st
from msgspec import structs

from igwn_alert_celery.record import Record
from tests.integration.fuzz.values import record_values

__all__ = ["mutated", "records"]

_NAMES = ("_format", "_id", "_sender", "_test", "igwn_alert", "task", "content-type", "_FORMAT", "")
_FORMATS = (b"json", b"JSON", b"avro", b"voevent", b"blob", b"circular", b"gcntextnotice",
            b"external", b"pickle", b"\xff", b"", b"x" * 300, None)  # fmt: skip
_IDS = (b"", b"\0" * 16, b"\xff" * 16, b"\0" * 15, b"x" * 17, b"y" * 1000, None)

_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_contents = st.none() | st.binary(max_size=20)
_formats = st.tuples(st.just("_format"), st.sampled_from(_FORMATS))
_other_headers = st.one_of(
    st.tuples(st.just("_id"), st.sampled_from(_IDS)),
    st.tuples(st.sampled_from(_NAMES), _contents),
    st.tuples(_names, _contents),
)
_times = st.sampled_from([1, 1, 1, 2, 2000])


def _record(
    value: bytes | None,
    key: bytes | None,
    timestamp_ms: int,
    found: list[tuple[str, bytes | None]],
    times: int,
) -> Record:
    headers = tuple(found) * (times if len(found) < 3 else 1)
    return Record("g.superevent", 0, 0, timestamp_ms, key, value, headers)


_headers = st.one_of(
    st.just([]),
    _formats.map(lambda header: [header]),
    st.lists(_other_headers, max_size=4),
    st.builds(lambda one, more: [one, *more], _formats, st.lists(_other_headers, max_size=4)),
)
_now_ms = int(time.time() * 1000)
#: Some records of one partition, in their order.
records = st.lists(
    st.builds(
        _record,
        record_values,
        st.none() | st.binary(max_size=20),
        st.sampled_from([-1, 0, _now_ms, _now_ms * 1000, 2**62]),
        _headers,
        _times,
    ),
    min_size=1,
    max_size=25,
)

_TOKENS = (
    b'"__type__"', b'"__value__"', b"[", b"{", b"]", b"}", b'"', b"\\", b"\\ud800", b"\\u0000",
    b"NaN", b"Infinity", b"1e999", b"-", b"\xff", b"\0", b"\n", b"</", b"<!", b"&a;", b"]]>",
    b"Obj\x01", b"\xef\xbb\xbf", b": ", b",", b"\x80" * 9, b"\xff\xff\xff\x7f", b"external",
    b"$$__CLASS_NAME__$$",
)  # fmt: skip
_MOST_MUTATED = 20_000  # larger ones are tried as they are


def mutated(saved: Sequence[Record], seed: int, count: int) -> Iterator[Record]:
    """Return so many records, each a saved one with a few changes; always the same for a seed."""
    chance = random.Random(seed)
    small = [record for record in saved if len(record.value or b"") <= _MOST_MUTATED]
    for _ in range(count):
        record, other = chance.choice(small), chance.choice(small)
        value = record.value or b""
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 8))):
            value = chance.choice(_CHANGES)(chance, value, other.value or b"")
        headers = chance.choice((record, record, record, other)).headers
        key = chance.choice((record.key, other.key, chance.randbytes(5)))
        yield structs.replace(record, value=value, headers=headers, key=key)


def _flip(chance: random.Random, value: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(value) + 1)
    return value[:at] + bytes([chance.randrange(256)]) + value[at + 1 :]


def _cut(chance: random.Random, value: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(value) + 1)
    return value[:at] + value[at + chance.choice((1, 2, 10, 1000)) :]


def _repeat(chance: random.Random, value: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(value) + 1)
    piece = value[at : at + chance.choice((1, 4, 50))]
    return value[:at] + piece * chance.choice((2, 3, 300)) + value[at:]


def _insert(chance: random.Random, value: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(value) + 1)
    return value[:at] + chance.choice(_TOKENS) + value[at:]


def _splice(chance: random.Random, value: bytes, other: bytes) -> bytes:
    return value[: chance.randrange(len(value) + 1)] + other[chance.randrange(len(other) + 1) :]


_CHANGES = (_flip, _flip, _cut, _repeat, _insert, _insert, _splice)

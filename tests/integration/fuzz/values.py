# SPDX-License-Identifier: BSD-3-Clause
"""Values of records, format by format: right ones, nearly right ones, and anything else."""

from __future__ import annotations

import json
import zlib
from typing import Any

from hop import bson
from hypothesis import strategies as st

from tests.integration.enqueue.alert_texts import alert_texts, values
from tests.integration.fuzz.fetching import SERVER

__all__ = ["record_values"]

_ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1")
_SYNC = b"s" * 16
_FORMATS = st.sampled_from(["json", "blob", "avro", "voevent", "circular", "external", "x", "", 5])
_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def _wrapped(text: str, levels: int, encoding: str) -> bytes:
    for _ in range(levels):
        text = json.dumps(text)
    return text.encode(encoding, "replace")


_texts = st.one_of(alert_texts, values)
_json = st.builds(_wrapped, _texts, st.integers(0, 5), st.sampled_from(_ENCODINGS))


def _nested(opening: str, depth: int, closed: int) -> bytes:
    closing = {"[": "]", '{"a":': "}", '[{"":': "}]"}[opening]
    return (opening * depth + "1" + closing * closed).encode()


_depths = st.sampled_from([1, 3, 199, 200, 201, 400, 999, 3000])
_nests = st.builds(_nested, st.sampled_from(["[", '{"a":', '[{"":']), _depths, _depths)
_even_nests = st.builds(lambda opening, depth: _nested(opening, depth, depth),
                        st.sampled_from(["[", '{"a":', '[{"":']), _depths)  # fmt: skip
_numbers = st.builds(
    lambda sign, digits, end: f'{{"a": {sign}{digits}{end}}}'.encode(),
    st.sampled_from(["", "-", "+"]),
    st.sampled_from(["1" * 50, "1" * 4300, "9" * 4301, "0", "00", "1" * 20_000]),
    st.sampled_from(["", ".5", "e5", "e-400", "e400", "E" + "9" * 30]),
)
_envelopes = st.builds(
    lambda name, content: f'{{"format": {json.dumps(name)}, "content": {content}}}'.encode(),
    _FORMATS,
    _texts,
)


def _number(value: int) -> bytes:
    """Return an integer as Avro writes it."""
    value = (value << 1) ^ (value >> 63)
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _sized(value: bytes) -> bytes:
    return _number(len(value)) + value


def _avro(schema: Any, codec: bytes, blocks: list[tuple[int, bytes]], sync: bytes) -> bytes:
    found = b"Obj\x01" + _number(2)
    found += _sized(b"avro.schema") + _sized(json.dumps(schema).encode())
    found += _sized(b"avro.codec") + _sized(codec) + _number(0) + _SYNC
    for count, data in blocks:
        packed = zlib.compress(data)[2:-4] if codec == b"deflate" else data
        found += _number(count) + _sized(packed) + sync
    return found


_kinds = st.sampled_from(["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
_types = st.recursive(
    _kinds
    | st.sampled_from(
        [
            "R",
            "x",
            5,
            None,
            {"type": "fixed", "size": 3, "name": "F"},
            {"type": "enum", "name": "E", "symbols": ["A", "B"]},
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            {"type": "int", "logicalType": "date"},
            {"type": "long", "logicalType": "timestamp-millis"},
            {"type": "string", "logicalType": "uuid"},
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        inner.map(lambda kind: {"type": "array", "items": kind}),
        inner.map(lambda kind: {"type": "map", "values": kind}),
    ),
    max_leaves=4,
)
_schemas = _types | st.lists(_types, max_size=3).map(
    lambda kinds: {
        "type": "record",
        "name": "R",
        "fields": [{"name": f"f{n}", "type": kind} for n, kind in enumerate(kinds)],
    }
)
_counts = st.sampled_from([0, 1, 1, 1, 2, 5, -1, 10**9, 2**62])
_avros = st.builds(
    _avro,
    _schemas,
    st.sampled_from([b"null", b"null", b"deflate", b"snappy", b"\xff"]),
    st.lists(st.tuples(_counts, st.binary(max_size=30)), max_size=2),
    st.sampled_from([_SYNC, _SYNC, b"other", b""]),
)

_xml = st.builds(
    lambda head, name, inner, end: f'{head}<{name} ivorn="a" {inner}</{end}>'.encode(),
    st.sampled_from(
        ["", '<?xml version="1.0"?>', "<!DOCTYPE a>", '<?xml encoding="x"?>', "\ufeff"]
    ),
    st.sampled_from(["voe:VOEvent", "VOEvent", "a"]),
    st.sampled_from(
        [
            "><Who><Date>x</Date></Who>",
            "><a/>b<a/>",
            ">&a;",
            ">&#x41;",
            "><![CDATA[<a>]]>",
            "/>",
            ">",
            "><!-- a -->",
            "><?a b?>",
            ' xmlns:voe="u"><What><Param name="a"/></What>',
            ">" + "<a>" * 300,
            ' ivorn="b">',
            ">\0",
            "><Who><Who/><Who/></Who>",
        ]
    ),
    st.sampled_from(["voe:VOEvent", "VOEvent", "a"]),
)
_notices = st.lists(
    st.tuples(_words, st.sampled_from([":", ": ", "\n", ""]), _words), max_size=8
).map(lambda lines: "\n".join("".join(line) for line in lines).encode())
_circulars = st.builds(lambda header, body: f'{{"header": {header}, "body": {body}}}'.encode(),
                       _texts, _texts)  # fmt: skip


def _offloaded(message: Any, metadata: Any, cut: int, by: str) -> bytes:
    body = bson.dumps({"message": message, "metadata": metadata})
    body = body[: len(body) - cut]
    return json.dumps({"url": by + body.hex()}).encode()


_metadata = st.fixed_dictionaries(
    {"timestamp": st.sampled_from([0, -1, 2**40, "x"])},
    optional={
        "key": st.sampled_from(["k", b"\xff", 5, None]),
        "headers": st.sampled_from(
            [[], [["_format", b"json"]], [["_format", b"avro"]], [["_format", b"external"]],
             [["a"]], [[5, b""]], "x", 5, None, {"$$__CLASS_NAME__$$": "Popen"}]
        ),
    },
)  # fmt: skip
_messages = st.one_of(_json, st.binary(max_size=20), st.sampled_from(["text", 5, None]))
_placeholders = st.one_of(
    st.builds(_offloaded, _messages, _metadata, st.sampled_from([0, 0, 0, 1, 9]), st.just(SERVER)),
    st.builds(_offloaded, _messages, _metadata | _words, st.just(0), st.sampled_from(
        ["ftp://a/", "file:///etc/passwd#", "http://", "", "https://[", "https://a:99999/"])),
    st.binary(max_size=30).map(lambda body: json.dumps({"url": SERVER + body.hex()}).encode()),
    _texts.map(lambda text: f'{{"url": {text}}}'.encode()),
)  # fmt: skip

#: The value of a record; None is a tombstone.
record_values = st.one_of(
    _json, _json, _nests, _even_nests, _numbers, _envelopes, _avros, _avros, _xml, _notices,
    _circulars, _placeholders, st.binary(max_size=60), st.sampled_from([None, b""]),
)  # fmt: skip

# SPDX-License-Identifier: BSD-3-Clause
"""From a record's bytes to an alert's content, by hop's headers and models."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import uuid
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
from hop.io import Deserializer

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.avro_bound import count_records
from igwn_alert_celery.kafka.json_text import (
    Glance,
    glance,
    is_kombu_safe,
    parse,
    string_in,
    unwrap,
)
from igwn_alert_celery.kafka.transport import place_of
from igwn_alert_celery.kafka.xml_bound import check_xml
from igwn_alert_celery.record import Record

__all__ = ["Decoded", "Fetch", "decode"]

Fetch = Callable[[str], Record]

# hop's own models and those of its plug-ins, by the name in the header.
_MODELS: dict[str, Any] = {
    name.lower(): member.value for name, member in Deserializer.__members__.items()
}
# hop builds repeated fields by concatenation, in quadratic time; real notices are below 10 kB.
_MOST_NOTICE_BYTES = 100_000
_MOST_DETAIL = 500


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """An alert's own JSON text, and what is known of it.

    Attributes
    ----------
    json : bytes
        UTF-8 JSON of the alert: the sender's own text wherever there was one.
    kombu_safe : bool
        False when kombu's decoder would turn a part of it into something else.
    read : dict or None
        The alert, where it had to be made; what was not a JSON object is
        ``{"content": …, "format": …}``.
    seen : Glance or None
        What filters ask first, where it has not been made.
    quoted : bytes or None
        The same text as it stands within a JSON string, without the quotes, where it came in one.
    original : Record or None
        The message that was fetched, where hop had offloaded it: its key, id and sender count.
    """

    json: bytes
    kombu_safe: bool
    read: dict[str, Any] | None = None
    seen: Glance | None = None
    quoted: bytes | None = None
    original: Record | None = None

    @property
    def content(self) -> dict[str, Any]:
        """The alert; where it has not been made yet, this makes it anew each time."""
        if self.read is not None:
            return self.read
        found: dict[str, Any] = parse(self.json.decode("utf-8"))
        return found


class _Limits(msgspec.Struct, frozen=True, gc=False):
    max_bytes: int
    fetch: Fetch | None
    is_fetched: bool = False


def decode(record: Record, *, max_bytes: int, fetch: Fetch | None = None) -> Decoded:
    """Decode one record.

    Parameters
    ----------
    record : Record
        As it came from Kafka.
    max_bytes : int
        Bound on the record's value and on the JSON that it becomes.
    fetch : callable, optional
        Gets hop's offloaded large messages; it may block.

    Raises
    ------
    PoisonRecord
        With the reason; nothing else, whatever the record's bytes are.
    """
    try:
        return _decode(record, _Limits(max_bytes, fetch))
    except PoisonRecord:
        raise
    except RecursionError as exc:
        raise PoisonRecord("too_deep", "nested too deep for the model of its format") from exc
    except Exception as exc:
        # Border: models of hop and of its plug-ins may raise anything for wrong bytes.
        detail = f"{type(exc).__name__}: {exc}"[:_MOST_DETAIL]
        raise PoisonRecord("undecodable", detail) from exc


def _decode(record: Record, limits: _Limits) -> Decoded:
    value = record.value
    if record.unreadable:
        # What its format is, and whether it is a test, stands in the headers.
        raise PoisonRecord("undecodable", record.unreadable)
    if not value:
        raise PoisonRecord("empty", "the record has no value")
    _check_size(value, limits, "")
    raw_name = record.header("_format")
    if raw_name is None:
        return _unlabelled(value, limits)
    name = raw_name.decode("utf-8", "backslashreplace").lower()
    if name == "json":
        return _wrapped(value, limits) or _labelled_json(_text(value), limits)
    if name == "external":
        return _external(parse(_text(value)), limits)
    if name not in _MODELS:
        raise PoisonRecord("unknown_format", f"_format {name[:80]!r} is none that hop knows")
    return _labelled(name, _model(name, value, limits.max_bytes), limits)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise PoisonRecord("not_json", f"not UTF-8: {exc}") from exc


def _wrapped(value: bytes, limits: _Limits) -> Decoded | None:
    """Look at an alert that came as GraceDB sends it, in a JSON string; None where it did not."""
    text = string_in(value)
    return None if text is None else _glanced(text, limits, value[1:-1])


def _labelled_json(text: str, limits: _Limits) -> Decoded:
    return _glanced(text, limits) or _from_json(parse(text), text, limits)


def _glanced(text: str, limits: _Limits, quoted: bytes | None = None) -> Decoded | None:
    raw = text.encode("utf-8")
    seen = glance(raw)
    if seen is None:
        return None
    _check_size(raw, limits, "becomes ")
    return Decoded(raw, is_kombu_safe(raw), seen=seen, quoted=quoted)


def _from_json(value: Any, text: str, limits: _Limits) -> Decoded:
    content, inner = unwrap(value, text)
    if isinstance(content, dict):
        return _decoded(content, inner, limits)
    # Around the sender's own text, because parsing and dumping would lose duplicate keys.
    wrapped = f'{{"content": {inner}, "format": "json"}}'
    return _decoded({"content": content, "format": "json"}, wrapped, limits)


def _unlabelled(value: bytes, limits: _Limits) -> Decoded:
    text = _text(value)
    found = parse(text)
    if isinstance(found, dict) and found.keys() == {"format", "content"}:
        decoded = _envelope(found["format"], found["content"], limits)
        if decoded is not None:
            return decoded
    return _from_json(found, text, limits)


def _envelope(name: Any, content: Any, limits: _Limits) -> Decoded | None:
    """Open hop's envelope of before the headers; None for an object that only looks like it."""
    name = name.lower() if isinstance(name, str) else ""
    if name in {"blob", "json"}:  # blob was its name for JSON
        return _from_json(content, json.dumps(content), limits)
    if name not in _MODELS or not isinstance(content, dict):
        return None
    if name == "external":
        return _external(content, limits)
    try:
        model = _MODELS[name](**content)
    except TypeError:
        return None
    return _labelled(name, model, limits)


def _external(found: Any, limits: _Limits) -> Decoded:
    url = found.get("url") if isinstance(found, dict) else None
    if not isinstance(url, str):
        raise PoisonRecord("undecodable", "an external message without a URL")
    if limits.is_fetched:
        raise PoisonRecord("undecodable", "an external message that leads to another one")
    if limits.fetch is None:
        raise PoisonRecord("offload_missing", f"what is at {place_of(url)} is not fetched here")
    original = limits.fetch(url)
    decoded = _decode(original, _Limits(limits.max_bytes, None, is_fetched=True))
    return msgspec.structs.replace(decoded, original=original)


def _model(name: str, value: bytes, max_bytes: int) -> Any:
    if name == "avro" and count_records(value, max_bytes) != 1:
        return _MODELS[name].deserialize(value, single_record=False)
    if name == "voevent":
        check_xml(value)
    if name == "gcntextnotice" and len(value) > _MOST_NOTICE_BYTES:
        raise PoisonRecord("too_large", f"a text notice of {len(value)} bytes")
    return _MODELS[name].deserialize(value)


def _labelled(name: str, model: Any, limits: _Limits) -> Decoded:
    content = _plain(model)
    alert = {"content": content, "format": name}
    if isinstance(content, bytes):
        alert = {"content": _base64(content), "format": name, "encoding": "base64"}
    text = json.dumps(alert, default=_json_safe)
    return _decoded(parse(text), text, limits)


def _plain(model: Any) -> Any:
    """Return a model's content where it has one (Blob, Avro, JSON), else all public fields."""
    if hasattr(model, "content"):
        return model.content
    if is_dataclass(model):
        named = {item.name: getattr(model, item.name) for item in fields(model)}
    else:
        named = vars(model)
    return {key: value for key, value in named.items() if not key.startswith("_")}


def _json_safe(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _base64(bytes(value))
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if is_dataclass(value):
        return _plain(value)
    if hasattr(value, "tolist"):  # NumPy, in models of plug-ins
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decoded(content: dict[str, Any], text: str, limits: _Limits) -> Decoded:
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        # Lone surrogates out of a string in JSON have no UTF-8, only an escape. Two that were
        # apart may make a character there, so the content is what the text says.
        text = json.dumps(content)
        content, raw = json.loads(text), text.encode("ascii")
    _check_size(raw, limits, "becomes ")
    return Decoded(raw, is_kombu_safe(raw), read=content)


def _check_size(raw: bytes, limits: _Limits, becomes: str) -> None:
    if len(raw) > limits.max_bytes:
        size = f"{becomes}{len(raw)} bytes"
        raise PoisonRecord(
            "too_large", f"{size}, more than igwn_alert_max_bytes = {limits.max_bytes}"
        )

# SPDX-License-Identifier: BSD-3-Clause
"""From a record's bytes to an alert's content, by hop's headers and models."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from hop.io import Deserializer

from igwn_alert_celery.errors import PoisonRecord, RetryableError
from igwn_alert_celery.kafka.json_text import is_kombu_safe, parse, unwrap
from igwn_alert_celery.record import Record

__all__ = ["Decoded", "decode"]

Fetch = Callable[[str], Record]


@dataclass(frozen=True, slots=True)
class Decoded:
    """``content`` is always a dict, ``json`` its JSON text as UTF-8."""

    content: dict[str, Any]
    json: bytes
    kombu_safe: bool


def decode(record: Record, *, max_bytes: int, fetch: Fetch | None = None) -> Decoded:
    """Decode one record.

    Raises
    ------
    PoisonRecord
        With the reason; nothing else comes from the record's bytes.
    RetryableError
        A large message could not be fetched just now.
    """
    try:
        return _decode(record, max_bytes, fetch)
    except (PoisonRecord, RetryableError):
        raise
    except Exception as exc:
        # Border: models of hop and of its plug-ins may raise anything for wrong bytes.
        raise PoisonRecord("undecodable", f"{type(exc).__name__}: {exc}") from exc


def _decode(record: Record, max_bytes: int, fetch: Fetch | None) -> Decoded:
    if not record.value:
        raise PoisonRecord("empty", "the record has no value")
    if len(record.value) > max_bytes:
        raise PoisonRecord(
            "too_large", f"{len(record.value)} bytes, more than igwn_alert_max_bytes = {max_bytes}"
        )
    raw_format = record.header("_format")
    if raw_format is None:
        return _unlabelled(record.value)
    name = raw_format.decode("utf-8", "backslashreplace").lower()
    if name == "json":
        return _json(record.value)
    if name == "external":
        return _external(record.value, max_bytes, fetch)
    if name.upper() not in Deserializer.__members__:
        raise PoisonRecord("unknown_format", f"_format {name!r} is none that hop knows")
    return _labelled(name, Deserializer[name.upper()].value.deserialize(record.value))


def _json(value: bytes) -> Decoded:
    return _content(*_unwrapped(value))


def _unwrapped(value: bytes) -> tuple[Any, str]:
    try:
        return unwrap(value.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise PoisonRecord("not_json", f"not UTF-8: {exc}") from exc


def _content(content: Any, text: str) -> Decoded:
    return _decoded(content, text) if isinstance(content, dict) else _labelled("json", content)


def _unlabelled(value: bytes) -> Decoded:
    found, text = _unwrapped(value)
    if not isinstance(found, dict) or found.keys() != {"format", "content"}:
        return _content(found, text)
    name, content = found["format"], found["content"]
    # hop's envelope of before the headers; "blob" was its name for JSON.
    if name in {"blob", "json"}:
        return _json((content if _is_json(content) else json.dumps(content)).encode())
    known = isinstance(name, str) and name.upper() in Deserializer.__members__
    if known and isinstance(content, dict):
        return _labelled(name.lower(), Deserializer[name.upper()].value(**content))
    return _decoded(found, text)


def _is_json(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    try:
        parse(text)
    except PoisonRecord:
        return False
    return True


def _external(value: bytes, max_bytes: int, fetch: Fetch | None) -> Decoded:
    found = parse(value.decode("utf-8"))
    url = found.get("url") if isinstance(found, dict) else None
    if not isinstance(url, str):
        raise PoisonRecord("undecodable", "an external message without a URL")
    if fetch is None:
        raise PoisonRecord("offload_missing", f"the large message at {url} cannot be fetched here")
    inner = fetch(url)
    if (inner.header("_format") or b"").lower() == b"external":
        raise PoisonRecord("undecodable", "an external message that leads to another one")
    return _decode(inner, max_bytes, None)


def _labelled(name: str, model: Any) -> Decoded:
    content = _plain(model)
    alert = {"content": content, "format": name}
    if isinstance(content, bytes):
        alert = {"content": _base64(content), "format": name, "encoding": "base64"}
    text = json.dumps(alert, default=_json_safe)
    return _decoded(parse(text), text)


def _plain(model: Any) -> Any:
    if hasattr(model, "schema") or (_is_model(model) and set(asdict(model)) == {"content"}):
        return model.content
    if _is_model(model):
        return {key: value for key, value in asdict(model).items() if not key.startswith("_")}
    return model


def _is_model(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _json_safe(value: Any) -> str:
    return _base64(value) if isinstance(value, bytes) else str(value)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decoded(content: dict[str, Any], text: str) -> Decoded:
    safe = is_kombu_safe(text, content)
    try:
        return Decoded(content, text.encode("utf-8"), safe)
    except UnicodeEncodeError:
        return Decoded(content, json.dumps(content).encode(), safe)

# SPDX-License-Identifier: BSD-3-Clause
"""From a record to what hop's streams give, and from that to what a callback gets."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from typing import Any

from hop.io import Deserializer, Metadata
from hop.models import Blob, JSONBlob
from msgspec.structs import replace

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.kafka.json_text import parse
from igwn_alert_celery.record import Record

__all__ = ["content_of", "metadata_of", "model_of", "printed"]

logger = logging.getLogger(__name__)

#: Bound on an alert that is read by a client, bytes; nothing has to fit into a queue here.
MOST_BYTES = 100_000_000

Fetch = Callable[[str], Record]


def model_of(record: Record, fetch: Fetch | None) -> tuple[Any, Record]:
    """Return hop's model of a record, and the record that holds it: not the same when offloaded.

    What hop cannot read is a ``Blob`` with the raw bytes, with a warning in the log: one bad record
    must not end a listener.
    """
    try:
        if fetch is not None and _format(record) == "external":
            inner = fetch(parse(_text(record.value))["url"])
            whole = replace(record, value=inner.value, headers=inner.headers, key=inner.key)
            return _model(whole), replace(whole, timestamp_ms=inner.timestamp_ms)
        return _model(record), record
    except Exception as exc:  # noqa: BLE001 - models of hop's plug-ins raise anything
        logger.warning(
            "%s[%d] offset %d is handed over as raw bytes, hop cannot read it: %s",
            record.topic,
            record.partition,
            record.offset,
            exc if isinstance(exc, PoisonRecord) else type(exc).__name__,
        )
        return Blob(content=record.value or b""), record


def metadata_of(record: Record, raw: Record) -> Metadata:
    """Return hop's metadata of a record; ``raw`` is the one that Kafka has."""
    return Metadata(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp_ms,
        key=record.key,
        headers=list(record.headers) or None,
        _raw=raw,
    )


def content_of(payload: Any) -> Any:
    """Return what igwn-alert hands to a callback.

    The content of hop's JSON: for GraceDB's alerts that is JSON *text*, else a dict or list. Of
    anything else that is JSON text or bytes what they hold; and what is no JSON as it is, with a
    warning.
    """
    if isinstance(payload, JSONBlob):
        return payload.content
    try:
        return json.loads(payload)
    except (ValueError, TypeError) as exc:
        warnings.warn(f"the payload is no JSON and is handed over as it is: {exc}", stacklevel=2)
        return payload


def printed(content: Any, *, pretty: bool) -> Any:
    """Return what is printed of a content: with ``pretty`` indented JSON, where it is JSON."""
    if not pretty:
        return content
    try:
        return json.dumps(json.loads(content) if isinstance(content, str) else content, indent=4)
    except (ValueError, TypeError):
        return content


def _model(record: Record) -> Any:
    if _format(record) == "json":
        return JSONBlob(content=parse(_text(record.value)))
    # hop's own readers know no bounds, so that a few bytes can become gigabytes.
    if _format(record) not in {None, "blob", "external"}:
        _check(record)
    return Deserializer.deserialize(_Message(record))


def _check(record: Record) -> None:
    try:
        decode(record, max_bytes=MOST_BYTES)
    except PoisonRecord as exc:
        if exc.reason != "unknown_format":  # which hop makes a Blob of
            raise


def _format(record: Record) -> str | None:
    name = record.header("_format")
    return None if name is None else name.decode("utf-8", "backslashreplace").lower()


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8")


class _Message:
    """A record as hop's deserializer asks for it."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return list(self._record.headers) or None

    def value(self) -> bytes | None:
        return self._record.value

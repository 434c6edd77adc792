# SPDX-License-Identifier: BSD-3-Clause
"""From what a user gives us to what Kafka gets: value and hop's headers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from hop.models import Blob

from igwn_alert_celery.errors import PoisonRecord, SendRefused
from igwn_alert_celery.kafka.json_text import glance, parse, unwrap
from igwn_alert_celery.record import Headers

__all__ = [
    "GRACEDB",
    "HOPS",
    "OBJECT",
    "check_headers",
    "checked",
    "encode",
    "encode_value",
    "hop_headers",
    "json_string",
    "plain_headers",
]

#: The record's value is a JSON string that contains the alert's JSON, as GraceDB sends it.
GRACEDB = "gracedb"
#: The record's value is the alert's JSON itself.
OBJECT = "object"
#: Headers that are hop's own.
HOPS = {"_id", "_sender", "_test", "_format"}

_quote = msgspec.json.Encoder().encode


def encode(
    content: Any,
    *,
    wire_format: str = GRACEDB,
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    test: bool = False,
    record_id: bytes | None = None,
    sender: str | None = None,
) -> tuple[bytes, Headers]:
    """Return value and headers of the record that stands for an alert.

    Parameters
    ----------
    content : dict, list, str, bytes or hop model
        The alert; a text must be JSON. JSON that is wrapped in JSON strings already is taken out
        of them first. A hop model goes as it is, bytes that are no JSON as hop's Blob.
    wire_format : {"gracedb", "object"}
        What becomes of JSON: a JSON string that contains it, as GraceDB has it, or itself.
    headers : mapping or iterable of pairs, optional
        Further headers; texts become UTF-8.
    test : bool
        Whether hop's listeners are to take it as a test.
    record_id : bytes, optional
        hop's id, 16 bytes; a new random one where there is none.
    sender : str, optional
        The username for hop's header ``_sender``.

    Raises
    ------
    SendRefused
        The content has no such form.
    """
    value, name = encode_value(content, wire_format)
    return value, hop_headers(name, headers, test=test, record_id=record_id, sender=sender)


def encode_value(content: Any, wire_format: str = GRACEDB) -> tuple[bytes, str]:
    """Return a record's value and the name of its format (hop's header ``_format``).

    Raises
    ------
    SendRefused
        The content has no such form.
    """
    value, name = checked(content, wire_format)
    return json_string(value) if isinstance(value, str) else value, name


def checked(content: Any, wire_format: str = GRACEDB) -> tuple[str | bytes, str]:
    """Return a record's value and the name of its format, as :func:`encode_value` does.

    Returns
    -------
    tuple
        In place of the value a text, where the value is the JSON string that holds it: see
        :func:`json_string`. It is ASCII, so that every serializer carries it.

    Raises
    ------
    SendRefused
        The content has no such form.
    """
    if hasattr(content, "serialize"):
        return _of_model(content)
    if isinstance(content, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(content), wire_format)
    if not isinstance(content, (dict, list, tuple, str)):
        raise SendRefused(
            f"an alert is a dict, a list, JSON text, bytes or a hop model, not of type "
            f"{type(content).__name__}",
            code="not_json",
        )
    try:
        text = content if isinstance(content, str) else json.dumps(content)
        return _of_text(text, wire_format)
    except PoisonRecord as exc:
        raise SendRefused(f"the alert cannot be sent: {exc}", code=exc.reason) from exc
    except RecursionError as exc:
        raise SendRefused("the alert cannot be sent: nested too deep", code="too_deep") from exc
    except (TypeError, ValueError) as exc:
        raise SendRefused(f"the alert has no JSON form: {exc}", code="not_json") from exc


def json_string(text: str) -> bytes:
    """Return a text as a JSON string, written exactly as Python's ``json`` writes it."""
    # msgspec is faster, and writes what is not ASCII as it is; to it a DEL is no letter to escape.
    is_plain = text.isascii() and "\x7f" not in text
    return _quote(text) if is_plain else json.dumps(text).encode()


def hop_headers(
    format_name: str,
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    *,
    test: bool = False,
    record_id: bytes | None = None,
    sender: str | None = None,
) -> Headers:
    """Return all headers of a record, in the order in which hop-client 0.13 writes them."""
    found = [*plain_headers(headers)]
    found.append(("_id", uuid.uuid4().bytes if record_id is None else record_id))
    if sender is not None:
        found.append(("_sender", sender.encode()))
    if test:
        found.append(("_test", b"true"))
    return (*found, ("_format", format_name.encode()))


def plain_headers(headers: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Headers:
    """Return a user's headers as pairs of text and bytes.

    Raises
    ------
    SendRefused
        One has no such form, or takes a name of hop's own.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    try:
        return tuple(_header(name, value) for name, value in pairs)
    except (TypeError, ValueError):
        raise SendRefused(
            f"headers={headers!r}: give a mapping, or pairs of name and value", code="bad_headers"
        ) from None


def _header(name: Any, value: Any) -> tuple[str, bytes | None]:
    if not isinstance(name, str) or not (value is None or isinstance(value, (str, bytes))):
        raise SendRefused(
            f"header {name!r}: {value!r}: a name is a text, a value text or bytes",
            code="bad_headers",
        )
    if name in HOPS:
        raise SendRefused(f"header {name!r} is hop's own: leave it out", code="bad_headers")
    header = name, value.encode() if isinstance(value, str) else value
    check_headers([header])
    return header


def check_headers(headers: Headers | Iterable[tuple[str, bytes | None]]) -> None:
    """Refuse names that confluent_kafka would cut (at a NUL), or crash on (without UTF-8).

    Raises
    ------
    SendRefused
        One is such a name.
    """
    for name, _ in headers:
        has_surrogate = not name.isascii() and any("\ud800" <= at <= "\udfff" for at in name)
        if "\0" in name or has_surrogate:
            raise SendRefused(
                f"header {name!r}: its name has a letter that Kafka cannot have",
                code="bad_headers",
            )


def _of_text(text: str, wire_format: str) -> tuple[str | bytes, str]:
    inner = _alert_in(text)
    if wire_format == GRACEDB:
        return inner if inner.isascii() else json_string(inner), "json"
    return inner.encode(), "json"


def _alert_in(text: str) -> str:
    """Return the alert's own text, which may stand within JSON strings; makes no object of it."""
    if glance(text) is not None:
        return text
    value = parse(text)
    if isinstance(value, str) and glance(value) is not None:
        return value
    return unwrap(value, text)[1]


def _of_bytes(content: bytes, wire_format: str) -> tuple[str | bytes, str]:
    try:
        return _of_text(content.decode(), wire_format)
    except (UnicodeDecodeError, PoisonRecord):
        return _of_model(Blob(content))
    except UnicodeEncodeError as exc:
        raise SendRefused(f"the alert cannot be sent: {exc}", code="not_json") from exc


def _of_model(model: Any) -> tuple[bytes, str]:
    name = type(model).__name__
    try:
        packed = model.serialize()
        value, format_name = bytes(packed["content"]), str(packed["format"])
    except Exception as exc:
        # Border: models of hop's plug-ins may raise anything.
        raise SendRefused(f"the {name} cannot be packed: {exc}", code="not_packed") from exc
    if not value:
        raise SendRefused(f"the {name} is empty, and listeners would throw it away", code="empty")
    return value, format_name

# SPDX-License-Identifier: BSD-3-Clause
"""One alert on its way to the task that sends it: encoded once, by whoever sends it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from igwn_alert_celery.errors import HandlerError, SendRefused
from igwn_alert_celery.handlers import check_prefix, check_topic, is_pattern
from igwn_alert_celery.kafka.encode import checked, json_string, plain_headers
from igwn_alert_celery.kafka.json_text import unwrap
from igwn_alert_celery.record import Headers
from igwn_alert_celery.settings import Settings

__all__ = ["Parcel", "pack", "pack_each"]

_PAIR = ("topic", "alert")
_NAMES = {*_PAIR, "key", "headers", "test"}


class _Uid(msgspec.Struct):
    uid: Any = None


_read_uid = msgspec.json.Decoder(_Uid).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """An encoded alert, and where it goes.

    Attributes
    ----------
    topics : tuple of str
        Without the group.
    many : bool
        Whether several topics were asked for, so that the result is a list.
    content
        What Kafka gets as the value; a text goes as the JSON string that holds it, as GraceDB
        sends it, and is wrapped last: each wrapping on the way makes it longer.
    key, headers
        What Kafka gets; hop's own headers are added when it is sent.
    format : str
        hop's name of the format.
    test : bool
        Whether hop's listeners are to take it as a test.
    """

    topics: tuple[str, ...]
    many: bool
    content: str | bytes = field(repr=False)
    format: str
    key: bytes | None = None
    headers: Headers = field(default=(), repr=False)
    test: bool = False

    @property
    def value(self) -> bytes:
        """The record's value."""
        return json_string(self.content) if isinstance(self.content, str) else self.content

    def as_message(self) -> dict[str, Any]:
        """Return the form that travels in the task message; any serializer carries it."""
        message: dict[str, Any] = {"topic": list(self.topics) if self.many else self.topics[0]}
        if isinstance(self.content, str):
            message["alert"] = self.content
        else:
            message["value"] = _text(self.content)
        message["format"] = self.format
        if self.key is not None:
            message["key"] = _text(self.key)
        if self.headers:
            message["headers"] = [[name, _text(value)] for name, value in self.headers]
        if self.test:
            message["test"] = True
        return message

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Parcel:
        """Read what :meth:`as_message` wrote."""
        topic = message["topic"]
        many = not isinstance(topic, str)
        return cls(
            topics=tuple(topic) if many else (topic,),
            many=many,
            content=message["alert"] if "alert" in message else _bytes(message["value"]) or b"",
            format=message["format"],
            key=_bytes(message.get("key")),
            headers=tuple((name, _bytes(value)) for name, value in message.get("headers", ())),
            test=bool(message.get("test")),
        )


def pack(
    settings: Settings,
    topic: str | Iterable[str],
    alert: Any,
    key: str | bytes | bool | None = None,
    headers: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
    test: bool = False,  # noqa: FBT002 - the task's public signature
) -> Parcel:
    """Check and encode one alert; see :meth:`igwn_alert_celery.IGWNAlert.publish`.

    Raises
    ------
    HandlerError
        A topic is none, is a pattern, or carries the group.
    SendRefused
        The alert, its key or its headers cannot be sent.
    """
    topics = _topics(settings, topic)
    content, format_name = checked(alert, settings.wire_format)
    return Parcel(
        topics=topics,
        many=not isinstance(topic, str),
        content=content,
        format=format_name,
        key=_key(key, content),
        headers=plain_headers(headers or ()),
        test=bool(test),
    )


def pack_each(settings: Settings, items: Iterable[Any]) -> list[Parcel]:
    """Check and encode several alerts, given as pairs or mappings; raises as :func:`pack` does."""
    found = []
    for number, item in enumerate(items):
        try:
            found.append(pack(settings, **_item(item)))
        except (HandlerError, SendRefused) as exc:
            raise type(exc)(f"item {number}: {exc}") from exc
    if not found:
        raise HandlerError("give at least one pair of topic and alert")
    return found


def _item(item: Any) -> dict[str, Any]:
    given = dict(zip(_PAIR, item, strict=False)) if isinstance(item, (tuple, list)) else item
    known = isinstance(given, Mapping) and set(_PAIR) <= given.keys() <= _NAMES
    if not known or (isinstance(item, (tuple, list)) and len(item) != len(_PAIR)):
        raise HandlerError(
            "give (topic, alert), or a mapping with topic, alert and, where wanted, key, headers "
            "and test"
        )
    return dict(given)


def _topics(settings: Settings, topic: Any) -> tuple[str, ...]:
    names = tuple(topic) if isinstance(topic, (list, tuple, set, frozenset)) else (topic,)
    if not names:
        raise HandlerError("name at least one topic to send to, e.g. 'superevent'")
    for name in names:
        if is_pattern(check_topic(name)):
            raise HandlerError(f"topic {name!r} is a pattern: name the topics to send to")
    check_prefix(settings.group, names)
    return tuple(dict.fromkeys(names))


def _key(key: Any, content: str | bytes) -> bytes | None:
    if key is None or isinstance(key, bytes):
        return key
    text = _uid(content) if key is True else key
    if not isinstance(text, str):
        raise SendRefused(
            f"key={key!r}: give a text, bytes, or True for the alert's uid", code="bad_key"
        )
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise SendRefused(f"key={text!r} has no UTF-8: {exc}", code="bad_key") from exc


def _uid(content: str | bytes) -> str:
    try:
        uid = _read_uid(content).uid
    except (msgspec.DecodeError, ValueError, RecursionError):
        uid = _uid_within(content)
    if not isinstance(uid, str):
        raise SendRefused("key=True takes the alert's uid, and it has none", code="bad_key")
    return uid


def _uid_within(content: str | bytes) -> Any:
    try:
        text = content if isinstance(content, str) else content.decode()
        alert, _ = unwrap(json.loads(text), text)
    except ValueError:
        return None  # neither JSON nor, therefore, with a uid
    return alert.get("uid") if isinstance(alert, dict) else None


def _text(value: bytes | None) -> Any:
    """Return bytes as text where they are text, else as a mapping that says so."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    return base64.b64decode(value["base64"], validate=True)

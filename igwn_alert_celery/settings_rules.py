# SPDX-License-Identifier: BSD-3-Clause
"""What each setting may be: one check for each, which returns the value in its normal form."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlsplit

from igwn_alert_celery.settings_kafka_options import reason_against

__all__ = ["RULES", "BrokenRule", "check_topics", "epoch_s", "shown", "shown_unknown"]

MASK = "********"
_SECRET = frozenset({"password", "kafka_options"})
_SECRET_LIKE = re.compile("pass|pwd|secret|token|auth|cred|key|sasl|kafka_opt")
_URL = "give a URL such as kafka://kafka.scimma.org/ or kafka://localhost:9092/"
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PATTERN = re.compile(r"[A-Za-z0-9._\-*?]+")
# Beyond this a number is milliseconds: in seconds it would be the year 5138.
_LATEST_EPOCH_S = 1e11


class BrokenRule(Exception):
    """A value is not allowed; the text is the rule, on one line and without a secret."""


def shown(name: str, value: object) -> str:
    """Return the value for an error: one short line, masked where it could hold a secret."""
    url_secret = isinstance(value, str) and (
        "@" in value or (name == "server" and re.search("[?#%]", value))
    )
    if name in _SECRET or url_secret:
        return MASK
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def shown_unknown(name: str, value: object, near: str | None) -> str:
    """Return the value of a key that does not exist: a mistyped password is still a password."""
    return MASK if near in _SECRET or _SECRET_LIKE.search(name) else shown(name, value)


def epoch_s(value: object) -> float:
    """Return a moment as seconds since the Unix epoch; raises :exc:`BrokenRule`.

    A time without a zone is taken as UTC, as everywhere in this field.
    """
    moment = _moment(value)
    if moment is None or not 0 <= moment <= _LATEST_EPOCH_S:
        raise BrokenRule(
            "give 'latest', 'earliest', an ISO time such as '2026-05-18T12:59:08Z', a datetime, or "
            "seconds (not milliseconds) since 1970"
        )
    return moment


def check_topics(group: str, topics: tuple[str, ...]) -> None:
    """Refuse topics that carry the group; raises :exc:`BrokenRule` with the correction."""
    for topic in topics:
        if topic.startswith(f"{group}."):
            short = topic.removeprefix(f"{group}.")
            raise BrokenRule(
                f"topics are written without the group {group!r}: write {short!r} instead of "
                f"{topic!r}"
            )


def _moment(value: object) -> float | None:
    if isinstance(value, datetime):
        zoned = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        return zoned.timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        pass  # no number of seconds, so it has to be a date
    try:
        # Python 3.10 does not read the Z.
        return _moment(datetime.fromisoformat(str(value).strip().replace("Z", "+00:00")))
    except (ValueError, OverflowError):
        return None


def _start_at(value: object) -> Any:
    if not (isinstance(value, str) and value in {"latest", "earliest"}):
        epoch_s(value)
    return value


def _server(value: object) -> str:
    if not isinstance(value, str):
        raise BrokenRule(_URL)
    if "@" in value:
        raise BrokenRule(
            "a credential does not belong into the URL: set igwn_alert_username and "
            "igwn_alert_password, or run `hop auth add`"
        )
    url = _split(value)
    if url is None or url.scheme != "kafka" or not _HOST.fullmatch(url.hostname or ""):
        raise BrokenRule(f"{_URL}: one host, and a port from 1 to 65535 if any")
    if url.path not in {"", "/"} or url.query or url.fragment:
        raise BrokenRule(f"{_URL}, without a topic: those go to igwn_alert_topics")
    return value


def _split(text: str) -> SplitResult | None:
    # The texts of urlsplit's own errors quote the URL, so they end here.
    try:
        url = urlsplit(text)
        usable = url.port != 0
    except ValueError:
        return None
    return url if usable else None


def _group(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BrokenRule(
            "give the prefix of the topics, such as 'gracedb-playground': letters, digits, "
            "'.', '_', '-'"
        )
    if value.endswith("."):
        raise BrokenRule(f"leave the dot at the end out: write {value.rstrip('.')!r}")
    return value


def _consumer_group(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _NAME.fullmatch(value)):
        return value
    raise BrokenRule(
        "give Kafka's consumer group, such as 'myuser-followup': letters, digits, '.', '_', '-'"
    )


def _topics(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise BrokenRule(f"give a list: [{shown('topics', value)}]")
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise BrokenRule("give a list of topics without the group, such as ['superevent']")
    for topic in value:
        if not isinstance(topic, str) or not _PATTERN.fullmatch(topic):
            raise BrokenRule(
                f"{shown('topics', topic)} is no topic: letters, digits, '.', '_', '-', and "
                "'*' or '?' for a pattern"
            )
    names = value if isinstance(value, (list, tuple)) else sorted(value)
    return tuple(dict.fromkeys(names))


def _enabled(value: object) -> bool | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value == "flag":
        return value
    raise BrokenRule("give True, False or 'flag' (only workers started with --igwn-alert)")


def _kafka_options(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise BrokenRule(
            "give a mapping of librdkafka's options (in the environment a JSON object)"
        )
    for key, option in value.items():
        reason = reason_against(key, option)
        if reason is not None:
            raise BrokenRule(reason)
        scalar = isinstance(option, (str, int, float))
        if not scalar and not (key.endswith("_cb") and callable(option)):
            raise BrokenRule(f"{shown('', key)} must be a text, a number or a bool")
    return MappingProxyType(dict(value))


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise BrokenRule("give True or False")


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value.strip() and value.isprintable()):
        return value
    raise BrokenRule("give a text that is not empty, on one line")


def _path(value: object) -> str | None:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if path is None or (isinstance(path, str) and path.strip()):
        return path
    raise BrokenRule("give a path")


def _one_of(*words: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise BrokenRule(f"give {' or '.join(map(repr, words))}")

    return check


def _whole(most: int | None = None, *, least: int = 1) -> Callable[[object], int]:
    above = f"above {least - 1}" if least else "that is not negative"
    rule = f"give a whole number from {least} to {most}" if most else f"give a whole number {above}"

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BrokenRule(rule)
        if not least <= value <= (most or value):
            raise BrokenRule(rule)
        return value

    return check


def _seconds(
    most: float = math.inf, *, least: float = 0.0, optional: bool = False
) -> Callable[[object], float | None]:
    limit = "" if math.isinf(most) else f" and at most {most:g}"
    above = f"at least {least:g}" if least else "above 0"
    rule = f"give seconds: a number {above}{limit}"

    def check(value: object) -> float | None:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BrokenRule(rule)
        if not (0 < value <= most and value >= least and math.isfinite(value)):
            raise BrokenRule(rule)
        return value

    return check


RULES: Mapping[str, Callable[[object], Any]] = {
    "server": _server,
    "port": _whole(65535),
    "group": _group,
    "noauth": _bool,
    "username": _text,
    "password": _text,
    "authfile": _path,
    "netrc": _path,
    "consumer_group": _consumer_group,
    "topics": _topics,
    "enabled": _enabled,
    "start_at": _start_at,
    "ignore_test": _bool,
    "max_bytes": _whole(),
    "offload_timeout_s": _seconds(12),
    "rewind_s": _seconds(optional=True),
    "kafka_options": _kafka_options,
    "move_ledger": _bool,
    "dead_letter_max_count": _whole(),
    "dead_letter_max_bytes": _whole(),
    "state_dir": _path,
    "task_broker_timeout_s": _seconds(60),
    "redelivery": _bool,
    "max_attempts": _whole(100),
    "unknown_task_s": _seconds(86_400),
    "on_failure": _one_of("restart", "shutdown"),
    "stuck_after_s": _seconds(3600, least=1),
    "wire_format": _one_of("gracedb", "object"),
    "publish_queue": _text,
    "publish_timeout_s": _seconds(900, least=5),
    "publish_retries": _whole(least=0),
    "publish_backoff_s": _seconds(3600),
}

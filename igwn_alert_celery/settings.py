# SPDX-License-Identifier: BSD-3-Clause
"""Settings: default < ``app.conf.igwn_alert_*`` < keyword < environment ``IGWN_ALERT_*``."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from igwn_alert_celery.errors import SettingsError

__all__ = ["Settings"]

_SECRET = frozenset({"password", "kafka_options"})
_OWNED = {
    "bootstrap.servers": "set igwn_alert_server",
    "group.id": "set igwn_alert_consumer_group",
    "group.protocol": "the bridge needs the classic protocol: with any other the promise to take "
    "over within 10 s cannot be kept",
    "enable.auto.commit": "the bridge commits itself, after the tasks are enqueued",
    "enable.auto.offset.store": "the bridge stores positions itself",
    "auto.offset.reset": "set igwn_alert_start_at",
    "partition.assignment.strategy": "the bridge needs cooperative-sticky",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be set. In ``app.conf`` each name begins with ``igwn_alert_``."""

    server: str = "kafka://kafka.scimma.org/"
    """Kafka's URL; a port in it counts."""
    port: int = 9092
    """Kafka's port where the URL has none."""
    group: str = "gracedb"
    """igwn-alert's group: the prefix of every topic (``gracedb``, ``gracedb-playground``)."""
    noauth: bool = False
    """Connect without a credential."""
    username: str | None = None
    """SCiMMA user; alone it selects an entry of hop's auth.toml."""
    password: str | None = field(default=None, repr=False)
    """Password that goes with ``username``."""
    authfile: str | None = None
    """Path of an auth.toml other than hop's own."""
    netrc: str | None = None
    """Path of a netrc file (default: ``$NETRC``, then ``~/.netrc``)."""
    consumer_group: str | None = None
    """Kafka's consumer group (default: ``<username>-<app name>``)."""
    topics: tuple[str, ...] = ()
    """Further topics, announced by signal only."""
    enabled: bool | str | None = None
    """Whether workers listen: True, False, ``"flag"`` (only with ``--igwn-alert``); None: where
    the app has handlers."""
    start_at: Any = "latest"
    """Where a new consumer group starts: ``latest``, ``earliest``, an ISO time or epoch seconds."""
    ignore_test: bool = True
    """Skip records that hop marks as tests."""
    max_bytes: int = 4_000_000
    """Larger records (bytes) become dead letters."""
    rewind_s: float | None = None
    """How far to go back (seconds) when Redis returns empty."""
    kafka_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further options of librdkafka."""
    move_ledger: bool = False
    """Take the consumer group over from another task broker."""
    dead_letter_max_count: int = 10_000
    """Most dead letters kept."""
    dead_letter_max_bytes: int = 100_000_000
    """Most bytes of dead letters kept."""
    state_dir: str | None = None
    """Folder for dead letters where the task broker is not Redis."""
    task_broker_timeout_s: float = 5.0
    """Time limit of each call to the task broker, seconds."""

    @classmethod
    def build(
        cls,
        conf: Mapping[str, Any],
        keywords: Mapping[str, Any],
        environ: Mapping[str, str],
        *,
        namespaces: Sequence[str] = (),
    ) -> Settings:
        """Return checked settings; raises :exc:`SettingsError` in one line."""
        values: dict[str, Any] = {}
        for source, found in (
            ("app.conf", _from_conf(conf, namespaces)),
            ("keyword", keywords),
            ("environment", _from_environ(environ)),
        ):
            for name, value in found.items():
                values[_known(name, source)] = _checked(name, value, source)
        return cls(**values)

    @property
    def bootstrap(self) -> str:
        """``host:port`` of Kafka."""
        url = urlsplit(self.server)
        return f"{url.hostname}:{url.port or self.port}"

    @property
    def start_at_ms(self) -> int | None:
        """``start_at`` as milliseconds since the epoch; None for latest and earliest."""
        if self.start_at in ("latest", "earliest"):
            return None
        return int(_time(self.start_at) * 1000)

    def full_topic(self, topic: str) -> str:
        """Return the Kafka topic: with the group as its prefix."""
        return f"{self.group}.{topic}"

    def short_topic(self, topic: str) -> str:
        """Return the topic without the group."""
        return topic.removeprefix(f"{self.group}.")


_NAMES = tuple(item.name for item in fields(Settings))


def _from_conf(conf: Mapping[str, Any], namespaces: Sequence[str]) -> dict[str, Any]:
    prefixes = ["igwn_alert_"]
    prefixes += [f"{name.lower().rstrip('_')}_igwn_alert_" for name in namespaces]
    found = {}
    for key, value in conf.items():
        for prefix in prefixes:
            if key.lower().startswith(prefix):
                found[key.lower().removeprefix(prefix)] = value
    return found


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in environ.items():
        name = key.removeprefix("IGWN_ALERT_").lower()
        if not key.startswith("IGWN_ALERT_") or name == "app" or name.startswith("test_"):
            continue
        found[name] = _parsed(_known(name, "environment"), text)
    return found


def _parsed(name: str, text: str) -> Any:
    kind = str(Settings.__dataclass_fields__[name].type)
    word = text.strip().lower()
    if "bool" in kind and word in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        return word in {"1", "true", "yes", "on"}
    if name == "topics":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    readers: dict[str, Any] = {"int": int, "float": float, "Mapping": json.loads}
    for beginning, read in readers.items():
        if kind.startswith(beginning):
            try:
                return read(text)
            except ValueError:
                break
    # What cannot be read is refused by its rule, with the text as it was given.
    return text


def _known(name: str, source: str) -> str:
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, n=1)
        hint = f"did you mean igwn_alert_{near[0]}?" if near else "there is no such setting"
        raise SettingsError(f"igwn_alert_{name} ({source}): {hint}")
    return name


def _checked(name: str, value: Any, source: str) -> Any:
    rule = _broken_rule(name, value)
    if rule is not None:
        shown = "********" if name in _SECRET or "credential" in rule else repr(value)
        raise SettingsError(f"igwn_alert_{name} = {shown} ({source}): {rule}")
    return tuple(value) if name == "topics" else value


def _broken_rule(name: str, value: Any) -> str | None:
    special: dict[str, Any] = {
        "server": _server_rule,
        "group": _group_rule,
        "topics": _topics_rule,
        "enabled": _enabled_rule,
        "start_at": _start_rule,
        "kafka_options": _kafka_rule,
    }
    if name in special:
        rule: str | None = special[name](value)
        return rule
    kind = str(Settings.__dataclass_fields__[name].type)
    return None if value is None and "None" in kind else _kind_rule(kind, value)


def _kind_rule(kind: str, value: Any) -> str | None:
    if kind.startswith("bool"):
        return None if isinstance(value, bool) else "give True or False"
    if kind.startswith(("int", "float")):
        number = (int,) if kind.startswith("int") else (int, float)
        good = isinstance(value, number) and not isinstance(value, bool) and value > 0
        return None if good else "give a number above 0"
    return None if isinstance(value, str) and value else "give a text"


def _server_rule(value: Any) -> str | None:
    if not isinstance(value, str):
        return "give a URL such as kafka://kafka.scimma.org/"
    try:
        url = urlsplit(value)
        has_credential, _ = "@" in url.netloc, url.port
    except ValueError:
        return "the port must be a number from 1 to 65535"
    if has_credential:
        return (
            "a credential does not belong into the URL: set igwn_alert_username or hop's auth.toml"
        )
    if url.scheme != "kafka" or not url.hostname:
        return "give a URL such as kafka://kafka.scimma.org/"
    return None


def _group_rule(value: Any) -> str | None:
    good = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._-]+", value)
    return None if good else "give the prefix of the topics, such as gracedb-playground"


def _topics_rule(value: Any) -> str | None:
    good = isinstance(value, (list, tuple, set, frozenset)) and all(
        isinstance(topic, str) and re.fullmatch(r"[A-Za-z0-9._\-*?]+", topic) for topic in value
    )
    return None if good else "give a list of topics without the group, such as ['superevent']"


def _enabled_rule(value: Any) -> str | None:
    return None if value in (None, True, False, "flag") else "give True, False or 'flag'"


def _start_rule(value: Any) -> str | None:
    if value in ("latest", "earliest"):
        return None
    try:
        _time(value)
    except (ValueError, TypeError):
        return "give 'latest', 'earliest', an ISO time or seconds since the epoch"
    return None


def _kafka_rule(value: Any) -> str | None:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return "give a mapping of librdkafka's options"
    for key, reason in _OWNED.items():
        if key in value:
            return f"{key} is not yours to set: {reason}"
    return None


def _time(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bool):
        raise TypeError("a bool is no time")
    try:
        return float(value)
    except ValueError:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()

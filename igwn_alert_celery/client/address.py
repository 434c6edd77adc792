# SPDX-License-Identifier: BSD-3-Clause
"""Server, port, group and topics ⇄ the URL that ``open`` takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from igwn_alert_celery.errors import ArgumentError, SettingsError
from igwn_alert_celery.settings import Settings

__all__ = ["Place", "checked", "is_pattern", "place_of", "regex_of", "settings_at"]


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says: one server, a username to select a credential by, and full topics."""

    address: str
    username: str | None
    topics: tuple[str, ...]


def checked(server: str, port: int, group: str, *, noauth: bool = False) -> Settings:
    """Return what they make together; a server without a scheme is a host.

    Raises
    ------
    ArgumentError
        With the rule that is broken.
    """
    url = server if not isinstance(server, str) or "://" in server else f"kafka://{server}"
    try:
        return Settings(server=url, port=port, group=group, noauth=noauth)
    except SettingsError as exc:
        raise ArgumentError(str(exc).replace("igwn_alert_", "")) from None


def place_of(url: str) -> Place:
    """Return what a URL ``kafka://[username@]host:port/topic[,topic…]`` says.

    Raises
    ------
    ValueError
        It is no such URL, as in hop.
    """
    parts = urlsplit(url)
    if parts.scheme != "kafka":
        raise ValueError("the URL of a stream begins with kafka://")
    _, _, address = parts.netloc.rpartition("@")
    if "," in address:
        raise ValueError("a stream has one server: list topics with commas, not servers")
    topics = tuple(topic for topic in parts.path.lstrip("/").split(",") if topic)
    return Place(address, parts.username, topics)


def settings_at(address: str) -> Settings:
    """Return settings for a server ``host[:port]``."""
    return checked(f"kafka://{address}/", Settings().port, Settings().group)


def is_pattern(topic: str) -> bool:
    """Whether a name stands for several topics: ``*`` and ``?`` are in no topic's name."""
    return "*" in topic or "?" in topic


def regex_of(topic: str) -> str:
    """Return the regular expression of a pattern, as Kafka's clients take it; else the name."""
    if not is_pattern(topic):
        return topic
    return f"^{re.escape(topic)}$".replace(r"\*", ".*").replace(r"\?", ".")

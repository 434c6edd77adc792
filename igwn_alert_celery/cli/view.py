# SPDX-License-Identifier: BSD-3-Clause
"""How an alert is shown: igwn-alert's lines, one JSON line, or for the eye on a terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from rich.json import JSON
from rich.text import Text

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.cli.report import one_line
from igwn_alert_celery.cli.screen import Screen, utc

__all__ = ["JsonLines", "Lines", "Seen", "Table", "View", "choose_view"]

_YEAR_S = 365.25 * 24 * 3600
_MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """A decoded alert and where it came from.

    ``topic`` is full, ``short_topic`` without the group; ``text`` the sender's own JSON;
    ``record`` what a handler gets as ``alert.record``, None where that is not known.
    """

    topic: str
    short_topic: str
    content: dict[str, Any]
    text: str
    timestamp_ms: int = -1
    record: dict[str, Any] | None = None


class View(Protocol):
    """Shows one alert after the other."""

    def show(self, seen: Seen) -> None:
        """Write it, at once."""


class Lines:
    """igwn-alert's own two lines, the second indented with ``-j``."""

    def __init__(self, screen: Screen, *, pretty: bool) -> None:
        self._screen = screen
        self._pretty = pretty

    def show(self, seen: Seen) -> None:
        """Write them."""
        text = json.dumps(seen.content, indent=4) if self._pretty else seen.text
        if not self._screen.can_say(text):
            text = json.dumps(seen.content)
        self._screen.say(f"New message from topic {seen.topic}:\n{text}")


class JsonLines:
    """The alert as one line of JSON, or with ``--record`` an object with it and its record."""

    def __init__(self, screen: Screen, *, with_record: bool) -> None:
        self._screen = screen
        self._with_record = with_record

    def show(self, seen: Seen) -> None:
        """Write it; the sender's own text where that is one line."""
        if self._with_record:
            line = json.dumps({"record": seen.record, "alert": seen.content})
        else:
            line = seen.text.strip()
            if len(line.splitlines()) > 1 or not self._screen.can_say(line):
                line = json.dumps(seen.content)
        self._screen.say(line)


class Table:
    """For a terminal: what one wants to know first, in two or three lines."""

    def __init__(self, screen: Screen, *, pretty: bool) -> None:
        self._screen = screen
        self._pretty = pretty

    def show(self, seen: Seen) -> None:
        """Draw it; nothing that came from Kafka can control the terminal."""
        alert = Alert(seen.content)
        print_ = self._screen.print
        kind = one_line(alert.alert_type or str(seen.content.get("format", "")))
        print_(
            Text.assemble(
                (utc(seen.timestamp_ms), "dim"),
                "  ",
                (seen.short_topic, "bold cyan"),
                "  ",
                (kind, "yellow"),
                "  ",
                (one_line(alert.uid or ""), "bold"),
                "  ",
                rate(alert.far),
            )
        )
        for line in _details(alert):
            print_(Text(f"          {line}", "dim"))
        if self._pretty:
            print_(JSON.from_data(seen.content, indent=4, ensure_ascii=True))


def choose_view(screen: Screen, *, pretty: bool, as_json: bool, with_record: bool) -> View:
    """Return the view for this output and these options."""
    if as_json or with_record:
        return JsonLines(screen, with_record=with_record)
    if screen.is_live:
        return Table(screen, pretty=pretty)
    return Lines(screen, pretty=pretty)


def rate(far_hz: float | None) -> str:
    """Return a false-alarm rate in words."""
    if far_hz is None:
        return ""
    per_year = far_hz * _YEAR_S
    if not per_year > 0:
        return "FAR 0"
    if per_year >= 1:
        return f"FAR {per_year:.3g} per yr"
    return f"FAR 1 per {1 / per_year:.3g} yr"


def _details(alert: Alert) -> list[str]:
    found = alert.get("object")
    thing: dict[str, Any] = found if isinstance(found, dict) else {}
    labels = sorted(one_line(label) for label in alert.labels)
    names = (thing.get(key) for key in ("instruments", "group", "pipeline", "search", "category"))
    about = [one_line(name) for name in names if isinstance(name, str) and name]
    links = thing.get("links")
    link = links.get("self") if isinstance(links, dict) else None
    lines = [" ".join(about), " ".join(labels[:_MOST_LABELS])]
    if isinstance(link, str):
        lines.append(one_line(link))
    return [line for line in lines if line]

# SPDX-License-Identifier: BSD-3-Clause
"""What a handler gets: still a plain dict, with the first things one asks as properties."""

from __future__ import annotations

from typing import Any

from igwn_alert_celery.record import RecordInfo

__all__ = ["Alert"]


class Alert(dict[str, Any]):
    """An igwn-alert. Every property tolerates alerts without, or with another, structure.

    Parameters
    ----------
    content : object
        The decoded alert; what is not a JSON object is kept under ``content``.
    record : RecordInfo, optional
        Where it came from; None under a plain ``.delay()``.
    """

    def __init__(self, content: Any = (), *, record: RecordInfo | None = None) -> None:
        super().__init__(content)
        self.record = record

    def __reduce__(self) -> Any:
        return _rebuild, (dict(self), self.record)

    @property
    def uid(self) -> str | None:
        """The superevent's or event's id, ``S230518h``."""
        return _text(self.get("uid"))

    @property
    def alert_type(self) -> str | None:
        """``new``, ``update``, ``label_added``, …"""
        return _text(self.get("alert_type"))

    @property
    def object(self) -> dict[str, Any]:
        """The superevent or event as GraceDB had it when it sent the alert."""
        found = self.get("object")
        return found if isinstance(found, dict) else {}

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the alert's object."""
        found = self.object.get("labels")
        if not isinstance(found, (list, tuple)):
            return frozenset()
        return frozenset(label for label in found if isinstance(label, str))

    @property
    def far(self) -> float | None:
        """The false-alarm rate in Hz."""
        found = self.object.get("far")
        return float(found) if isinstance(found, (int, float)) else None

    @property
    def superevent_id(self) -> str | None:
        """The superevent's id, also for an event's alert."""
        found = self.object.get("superevent_id", self.object.get("superevent"))
        return _text(found)

    @property
    def is_mdc(self) -> bool:
        """Whether it belongs to the mock data challenge."""
        return self._category() == "MDC" or (self.uid or "").startswith("M")

    @property
    def is_test(self) -> bool:
        """Whether it is a test superevent or event (not the same as hop's ``_test``)."""
        return self._category() == "TEST" or (self.uid or "").startswith("T")

    def _category(self) -> str:
        found = self.object.get("category", self.object.get("group"))
        return found.upper() if isinstance(found, str) else ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _rebuild(content: dict[str, Any], record: RecordInfo | None) -> Alert:
    return Alert(content, record=record)

# SPDX-License-Identifier: BSD-3-Clause
"""What a handler gets: still a plain dict, with the first things one asks as properties."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.record import RecordInfo

__all__ = ["Alert", "Unread", "as_json", "whole"]

_SUPEREVENT_ID = re.compile(r"[MT]?(S|GW)\d{6}[A-Za-z]*\Z")
_MDC_ID = re.compile(r"M(S|GW)?\d")
_TEST_ID = re.compile(r"T(S|GW)?\d")


class Alert(dict[str, Any]):
    """An igwn-alert; no property raises, whatever the alert's structure.

    Parameters
    ----------
    content : mapping or iterable of pairs
        The decoded alert; what is not a JSON object is kept under ``content`` (DESIGN: public
        names), so this is always a mapping.
    record : RecordInfo, optional
        Where it came from; None under a plain ``.delay()``.

    Notes
    -----
    Keys and ids are GraceDB's: superevents are ``S…``, ``MS…`` (mock data challenge) and ``TS…``
    (test), once confirmed ``GW…``, ``MGW…`` and ``TGW…``; events ``G…``, ``E…``, ``M…`` and ``T…``.
    """

    def __init__(self, content: Any = (), *, record: RecordInfo | None = None) -> None:
        super().__init__(content)
        self.record = record

    def copy(self) -> Alert:
        """Return a shallow copy that keeps :attr:`record`."""
        return type(self)(self, record=self.record)

    @property
    def uid(self) -> str | None:
        """The superevent's or event's id, ``S230518h``."""
        return _text(self.get("uid"))

    @property
    def alert_type(self) -> str | None:
        """``new``, ``update``, ``label_added``, …"""
        return _text(self.get("alert_type"))

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the alert's object."""
        return _labels(self._object.get("labels"))

    @property
    def far(self) -> float | None:
        """The false-alarm rate in Hz."""
        found = self._object.get("far")
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return None
        try:
            return float(found)
        except OverflowError:
            return None

    @property
    def superevent_id(self) -> str | None:
        """The superevent's id, also for the alert of an event that belongs to one."""
        for key in ("superevent_id", "superevent"):
            found = self._object.get(key)
            if found and isinstance(found, str):
                return found
        uid = self.uid
        return uid if uid and _SUPEREVENT_ID.match(uid) else None

    @property
    def is_mdc(self) -> bool:
        """Whether it belongs to the mock data challenge."""
        return "MDC" in self._kinds() or bool(_MDC_ID.match(self.uid or ""))

    @property
    def is_test(self) -> bool:
        """Whether it is a test superevent or event (not the same as hop's ``_test``)."""
        return "TEST" in self._kinds() or bool(_TEST_ID.match(self.uid or ""))

    @property
    def _object(self) -> dict[str, Any]:
        found = self.get("object")
        return found if isinstance(found, dict) else {}

    def _kinds(self) -> frozenset[str]:
        # A superevent has a category; an event says the same in its group and search.
        found = (self._object.get(key) for key in ("category", "group", "search"))
        return frozenset(kind.upper() for kind in found if isinstance(kind, str))


class Unread:
    """An alert on its way, of which only what filters ask first has been read.

    Parameters
    ----------
    load : callable
        Returns its content.
    alert_type, labels
        As they stand in it.
    record : RecordInfo
        Where it came from.
    """

    __slots__ = ("_alert", "_labels", "_load", "alert_type", "record")

    def __init__(
        self, load: Callable[[], Any], alert_type: Any, labels: Any, record: RecordInfo
    ) -> None:
        self._load = load
        self._alert: Alert | None = None
        self.alert_type = _text(alert_type)
        self._labels = labels
        self.record = record

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the alert's object."""
        return _labels(self._labels)

    @property
    def alert(self) -> Alert:
        """The alert, read whole when somebody first asks."""
        if self._alert is None:
            self._alert = Alert(self._load(), record=self.record)
        return self._alert


def whole(alert: Alert | Unread) -> Alert:
    """Return the alert itself, for a user's own code."""
    return alert if isinstance(alert, Alert) else alert.alert


def _labels(value: Any) -> frozenset[str]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        return frozenset()
    return frozenset(label for label in value if isinstance(label, str))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def as_json(payload: Any) -> bytes:
    """Return what a Kafka record with this alert would hold; texts and bytes are JSON already.

    Raises
    ------
    PoisonRecord
        It has no JSON form.
    """
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    try:
        return (payload if isinstance(payload, str) else json.dumps(payload)).encode()
    except RecursionError as exc:
        raise PoisonRecord("too_deep", f"a {type(payload).__name__} nested too deep") from exc
    except (TypeError, ValueError) as exc:
        raise PoisonRecord("not_json", f"a {type(payload).__name__}: {exc}") from exc

# SPDX-License-Identifier: BSD-3-Clause
"""One detection as GraceDB tells it, alert by alert. Everything in it is invented."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

__all__ = ["DETECTION", "EXAMPLES", "Sent", "detection", "example"]

#: Topic (without the group) and alert.
Sent = tuple[str, dict[str, Any]]

#: Alerts that :func:`example` makes.
EXAMPLES = ("new", "update", "label_added", "log", "event")
#: What :func:`detection` is called on the command line.
DETECTION = "detection"

_API = "https://playground.invalid/api"
_GPS_EPOCH_S = 315964782  # Unix time of GPS time 0, with the 18 leap seconds since 2017
_FIRST_FAR, _BETTER_FAR = 3.2e-9, 8.7e-11


def detection(now_s: float | None = None) -> Iterator[Sent]:
    """Yield topic and alert of each message about one detection, in the order of a real night.

    Parameters
    ----------
    now_s : float, optional
        When it was seen, seconds since the Unix epoch; default: now.
    """
    event = _Event(_at(now_s))
    yield event.new()
    night = _Superevent(_at(now_s))
    yield night.alert("new", night.described())
    yield _Event(_at(now_s), "G900002", "MBTA", 4.1e-6, night.uid).new()
    yield night.labelled("EM_Selected")
    yield night.logged("bayestar.fits", "sky map, made within seconds")
    yield night.labelled("SKYMAP_READY")
    yield night.labelled("PASTRO_READY")
    night.far = _BETTER_FAR
    yield night.alert("update", night.described())
    yield night.labelled("ADVREQ")
    yield night.logged("", "the advocate on call has looked at it")
    yield night.alert("signoff_created", _SIGNOFF)
    yield night.labelled("ADVOK")


def example(alert_type: str, now_s: float | None = None) -> Sent:
    """Return topic and alert of one type out of :data:`EXAMPLES`.

    Raises
    ------
    KeyError
        Another type.
    """
    night = _Superevent(_at(now_s))
    better = _Superevent(_at(now_s), _BETTER_FAR, ["SKYMAP_READY", "PASTRO_READY"])
    makers: dict[str, Any] = {
        "new": lambda: night.alert("new", night.described()),
        "update": lambda: better.alert("update", better.described()),
        "label_added": lambda: night.labelled("EM_Selected"),
        "log": lambda: night.logged("bayestar.fits", "sky map, made within seconds"),
        "event": lambda: _Event(_at(now_s)).new(),
    }
    sent: Sent = makers[alert_type]()
    return sent


@dataclass
class _Event:
    """What one pipeline has found."""

    at: datetime
    graceid: str = "G900001"
    pipeline: str = "gstlal"
    far: float = _FIRST_FAR
    superevent: str | None = None

    def new(self) -> Sent:
        described = self.described()
        alert = {"uid": self.graceid, "alert_type": "new", "data": described, "object": described}
        return f"cbc_{self.pipeline.lower()}", alert

    def described(self) -> dict[str, Any]:
        inspiral = {"ifos": "H1,L1,V1", "mass": 2.74, "mchirp": 1.19, "snr": 18.7}
        return {
            "graceid": self.graceid,
            "group": "CBC",
            "pipeline": self.pipeline,
            "search": "AllSky",
            "created": _created(self.at),
            "submitter": f"{self.pipeline.lower()}-playground",
            "far": self.far,
            "gpstime": _gps(self.at),
            "instruments": "H1,L1,V1",
            "likelihood": 31.4,
            "offline": False,
            "labels": [],
            "superevent": self.superevent,
            "extra_attributes": {"CoincInspiral": inspiral},
            "links": _links(f"events/{self.graceid}", "files", "labels", "logs"),
        }


@dataclass
class _Superevent:
    """What all of them together have found, as it grows."""

    at: datetime
    far: float = _FIRST_FAR
    labels: list[str] = field(default_factory=list)
    logs: int = 0

    @property
    def uid(self) -> str:
        return f"S{self.at:%y%m%d}abc"

    def alert(self, alert_type: str, data: dict[str, Any]) -> Sent:
        alert = {
            "uid": self.uid,
            "alert_type": alert_type,
            "data": data,
            "object": self.described(),
        }
        return "superevent", alert

    def labelled(self, label: str) -> Sent:
        self.labels.append(label)
        data = {
            "name": label,
            "creator": "emfollow",
            "created": _created(self.at),
            "self": f"{_API}/superevents/{self.uid}/labels/{label}/",
        }
        return self.alert("label_added", data)

    def logged(self, filename: str, comment: str) -> Sent:
        self.logs += 1
        data = {
            "N": self.logs,
            "comment": comment,
            "created": _created(self.at),
            "filename": filename,
            "issuer": "emfollow",
            "tag_names": ["sky_loc", "public"] if filename else [],
        }
        return self.alert("log", data)

    def described(self) -> dict[str, Any]:
        preferred = _Event(self.at, far=self.far, superevent=self.uid)
        gps_s = _gps(self.at)
        return {
            "superevent_id": self.uid,
            "gw_id": None,
            "category": "Production",
            "created": _created(self.at),
            "submitter": "emfollow",
            "far": self.far,
            "t_0": gps_s,
            "t_start": gps_s - 1.0,
            "t_end": gps_s + 1.0,
            "time_coinc_far": None,
            "space_coinc_far": None,
            "labels": list(self.labels),
            "preferred_event": preferred.graceid,
            "preferred_event_data": preferred.described(),
            "gw_events": [preferred.graceid],
            "em_events": [],
            "links": _links(f"superevents/{self.uid}", "events", "files", "labels", "logs"),
        }


_SIGNOFF = {
    "comment": "no reason to retract it",
    "instrument": "",
    "signoff_type": "ADV",
    "status": "OK",
    "submitter": "advocate",
}


def _links(path: str, *parts: str) -> dict[str, str]:
    return {"self": f"{_API}/{path}/", **{part: f"{_API}/{path}/{part}/" for part in parts}}


def _created(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _gps(at: datetime) -> float:
    return round(at.timestamp() - _GPS_EPOCH_S, 6)


def _at(now_s: float | None) -> datetime:
    return datetime.fromtimestamp(time.time() if now_s is None else now_s, tz=timezone.utc)

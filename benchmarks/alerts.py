# SPDX-License-Identifier: BSD-3-Clause
"""The alerts that are sent: invented, shaped as GraceDB's, numbered, of any size, always the same.

The number stands in the last seven digits of ``uid``. One alert in ten, whose number ends in 9, is
of the type ``new``; the others are what most alerts are, ``log``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

__all__ = ["HEADERS", "SIZES", "TOPIC", "Alerts", "is_new", "number_in", "number_of"]

#: Topic, without the group.
TOPIC = "superevent"
#: Bytes on the wire, by what a size is called.
SIZES: Mapping[str, int] = {
    "1 kB": 1_000,
    "10 kB": 9_800,
    "100 kB": 100_000,
    "1 MB": 1_000_000,
}
#: As hop writes them; one id for all, since nobody looks at it.
HEADERS = [("_id", bytes(range(16))), ("_format", b"json")]

_DIGITS = 7
_MARK = "0" * _DIGITS
_UID = b"MS240422x"
_API = "https://gracedb.invalid/api"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IFOS = ("H1", "L1", "V1")


class Alerts:
    """
    Alerts of one size.

    Parameters
    ----------
    size : int
        Bytes that each record's value has, exactly.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._parts = {kind: _parts(kind, size) for kind in ("new", "log")}
        self._texts = {kind: _texts(parts) for kind, parts in self._parts.items()}

    def wire(self, number: int) -> bytes:
        """Return the record's value: a JSON string that contains JSON, as GraceDB sends it."""
        before, after = self._parts["new" if is_new(number) else "log"]
        return b"%b%07d%b" % (before, number, after)

    def text(self, number: int) -> str:
        """Return the alert's own JSON."""
        before, after = self._texts["new" if is_new(number) else "log"]
        return f"{before}{number:07d}{after}"


def is_new(number: int) -> bool:
    """Whether the alert of this number is of the type ``new``."""
    return number % 10 == 9


def number_of(alert: Mapping[str, Any]) -> int:
    """Return an alert's number."""
    return int(alert["uid"][-_DIGITS:])


def number_in(value: bytes) -> int:
    """Return the number of the alert that some JSON holds, unparsed."""
    at = value.index(_UID) + len(_UID)
    return int(value[at : at + _DIGITS])


def _parts(kind: str, size: int) -> tuple[bytes, bytes]:
    alert = _filled(_small(kind) if size < 5_000 else _usual(kind), size)
    before, _, after = _wire(alert).partition(_MARK.encode())
    return before, after


def _texts(parts: tuple[bytes, bytes]) -> tuple[str, str]:
    before, after = parts
    return json.loads(before + b'"'), json.loads(b'"' + after)


def _filled(alert: dict[str, Any], size: int) -> dict[str, Any]:
    """Let a sky map, or what stands for one, make it as large as asked for."""
    alert["data"]["skymap"] = ""
    missing = size - len(_wire(alert))
    if missing < 0:
        raise ValueError(f"an alert has at least {size - missing} bytes, not {size}")
    alert["data"]["skymap"] = "".join(random.Random(size).choices(_LETTERS, k=missing))
    return alert


def _wire(alert: dict[str, Any]) -> bytes:
    return json.dumps(json.dumps(alert)).encode()


def _small(kind: str) -> dict[str, Any]:
    return {"uid": _uid(), "alert_type": kind, "data": _log(), "object": {"labels": ["ADVREQ"]}}


def _usual(kind: str) -> dict[str, Any]:
    superevent = _superevent()
    told = {key: value for key, value in superevent.items() if key != "preferred_event_data"}
    data = told if kind == "new" else _log()
    return {"uid": _uid(), "alert_type": kind, "data": data, "object": superevent}


def _uid() -> str:
    return f"{_UID.decode()}{_MARK}"


def _log() -> dict[str, Any]:
    return {
        "N": 7,
        "comment": "sky map, made within seconds",
        "created": "2024-04-22 21:35:33 UTC",
        "filename": "bayestar.multiorder.fits,0",
        "issuer": "emfollow",
        "tag_names": ["sky_loc", "public"],
        "self": f"{_API}/superevents/MS240422a/logs/7/",
    }


def _superevent() -> dict[str, Any]:
    return {
        "superevent_id": "MS240422a",
        "gw_id": None,
        "category": "MDC",
        "created": "2024-04-22 21:35:17 UTC",
        "submitter": "emfollow",
        "em_type": None,
        "far": 9.11069936486e-14,
        "t_0": 1397856931.123456,
        "t_start": 1397856930.123456,
        "t_end": 1397856932.123456,
        "time_coinc_far": None,
        "space_coinc_far": None,
        "labels": ["EM_READY", "SKYMAP_READY", "EMBRIGHT_READY", "PASTRO_READY", "ADVREQ"],
        "preferred_event": "M394156",
        "preferred_event_data": _event(),
        "gw_events": ["M394156", "M394157", "M394158"],
        "em_events": [],
        "links": _links("superevents/MS240422a"),
    }


def _event() -> dict[str, Any]:
    chance = random.Random(1)
    return {
        "graceid": "M394156",
        "group": "CBC",
        "pipeline": "gstlal",
        "search": "MDC",
        "created": "2024-04-22 21:35:16 UTC",
        "submitter": "gstlalcbc",
        "far": 9.11069936486e-14,
        "gpstime": 1397856931.123456,
        "instruments": "H1,L1,V1",
        "likelihood": 31.4,
        "nevents": 3,
        "offline": False,
        "labels": ["PASTRO_READY", "EMBRIGHT_READY", "SKYMAP_READY"],
        "superevent": "MS240422a",
        "superevent_neighbours": {},
        "links": _links("events/M394156"),
        "extra_attributes": {
            "CoincInspiral": {
                "combined_far": 9.11069936486e-14,
                "end_time": 1397856931,
                "end_time_ns": 123456000,
                "false_alarm_rate": 1.0,
                "ifos": "H1,L1,V1",
                "mass": 2.7432,
                "mchirp": 1.1897,
                "minimum_duration": 0.1,
                "snr": 18.7,
            },
            "SingleInspiral": [_trigger(ifo, chance) for ifo in _IFOS * 2],
        },
    }


def _trigger(ifo: str, chance: random.Random) -> dict[str, Any]:
    names = (
        *("amplitude", "chisq", "bank_chisq", "cont_chisq", "coa_phase", "eff_distance", "snr"),
        *("mass1", "mass2", "mchirp", "mtotal", "eta", "tau0", "tau2", "tau3", "f_final", "ttotal"),
        *("spin1x", "spin1y", "spin1z", "spin2x", "spin2y", "spin2z", "template_duration"),
        *("sigmasq", "rsqveto_duration", "Gamma0", "Gamma1", "Gamma2", "kappa", "chi"),
    )
    return {
        "ifo": ifo,
        "channel": "GDS-CALIB_STRAIN_INJ1_O3Replay",
        "end_time": 1397856931,
        "end_time_ns": chance.randrange(10**9),
        **{name: round(chance.uniform(0, 100), 6) for name in names},
    }


def _links(path: str) -> dict[str, str]:
    parts = ("events", "emobservations", "files", "labels", "logs", "neighbors", "voevents")
    found = {part: f"{_API}/{path}/{part}/" for part in parts}
    return {**found, "self": f"{_API}/{path}/"}

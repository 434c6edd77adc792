# SPDX-License-Identifier: BSD-3-Clause
"""From the URL of an external message to the record it stands for, with hop's rules of trust."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hop import bson
from hop.auth import Auth

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.bson_bound import check_bson
from igwn_alert_celery.kafka.download import Unavailable, download, is_url, place_of
from igwn_alert_celery.kafka.offload_server import OffloadServer
from igwn_alert_celery.record import Headers, Record

__all__ = ["OffloadFetcher", "is_safe"]

logger = logging.getLogger(__name__)

_ENVELOPE_BYTES = 65_536  # headers and key, around the message itself
_MOST_FAILURES = 2
_REST_S = 30.0
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class _Rest:
    """Servers that failed twice in a row are left alone for a while.

    Without it a batch of 500 records would wait 500 times for a server that hangs, and Kafka
    would give the partitions to somebody else.
    """

    failures: int = 0
    until: float = 0.0

    def left_s(self) -> float:
        """Return how long they still rest, 0 or less when they do not."""
        return self.until - time.monotonic()

    def note(self, *, failed: bool) -> None:
        """Count a failure, or forget all of them."""
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= _MOST_FAILURES:
            self.until = time.monotonic() + _REST_S


class OffloadFetcher:
    """Callable that fetches one of hop's offloaded large messages; for one thread.

    hop's own fetch has no time limit (hop-client 0.13), so a server that hangs would hang the
    receiver with it.

    Parameters
    ----------
    config : mapping
        The options of the receiver's consumer, with which Kafka is asked, at the first message,
        for the one server that may see the credential.
    credential : hop.auth.Auth or None
        The Kafka credential.
    timeout_s : float
        Bound on one fetch, name look-up included, seconds.
    max_bytes : int
        Bound on the message.
    """

    def __init__(
        self, config: Mapping[str, Any], credential: Auth | None, timeout_s: float, max_bytes: int
    ) -> None:
        self._server = OffloadServer(config)
        self._credential = credential
        self._timeout_s = timeout_s
        self._most_bytes = max_bytes + _ENVELOPE_BYTES
        # Two, because anybody may put the URLs of any number of servers into records.
        self._rests = {True: _Rest(), False: _Rest()}
        self._refused: str | None = None

    def __call__(self, url: str) -> Record:
        """Fetch one message; blocks for ``timeout_s``, and for 10 s more when Kafka is asked.

        Returns
        -------
        Record
            Value, key, headers and time of the message; topic and offset stay the outer
            record's, so here they are empty.

        Raises
        ------
        PoisonRecord
            ``offload_unavailable`` when a later try may succeed; ``offload_missing``,
            ``too_large``, ``undecodable``.
        """
        if not is_url(url):
            raise PoisonRecord("undecodable", "the URL of an external message is not http(s)")
        return _record(self._body(url))

    def _body(self, url: str) -> bytes:
        credential = self._credential_for(url)
        rest = self._rests[credential is not None]
        if rest.left_s() > 0:
            detail = f"{place_of(url)}: {rest.failures} failures in a row; not tried again yet"
            raise PoisonRecord("offload_unavailable", detail)
        failed = False
        try:
            return download(url, credential, self._timeout_s, self._most_bytes)
        except Unavailable as exc:
            failed = True
            raise PoisonRecord("offload_unavailable", str(exc)) from exc
        finally:
            rest.note(failed=failed)

    def _credential_for(self, url: str) -> Auth | None:
        """Return the credential where hop would send it: to the server that Kafka names."""
        if self._credential is None:
            return None
        named = self._server.url()
        if named is None or _origin(url) is None or _origin(url) != _origin(named):
            return None
        if is_safe(named):
            return self._credential
        if self._refused != named:
            self._refused = named
            logger.warning(
                "Kafka names %s as its server of large messages, which is plain http: the "
                "credential is not sent there",
                place_of(named),
            )
        return None


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for what never gets a credential."""
    if not is_url(url):
        return None
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def is_safe(url: str) -> bool:
    """Whether a credential may travel to this URL: https, or this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _record(body: bytes) -> Record:
    """Unpack hop's BSON; the structure is the one that hop-client itself checks."""
    check_bson(body)
    try:
        found = bson.loads(body)
    except Exception as exc:
        # Border: hop's reader raises anything for wrong dates, UUIDs and texts.
        raise PoisonRecord("undecodable", f"BSON: {type(exc).__name__}: {exc}"[:500]) from exc
    meta = found.get("metadata")
    value = found.get("message")
    if not isinstance(value, bytes) or not isinstance(meta, dict):
        raise PoisonRecord("undecodable", "a large message without its message or metadata")
    timestamp_ms = meta.get("timestamp")
    if not isinstance(timestamp_ms, int):
        raise PoisonRecord("undecodable", "a large message without its time")
    headers = _headers(meta.get("headers"))
    return Record("", -1, -1, timestamp_ms, _key(meta.get("key")), value, headers)


def _key(found: Any) -> bytes | None:
    # hop's producer uploads it as it was given, most often as text.
    if isinstance(found, str):
        return found.encode("utf-8", "backslashreplace")
    return found if isinstance(found, bytes) else None


def _headers(found: Any) -> Headers:
    if not isinstance(found, Collection):
        raise PoisonRecord("undecodable", "a large message without its headers")
    for header in found:
        pair = isinstance(header, (list, tuple)) and len(header) == 2
        if not (pair and isinstance(header[0], str) and isinstance(header[1], bytes)):
            raise PoisonRecord("undecodable", "a large message with a wrong header")
    return tuple((name, value) for name, value in found)

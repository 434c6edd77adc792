# SPDX-License-Identifier: BSD-3-Clause
"""A record that is too large for Kafka: kept where the service keeps such, as hop-client does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import requests
from hop import bson
from hop.auth import Auth
from hop.models import ExternalMessage

from igwn_alert_celery.errors import KafkaUnavailable, PoisonRecord, SendFailed, SendRefused
from igwn_alert_celery.kafka.download import http_auth
from igwn_alert_celery.kafka.encode import hop_headers
from igwn_alert_celery.kafka.offload import is_safe
from igwn_alert_celery.kafka.offload_server import OffloadServer
from igwn_alert_celery.kafka.producer import OutgoingRecord
from igwn_alert_celery.kafka.transport import Transport, Unavailable, place_of
from igwn_alert_celery.kafka.verdict import TOO_LARGE
from igwn_alert_celery.native import run_natively

__all__ = ["Uploader"]

# hop's name for the place of a topic's large messages (hop-client 0.13, hop/io.py).
_SUFFIX = "+oversized"


class Uploader:
    """Callable that stores a record with hop's service, and returns what Kafka gets in its place.

    Parameters
    ----------
    config : mapping
        A consumer's options, with which Kafka is asked for its server of large messages.
    credential : hop.auth.Auth or None
        The Kafka credential; without one nothing is stored.
    timeout_s : float
        Bound on one upload, seconds.
    """

    def __init__(
        self, config: Mapping[str, Any], credential: Auth | None, timeout_s: float
    ) -> None:
        self._server = OffloadServer(config)
        self._credential = credential
        self._timeout_s = timeout_s

    def __call__(self, record: OutgoingRecord) -> OutgoingRecord:
        """Store one record; blocks for ``timeout_s``, and for 10 s more when Kafka is asked.

        The same record may be stored again: its id, and that of what Kafka gets, stay the same.

        Raises
        ------
        SendRefused
            The service has no such place, or refuses.
        SendFailed
            It did not answer, or Kafka did not, which alone can name it.
        """
        url = self._url(record)
        try:
            self._store(f"{url}/topic/{record.topic}{_SUFFIX}", record)
        except PoisonRecord as exc:
            raise self._refused(record, exc.detail) from exc
        except (Unavailable, requests.Timeout) as exc:
            raise SendFailed(
                f"the server of large messages did not take the record for {record.topic}: "
                f"{exc or 'no answer in time'}",
                record.topic,
            ) from exc
        return _placeholder(record, url)

    def _url(self, record: OutgoingRecord) -> str:
        url = self._named(record)
        if url is None:
            raise self._refused(record, "and this Kafka names no server of large messages to us")
        if not is_safe(url):
            raise self._refused(record, f"and {place_of(url)}, for large ones, is plain http")
        return url.rstrip("/")

    def _named(self, record: OutgoingRecord) -> str | None:
        if self._credential is None:
            return None
        try:
            return run_natively(self._server.named)
        except KafkaUnavailable as exc:
            # The Kafka client refuses by size without asking Kafka, which may be away just now.
            raise SendFailed(
                f"the record for {record.topic} is too large for Kafka, which did not say what "
                f"server takes such: {exc}",
                record.topic,
            ) from exc

    def _store(self, url: str, record: OutgoingRecord) -> None:
        content: dict[str, Any] = {"message": record.value, "headers": list(record.headers)}
        if record.key is not None:
            content["key"] = record.key
        transport = Transport(time.monotonic() + self._timeout_s)
        with requests.Session() as session:
            session.mount("http://", transport)
            session.mount("https://", transport)
            try:
                answer = session.post(
                    url,
                    data=bson.dumps(content),
                    auth=http_auth(self._credential),
                    allow_redirects=False,
                )
            except requests.Timeout:
                raise
            except requests.RequestException as exc:
                raise Unavailable(f"{place_of(url)}: {type(exc).__name__}") from None
        if not 200 <= answer.status_code < 300:
            raise PoisonRecord(TOO_LARGE, f"{place_of(url)} answered {answer.status_code}")

    def _refused(self, record: OutgoingRecord, why: str) -> SendRefused:
        return SendRefused(
            f"{record.topic} does not take so large a record, of {len(record.value)} bytes, {why}",
            record.topic,
            TOO_LARGE,
        )


def _placeholder(record: OutgoingRecord, url: str) -> OutgoingRecord:
    given = dict(record.headers)
    message_id = uuid.UUID(bytes=given["_id"])
    packed = ExternalMessage(url=f"{url}/msg/{message_id}").serialize()
    sender = given.get("_sender")
    headers = hop_headers(
        packed["format"],
        test="_test" in given,
        # An id of its own, and the same again for the same record.
        record_id=uuid.uuid5(message_id, "external").bytes,
        sender=None if sender is None else sender.decode(),
    )
    return OutgoingRecord(
        topic=record.topic, value=packed["content"], key=record.key, headers=headers
    )

# SPDX-License-Identifier: BSD-3-Clause
"""From a URL to a connected stream: credential, options and our Kafka clients."""

from __future__ import annotations

import logging
import os
import threading
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import hop.list_topics
from hop.auth import select_matching_auth

from igwn_alert_celery.client.address import Place, place_of, regex_of, settings_at
from igwn_alert_celery.client.first_look import first_look
from igwn_alert_celery.client.member import Member
from igwn_alert_celery.client.payload import MOST_BYTES
from igwn_alert_celery.client.reading import ReadStream
from igwn_alert_celery.client.writing import Way, WriteStream
from igwn_alert_celery.kafka.client import consumer_config, producer_config, reader_config
from igwn_alert_celery.kafka.consumer import Consumer
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.kafka.producer import Producer
from igwn_alert_celery.kafka.reader import Reader
from igwn_alert_celery.kafka.upload import Uploader
from igwn_alert_celery.native import start_native_thread
from igwn_alert_celery.settings import Settings

__all__ = ["Connections"]

logger = logging.getLogger(__name__)

# A callback may take its time: only a member that hangs longer is taken for dead. One that has
# died is noticed by its heartbeats.
_MOST_CALLBACK_MS = 3_600_000
_CLOSE_S = 5.0
_REPORT_S = 5.0
_HONOURED = frozenset({"fetch_external", "automatic_offload"})


class Connections:
    """Makes the streams of one client, and keeps one producer for each server.

    Parameters
    ----------
    owner : hop.Stream
        Its ``auth``, ``config``, ``start_at`` and ``until_eos`` count.
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._ways: dict[tuple[str, str | None, int], Way] = {}
        # Each ends its producer once: when it is left for a new one, or with the client.
        self._endings: dict[tuple[str, str | None, int], Any] = {}
        self._lock = threading.Lock()

    def reader(
        self, url: str, consumer_group: str | None, options: Mapping[str, Any], *, ignoretest: bool
    ) -> ReadStream:
        """Return a stream for reading."""
        place = place_of(url)
        if not place.topics:
            raise ValueError("name a topic in the URL of a stream for reading")
        credential, settings = self._credential(place), settings_at(place.address)
        topics = [regex_of(topic) for topic in place.topics]
        start = self._owner.start_at.name.lower()
        config = _reader_config(settings, credential)
        wanted = self._options(options)
        source: Reader | Member
        if consumer_group is None:
            source = Reader(config, topics, start)
        else:
            shared = consumer_config(settings, credential, consumer_group)
            source = Member({**shared, "max.poll.interval.ms": _MOST_CALLBACK_MS}, topics, start)
        fetch = OffloadFetcher(config, credential, settings.offload_timeout_s, MOST_BYTES)
        return ReadStream(
            source,
            fetch if wanted["fetch_external"] else None,
            ignoretest=ignoretest,
            until_eos=self._owner.until_eos,
        )

    def writer(
        self, url: str, produce_timeout: timedelta, options: Mapping[str, Any]
    ) -> WriteStream:
        """Return a stream for writing."""
        place = place_of(url)
        wanted = self._options(options)
        credential, settings = self._credential(place), settings_at(place.address)
        way = self._way(settings, credential)
        if not wanted["automatic_offload"]:
            way = replace(way, upload=None)
        # Longer than librdkafka tries, so that its report is final.
        timeout_s = produce_timeout.total_seconds() or settings.publish_timeout_s + _REPORT_S
        return WriteStream(way, place.topics, _username(credential), timeout_s, self._discard)

    def topics(self, url: str) -> list[str]:
        """Return the full names of all topics that the credential may see."""
        place = place_of(url)
        if not isinstance(hop_topics(), ModuleType):
            # A program's tests have replaced hop's function, as igwn-alert's own tests do.
            return list(hop_topics().list_topics(url=url, auth=self._owner.auth))
        config = _reader_config(settings_at(place.address), self._credential(place))
        consumer = Consumer(config)
        try:
            return sorted(first_look(consumer).topics)
        finally:
            consumer.close()

    def _credential(self, place: Place) -> Any:
        found = self._owner.auth
        return None if found is None else select_matching_auth(found, place.address, place.username)

    def _options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(options.keys() - _HONOURED)
        if unknown:
            warnings.warn(f"{', '.join(unknown)}: has no effect on this stream", stacklevel=4)
        return {**self._owner.config.asdict(), **options}

    def _way(self, settings: Settings, credential: Any) -> Way:
        # A forked child makes its own.
        name = settings.bootstrap, _username(credential), os.getpid()
        with self._lock:
            way = self._ways.get(name)
            if way is None or way.producer.is_broken:
                producer = Producer(producer_config(settings, credential))
                config = _reader_config(settings, credential)
                way = Way(producer, Uploader(config, credential, settings.publish_timeout_s))
                self._ways[name] = way
                if name in self._endings:
                    start_native_thread(self._endings[name], "igwn-alert-lost-producer")
                self._endings[name] = weakref.finalize(self, _close, producer, os.getpid())
            return way

    def _discard(self, way: Way) -> None:
        """Use another one from now on: this one takes the credential for refused for good."""
        with self._lock:
            self._ways = {
                name: kept for name, kept in self._ways.items() if kept.producer is not way.producer
            }


def hop_topics() -> Any:
    """Return hop's module for listing topics, or what stands in its place."""
    return hop.list_topics


def _reader_config(settings: Settings, credential: Any) -> dict[str, Any]:
    return reader_config(settings, credential, _username(credential))


def _username(credential: Any) -> str | None:
    return None if credential is None else str(credential.username)


def _close(producer: Producer, pid: int) -> None:
    if pid == os.getpid():
        left = producer.close(_CLOSE_S)
        if left:
            logger.error("%d messages were queued and are not delivered", left)

# SPDX-License-Identifier: BSD-3-Clause
"""One call of ``listen``: streams are opened, read, and after a failure opened again."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import confluent_kafka
from adc.errors import KafkaException

from igwn_alert_celery.client.address import regex_of
from igwn_alert_celery.client.payload import content_of, printed
from igwn_alert_celery.client.reading import ReadStream
from igwn_alert_celery.errors import FatalError, KafkaUnavailable

__all__ = ["Listening"]

logger = logging.getLogger(__name__)

_ASK_AGAIN_S = 1.0


class Listening:
    """Reads for one client, on the caller's thread.

    Parameters
    ----------
    owner : client
        Whose ``open`` is the way to Kafka.
    callback : callable or None
        Called with ``topic`` and ``payload``; None prints.
    topics : str, sequence of str, or None
        Without the group; nothing for all that the credential may read.
    """

    def __init__(
        self, owner: Any, callback: Callable[..., Any] | None, topics: str | Sequence[str] | None
    ) -> None:
        self._owner = owner
        self._stopped = owner.stop_listening
        self._callback = callback
        self._all = not topics
        self._topics = [topics] if isinstance(topics, str) else list(topics or ())
        self._failures = 0
        self._positions: Any = {}

    def run(self) -> None:
        """Listen until the client's ``stop``; raises what ends it before."""
        self._stopped.clear()
        try:
            if self._all:
                self._topics = self._ask_topics()
            is_over = False
            while not (is_over or self._stopped.is_set()):
                is_over = self._read_once()
        except (KeyboardInterrupt, SystemExit):
            sys.exit(0)

    def _ask_topics(self) -> list[str]:
        said = ""
        while not self._stopped.is_set():
            try:
                return list(self._owner.get_topics())
            except KafkaUnavailable as exc:
                if str(exc) != said:
                    said = str(exc)
                    logger.warning("cannot ask for the topics yet, going on trying: %s", exc)
                self._stopped.wait(_ASK_AGAIN_S)
        return []

    def _read_once(self) -> bool:
        """Read one stream; return whether that was all that there is to read."""
        owner = self._owner
        url = owner._construct_topic_url(self._topics or ["*"])  # noqa: SLF001 - we are its listen()
        owner._listen_stream = stream = owner.open(url, "r", group_id=owner.consumer_group)  # noqa: SLF001
        if self._stopped.is_set():
            # Meanwhile, so that stop() could not stop this stream.
            stream.close()
            return True
        self._prepare(stream)
        try:
            with stream as opened:
                self._read(opened)
        except (KafkaException, confluent_kafka.KafkaException, FatalError) as exc:
            self._failed(exc, stream)
            return False
        except BaseException:
            stream.close()
            raise
        return bool(owner.until_eos)

    def _prepare(self, stream: Any) -> None:
        if not isinstance(stream, ReadStream):
            return
        if self._all:
            stream.follow(regex_of(f"{self._owner.group_prefix}.*"))
        stream.resume(self._positions)

    def _read(self, stream: Any) -> None:
        owner = self._owner
        for payload, metadata in stream.read(
            metadata=True, batch_size=owner.batch_size, batch_timeout=_delta(owner.batch_timeout)
        ):
            logger.info("an alert of topic %s", metadata.topic)
            self._hand_over(metadata.topic, content_of(payload))
            self._failures = 0
            if isinstance(stream, ReadStream):
                stream.mark_done(metadata)
            if self._stopped.is_set():
                break

    def _hand_over(self, topic: str, content: Any) -> None:
        if self._callback:
            self._callback(topic=self._short(topic), payload=content)
            return
        text = printed(content, pretty=self._owner.jsonpp_on)
        # The lines of igwn-alert, which programs read.
        print(f"New message from topic {topic}:\n{text}")  # noqa: T201 - what listen() is asked for
        sys.stdout.flush()

    def _short(self, topic: str) -> str:
        prefix = f"{self._owner.group_prefix}."
        return topic[len(prefix) :] if topic.startswith(prefix) else topic.partition(".")[2]

    def _failed(self, exc: Exception, stream: Any) -> None:
        """Wait before the next stream, or raise when there is to be none."""
        stream.close()
        self._positions = getattr(stream, "positions", {})
        if not _is_fatal(exc):
            logger.warning("opening the stream again after an error: %s", exc)
            self._stopped.wait(self._owner.retry_wait)
            return
        self._failures += 1
        logger.warning("the stream has failed for good, time %d in a row: %s", self._failures, exc)
        self._stopped.wait(self._owner.retry_wait)
        if not self._owner.retry_on_fatal or self._failures >= self._owner.listen_retries:
            logger.critical("no further try: %s", exc)
            self._stopped.set()
            raise exc


def _delta(value: timedelta | float) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


def _is_fatal(exc: Exception) -> bool:
    if isinstance(exc, FatalError):
        return True
    if isinstance(exc, KafkaException):  # of adc, which callbacks may raise
        return bool(exc.fatal)
    error = exc.args[0] if exc.args else None
    return bool(error is not None and hasattr(error, "fatal") and error.fatal())

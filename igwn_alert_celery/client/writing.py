# SPDX-License-Identifier: BSD-3-Clause
"""What ``open(url, "w")`` gives: hop's stream for writing, on a producer of ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any

from hop.models import Blob, JSONBlob

from igwn_alert_celery.errors import NotConnectedError, SendError, SendFailed
from igwn_alert_celery.kafka.encode import encode
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.kafka.verdict import CREDENTIAL, is_too_large
from igwn_alert_celery.record import Headers

__all__ = ["Way", "WriteStream"]

_LOOK_S = 0.002

Headings = Mapping[str, Any] | Iterable[tuple[str, Any]]
Upload = Callable[[OutgoingRecord], OutgoingRecord]
OnDelivery = Callable[[SendError | None, Delivery | None], None]


@dataclass(frozen=True, slots=True)
class Way:
    """A producer, and what stores its too large records elsewhere; streams may share it."""

    producer: Producer
    upload: Upload | None


@dataclass(frozen=True, slots=True)
class _Failure:
    record: OutgoingRecord
    error: SendError
    callback: OnDelivery | None


class WriteStream:
    """Queues records, and tells at :meth:`flush` and :meth:`close` what Kafka did not take.

    Parameters
    ----------
    way : Way
        May be shared with other streams.
    topics : tuple of str
        Full names; a message without a topic goes to each of them.
    sender : str or None
        The credential's username, for hop's header ``_sender``.
    timeout_s : float
        How long to wait for Kafka's acknowledgements, at most.
    discard : callable
        Told the way when Kafka has refused its credential.
    """

    def __init__(
        self,
        way: Way,
        topics: tuple[str, ...],
        sender: str | None,
        timeout_s: float,
        discard: Callable[[Way], None],
    ) -> None:
        self._discard = discard
        self._way = way
        self._topics = topics
        self._sender = sender
        self._timeout_s = timeout_s
        self._waiting: dict[int, OutgoingRecord] = {}
        self._failed: list[_Failure] = []
        self._count = 0
        self._closed = False

    def write(
        self,
        message: Any,
        headers: Headings | None = None,
        delivery_callback: OnDelivery | None = None,
        test: bool = False,
        topic: str | None = None,
        key: str | bytes | None = None,
    ) -> None:
        """Queue a message, packed as hop packs it; does not block.

        Parameters
        ----------
        message : str, dict, list, bytes or hop model
            What JSON can hold goes as JSON: a text as a JSON string. Bytes go as hop's ``Blob``.
        headers : mapping or iterable of pairs, optional
        delivery_callback : callable, optional
            Called with an error or None, and a :class:`Delivery` or None, from another thread.
        test : bool
            Mark it as a test, for hop's listeners to skip.
        topic : str, optional
            Full name; else all topics of the stream.
        key : str or bytes, optional

        Raises
        ------
        SendRefused
            The message has no form that hop knows.
        """
        value, whole = encode(
            _model(message), headers=headers or (), test=test, sender=self._sender
        )
        self.write_raw(value, whole, delivery_callback, topic, key)

    def write_raw(
        self,
        packed_message: bytes,
        headers: Headings | None = None,
        delivery_callback: OnDelivery | None = None,
        topic: str | None = None,
        key: str | bytes | None = None,
    ) -> None:
        """Queue bytes as they are, with exactly these headers; does not block."""
        if self._closed:
            raise NotConnectedError("this stream is closed: open or connect it again")
        topics = (topic,) if topic else self._topics
        if not topics:
            raise ValueError("name a topic: in the URL of the stream, or for each message")
        raw_key = key.encode() if isinstance(key, str) else key
        for name in topics:
            record = OutgoingRecord(
                topic=name, value=packed_message, key=raw_key, headers=_pairs(headers)
            )
            self._queue(record, delivery_callback)

    def flush(self, timeout: timedelta | None = None) -> int:
        """Wait for the acknowledgement of everything that was queued; return 0.

        What was too large for Kafka is stored with the service's server for such, where it has
        one, and that may take as long again.

        Raises
        ------
        SendError
            Something was not delivered, with how much and why; :exc:`SendFailed` where it is worth
            another try.
        """
        timeout_s = self._timeout_s if timeout is None else timeout.total_seconds()
        self._wait(timeout_s)
        if self._send_large_ones():
            self._wait(timeout_s)
        self._raise_failed(timeout_s)
        return 0

    def close(self) -> int:
        """:meth:`flush`, then take no more. A second time does nothing."""
        if self._closed:
            return 0
        self._closed = True
        return self.flush()

    def __enter__(self) -> WriteStream:  # noqa: PYI034 - typing has Self from 3.11 on
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        self._closed = True

    def _queue(self, record: OutgoingRecord, callback: OnDelivery | None) -> None:
        self._count += 1
        number = self._count
        self._waiting[number] = record

        def report(found: Delivery | SendError) -> None:
            if isinstance(found, SendError):
                self._failed.append(_Failure(record, found, callback))
            # Last, because whoever flushes waits for this.
            self._waiting.pop(number, None)
            if callback is not None and not self._may_upload(found):
                is_error = isinstance(found, SendError)
                callback(found if is_error else None, None if is_error else found)  # type: ignore[arg-type]

        self._way.producer.queue(record, report)

    def _wait(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self._waiting and time.monotonic() < deadline:
            # Not a lock: beside gevent and eventlet it would not be one for the producer's thread.
            time.sleep(_LOOK_S)

    def _may_upload(self, found: Delivery | SendError) -> bool:
        return is_too_large(found) and self._way.upload is not None

    def _send_large_ones(self) -> bool:
        """Send what stands for too large records; return whether there were any."""
        upload = self._way.upload
        if upload is None:
            return False
        large = [failure for failure in self._failed if self._may_upload(failure.error)]
        for failure in large:
            self._failed.remove(failure)
            self._send_large(failure, upload)
        return bool(large)

    def _send_large(self, failure: _Failure, upload: Upload) -> None:
        try:
            placeholder = upload(failure.record)
        except SendError as exc:
            self._failed.append(_Failure(failure.record, exc, failure.callback))
            if failure.callback is not None:
                failure.callback(exc, None)
        else:
            self._queue(placeholder, failure.callback)

    def _raise_failed(self, timeout_s: float) -> None:
        failures, self._failed = self._failed, []
        failed = [failure.error for failure in failures]
        late = list(self._waiting.values())
        if late:
            text = f"Kafka has not acknowledged {len(late)} records within {timeout_s:g} s"
            failed.append(
                SendFailed(f"{text}; they may still arrive", late[0].topic, is_final=False)
            )
        if not failed:
            return
        if any(error.code == CREDENTIAL for error in failed):
            self._discard(self._way)
        first = failed[0]
        if len(failed) == 1:
            raise first
        text = f"{len(failed)} records were not delivered; the first: {first}"
        raise type(first)(text, first.topic, first.code)


def _model(message: Any) -> Any:
    """Return what hop-client 0.13 packs a message as (``hop.io.Producer.pack``)."""
    if hasattr(message, "serialize"):
        return message
    return Blob(content=message) if isinstance(message, bytes) else JSONBlob(content=message)


def _pairs(headers: Headings | None) -> Headers:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return tuple(
        (name, value.encode() if isinstance(value, str) else value) for name, value in pairs
    )

# SPDX-License-Identifier: BSD-3-Clause
"""The part of :class:`igwn_alert_celery.IGWNAlert` that sends: through a task, never directly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.result import AsyncResult
from kombu.transport.redis import Channel as RedisChannel

from igwn_alert_celery.enqueue.away import reaching
from igwn_alert_celery.enqueue.kept import KeptConnections
from igwn_alert_celery.publisher.parcel import pack, pack_each
from igwn_alert_celery.publisher.sender import Sender
from igwn_alert_celery.settings import Settings

__all__ = ["Publishing"]


class Publishing:
    """What sends alerts for one app.

    Attributes
    ----------
    sender : Sender
        Owns the Kafka producer of each process that runs the task.
    """

    if TYPE_CHECKING:  # of the whole class

        @property
        def app(self) -> Celery: ...  # noqa: D102

        @property
        def settings(self) -> Settings: ...  # noqa: D102

    def __init__(self) -> None:
        self.sender = Sender(self)
        self._publisher: Any = None
        self._connections = KeptConnections()

    @property
    def publisher(self) -> Any:
        """The task ``igwn_alert.publish``, for canvases: ``.s()``, ``.si()``, ``.delay()``.

        ``.s("superevent")`` takes the result of the task before it as the alert.
        """
        _ = self.app  # raises where there is none yet
        return self._publisher

    def publish(
        self,
        topic: str | Iterable[str],
        alert: Any,
        *,
        key: str | bytes | bool | None = None,
        headers: Mapping[str, Any] | None = None,
        test: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> AsyncResult:
        """Send an alert through the publisher task; blocks until the task broker has the task.

        Several calls may overtake each other; :meth:`publish_many` keeps an order.

        Parameters
        ----------
        topic : str or list of str
            Without the group prefix.
        alert : dict, list, str, bytes or hop model
            The alert or its JSON; a hop model goes as it is, other bytes as hop's Blob.
        key : str, bytes or True, optional
            Kafka's key: records with the same one share a partition. True: the alert's ``uid``.
        headers : mapping, optional
            Kafka's headers: names, with texts or bytes.
        test : bool, optional
            Mark the record as hop's test, which listeners ignore by default.
        options : mapping, optional
            Of Celery's ``apply_async``: ``countdown``, ``expires``, ``queue``, ….

        Returns
        -------
        celery.result.AsyncResult
            Succeeds when Kafka has acknowledged it, with ``topic``, ``partition``, ``offset``,
            ``timestamp_ms`` and ``latency_ms``; a list of these for a list of topics.

        Raises
        ------
        HandlerError
            A topic is none, is a pattern, or carries the group.
        SendRefused
            The alert, the key or a header cannot be sent.
        TaskBrokerUnavailable
            The task may or may not have been published.
        """
        parcel = pack(self.settings, topic, alert, key, headers, test)
        return self._apply({"parcels": [parcel.as_message()]}, options)

    def publish_many(
        self, items: Iterable[Any], *, options: Mapping[str, Any] | None = None
    ) -> AsyncResult:
        """Send several alerts by one task, pipelined, in order; blocks as :meth:`publish` does.

        The order is kept in each partition, so alerts that must stay in order want one key; what
        has to be sent again after a failure, or is too large for Kafka, comes later than the rest.
        So may what was in a batch that its topic refuses for the size (``max.message.bytes`` below
        a megabyte): ``batch.size`` in ``igwn_alert_kafka_options`` bounds batches.

        Parameters
        ----------
        items : iterable
            ``(topic, alert)``, or mappings with these and ``key``, ``headers``, ``test``.
        options : mapping, optional
            Of Celery's ``apply_async``.

        Returns
        -------
        celery.result.AsyncResult
            Succeeds when Kafka has acknowledged all, with a result per item, as
            :meth:`publish` has it.

        Raises
        ------
        HandlerError
            A topic is none, is a pattern, or carries the group; then nothing is sent.
        SendRefused
            One of them cannot be sent; then none is.
        TaskBrokerUnavailable
            The task may or may not have been published.
        """
        parcels = [parcel.as_message() for parcel in pack_each(self.settings, items)]
        return self._apply({"parcels": parcels, "many": True}, options)

    def _apply(self, message: dict[str, Any], options: Mapping[str, Any] | None) -> AsyncResult:
        own = dict(options or {})
        given = own.get("connection") or getattr(own.get("producer"), "connection", None)
        if given is not None:
            with reaching(given):
                return self.publisher.apply_async((), message, **own)
        if self.app.conf.task_always_eager:
            return self.publisher.apply_async((), message, **own)
        timeout_s = self.settings.task_broker_timeout_s
        with self._connections.producer(self.app, timeout_s) as producer:
            if isinstance(producer.channel, RedisChannel):
                # In base64, kombu's usual way, alerts are a third longer on all ways through Redis.
                # A body that is no text, as compression makes, kombu's JSON carries all the same.
                producer.channel.body_encoding = None  # type: ignore[assignment]
            ours = {"retry": False, "timeout": timeout_s, **own, "producer": producer}
            return self.publisher.apply_async((), message, **ours)

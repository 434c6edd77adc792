# SPDX-License-Identifier: BSD-3-Clause
"""The Celery task that sends alerts, and succeeds only when Kafka has acknowledged them."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from celery import Celery, Task
from celery.canvas import Signature
from celery.exceptions import Reject
from celery.result import AsyncResult

from igwn_alert_celery.errors import ConfigError, HandlerError, SendError, SendFailed, SendRefused
from igwn_alert_celery.publisher.arguments import (
    deflated,
    inflated,
    packed,
    partly_packed,
    shown,
)
from igwn_alert_celery.publisher.attempt import attempt, keep_unpacked, pause_s
from igwn_alert_celery.publisher.parcel import Parcel
from igwn_alert_celery.publisher.shipment import Shipment
from igwn_alert_celery.task import put_back

__all__ = ["TASK_NAME", "PublishTask", "make_publisher"]

logger = logging.getLogger(__name__)

TASK_NAME = "igwn_alert.publish"
# A send has bounds of its own; the app's limits are meant for other work.
_LIMIT_S = 7200
_ROUTES = ("queue", "exchange", "routing_key")


class PublishTask(Task):
    """Sends alerts; takes ``topic``, ``alert``, ``key``, ``headers`` and ``test``.

    In a canvas ``.s("superevent")`` takes the result of the task before it as the alert.
    """

    abstract = True
    #: The bridge that made it.
    igwn_alert: Any = None
    acks_late = True
    reject_on_worker_lost = True
    acks_on_failure_or_timeout = True
    # Counted by the setting instead.
    max_retries = None
    time_limit = soft_time_limit = _LIMIT_S
    # Told already, by the dead letter.
    throws = (SendError, HandlerError)

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        """Return a signature; an alert in it is checked and encoded at once."""
        return self.signature(*partly_packed(self.igwn_alert, args, kwargs))

    def si(self, *args: Any, **kwargs: Any) -> Signature:
        """Return an immutable signature; its alert is checked and encoded at once."""
        return self.signature(*packed(self.igwn_alert, args, kwargs), immutable=True)

    def apply_async(
        self, args: Any = None, kwargs: Any = None, *more: Any, **options: Any
    ) -> AsyncResult:
        """Send the task as Celery does, its alert checked and encoded at once.

        Raises
        ------
        HandlerError
            The topic, or what was given with it, cannot be.
        SendRefused
            The alert, its key or its headers cannot be sent.
        """
        try:
            args, kwargs = packed(self.igwn_alert, args or (), kwargs or {})
        except (HandlerError, SendRefused):
            # In a canvas Celery would blame the task before; here the task itself will say it.
            if "parent_id" not in options:
                raise
        if "parcels" in kwargs:
            # Celery's log, events and Flower would show whole alerts.
            options = {"argsrepr": shown(kwargs), "kwargsrepr": "{}", **options}
            kwargs = deflated(kwargs)
        queue = self.igwn_alert.settings.publish_queue
        if queue and not any(options.get(route) for route in _ROUTES):
            options["queue"] = queue
        return super().apply_async(args, kwargs, *more, **options)

    def send(self, args: Any, kwargs: Any) -> Any:
        """Send what is not settled yet; return the results once all is acknowledged.

        Raises
        ------
        celery.exceptions.Retry
            Kafka has not acknowledged all of it yet.
        SendError
            Something was not sent, for good.
        """
        self._check_settings()
        message = self._message(args, kwargs)
        parcels = [Parcel.from_message(parcel) for parcel in message["parcels"]]
        task_id = self.request.id or str(uuid.uuid4())
        shipment = Shipment(task_id, parcels, message.get("progress"))
        again = attempt(self, shipment)
        if again:
            self._retry({**message, "progress": shipment.progress}, next(iter(again.values())))
        results = shipment.results()
        return results if message.get("many") else results[0]

    def _check_settings(self) -> None:
        """Put the task back while our settings are wrong: not even a letter could be kept."""
        try:
            _ = self.igwn_alert.settings
        except ConfigError as exc:
            if self.request.called_directly:
                raise
            logger.error("%s is put back: %s", TASK_NAME, exc)
            raise put_back(exc) from exc

    def _message(self, args: Any, kwargs: Any) -> dict[str, Any]:
        try:
            return inflated(packed(self.igwn_alert, args, kwargs)[1])
        except (HandlerError, SendRefused) as exc:
            keep_unpacked(self, args, kwargs, exc)
            raise

    def _retry(self, message: dict[str, Any], error: SendFailed) -> None:
        longest_s = self.igwn_alert.settings.publish_backoff_s
        try:
            self.retry((), message, exc=error, countdown=pause_s(self.request.retries, longest_s))
        except Reject as exc:
            # Celery gives a task up that it cannot send again.
            raise put_back(exc.reason) from exc


def make_publisher(app: Celery, bridge: Any) -> Any:
    """Add the task to an app and return it; the app's configuration may still follow."""

    def publish(self: PublishTask, *args: Any, **kwargs: Any) -> Any:
        """Send an alert to one topic or several, and wait until Kafka has acknowledged it."""
        return self.send(args, kwargs)

    base = app.Task
    if not issubclass(PublishTask, base):
        # The app's own, such as Django's with ``delay_on_commit``.
        base = type(base.__name__, (PublishTask, base), {"abstract": True})
    else:
        base = PublishTask
    return app.task(name=TASK_NAME, bind=True, base=base, igwn_alert=bridge, shared=False)(publish)

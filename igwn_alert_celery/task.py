# SPDX-License-Identifier: BSD-3-Clause
"""The Celery task class behind every handler: it hands over an :class:`Alert`, not a dict."""

from __future__ import annotations

import json
import time
from typing import Any

from celery import Task
from celery.exceptions import Ignore, Reject

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.errors import RetryableError
from igwn_alert_celery.record import RecordInfo

__all__ = ["HEADER", "HandlerTask", "handler_base", "put_back"]

#: Name of our header in the task message.
HEADER = "igwn_alert"

_PUT_BACK_S = 1.0


class HandlerTask(Task):
    """A task whose first argument is an alert.

    From the receiver the argument is the alert itself, or (when kombu would change it on the
    way, see :mod:`igwn_alert_celery.enqueue.message`) its JSON text; from ``.delay()`` and a
    direct call it is whatever the caller gave, as an :class:`Alert` when it is a dict.
    """

    abstract = True
    Request = "igwn_alert_celery.redelivery.request:HandlerRequest"
    #: The bridge that made it; also where another app or a spawned process runs it.
    igwn_alert: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the handler on an :class:`Alert`."""
        request = self.request_stack.top
        # Celery hands custom headers over as attributes in a worker, as headers when eager.
        header = getattr(request, HEADER, None) or (getattr(request, "headers", None) or {}).get(
            HEADER
        )
        if args:
            args = (_as_alert(args[0], header, self.request), *args[1:])
            if isinstance(header, dict) and header.get("max_age_s"):
                self._refuse_late(args[0], header["max_age_s"])
        elif kwargs:
            # ``.delay(alert={…})``: by whatever name the function has for it.
            name = next(iter(kwargs))
            kwargs = {**kwargs, name: _as_alert(kwargs[name], None, self.request)}
        return super().__call__(*args, **kwargs)

    def _refuse_late(self, alert: Alert, max_age_s: float) -> None:
        # The receiver asked the same, but the message may have waited in its queue since then.
        if alert.record is None or alert.record.age_s <= max_age_s:
            return
        try:
            self.igwn_alert.keep_expired(self.name, alert)
        except RetryableError as exc:
            raise put_back(exc) from exc
        raise Ignore


def put_back(exc: Exception) -> Reject:
    """Return what puts the running task back into its queue; blocks for a second.

    It would come again at once, and keep the worker from everything else.
    """
    time.sleep(_PUT_BACK_S)
    return Reject(exc, requeue=True)


def _as_alert(value: Any, header: Any, request: Any) -> Any:
    if isinstance(header, dict):
        # A handler may have retried itself with another argument, and the same headers.
        is_text = bool(header.get("text")) and isinstance(value, str)
        return Alert(json.loads(value) if is_text else value, record=_record(header, request))
    if isinstance(value, dict) and not isinstance(value, Alert):
        return Alert(value)
    return value


def _record(header: dict[str, Any], request: Any) -> RecordInfo:
    delivery_info = request.delivery_info or {}
    again = bool(header.get("redelivered") or delivery_info.get("redelivered"))
    return RecordInfo(
        topic=header["topic"],
        partition=header["partition"],
        offset=header["offset"],
        timestamp_ms=header["timestamp_ms"],
        key=header.get("key"),
        id=header.get("id"),
        sender=header.get("sender"),
        redelivered=again,
    )


def handler_base(base: type[Task] | None) -> type[HandlerTask]:
    """Return the task class for a handler, on top of the user's ``base`` where there is one."""
    if base is None or issubclass(HandlerTask, base):
        return HandlerTask
    if issubclass(base, HandlerTask):
        return base
    return type(
        base.__name__, (HandlerTask, base), {"abstract": True, "__module__": base.__module__}
    )

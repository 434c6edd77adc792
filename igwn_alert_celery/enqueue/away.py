# SPDX-License-Identifier: BSD-3-Clause
"""Which errors mean that the task broker is away, so that trying again is worth it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.exceptions import OperationalError

from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["connecting", "reaching", "required"]

#: AMQP's code for "not permitted": mended at the server, so it is waited for.
_ACCESS_REFUSED = 403


@contextmanager
def connecting(connection: Any) -> Iterator[None]:
    """Make whatever the task broker answers while we connect our retryable error."""
    errors = (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors)
    try:
        yield
    except errors as exc:
        raise _unavailable(exc) from exc


@contextmanager
def reaching(connection: Any) -> Iterator[None]:
    """Make what says that the task broker is away our retryable error; the rest goes through.

    The rest comes from a router, a serializer, an option or a route that leads nowhere: it comes
    again, however often the message is sent.
    """
    try:
        yield
    except Exception as exc:
        if not _is_away(connection, exc):
            raise
        raise _unavailable(exc) from exc


def required(connected: Any) -> Any:
    """Return what there is only with a connection, or raise :exc:`TaskBrokerUnavailable`."""
    if connected is None:
        raise TaskBrokerUnavailable("not connected to the task broker")
    return connected


def _is_away(connection: Any, exc: Exception) -> bool:
    # kombu wraps what a transport calls an error of the connection. On Redis that includes
    # KeyError, and so an unknown compression.
    cause = exc.__cause__ if isinstance(exc, OperationalError) and exc.__cause__ else exc
    if isinstance(cause, LookupError):
        return False
    errors = (
        OperationalError,
        OSError,
        *connection.connection_errors,
        *connection.recoverable_channel_errors,
    )
    return isinstance(exc, errors) or getattr(exc, "reply_code", None) == _ACCESS_REFUSED


def _unavailable(exc: Exception) -> TaskBrokerUnavailable:
    if type(exc.__cause__).__name__ == "MessageNacked":
        return TaskBrokerUnavailable("a queue refuses the message; it may be full")
    text = str(exc) or repr(exc.__cause__ or exc)
    return TaskBrokerUnavailable(f"the task broker does not answer: {text}")

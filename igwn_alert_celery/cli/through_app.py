# SPDX-License-Identifier: BSD-3-Clause
"""`send -A`: a task of the app sends, in one of its workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from celery.backends.base import DisabledBackend
from celery.exceptions import TimeoutError as NoResultYet
from kombu.exceptions import OperationalError

from igwn_alert_celery.cli.outgoing import Outcome, Outgoing, place_of
from igwn_alert_celery.cli.remote import reaching
from igwn_alert_celery.errors import IGWNAlertError

__all__ = ["send_through_app"]

_NOT_SENT = "not sent, because of the one before"


def send_through_app(bridge: Any, outgoing: Sequence[Outgoing], wait_s: float) -> Iterator[Outcome]:
    """Send one after the other, and yield what became of each.

    Where the app keeps results each is waited for, so that the order stays. Else all that can be
    said is that the tasks are queued.

    Parameters
    ----------
    bridge : IGWNAlert
    outgoing : sequence of Outgoing
    wait_s : float
        How long to wait for each.

    Raises
    ------
    TaskBrokerUnavailable
        The task broker does not answer.
    """
    keeps_results = not isinstance(bridge.app.backend, DisabledBackend)
    left = list(outgoing)
    is_sure = True
    while left and is_sure:
        each = left.pop(0)
        with reaching(bridge):
            key, _, test = each.more
            result = bridge.publish(each.topic, each.file.text, key=key, test=test)
        outcome = _wait(each, result, wait_s) if keeps_results else _queued(each, result)
        is_sure = outcome.is_known
        yield outcome
    for each in left:
        yield Outcome(each, error=_NOT_SENT)


def _wait(each: Outgoing, result: Any, wait_s: float) -> Outcome:
    try:
        found = _get(result, wait_s)
    except NoResultYet:
        return _unknown(each, result, f"there is no result in {wait_s:g} s (does a worker run?)")
    except IGWNAlertError as exc:
        return Outcome(each, error=str(exc))
    except (OperationalError, OSError) as exc:
        return _unknown(each, result, f"the result backend does not answer ({exc})")
    except Exception as exc:  # noqa: BLE001 - told as the outcome
        # Border: whatever the task has raised in its worker.
        return Outcome(each, error=f"{type(exc).__name__}: {exc}")
    if found is None:
        return _queued(each, result)
    return Outcome(each, place_of(found["partition"], found["offset"], found["latency_ms"]))


def _get(result: Any, wait_s: float) -> Any:
    backend = result.backend
    try:
        return result.get(timeout=wait_s)
    finally:
        # Else it would let the backend go when this process ends, which is too late for that.
        backend.remove_pending_result(result)
        result.backend = None


def _queued(each: Outgoing, result: Any) -> Outcome:
    return Outcome(
        each,
        f"queued as task {result.id}; the app keeps no results, so the worker's log tells more",
    )


def _unknown(each: Outgoing, result: Any, why: str) -> Outcome:
    text = f"queued as task {result.id}, and {why}; it is sent as soon as a worker can"
    return Outcome(each, error=text, is_known=False)

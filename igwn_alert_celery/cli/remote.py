# SPDX-License-Identifier: BSD-3-Clause
"""Ask the running workers of an app, and tell them, by Celery's remote control."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from igwn_alert_celery.enqueue.away import connecting
from igwn_alert_celery.worker.control import TOPICS, UNSUBSCRIBE
from igwn_alert_celery.worker.redis_limits import bound_redis_calls
from igwn_alert_celery.worker.taken_out import TakenOut

__all__ = [
    "ANSWER_S",
    "Answers",
    "reaching",
    "statuses",
    "take_out",
    "taken_out_by_worker",
    "wait_until_out",
]

#: How long workers have to answer, seconds.
ANSWER_S = 1.5
_LOOK_S = 0.2
_STATS = "stats"

#: What each worker (its node name) says.
Answers = dict[str, dict[str, Any]]


def statuses(bridge: Any, answer_s: float = ANSWER_S) -> Answers:
    """Return what :meth:`IGWNAlert.status` says in each running worker of the app.

    Every worker knows Celery's own command; one of ours would be an error in the log of every
    other worker on the same task broker.

    Parameters
    ----------
    bridge : IGWNAlert
    answer_s : float
        So long it is waited after each answer for another one.

    Raises
    ------
    TaskBrokerUnavailable
        The task broker does not answer.
    """
    answers = _ask(bridge, _STATS, {}, answer_s=answer_s)
    found = {name: answer.get("igwn-alert") for name, answer in answers.items()}
    return {
        name: status
        for name, status in sorted(found.items())
        if isinstance(status, dict) and status.get("app") == bridge.app.main
    }


def take_out(bridge: Any, topics: Sequence[str]) -> Answers:
    """Ask all running workers to take topics out, and return their answers.

    Raises
    ------
    TaskBrokerUnavailable
        The task broker does not answer.
    """
    return _ask(bridge, UNSUBSCRIBE, {"topics": list(topics)})


def taken_out_by_worker(bridge: Any) -> dict[str, list[str]]:
    """Return what was taken out of each running worker that says so."""
    answers = _ask(bridge, TOPICS, {})
    found = {name: answer.get("unsubscribed_topics", []) for name, answer in answers.items()}
    return {name: topics for name, topics in found.items() if topics}


def wait_until_out(
    bridge: Any, workers: Sequence[str], topics: Sequence[str], timeout_s: float
) -> Answers:
    """Wait until these workers read none of the topics, and return what each reads then.

    Those that still do (or do not answer any more) when the time is over are left out.
    """
    out, deadline, found = TakenOut(tuple(topics)), time.monotonic() + timeout_s, {}
    while True:
        for name, answer in _ask(bridge, TOPICS, {}, len(workers)).items():
            read = answer.get("topics", [])
            if name in workers and list(out.rest(read)) == read:
                found[name] = answer
        if len(found) == len(workers) or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK_S)


def _ask(
    bridge: Any,
    command: str,
    arguments: dict[str, Any],
    most: int | None = None,
    answer_s: float = ANSWER_S,
) -> Answers:
    with reaching(bridge) as connection:
        replies = bridge.app.control.broadcast(
            command,
            arguments=arguments,
            reply=True,
            timeout=answer_s,
            limit=most,
            connection=connection,
        )
    return {name: answer for reply in replies or () for name, answer in reply.items()}


@contextmanager
def reaching(bridge: Any) -> Iterator[Any]:
    """Connect to the task broker, once and within seconds, for what is done with it inside.

    Raises
    ------
    TaskBrokerUnavailable
        It does not answer.
    """
    app, timeout_s = bridge.app, bridge.settings.task_broker_timeout_s
    bound_redis_calls(app, timeout_s)
    with app.connection_for_write(connect_timeout=timeout_s) as connection, connecting(connection):
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=timeout_s)
        yield connection

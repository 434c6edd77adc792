# SPDX-License-Identifier: BSD-3-Clause
"""What the playground's worker runs: the app, the visitor's handlers, and a report of each step.

``celery -A igwn_alert_celery.playground.worker worker``, started by
:class:`~igwn_alert_celery.playground.process.WorkerProcess`, which says by environment variables
where its folder and the visitor's file are.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, task_prerun

from igwn_alert_celery import signals
from igwn_alert_celery.playground import task_broker
from igwn_alert_celery.playground.app import app, igwn_alert
from igwn_alert_celery.playground.environment import FOLDER, HANDLERS
from igwn_alert_celery.playground.errors import PlaygroundError
from igwn_alert_celery.playground.orphan import end_with_parent
from igwn_alert_celery.playground.printed import Printed
from igwn_alert_celery.playground.report import report
from igwn_alert_celery.playground.visitor import load_handlers

__all__ = ["app"]

_MOST = 200
_folder = Path(os.environ[FOLDER])
_printed = Printed()


def _state_changed(state: str, detail: str, **_: Any) -> None:
    report(_folder, "state", state=state, detail=detail, handlers=_handlers())


def _handlers() -> list[list[str]]:
    told = []
    for subscription in igwn_alert.registry.subscriptions:
        words = (app.tasks[subscription.task_name].run.__doc__ or "").strip().splitlines()
        name = subscription.task_name.rpartition(".")[2]
        told.append([name, ", ".join(subscription.topics), words[0] if words else ""])
    return told


def _enqueued(alert: Any, task_ids: tuple[str, ...], **_: Any) -> None:
    record = alert.record
    report(
        _folder,
        "enqueued",
        alert_id=record.id,
        task_ids=task_ids,
        topic=record.topic,
        timestamp_ms=record.timestamp_ms,
        uid=alert.uid,
        alert_type=alert.alert_type,
    )


def _dead_lettered(dead_letter: Any, **_: Any) -> None:
    if dead_letter.reason == "failed":
        return  # the run of the handler tells it
    raw_id = dict(dead_letter.headers).get("_id") or b""
    report(
        _folder,
        "dead_letter",
        alert_id=str(uuid.UUID(bytes=raw_id)) if len(raw_id) == 16 else dead_letter.id,
        topic=igwn_alert.settings.short_topic(dead_letter.topic),
        why=f"{dead_letter.reason}: {dead_letter.error}",
    )


def _starts(**_: Any) -> None:
    _printed.begin()


def _handled(task_id: str, task: Any, retval: Any, state: str, **_: Any) -> None:
    printed = _printed.end()
    if isinstance(retval, BaseException):
        # The reason of a retry is told when there is no further one.
        said = "" if state == "RETRY" else f"{type(retval).__name__}: {_text(retval)}"
    else:
        said = printed or ("" if retval is None else _text(retval))
    handler = task.name.rpartition(".")[2]
    report(_folder, "handled", task_id=task_id, handler=handler, state=state, said=said[:_MOST])


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001
        # Border: the visitor's object; its alert must not look as if it were never handled.
        return f"<{type(value).__name__}>"


def _prepare() -> None:
    app.conf.update(
        task_broker.settings(_folder),
        worker_prefetch_multiplier=1,
        igwn_alert_state_dir=str(_folder),
        igwn_alert_kafka_options={
            # The mock cluster answers a fetch at its end only, not when a record arrives.
            "fetch.wait.max.ms": 5,
            # A pattern joins the group after a first look at the topics.
            "topic.metadata.refresh.interval.ms": 500,
        },
    )
    signals.receiver_state_changed.connect(_state_changed)
    signals.alert_enqueued.connect(_enqueued)
    signals.alert_dead_lettered.connect(_dead_lettered)
    task_prerun.connect(_starts)
    task_postrun.connect(_handled)
    if os.environ.get(HANDLERS):
        load_handlers(Path(os.environ[HANDLERS]), igwn_alert.registry)


end_with_parent(_folder)
try:
    _prepare()
except PlaygroundError as exc:
    report(_folder, "refused", why=str(exc))
    raise SystemExit(str(exc)) from None

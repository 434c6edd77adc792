# SPDX-License-Identifier: BSD-3-Clause
"""What must hold before the first alert: handlers' tasks can be sent, and workers take them."""

from __future__ import annotations

from celery import Celery, Task
from kombu import compression, serialization
from kombu.exceptions import SerializerNotInstalled

from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.task import HandlerTask

__all__ = ["check_app"]


def check_app(app: Celery) -> None:
    """Raise :exc:`ConfigError` for settings under which alerts would be lost.

    Neither is seen by Celery before the message is built, or thrown away by a worker.
    """
    if app.conf.task_always_eager:
        raise ConfigError(
            "task_always_eager = True would run handlers inside the receiver: unset it in workers"
        )
    if app.conf.task_protocol != 2:
        raise ConfigError("task_protocol = 1 has no room for alert.record: leave it at 2")
    for task in app.tasks.values():
        if isinstance(task, HandlerTask):
            _check_serializer(app, task)
            _check_compression(app, task)


def _check_serializer(app: Celery, task: Task) -> None:
    name = getattr(task, "serializer", None) or app.conf.task_serializer
    known: dict[str, str] = serialization.registry.name_to_type
    if name not in known:
        raise ConfigError(f"{task.name}: serializer {name!r} is none of {sorted(known)}")
    try:
        serialization.dumps([], name)
        accepted = serialization.prepare_accept_content(app.conf.accept_content)
    except SerializerNotInstalled as exc:
        raise ConfigError(f"{task.name}: {exc}") from exc
    if known[name] not in accepted:
        raise ConfigError(
            f"{task.name}: workers would throw its messages away: serializer {name!r} is not in "
            f"accept_content = {sorted(app.conf.accept_content)}"
        )


def _check_compression(app: Celery, task: Task) -> None:
    name = getattr(task, "compression", None) or app.conf.task_compression
    if not name:
        return
    try:
        compression.get_encoder(name)
    except KeyError as exc:
        hint = " (newer versions of kombu want the package backports.zstd)" if "zst" in name else ""
        raise ConfigError(f"{task.name}: compression {name!r} is not installed{hint}") from exc

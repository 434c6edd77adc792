# SPDX-License-Identifier: BSD-3-Clause
"""Which enqueuer an app's task broker takes, and where its state lies when that is not Redis."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from celery import Celery

from igwn_alert_celery.enqueue.check import check_app
from igwn_alert_celery.enqueue.kombu import KombuEnqueuer
from igwn_alert_celery.enqueue.redis import RedisEnqueuer, is_redis
from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.settings import Settings

__all__ = ["make_enqueuer", "state_path"]


def make_enqueuer(
    app: Celery, settings: Settings, consumer_group: str
) -> RedisEnqueuer | KombuEnqueuer:
    """Return an enqueuer that is not connected yet.

    Raises
    ------
    ConfigError
        The folder for the state cannot be made; handlers' tasks could not be sent, or workers
        would throw them away.
    TaskBrokerUnavailable
        The state file in it cannot be used.
    """
    check_app(app)
    if is_redis(app):
        return RedisEnqueuer(app, settings)
    return KombuEnqueuer(app, settings, _in_folder(state_path(settings, consumer_group)))


def state_path(settings: Settings, consumer_group: str) -> Path:
    """Return the file for the state of a consumer group; neither it nor its folder may be there."""
    if settings.state_dir:
        folder = Path(settings.state_dir)
    else:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        folder = Path(home) / "igwn-alert-celery"
    # Kafka takes any text as a group, a file system does not.
    return folder / f"{quote(consumer_group, safe='')}.sqlite"


def _in_folder(path: Path) -> Path:
    """Return the same file, once its folder is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise ConfigError(
            f"cannot write to {path.parent}, where dead letters are kept on this task broker: set "
            f"igwn_alert_state_dir to a folder that the worker may write to ({exc})"
        ) from exc
    return path

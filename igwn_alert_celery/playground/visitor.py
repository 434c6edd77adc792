# SPDX-License-Identifier: BSD-3-Clause
"""The visitor's own handlers: a Python file, run in the worker beside the playground's app."""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path

from igwn_alert_celery.errors import IGWNAlertError
from igwn_alert_celery.handlers import Registry
from igwn_alert_celery.playground.errors import PlaygroundError
from igwn_alert_celery.playground.topics import check_topic

__all__ = ["load_handlers"]


def load_handlers(path: Path, registry: Registry) -> None:
    """Run the file, which adds its handlers to the registry.

    Raises
    ------
    PlaygroundError
        It fails, has no handler, or asks for a topic that never comes; with the line.
    """
    before = len(registry.subscriptions)
    # As Python does for a script, so that the file may import its neighbours.
    sys.path.insert(0, str(path.parent))
    try:
        runpy.run_path(str(path), run_name=path.stem)
    except (Exception, SystemExit) as exc:
        # Border: the file is the visitor's, and whatever it raises is told by file and line.
        raise PlaygroundError(_told(path, exc)) from exc
    _check(path, registry, before)


def _check(path: Path, registry: Registry, before: int) -> None:
    mine = registry.subscriptions[before:]
    if not mine:
        raise PlaygroundError(
            f"{path.name} declares no handler of the playground: take its igwn_alert "
            "(from igwn_alert_celery.playground.app import igwn_alert), and decorate a function "
            'with @igwn_alert.handler("superevent")'
        )
    for subscription in mine:
        for topic in subscription.topics:
            try:
                check_topic(topic)
            except PlaygroundError as exc:
                handler = subscription.task_name.rpartition(".")[2]
                raise PlaygroundError(f"{path.name}, handler {handler}: {exc}") from exc


def _told(path: Path, exc: BaseException) -> str:
    if isinstance(exc, SyntaxError):
        name = Path(exc.filename or path).name
        return f"{name}, line {exc.lineno}: {exc.msg}: {(exc.text or '').strip()}"
    frames = traceback.extract_tb(exc.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f"{path.name}, line {lines[-1]}" if lines else path.name
    # Our own errors say all there is to say.
    kind = "" if isinstance(exc, IGWNAlertError) else f"{type(exc).__name__}: "
    return f"{where}: {kind}{exc}"

# SPDX-License-Identifier: BSD-3-Clause
"""Finds the Celery app of ``-A`` as ``celery -A`` does."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.app.utils import find_app

from igwn_alert_celery.errors import ConfigError, IGWNAlertError

__all__ = ["load_app"]


def load_app(given: Any) -> Celery:
    """Return the app, with the modules of ``include=`` and autodiscovery imported.

    Parameters
    ----------
    given : str or celery.Celery
        ``module``, ``package``, ``module:attribute``, or the app itself.

    Raises
    ------
    ConfigError
        There is none, or a module of it fails; the cause is kept.
    """
    app = given if isinstance(given, Celery) else _find(given)
    try:
        app.loader.import_default_modules()
    except IGWNAlertError:
        raise
    except (Exception, SystemExit) as exc:
        # Border: the modules are the user's, and may even end the program.
        raise ConfigError(f"-A {_name(given)}: a module of the app fails: {_told(exc)}") from exc
    return app


def _find(name: str) -> Celery:
    try:
        found = find_app(name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and name.partition(":")[0].startswith(exc.name):
            raise ConfigError(
                f"-A {name}: there is no module {exc.name!r} here or on PYTHONPATH: give what "
                "`celery -A` takes"
            ) from exc
        raise ConfigError(f"-A {name}: importing it fails: {_told(exc)}") from exc
    except IGWNAlertError:
        raise
    except (Exception, SystemExit) as exc:
        # Border: importing the user's module runs its code, which may even end the program.
        raise ConfigError(f"-A {name}: importing it fails: {_told(exc)}") from exc
    if not isinstance(found, Celery):
        raise ConfigError(f"-A {name}: that is no Celery app: give module:attribute")
    return found


def _name(given: Any) -> str:
    return given if isinstance(given, str) else repr(given.main)


def _told(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"

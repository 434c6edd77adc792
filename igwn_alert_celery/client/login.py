# SPDX-License-Identifier: BSD-3-Clause
"""Which credential? igwn-alert's order, and what hop keeps of it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from hop.auth import Auth
from hop.configure import get_config_path

from igwn_alert_celery.errors import CredentialError, NoCredentialError
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.settings import Settings

__all__ = ["login"]


def login(
    settings: Settings,
    auth: Any,
    username: str | None,
    password: str | None,
    authfile: str | os.PathLike[str] | None,
) -> Any:
    """Return igwn-alert's ``auth_obj``; reads files, connects nowhere.

    The first of: ``auth`` (True is as good as None); ``settings.noauth``; ``username`` and
    ``password``; ``authfile``; hop's auth.toml; netrc. Where none has anything, a warning and no
    credential.

    Returns
    -------
    Auth, list of Auth, or bool
        A list where it comes from an auth.toml, as hop has it; False for no credential.

    Raises
    ------
    CredentialError
        Half a credential, or a file that is missing, broken or open to others.
    """
    if auth is not None and auth is not True:
        return auth
    if settings.noauth:
        return False
    if bool(username) != bool(password):
        raise CredentialError("give username and password both, or neither of them")
    if username:
        return Auth(username, password)
    try:
        found = load_credential(_with(settings, authfile), os.environ)
    except NoCredentialError as exc:
        if authfile:
            raise
        warnings.warn(f"going on without a credential: {exc}", stacklevel=3)
        return False
    return [found] if authfile or Path(get_config_path("auth")).exists() else found


def _with(settings: Settings, authfile: str | os.PathLike[str] | None) -> Settings:
    path = os.fspath(authfile) if authfile else None
    return Settings(server=settings.server, port=settings.port, authfile=path)

# SPDX-License-Identifier: BSD-3-Clause
"""Which credential for Kafka? igwn-alert's order, through hop.auth."""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from hop.auth import AmbiguousCredentialError, Auth, load_auth, select_matching_auth

from igwn_alert_celery.errors import CredentialError
from igwn_alert_celery.settings import Settings

__all__ = ["load_credential"]

_REMEDY = (
    "run `hop auth add`, or set igwn_alert_username and igwn_alert_password, or "
    "igwn_alert_noauth = True for a server without credentials"
)


def load_credential(settings: Settings, environ: Mapping[str, str]) -> Auth | None:
    """Return the credential, or None for an unauthenticated session.

    The order: ``noauth``; username and password; ``authfile``; hop's auth.toml; netrc.

    Raises
    ------
    CredentialError
        With the remedy, and without a secret.
    """
    if settings.noauth:
        return None
    if settings.password and not settings.username:
        raise CredentialError("igwn_alert_password without igwn_alert_username: set both")
    if settings.username and settings.password:
        return Auth(settings.username, settings.password)
    if settings.authfile:
        return _from_file(settings, settings.authfile)
    try:
        return _from_file(settings, None)
    except FileNotFoundError:
        return _from_netrc(settings, environ)


def _from_file(settings: Settings, path: str | None) -> Auth:
    try:
        credentials = load_auth(path)
    except FileNotFoundError:
        if path is None:
            raise
        raise CredentialError(f"igwn_alert_authfile: {path} does not exist") from None
    except PermissionError as exc:
        raise CredentialError(f"{exc.filename} cannot be read: check its owner and mode") from None
    except Exception as exc:  # noqa: BLE001 - the reason follows
        # hop raises RuntimeError and KeyError; a parser's text could quote a line with a secret.
        unsafe = "unsafe permissions" in str(exc)
        where = path or "hop's auth.toml"
        what = "may be read by others: chmod 0600" if unsafe else "is not a valid auth.toml"
        raise CredentialError(f"{where} {what}") from None
    try:
        return select_matching_auth(credentials, settings.bootstrap, settings.username)
    except AmbiguousCredentialError:
        raise CredentialError(
            f"several credentials match {settings.bootstrap}: choose one with igwn_alert_username"
        ) from None
    except RuntimeError:
        who = f" with username {settings.username!r}" if settings.username else ""
        raise CredentialError(
            f"no credential for {settings.bootstrap}{who} in {path or 'auth.toml'}: {_REMEDY}"
        ) from None


def _from_netrc(settings: Settings, environ: Mapping[str, str]) -> Auth:
    path = Path(settings.netrc or environ.get("NETRC") or Path.home() / ".netrc")
    missing = CredentialError(f"no credential for {settings.bootstrap}: {_REMEDY}")
    if not path.exists():
        if settings.netrc:
            raise CredentialError(f"igwn_alert_netrc: {path} does not exist")
        raise missing
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise CredentialError(f"{path} may be read by others: chmod 0600")
    try:
        entries = netrc.netrc(path)
    except (netrc.NetrcParseError, OSError):
        raise CredentialError(f"{path} is not a valid netrc file") from None
    # igwn-alert looks its whole server URL up; a host name is what netrc means.
    found = entries.authenticators(settings.server)
    found = found or entries.authenticators(urlsplit(settings.server).hostname or "")
    if found is None or (settings.username and found[0] != settings.username):
        raise missing
    return Auth(found[0], found[2])

# SPDX-License-Identifier: BSD-3-Clause
"""Where a command goes and as whom: what the global options resolve to.

Everything is looked up when it is first asked for, so that ``--help`` loads nothing and ``doctor``
can tell each failure by itself.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from celery import Celery

from igwn_alert_celery.cli.app import load_app
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.report import can_ask, note
from igwn_alert_celery.errors import ConfigError, NoCredentialError, SettingsError
from igwn_alert_celery.settings import Settings

if TYPE_CHECKING:
    from igwn_alert_celery.bridge import IGWNAlert

__all__ = ["Target"]

_SPELLED = {
    "server": "-s/--server",
    "port": "-p/--port",
    "group": "-g/--group",
    "noauth": "--no-auth",
    "username": "-u/--username",
    "netrc": "-n/--netrc",
}


class Target:
    """The Kafka service, the group, the credential and, with ``-A``, the app.

    Parameters
    ----------
    flags : Flags
        What was given; options after a sub-command are added to it before it is read.
    """

    def __init__(self, flags: Flags) -> None:
        self.flags = flags

    @cached_property
    def app(self) -> Celery | None:
        """The app of ``-A``, with the modules of its handlers; raises :exc:`ConfigError`."""
        return load_app(self.flags.app) if self.flags.app else None

    @cached_property
    def bridge(self) -> IGWNAlert | None:
        """The app's :class:`IGWNAlert`; raises :exc:`ConfigError` where it has none."""
        if self.app is None:
            return None
        bridge: IGWNAlert | None = getattr(self.app, "igwn_alert", None)
        if bridge is None:
            raise ConfigError(
                f"-A: the Celery app {self.app.main!r} has no IGWNAlert: write "
                "igwn_alert = IGWNAlert(app, …) beside it"
            )
        return bridge

    @cached_property
    def settings(self) -> Settings:
        """The app's settings, or those of the environment below the flags.

        Raises
        ------
        SettingsError
            A setting or a flag is wrong.
        click.UsageError
            A flag contradicts the app's settings.
        """
        if self.bridge is not None:
            return self._of_app(self.bridge.settings)
        return self._with_flags(Settings.build({}, {}, os.environ))

    @cached_property
    def credential(self) -> Any:
        """The credential (:class:`hop.auth.Auth`), None without one; raises CredentialError.

        As igwn-alert does, a command without ``-A`` goes on without a credential where none was
        found, with a warning; for a user that was named it asks on a terminal.
        """
        from igwn_alert_celery.kafka.credentials import find_credential

        # -n alone means that file; without it auth.toml comes first.
        skip_toml = self.flags.netrc is not None and self.bridge is None
        try:
            return find_credential(self.settings, os.environ, skip_toml=skip_toml).credential
        except NoCredentialError as exc:
            if self.flags.username is not None and self.bridge is None and can_ask():
                return self._prompted()
            if skip_toml or self.bridge is not None or self.settings.username is not None:
                raise
            note(f"going on without a credential: {exc}")
            return None

    @property
    def username(self) -> str | None:
        """Whose credential it is; None without one."""
        credential = self.credential
        return None if credential is None else str(credential.username)

    @property
    def place(self) -> str:
        """Server and user, for people."""
        who = f" as {self.username}" if self.username else " without a credential"
        return f"{self.settings.bootstrap}{who}"

    def _prompted(self) -> Any:
        """Return a credential whose password is typed in, unseen."""
        from igwn_alert_celery.kafka.credentials import load_credential

        question = f"Password of {self.settings.username} for {self.settings.bootstrap}"
        password = click.prompt(question, hide_input=True, err=True)
        return load_credential(replace(self.settings, password=password), os.environ)

    def _with_flags(self, base: Settings) -> Settings:
        given = self.flags.connection
        server = given.get("server", base.server)
        if "port" in given:
            given["server"] = _on_port(server, given["port"], chosen="server" in given)
        if "username" in given or "netrc" in given:
            given.setdefault("noauth", False)
        if "netrc" in given:
            # Instead of what the environment says.
            given = {"username": None, "password": None, "authfile": None, **given}
        elif given.get("username", base.username) != base.username:
            # The environment's password is another user's.
            given["password"] = None
        try:
            return replace(base, **given)
        except SettingsError as exc:
            raise _spelled(exc) from None

    def _of_app(self, settings: Settings) -> Settings:
        """Return the app's settings, or refuse the flags that contradict them."""
        mine = self._with_flags(settings)
        for name in self.flags.connection:
            seen, wanted = getattr(settings, name), getattr(mine, name)
            if name in {"server", "port"}:
                seen, wanted = settings.bootstrap, mine.bootstrap
            elif name == "username" and seen is None:
                # The only entry of auth.toml may be that user's.
                seen = _username_of(settings)
            if seen != wanted:
                raise click.UsageError(
                    f"{_SPELLED[name]} says {wanted!r}, but the app of -A has {seen!r}: leave it "
                    "out, or leave -A out"
                )
        return settings


def _username_of(settings: Settings) -> str | None:
    from igwn_alert_celery.kafka.credentials import load_credential

    credential = load_credential(settings, os.environ)
    return None if credential is None else str(credential.username)


def _on_port(server: str, port: int, *, chosen: bool) -> str:
    """Return the server on the port of ``-p``, which counts above the environment's server."""
    try:
        url = urlsplit(server)
        found = url.port
    except ValueError:
        # The setting's own rule says it better.
        return server
    if found is None or found == port:
        return server
    if chosen:
        raise click.UsageError(f"-s/--server has port {found}, -p/--port {port}: give one of them")
    host = url.netloc.rpartition(":")[0]
    return f"{url.scheme}://{host}:{port}{url.path}"


def _spelled(exc: SettingsError) -> SettingsError:
    """Return the error with the flag in place of the setting."""
    text = str(exc).replace(" (argument)", "", 1)
    for name, flag in _SPELLED.items():
        if text.startswith(f"igwn_alert_{name} = "):
            return SettingsError(flag + text.removeprefix(f"igwn_alert_{name}"))
    return SettingsError(text)

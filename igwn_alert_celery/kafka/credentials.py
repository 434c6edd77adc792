# SPDX-License-Identifier: BSD-3-Clause
"""Which credential for Kafka? igwn-alert's order, through hop.auth.

What the parsers of these files say may quote them, secrets included. So their errors end where
they are caught, and ours are raised outside of it: not even ``__context__`` holds theirs.
"""

from __future__ import annotations

import netrc
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from hop.auth import AmbiguousCredentialError, Auth, load_auth, select_matching_auth

from igwn_alert_celery.errors import CredentialError, NoCredentialError, NoCredentialFileError
from igwn_alert_celery.settings import Settings

__all__ = ["Found", "credential_files", "find_credential", "load_credential"]

_REMEDY = (
    "run `hop auth add`, or set igwn_alert_username and igwn_alert_password, or set "
    "igwn_alert_noauth=True for a server without credentials"
)
# hop refuses to read an auth.toml with any of these bits, setuid and the like included.
_UNSAFE_BITS = 0o7077


@dataclass(frozen=True, slots=True)
class Found:
    """A credential and, in words, where it was found; ``file`` where that is a file."""

    credential: Auth | None = field(repr=False)
    where: str
    file: Path | None = None


def load_credential(settings: Settings, environ: Mapping[str, str]) -> Auth | None:
    """Return what :func:`find_credential` finds."""
    return find_credential(settings, environ).credential


def credential_files(
    settings: Settings, environ: Mapping[str, str], *, skip_toml: bool = False
) -> dict[Path, CredentialError | None]:
    """Return the files that may be looked into and exist, with what is wrong about their modes."""
    if settings.noauth or settings.password:
        return {}
    if settings.authfile:
        paths = [_expanded(settings.authfile)]
    else:
        toml = [] if skip_toml else [_toml_path(environ)]
        paths = [*toml, _netrc_path(settings, environ)]
    found: dict[Path, CredentialError | None] = {}
    for path in paths:
        try:
            if _readable(path):
                found[path] = None
        except CredentialError as exc:
            found[path] = exc
    return found


def find_credential(
    settings: Settings, environ: Mapping[str, str], *, skip_toml: bool = False
) -> Found:
    """Find the credential for the Kafka service; reads files, connects nowhere.

    The first of: ``noauth``; ``username`` and ``password``; ``authfile``; hop's auth.toml; netrc.
    A username without a password selects that entry of the files. Unlike igwn-alert, a file that
    others may read, or that is broken, is an error and not passed over.

    Parameters
    ----------
    settings : Settings
        Server and credential settings.
    environ : mapping
        The environment: ``XDG_CONFIG_HOME``, ``HOME`` and ``NETRC`` say where the files are.
    skip_toml : bool, optional
        Pass hop's auth.toml over.

    Returns
    -------
    Found
        Its ``credential`` is None for an unauthenticated session (``noauth``).

    Raises
    ------
    CredentialError
        With what to do about it, and without a secret.
    """
    if settings.noauth:
        return Found(None, "none, as igwn_alert_noauth says")
    if settings.password and not settings.username:
        raise CredentialError(
            "igwn_alert_password is set without igwn_alert_username: set both or neither"
        )
    if settings.password:
        credential = Auth(settings.username, settings.password)
        return Found(credential, "igwn_alert_username and igwn_alert_password")
    if settings.authfile:
        return _from_authfile(settings, _expanded(settings.authfile))
    return _from_usual_places(settings, environ, skip_toml=skip_toml)


def _from_authfile(settings: Settings, path: Path) -> Found:
    if not _readable(path):
        raise NoCredentialFileError(f"igwn_alert_authfile: {path} does not exist")
    found = _from_toml(settings, path)
    if found is None:
        raise _nothing(settings, [f"{path} has no entry for it"])
    return _in_file(found, path)


def _in_file(credential: Auth, path: Path) -> Found:
    host = f" for {credential.hostname}" if credential.hostname else ""
    return Found(credential, f"{path}, entry {credential.username!r}{host}", path)


def _from_usual_places(settings: Settings, environ: Mapping[str, str], *, skip_toml: bool) -> Found:
    looked = []
    toml = _toml_path(environ)
    if skip_toml:
        pass
    elif _readable(toml):
        found = _from_toml(settings, toml)
        if found is not None:
            return _in_file(found, toml)
        looked.append(f"{toml} has no entry for it")
    else:
        looked.append(f"{toml} does not exist")
    path = _netrc_path(settings, environ)
    if _readable(path):
        found = _from_netrc(settings, path)
        if found is not None:
            return _in_file(found, path)
        looked.append(f"{path} has no entry for it")
    elif settings.netrc:
        raise CredentialError(f"igwn_alert_netrc: {path} does not exist")
    else:
        looked.append(f"{path} does not exist")
    raise _nothing(settings, looked)


def _nothing(settings: Settings, looked: list[str]) -> NoCredentialError:
    who = f" with username {settings.username!r}" if settings.username else ""
    lone = (
        "; igwn_alert_username without igwn_alert_password only selects an entry"
        if settings.username
        else ""
    )
    return NoCredentialError(
        f"no credential for {settings.bootstrap}{who} ({'; '.join(looked)}{lone}): {_REMEDY}"
    )


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else _expanded("~")


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as exc:
        raise CredentialError(f"{path}: {exc} Set HOME, or give a path without '~'") from None


def _toml_path(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME")
    folder = (Path(base) if base else _home(environ) / ".config") / "hop"
    old = folder / "config.toml"
    return old if _is_old_style(folder / "auth.toml", old) else folder / "auth.toml"


def _is_old_style(new: Path, old: Path) -> bool:
    # hop once kept credentials in its general configuration, and still reads them there.
    try:
        return not new.exists() and re.search(r"(?m)^\s*\[+\s*auth\b", old.read_text()) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _netrc_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    named = settings.netrc or environ.get("NETRC")
    return _expanded(named) if named else _home(environ) / ".netrc"


def _readable(path: Path) -> bool:
    """Whether the file exists; raises when we may not read it, or others may."""
    try:
        # Opening tells an unreadable folder apart from a missing file; `exists` does not.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise CredentialError(
            f"{path} cannot be read ({exc.strerror}): give it to the user that runs the worker, "
            "with mode 0600"
        ) from None
    if stat.S_ISREG(mode) and mode & _UNSAFE_BITS:
        raise CredentialError(
            f"{path} has mode {stat.S_IMODE(mode):04o}, so that others may read or use the "
            f"credential in it: chmod 0600 {path}"
        )
    return True


def _from_toml(settings: Settings, path: Path) -> Auth | None:
    credentials = _entries(path)
    if isinstance(credentials, str):
        raise CredentialError(
            f"{path} is no valid auth.toml ({credentials}): write it anew with `hop auth add`"
        )
    try:
        found = select_matching_auth(credentials, settings.bootstrap, settings.username)
    except AmbiguousCredentialError:
        raise CredentialError(_ambiguous(settings, path, credentials)) from None
    except RuntimeError:
        return None
    if not found.password and not found.token_command:
        raise CredentialError(_without_password(found.username, path))
    return found


def _entries(path: Path) -> list[Auth] | str:
    """Return the entries, or what is wrong with the file in words that quote nothing."""
    try:
        return list(load_auth(str(path)))
    except Exception as exc:  # noqa: BLE001 - whatever hop and toml raise, the file is to blame
        text = str(exc)
    known = re.search(r"missing auth property '\w+'|no auth section|\bline \d+", text)
    return known.group() if known else "hop cannot read it"


def _ambiguous(settings: Settings, path: Path, credentials: list[Auth]) -> str:
    fitting = (entry for entry in credentials if _fits(entry, settings))
    names = sorted({str(entry.username) for entry in fitting})
    if settings.username or len(names) == 1:
        return (
            f"several entries of {path} match {settings.bootstrap} with username "
            f"{settings.username or names[0]!r}: remove all but one"
        )
    return (
        f"several credentials match {settings.bootstrap} in {path}: choose one by setting "
        f"igwn_alert_username (there are {', '.join(names)})"
    )


def _fits(entry: Auth, settings: Settings) -> bool:
    try:
        select_matching_auth([entry], settings.bootstrap, settings.username)
    except RuntimeError:
        return False
    return True


def _without_password(username: str, path: Path) -> str:
    return f"{path} has username {username!r} without a password: add it there, or {_REMEDY}"


def _from_netrc(settings: Settings, path: Path) -> Auth | None:
    entries = _netrc_entries(path)
    if isinstance(entries, str):
        raise CredentialError(f"{path} is no valid netrc file ({entries}): correct it")
    for machine in _machines(settings):
        if machine in entries.hosts:
            login, _, password = entries.hosts[machine]
            if settings.username and login != settings.username:
                continue
            if not password:
                raise CredentialError(_without_password(login, path))
            return Auth(login, password)
    return None


def _netrc_entries(path: Path) -> netrc.netrc | str:
    try:
        return netrc.netrc(path)
    except netrc.NetrcParseError as exc:
        return f"line {exc.lineno}"
    except UnicodeDecodeError:
        return "not UTF-8"


def _machines(settings: Settings) -> Iterator[str]:
    # igwn-alert looks the whole server URL up; a host name is what netrc means. A `default`
    # entry comes last.
    yield settings.server
    yield settings.bootstrap
    yield urlsplit(settings.server).hostname or ""
    yield "default"

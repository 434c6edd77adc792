# SPDX-License-Identifier: BSD-3-Clause
"""One call of a Lua script in two steps: it is sent now, and its answer is read later.

In between Redis works on it, and the receiver on the next batch. redis-py's own scripts wait for
their answer at once, and it packs large arguments slowly, a few kilobytes at a time.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Iterable
from importlib import resources
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

__all__ = ["Script", "SentCall", "script_text", "take_connection"]


def script_text(*names: str, package: str = "igwn_alert_celery.enqueue") -> str:
    """Return the text of a script that is made of these files of a package."""
    folder = resources.files(package)
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def take_connection(pool: Any, command: str) -> Any:
    """Take a connection out of a pool of redis-py's; it has to be released."""
    return pool.get_connection(command) if _wants_command(pool.__class__) else pool.get_connection()


@functools.cache
def _wants_command(kind: Any) -> bool:
    """Whether it has to be told what for: before redis-py 5.3, which warns of that."""
    name = inspect.signature(kind.get_connection).parameters.get("command_name")
    return name is not None and name.default is name.empty


class Script:
    """A script on the server of one client.

    Parameters
    ----------
    client : redis.Redis
        Its connections are used, one for each call that waits for its answer.
    text : str
        Lua; loaded where the server does not know it (any more).
    """

    def __init__(self, client: Redis, text: str) -> None:
        self._pool = client.connection_pool
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def send(self, keys: list[str], args: list[Any]) -> SentCall:
        """Send a call; blocks while the socket is full, and raises what redis-py raises."""
        command = _packed(("EVALSHA", self._sha, len(keys), *keys, *args))
        connection = take_connection(self._pool, "EVALSHA")
        call = SentCall(self._pool, connection, command, self._text)
        call.send()
        return call


class SentCall:
    """A call on its way. Either :meth:`answer` or :meth:`abandon` has to follow, once."""

    def __init__(self, pool: Any, connection: Any, command: bytes, text: str) -> None:
        self._pool = pool
        self._connection = connection
        self._command = command
        self._text = text

    def send(self) -> None:
        """Send it."""
        try:
            self._connection.send_packed_command([self._command])
        except BaseException:
            self.abandon()
            raise

    def answer(self) -> Any:
        """Wait for the answer, as long as the client's ``socket_timeout``; raises its errors."""
        connection = self._connection
        try:
            try:
                return connection.read_response()
            except NoScriptError:
                connection.send_command("SCRIPT", "LOAD", self._text)
                connection.read_response()
                connection.send_packed_command([self._command])
                return connection.read_response()
        finally:
            # Whatever broke it has closed it, and then it is opened again when it is next used.
            self._pool.release(connection)

    def abandon(self) -> None:
        """Give up the answer: it stays open whether the script has run."""
        self._connection.disconnect()
        self._pool.release(self._connection)


def _packed(args: Iterable[Any]) -> bytes:
    """Return a command as the protocol wants it (redis.io, "Redis serialization protocol")."""
    values = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    parts = [b"*%d\r\n" % len(values)]
    for value in values:
        parts += (b"$%d\r\n" % len(value), value, b"\r\n")
    return b"".join(parts)

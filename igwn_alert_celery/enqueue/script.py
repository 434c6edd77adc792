# SPDX-License-Identifier: BSD-3-Clause
"""One call of a Lua script in two steps: it is sent now, and its answer is read later.

In between Redis works on it, and the receiver on the next batches. redis-py's own scripts wait for
their answer at once, and it packs large arguments slowly, a few kilobytes at a time.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections import deque
from collections.abc import Iterable
from importlib import resources
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

__all__ = ["Script", "SentCall", "script_text", "take_connection"]

#: Stands for an answer that has not been read.
UNANSWERED: Any = object()
_CLOSED = "the connection was closed before the answer came"


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
    """A script on the server of one client. Not thread-safe.

    Calls that wait for their answers share one connection, so Redis works them off in the order in
    which they were sent. Those that it does not know the script for yet are sent again, and may
    come after one that it has learnt it for.

    Parameters
    ----------
    client : redis.Redis
        Its connections are used, one at a time.
    text : str
        Lua; loaded where the server does not know it (any more).
    """

    def __init__(self, client: Redis, text: str) -> None:
        self._pool = client.connection_pool
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._connection: Any = None
        self._waiting: deque[SentCall] = deque()

    def send(self, keys: list[str], args: list[Any]) -> SentCall:
        """Send a call; blocks while the socket is full, and raises what redis-py raises."""
        call = SentCall(self, _packed(("EVALSHA", self._sha, len(keys), *keys, *args)))
        is_first = not self._waiting
        if is_first:
            self._connection = take_connection(self._pool, "EVALSHA")
        elif not _is_open(self._connection):
            # redis-py would open it again, and what is waited for would be somebody else's answer.
            closed = RedisConnectionError(_CLOSED)
            self.give_up(closed)
            raise closed
        self._waiting.append(call)
        try:
            # Its health is asked by a PING, whose answer would be taken for a call's.
            self._connection.send_packed_command([call.command], check_health=is_first)
        except BaseException as exc:
            self.give_up(exc)
            raise
        return call

    def read(self) -> None:
        """Wait for the answer to the oldest call, as long as the client's ``socket_timeout``."""
        try:
            reply = self._reply()
            if isinstance(reply, NoScriptError) and not self._waiting[0].is_again:
                self._load()
                return
        except AttributeError as exc:
            # redis-py's own, where somebody has closed the connection meanwhile.
            closed = RedisConnectionError(_CLOSED)
            self.give_up(closed)
            raise closed from exc
        except BaseException as exc:
            self.give_up(exc)
            raise
        self._waiting.popleft().reply = reply
        if not self._waiting:
            self._pool.release(self._connection)

    def give_up(self, why: BaseException) -> None:
        """Give up all answers that are waited for: it stays open which calls have run.

        Parameters
        ----------
        why : BaseException
            What each of the calls raises, if it is an error.
        """
        if not self._waiting:
            return
        for call in self._waiting:
            call.reply = why if isinstance(why, Exception) else RedisConnectionError(_CLOSED)
        self._waiting.clear()
        self._connection.disconnect()
        self._pool.release(self._connection)

    def _reply(self) -> Any:
        try:
            return self._connection.read_response()
        except ResponseError as exc:
            return exc

    def _load(self) -> None:
        """Load the script, and send again what came too early for it."""
        first, *later = self._waiting
        again = [first]
        for call in later:
            call.reply = self._reply()
            if isinstance(call.reply, NoScriptError):
                again.append(call)
        self._connection.send_command("SCRIPT", "LOAD", self._text)
        self._connection.read_response()
        self._waiting = deque(again)
        for call in again:
            call.reply, call.is_again = UNANSWERED, True
            self._connection.send_packed_command([call.command], check_health=False)


class SentCall:
    """A call on its way.

    Attributes
    ----------
    command : bytes
        What was sent.
    reply : object
        The answer, once it was read; an exception is one as well.
    is_again : bool
        Whether it was sent again, once the script was loaded.
    """

    def __init__(self, script: Script, command: bytes) -> None:
        self._script = script
        self.command = command
        self.reply: Any = UNANSWERED
        self.is_again = False

    def answer(self) -> Any:
        """Wait for the answer, as long as the client's ``socket_timeout``; raises its errors."""
        while self.reply is UNANSWERED:
            self._script.read()
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def abandon(self) -> None:
        """Give up its answer, and those of all calls that wait with it."""
        self._script.give_up(RedisConnectionError(_CLOSED))


def _is_open(connection: Any) -> bool:
    # redis-py's own word for it (`is_connected`) is too new.
    return getattr(connection, "_sock", connection) is not None


def _packed(args: Iterable[Any]) -> bytes:
    """Return a command as the protocol wants it (redis.io, "Redis serialization protocol")."""
    values = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    parts = [b"*%d\r\n" % len(values)]
    for value in values:
        parts += (b"$%d\r\n" % len(value), value, b"\r\n")
    return b"".join(parts)

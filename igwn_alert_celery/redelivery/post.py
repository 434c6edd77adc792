# SPDX-License-Identifier: BSD-3-Clause
"""What is said to Redis without waiting for its answer.

A message that was popped is noted before its handler runs, which waited for two round trips. What
a socket has taken reaches Redis though this process dies just then; so the answers can be read
while, or after, the handler runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from igwn_alert_celery.enqueue.script import take_connection

__all__ = ["Post"]


class Post:
    """Commands on their way, in one step; raises what redis-py does.

    Either :meth:`answer` follows, once, or the connection stays taken.

    Parameters
    ----------
    client : redis.Redis
        Its connections are used.
    commands : sequence of tuple
        As the protocol has them.
    """

    def __init__(self, client: Redis, commands: Sequence[tuple[Any, ...]]) -> None:
        self._pool = client.connection_pool
        self._connection = take_connection(self._pool, "MULTI")
        steps = [("MULTI",), *commands, ("EXEC",)] if len(commands) > 1 else commands
        self._answers = len(steps)
        try:
            packed = self._connection.pack_commands(steps)
            self._connection.send_packed_command(packed)
        except BaseException:
            self._connection.disconnect()
            self._pool.release(self._connection)
            raise

    def answer(self) -> None:
        """Wait for the answer, as long as the client's ``socket_timeout``."""
        errors: list[ResponseError] = []
        found: Any = None
        try:
            for _ in range(self._answers):
                try:
                    found = self._connection.read_response()
                except ResponseError as exc:
                    errors.append(exc)
        except BaseException as exc:
            # What is still to come must be nobody else's answer. It is opened when it is next used.
            self._connection.disconnect()
            if isinstance(exc, AttributeError):
                # redis-py's own, where somebody has closed the connection meanwhile.
                raise RedisConnectionError("the connection was closed") from exc
            raise
        finally:
            self._pool.release(self._connection)
        if isinstance(found, list):
            errors += [one for one in found if isinstance(one, ResponseError)]
        if errors:
            raise errors[0]

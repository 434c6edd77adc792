# SPDX-License-Identifier: BSD-3-Clause
"""What an AMQP channel has sent and the server has not confirmed yet, however much that is.

RabbitMQ confirms a task when it is on its disk, so whoever waits for each one sends one a write.
Everything that has to know py-amqp from the inside is in this file.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any, NamedTuple

import amqp

__all__ = ["Confirms", "knows"]

#: So much may be on its way, bytes of bodies. What RabbitMQ does not read (flow control, an alarm)
#: fills the sockets' buffers, and then sending blocks.
MOST_BYTES = 1_000_000


class _Sent(NamedTuple):
    task_id: str
    correlation_id: Any
    size: int


def knows(channel: Any) -> bool:
    """Whether it is a channel of py-amqp."""
    return isinstance(channel, amqp.Channel)


class Confirms:
    """Opens a channel that publishes without waiting, and notes what is confirmed. Not thread-safe.

    Attributes
    ----------
    channel : amqp.Channel
        To publish with.
    task_id : str
        Whose messages are being published.
    refused : bool
        Whether a queue has refused a message.
    lost : bool
        Whether the server has closed the channel: what it has not confirmed it never will. Whoever
        sees the error sets it.
    """

    def __init__(self, connection: Any) -> None:
        self.channel = channel = connection.channel()
        # On a connection that confirms py-amqp puts a method that waits before that of the class:
        # https://github.com/celery/py-amqp/blob/v5.4.2/amqp/channel.py#L122
        channel.basic_publish = self._publish
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        channel.confirm_select()
        self._published = 0  # the server counts from here on: its delivery tags
        self._open: dict[int, _Sent] = {}
        self._not_taken: set[str] = set()
        self._bytes = 0
        self.task_id = ""
        self.refused = False
        self.lost = False

    def wait(self) -> None:
        """Wait until all is confirmed, or refused; raises what py-amqp raises."""
        while self._open and not self.lost:
            self._read()

    def unconfirmed(self) -> set[str]:
        """Return the tasks of which a message is not confirmed, or in no queue."""
        return self._not_taken | {sent.task_id for sent in self._open.values()}

    def _publish(self, message: Any, *args: Any, **options: Any) -> Any:
        size = len(message.body)
        while self._open and self._bytes + size > MOST_BYTES:
            self._read()
        result = type(self.channel).basic_publish(self.channel, message, *args, **options)
        self._published += 1
        correlation_id = message.properties.get("correlation_id")
        self._open[self._published] = _Sent(self.task_id, correlation_id, size)
        self._bytes += size
        return result

    def _read(self) -> None:
        connection = self.channel.connection
        if connection is None:
            raise amqp.RecoverableConnectionError("the connection is closed")
        connection.drain_events()

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        self._settled(delivery_tag, multiple)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        self.refused = True
        self._not_taken.update(sent.task_id for sent in self._settled(delivery_tag, multiple))

    def _settled(self, delivery_tag: int, multiple: bool) -> list[_Sent]:
        tags = [delivery_tag]
        if multiple:
            tags = list(takewhile(lambda tag: tag <= delivery_tag, self._open))
        settled = [self._open.pop(tag) for tag in tags if tag in self._open]
        self._bytes -= sum(sent.size for sent in settled)
        return settled

    def _on_return(self, error: Any, exchange: str, routing_key: str, message: Any) -> None:
        # It comes before the confirmation, and has no delivery tag. Celery's correlation id is the
        # task's; whoever gives tasks another one makes it less clear, never wrong.
        returned = message.properties.get("correlation_id")
        found = {sent.task_id for sent in self._open.values() if sent.correlation_id == returned}
        self._not_taken |= found or self.unconfirmed()

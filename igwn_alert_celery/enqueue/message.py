# SPDX-License-Identifier: BSD-3-Clause
"""Task messages for handlers: what they are called, and the ordinary way to build them.

The ordinary way is Celery's own ``apply_async`` with a producer that keeps the finished
Redis commands instead of sending them, so any serializer, compression, router or
``before_task_publish`` receiver has its say, and the commands still go through the ledger.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from celery import Task
from kombu.exceptions import EncodeError
from kombu.utils.json import dumps

from igwn_alert_celery.enqueue.batch import Command, PartitionId

__all__ = ["ARGSREPR", "TaskCall", "apply", "capturing", "task_id"]

#: Shown by monitors instead of the alert, which can be large.
ARGSREPR = "(<igwn-alert>,)"

_NAMESPACE = uuid.UUID("5f0c3a5e-6d0e-5a0e-9d7e-1f6f3a9b6c11")


def task_id(partition: PartitionId, offset: int, task_name: str) -> str:
    """Return the id of the task for this alert and handler: always the same."""
    parts = (
        partition.cluster_id,
        partition.consumer_group,
        partition.topic_id or partition.topic,
        str(partition.partition),
        str(offset),
        task_name,
    )
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


@dataclass(frozen=True, slots=True)
class TaskCall:
    """One alert for one handler.

    ``json`` is the alert's JSON text, ``kombu_safe`` False when kombu's JSON decoder would
    turn a part of it into something else; it then travels as text.
    """

    task: Task
    task_id: str
    header: dict[str, Any]
    content: Any
    json: bytes
    kombu_safe: bool


def apply(call: TaskCall, header_name: str, producer: Any) -> None:
    """Publish through ``apply_async`` with this producer; blocks as the producer does."""
    if call.kombu_safe:
        try:
            return _apply(call, call.content, call.header, header_name, producer)
        except EncodeError:
            # E.g. a lone surrogate, which msgpack and yaml refuse: as JSON text it is ASCII.
            pass
    text = json.dumps(call.content)
    return _apply(call, text, {**call.header, "text": True}, header_name, producer)


def _apply(
    call: TaskCall, argument: Any, header: dict[str, Any], header_name: str, producer: Any
) -> None:
    call.task.apply_async(
        args=(argument,),
        task_id=call.task_id,
        headers={header_name: header},
        producer=producer,
        argsrepr=ARGSREPR,
        kwargsrepr="{}",
        retry=False,
        add_to_parent=False,
    )


def capturing(channel_class: type[Any]) -> type[Any]:
    """Return a kombu Redis channel class that keeps the messages it would have put.

    ``_put`` and ``_put_fanout`` are the methods that kombu's virtual transports implement.
    """

    class CapturingChannel(channel_class):
        captured: list[Command]

        def _put(self, queue: str, message: Any, **_: Any) -> None:
            priority = self._get_message_priority(message, reverse=False)
            key = self._q_for_pri(queue, priority)
            self.captured.append(Command("lpush", key, dumps(message).encode()))
            expires = self._expires.get(queue)
            if expires:
                for step in self.priority_steps:
                    step_key = self._q_for_pri(queue, step)
                    self.captured.append(Command("pexpire", step_key, int(expires)))

        def _put_fanout(self, exchange: str, message: Any, routing_key: str, **_: Any) -> None:
            topic = self._get_publish_topic(exchange, routing_key)
            self.captured.append(Command("publish", topic, dumps(message).encode()))

    return CapturingChannel

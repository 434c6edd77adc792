# SPDX-License-Identifier: BSD-3-Clause
"""Task messages for handlers: what they are called, and the ordinary way to build them.

The ordinary way is Celery's own ``apply_async`` with a producer of ours, so any serializer,
compression, router or ``before_task_publish`` receiver has its say.
"""

from __future__ import annotations

import functools
import json
import uuid
from typing import Any

import msgspec
from celery import Task
from kombu import serialization
from kombu.exceptions import EncodeError

from igwn_alert_celery.enqueue.batch import PartitionId
from igwn_alert_celery.record import Record
from igwn_alert_celery.uuids import uuid5, uuid_text

__all__ = ["ARGSREPR", "TaskCall", "apply", "task_id"]

#: Shown by monitors instead of the alert, which can be large.
ARGSREPR = "(<igwn-alert>,)"

_NAMESPACE = uuid.UUID("5f0c3a5e-6d0e-5a0e-9d7e-1f6f3a9b6c11")
# What JSON can carry and other serializers refuse, or change without a word.
_HARD: tuple[Any, ...] = (float("nan"), float("-inf"), 2**70, -0.0, "\ud800", "\x00\x85", {"": []})


def task_id(partition: PartitionId, offset: int, task_name: str) -> str:
    """Return the id of the task for this alert and handler: always the same."""
    topic = partition.topic_id or partition.topic
    group = f"{partition.cluster_id}\x1f{partition.consumer_group}"
    name = f"{group}\x1f{topic}\x1f{partition.partition}\x1f{offset}\x1f{task_name}"
    return uuid_text(uuid5(_NAMESPACE, name))


class TaskCall(msgspec.Struct, frozen=True, gc=False):
    """One alert for one handler.

    ``content`` is the alert, or None where nobody has needed more than its JSON text ``json`` yet;
    ``kombu_safe`` is False when kombu's JSON decoder would turn a part of it into something else;
    it then travels as text. ``record`` is what it came from: kept whole as a dead letter when no
    task can be made of it. ``quoted`` is the text as it stands within a JSON string, where it came
    so.
    """

    task: Task
    task_id: str
    header: dict[str, Any]
    content: Any
    json: bytes
    kombu_safe: bool
    record: Record | None = None
    quoted: bytes | None = None

    @property
    def argument(self) -> Any:
        """The alert, as the handler is to get it."""
        return json.loads(self.json) if self.content is None else self.content


def apply(call: TaskCall, header_name: str, producer: Any, **options: Any) -> Any:
    """Publish through ``apply_async`` with this producer, and return what it returns; blocks."""
    if call.kombu_safe and _is_exact(_serializer(call.task)):
        try:
            return _apply(call, call.argument, {header_name: call.header}, producer, options)
        except EncodeError:
            # E.g. a lone surrogate or a large integer in msgpack.
            pass  # below it goes as JSON text, which is ASCII
    headers = {header_name: {**call.header, "text": True}}
    return _apply(call, json.dumps(call.argument), headers, producer, options)


def _apply(
    call: TaskCall,
    argument: Any,
    headers: dict[str, Any],
    producer: Any,
    options: dict[str, Any],
) -> Any:
    return call.task.apply_async(
        args=(argument,),
        task_id=call.task_id,
        headers=headers,
        producer=producer,
        argsrepr=ARGSREPR,
        kwargsrepr="{}",
        retry=False,
        add_to_parent=False,
        **options,
    )


def _serializer(task: Task) -> str:
    return str(getattr(task, "serializer", None) or task.app.conf.task_serializer)


@functools.cache
def _is_exact(serializer: str) -> bool:
    """Whether a serializer gives back what it was given, or raises ``EncodeError``."""
    if serializer not in {"json", "pickle", "msgpack"}:
        return False
    # Somebody may have registered another one under the name.
    for value in _HARD:
        try:
            kind, encoding, data = serialization.dumps([value], serializer)
        except EncodeError:
            continue
        if repr(serialization.loads(data, kind, encoding, force=True)) != repr([value]):
            return False
    return True

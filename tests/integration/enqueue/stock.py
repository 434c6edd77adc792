# SPDX-License-Identifier: BSD-3-Clause
"""What stock kombu and Celery make of the messages in a queue."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from celery import Celery
from celery.worker.request import Request
from kombu import serialization

from igwn_alert_celery.enqueue.batch import Batch, Entry, PartitionId
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.kafka.decode import Decoded, decode
from igwn_alert_celery.record import Record
from igwn_alert_celery.task import HEADER

__all__ = [
    "HEADERS",
    "PARTITION",
    "call_of",
    "decoded",
    "received",
    "same",
    "sent_by_celery",
    "sent_by_us",
    "write",
]

HEADERS = {
    "topic": "superevent",
    "partition": 3,
    "offset": 2**40,
    "timestamp_ms": 1_684_411_200_000,
    "key": "S230518h é",
    "id": "d5a6f1b2-0000-4000-8000-000000000000",
    "sender": "somebody",
}
PARTITION = PartitionId("cluster", "group", "g.superevent", "id", 3)


def decoded(text: str) -> Decoded:
    """Return the alert of a record with this text."""
    return decode(Record("g.superevent", 3, 1, 0, None, text.encode()), max_bytes=10**6)


def call_of(task: Any, text: str, task_id: str = "an-id") -> TaskCall:
    """Return the call of a handler for an alert with this text."""
    found = decoded(text)
    return TaskCall(task, task_id, {**HEADERS}, found.content, found.json, found.kombu_safe)


def write(enqueuer: Any, commands: tuple[Any, ...]) -> None:
    """Write the commands of one alert."""
    start = enqueuer.claim(PARTITION, 0)
    offset = start.next_offset
    enqueuer.begin(Batch(PARTITION, start, offset + 1, (Entry(offset, commands, ()),))).outcome()


def received(app: Celery, queues: tuple[str, ...]) -> list[dict[str, Any]]:
    """Take all messages out of these queues, decoded by kombu, and by Celery."""
    found = []
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        for queue in queues:
            while (message := channel.basic_get(queue, no_ack=True)) is not None:
                found.append(_read(app, queue, message))
    return found


def _read(app: Celery, queue: str, message: Any) -> dict[str, Any]:
    message.accept = serialization.prepare_accept_content(app.conf.accept_content)
    body = message.decode()
    properties = {**message.properties, "delivery_tag": None}
    # How the body was written down; kombu has read it.
    properties.pop("body_encoding", None)
    headers = dict(message.headers)
    times = [properties.pop("expiration", None), headers.pop("expires", None)]
    return {
        "queue": queue,
        "content": (message.content_type, message.content_encoding),
        "properties": properties,
        "headers": headers,
        "body": repr(body),
        "alert": repr(_alert(body, headers)),
        "task": _request(app, message),
        "times": times,
    }


def _request(app: Celery, message: Any) -> dict[str, Any]:
    request = Request(message, app=app, task=app.tasks[message.headers["task"]])
    return {
        "ids": (request.id, request.root_id, request.parent_id, request.correlation_id),
        "names": (request.name, request.task_name, request.reply_to),
        "limits": request.time_limits,
        "arguments": repr((request.args, request.kwargs)),
    }


def _alert(body: Any, headers: dict[str, Any]) -> Any:
    """Return the alert that a handler is given."""
    argument = body[0][0]
    return json.loads(argument) if headers[HEADER].get("text") else argument


def same_moment(one: Any, other: Any) -> bool:
    """Whether two times of expiry, which count from now, are the same but for the test's own."""
    if one is None or other is None:
        return one is other
    try:
        return abs(float(one) - float(other)) < 30_000
    except ValueError:
        difference = datetime.fromisoformat(one) - datetime.fromisoformat(other)
        return abs(difference.total_seconds()) < 30


def sent_by_celery(app: Celery, call: TaskCall, queues: tuple[str, ...]) -> dict[str, Any]:
    """Return the one message that Celery sends, over a connection of its own."""
    # Those of Celery's pool outlive this app's queues.
    with app.connection_for_write() as connection:
        apply(call, HEADER, app.amqp.Producer(connection))
    (message,) = received(app, queues)
    return message


def sent_by_us(app: Celery, enqueuer: Any, call: TaskCall, queues: tuple[str, ...]) -> Any:
    """Return the one message that we send."""
    write(enqueuer, enqueuer.prepare(call))
    (message,) = received(app, queues)
    return message


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two messages are equal, but for the time at which the test sent them."""
    return {**one, "times": None} == {**other, "times": None} and all(
        same_moment(*times) for times in zip(one["times"], other["times"], strict=True)
    )

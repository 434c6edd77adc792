# SPDX-License-Identifier: BSD-3-Clause
"""A process that does nothing but take records from Kafka and put messages into Redis.

``consume(500)``, and a pipeline of one LPUSH each, with a message made around the record's value:
as it is (``template``), taken out of its JSON string (``unwrapped``), or parsed as well
(``parsed``), each in base64, as Celery writes it; or as it is and not in base64 (``untouched``). It
keeps no position, checks nothing, and promises nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import redis
from confluent_kafka import Consumer

from benchmarks import environment as env
from benchmarks.alerts import number_in
from benchmarks.notes import Notes

__all__ = ["MODES"]


def _template(value: bytes) -> bytes:
    return b64encode(b"[[%b], {}, {}]" % value)


def _unwrapped(value: bytes) -> bytes:
    text: str = json.loads(value)
    return _template(text.encode())


def _parsed(value: bytes) -> bytes:
    text = json.loads(value)
    json.loads(text)
    return _template(text.encode())


def _untouched(value: bytes) -> bytes:
    return b"[[%b], {}, {}]" % value[1:-1]


#: What makes the body of a record's value.
MODES: dict[str, Callable[[bytes], bytes]] = {
    "template": _template,
    "unwrapped": _unwrapped,
    "parsed": _parsed,
    "untouched": _untouched,
}


def _message(queue: str, encoding: str | None) -> tuple[bytes, bytes, bytes]:
    """Return what stands before, between and after a task's id and its body."""
    headers = {"lang": "py", "task": "bench.handle_0", "id": "<id>", "root_id": "<id>"}
    properties = {
        "correlation_id": "<id>",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": 0,
        "body_encoding": encoding,
        "delivery_tag": "<id>",
    }
    more = {"content-encoding": "utf-8", "content-type": "application/json"}
    message = {"body": "<body>", **more, "headers": headers, "properties": properties}
    before, _, after = json.dumps(message).partition("<body>")
    return before.encode(), after.encode(), b"<id>"


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("mode", choices=MODES)
    asked = parser.parse_args()
    queue, body_of = os.environ[env.HANDLER_QUEUE], MODES[asked.mode]
    notes = Notes(os.environ[env.NOTES]) if os.environ.get(env.NOTING) else None
    before, after, place = _message(queue, None if asked.mode == "untouched" else "base64")
    client = redis.Redis.from_url(os.environ[env.TASK_BROKER])
    consumer: Any = Consumer(
        {
            "bootstrap.servers": os.environ[env.KAFKA],
            "group.id": os.environ["IGWN_ALERT_CONSUMER_GROUP"],
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 2,
            "socket.nagle.disable": True,
        }
    )
    consumer.subscribe([asked.topic])
    while True:
        # The first record is waited for, what is there already comes with it.
        records = consumer.consume(1, 1.0)
        if records and notes is not None:  # at a low rate: one record at a time
            notes.add(f"bridge {number_in(records[0].value())}")
        records += consumer.consume(499, 0) if records else []
        pipe = client.pipeline(transaction=False)
        for record in records:
            task_id = str(uuid.uuid4()).encode()
            pipe.lpush(queue, before + body_of(record.value()) + after.replace(place, task_id))
        if records:
            pipe.execute()


if __name__ == "__main__":
    _main()

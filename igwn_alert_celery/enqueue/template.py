# SPDX-License-Identifier: BSD-3-Clause
"""The fast way to a task message: a template around the alert's own JSON text.

A template is compiled from a message that Celery and kombu themselves built, and only kept
when a second message, built for other values, comes out equal after decoding. Whatever could
change a message from one alert to the next keeps the handler on the ordinary way
(:mod:`igwn_alert_celery.enqueue.regular`).

The body stands in the message as it is (kombu's ``body_encoding`` of ``None``), and not in base64:
GraceDB's alerts come within a JSON string, and go on in one without being touched. So it is smaller
in Redis, and read sooner (decision 15).
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from celery import Task
from kombu.utils.json import loads

from igwn_alert_celery.enqueue.batch import Command
from igwn_alert_celery.enqueue.message import TaskCall

__all__ = ["Template", "compile_template", "quote"]

Build = Callable[[TaskCall], tuple[Command, ...]]
_SLOTS = ("alert", "task_id", "tag", "header")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Template:
    """A task message with slots for alert, task id, delivery tag and our header.

    ``pieces`` has what stands before, between and after the slots, and nothing in each slot;
    ``tags`` never gives the same one twice.
    """

    key: str
    pieces: tuple[bytes, ...]
    slots: tuple[int, ...]
    tags: Iterator[bytes]

    def fill(self, quoted: bytes, task_id: str, header: dict[str, Any]) -> Command:
        """Return the finished command for one alert, given as :func:`quote` returns it."""
        values = (quoted, task_id.encode(), next(self.tags), _encode(header))
        pieces = list(self.pieces)
        pieces[1::2] = [values[slot] for slot in self.slots]
        return Command("lpush", self.key, b"".join(pieces), task_id)


def quote(alert_json: bytes) -> bytes:
    """Return an alert's JSON text as it stands within a JSON string, without the quotes."""
    return _encode(alert_json.decode())[1:-1]


def compile_template(task: Task, build: Build) -> Template | str:
    """Compile the template of a task, or return what keeps its messages from being alike."""
    probe, other = _probe(task), _probe(task)
    commands = build(probe)
    if any(command.kind == "publish" for command in commands):
        return "it is broadcast: a worker that is away misses it, Redis keeps nothing for it"
    if len(commands) != 1:
        return "its queue expires, or its message goes to several queues"
    template = _split(commands[0], probe)
    if isinstance(template, str):
        return template
    filled = template.fill(quote(other.json), other.task_id, other.header)
    return template if _equal(filled, build(other)) else "two of its messages differ"


def _probe(task: Task) -> TaskCall:
    content = {"probe": uuid.uuid4().hex}
    header = {"probe": uuid.uuid4().hex}
    text = json.dumps(content).encode()
    return TaskCall(task, str(uuid.uuid4()), header, content, text, kombu_safe=True)


def _split(command: Command, probe: TaskCall) -> Template | str:
    text = bytes(command.value).decode()
    message = json.loads(text)
    properties = message.get("properties", {})
    exchange = properties["delivery_info"]["exchange"]
    if exchange:
        return f"it goes through exchange {exchange!r}, whose bindings may change"
    message["body"], properties["body_encoding"] = _body(message), None
    if message.get("content-encoding") != "utf-8" or probe.json.decode() not in message["body"]:
        return "its JSON is not Python's own"
    quoted = quote(probe.json).decode()
    values = (quoted, probe.task_id, properties["delivery_tag"], json.dumps(probe.header))
    parts = re.split("(" + "|".join(map(re.escape, values)) + ")", json.dumps(message))
    slots = tuple(values.index(part) for part in parts[1::2])
    if set(slots) != set(range(len(_SLOTS))):
        return "its message does not show the alert, its id and its header"
    parts[1::2] = [""] * len(slots)
    return Template(command.key, tuple(part.encode() for part in parts), slots, _tags())


def _tags() -> Iterator[bytes]:
    """Generate delivery tags: kombu's are random, and to ask for that each time takes time."""
    first = str(uuid.uuid4()).encode()
    return (b"%b-%d" % (first, number) for number in itertools.count())


def _equal(ours: Command, theirs: tuple[Command, ...]) -> bool:
    if len(theirs) != 1 or (ours.kind, ours.key) != (theirs[0].kind, theirs[0].key):
        return False
    return bool(_decoded(ours) == _decoded(theirs[0]))


def _decoded(command: Command) -> Any:
    message = loads(bytes(command.value))
    message["body"] = loads(_body(message))
    # How the body is written down; and what is never the same.
    del message["properties"]["body_encoding"], message["properties"]["delivery_tag"]
    return message


def _body(message: dict[str, Any]) -> str:
    """Return a message's body, as kombu hands it on (``Channel.decode_body``)."""
    body, encoding = message["body"], message["properties"].get("body_encoding")
    return base64.b64decode(body).decode("utf-8", "replace") if encoding == "base64" else body

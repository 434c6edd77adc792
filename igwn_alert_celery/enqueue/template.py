# SPDX-License-Identifier: BSD-3-Clause
"""The fast way to a task message: a template around the alert's own JSON text.

A template is compiled from a message that Celery and kombu themselves built, and only kept
when a second message, built for other values, comes out equal after decoding. Whatever could
change a message from one alert to the next keeps the handler on the ordinary way
(:mod:`igwn_alert_celery.enqueue.regular`).
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from celery import Task
from kombu.utils.json import dumps, loads

from igwn_alert_celery.enqueue.batch import Command
from igwn_alert_celery.enqueue.message import TaskCall

__all__ = ["Template", "compile_template"]

Build = Callable[[TaskCall], tuple[Command, ...]]
_SLOTS = ("body", "task_id", "tag", "header")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Template:
    """A task message with slots for body, task id, delivery tag and our header.

    ``pieces`` has what stands before, between and after the slots, and nothing in each slot.
    """

    key: str
    pieces: tuple[bytes, ...]
    slots: tuple[int, ...]
    before: bytes
    after: bytes

    def body(self, alert_json: bytes) -> bytes:
        """Return the base64 body around the alert's JSON text."""
        return base64.b64encode(self.before + alert_json + self.after)

    def fill(self, body: bytes, task_id: str, header: dict[str, Any]) -> Command:
        """Return the finished command for one alert."""
        values = (body, task_id.encode(), str(uuid.uuid4()).encode(), _encode(header))
        pieces = list(self.pieces)
        pieces[1::2] = [values[slot] for slot in self.slots]
        return Command("lpush", self.key, b"".join(pieces), task_id)


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
    filled = template.fill(template.body(other.json), other.task_id, other.header)
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
    if properties.get("body_encoding") != "base64" or message.get("content-encoding") != "utf-8":
        return "its body is not JSON in base64"
    before, found, after = base64.b64decode(message["body"]).partition(probe.json)
    if not found:
        return "its JSON is not Python's own"
    values = (message["body"], probe.task_id, properties["delivery_tag"], dumps(probe.header))
    parts = re.split("(" + "|".join(re.escape(value) for value in values) + ")", text)
    slots = tuple(values.index(part) for part in parts[1::2])
    if set(slots) != set(range(len(_SLOTS))):
        return "its message does not show the alert, its id and its header"
    parts[1::2] = [""] * len(slots)
    pieces = tuple(part.encode() for part in parts)
    return Template(command.key, pieces, slots, before, after)


def _equal(ours: Command, theirs: tuple[Command, ...]) -> bool:
    if len(theirs) != 1 or (ours.kind, ours.key) != (theirs[0].kind, theirs[0].key):
        return False
    return bool(_decoded(ours) == _decoded(theirs[0]))


def _decoded(command: Command) -> Any:
    message = loads(bytes(command.value))
    message["properties"].pop("delivery_tag")
    message["body"] = loads(base64.b64decode(message["body"]))
    return message

# SPDX-License-Identifier: BSD-3-Clause
"""Dead letters of tasks: the record that a task message came from, whole or built again."""

from __future__ import annotations

import json
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.record import Headers, Record

__all__ = ["rebuilt_record", "task_letter"]


def rebuilt_record(header: Mapping[str, Any], topic_prefix: str, content: Any) -> Record:
    """Return the record of a task message, where the original is gone.

    Parameters
    ----------
    header : mapping
        The task message's, as :meth:`igwn_alert_celery.record.RecordInfo.as_header` made it.
    topic_prefix : str
        What the full topic begins with.
    content
        The alert; its JSON stands in for the record's own bytes. Of hop's headers those that the
        message tells come back: id and sender.
    """
    partition, offset, key = header["partition"], header["offset"], header["key"]
    return Record(
        f"{topic_prefix}{header['topic']}",
        -1 if partition is None else partition,
        -1 if offset is None else offset,
        header["timestamp_ms"],
        None if key is None else key.encode(),
        json.dumps(content).encode(),
        _hop_headers(header),
    )


def _hop_headers(header: Mapping[str, Any]) -> Headers:
    found: list[tuple[str, bytes]] = []
    if header["id"]:
        found.append(("_id", _id_bytes(header["id"])))
    if header["sender"]:
        found.append(("_sender", header["sender"].encode()))
    return tuple(found)


def _id_bytes(text: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return text.encode()  # some sender's own kind of id


def task_letter(call: TaskCall, topic_prefix: str, reason: str, exc: Exception) -> DeadLetter:
    """Return the dead letter of an alert for one handler, whose task cannot be enqueued."""
    record = call.record or rebuilt_record(call.header, topic_prefix, call.argument)
    return DeadLetter.from_record(
        record,
        reason,
        str(exc) or repr(exc),
        traceback="".join(traceback.format_exception(exc)),
        handler=call.task.name,
    )

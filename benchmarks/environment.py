# SPDX-License-Identifier: BSD-3-Clause
"""By which environment variables a run tells its workers what to do."""

from __future__ import annotations

__all__ = [
    "HANDLERS",
    "HANDLER_QUEUE",
    "KAFKA",
    "NOTES",
    "NOTING",
    "OTHER_TOPICS",
    "QUEUE",
    "REJECTING",
    "TASK_BROKER",
]

#: ``host:port`` of Kafka, for those that have no setting for it.
KAFKA = "BENCH_KAFKA"
#: URL of the task broker.
TASK_BROKER = "BENCH_TASK_BROKER"
#: Queue that the worker consumes.
QUEUE = "BENCH_QUEUE"
#: Queue of the handlers' tasks.
HANDLER_QUEUE = "BENCH_HANDLER_QUEUE"
#: How many handlers the topic has.
HANDLERS = "BENCH_HANDLERS"
#: Not empty: they want alerts of the type ``new`` only.
REJECTING = "BENCH_REJECTING"
#: How many other topics have a handler each.
OTHER_TOPICS = "BENCH_OTHER_TOPICS"
#: File for what handlers note.
NOTES = "BENCH_NOTES"
#: Not empty: what brings alerts into the queue notes when it has each of them.
NOTING = "BENCH_NOTING"

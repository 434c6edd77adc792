# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka holds in the histories, and the workers that read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import redis

from igwn_alert_celery.enqueue.batch import PartitionId

__all__ = ["END", "ITEMS", "TASKS", "TOPICS", "Fate", "LosingClient", "Owner", "names", "pid_of"]

END = 20
#: Two topics of one partition each; Kafka does not tell the second one's id.
TOPICS = (0, 1)


class LosingClient(redis.Redis):
    """Does what it is asked, and then sometimes loses the reply."""

    loses = False

    def execute_command(self, *args, **options):
        reply = super().execute_command(*args, **options)
        if self.loses and args[0] == "EVALSHA":
            raise redis.TimeoutError("the reply is lost")
        return reply


class Fate(Enum):
    """What befalls a batch; what does not arrive with its reply may come again, much later."""

    ARRIVES = 0
    REPLY_LOST = 1
    IS_SLOW = 2


@dataclass
class Owner:
    """A worker: by topic, which life of it it reads and where it believes to be."""

    client: LosingClient
    ledger: object
    beliefs: dict = field(default_factory=dict)
    pending: list = field(default_factory=list)

    def open(self):
        """Perhaps it is another ledger: what was believed of the one before is worth nothing."""
        self.beliefs.clear()
        self.ledger.open()


def names(offset):
    """What the record at an offset becomes."""
    return ("dead",) if offset % 5 == 1 else ("first", "second")


ITEMS = [(offset, name) for offset in range(END) for name in names(offset)]
TASKS = [offset for offset in range(END) if "dead" not in names(offset)]


def pid_of(topic, life):
    """A topic that was created again has another id, where Kafka tells ids."""
    topic_id = "" if topic else f"id-{life}"
    return PartitionId("cluster", "group", f"g.topic{topic}", topic_id, 0)

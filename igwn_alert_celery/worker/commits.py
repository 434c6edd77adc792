# SPDX-License-Identifier: BSD-3-Clause
"""Commits next offsets to Kafka, each with the note that says whose it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from igwn_alert_celery.kafka.cluster import Commit
from igwn_alert_celery.kafka.consumer import Consumer
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.worker.commit_note import CommitNote
from igwn_alert_celery.worker.positions import Progress

__all__ = ["Commits"]


class Commits:
    """For the receiver's thread only.

    Parameters
    ----------
    consumer : Consumer
    enqueuer : object
        Whose ``ledger_id`` the notes name.
    handlers_mark : str
        Which handlers this receiver has.

    Attributes
    ----------
    yields : bool
        Whether this receiver leaves the group to another deployment: its notes must not look as
        if it were still there.
    """

    def __init__(self, consumer: Consumer, enqueuer: Any, handlers_mark: str) -> None:
        self._consumer = consumer
        self._enqueuer = enqueuer
        self._mark = handlers_mark
        self.yields = False

    def send(self, progress: Mapping[TopicPartition, Progress], *, leaving: bool = False) -> None:
        """Commit how far these partitions are.

        Who is ``leaving`` waits for the answer, for 10 s at most; otherwise this does not block.

        Raises
        ------
        KafkaUnavailable
            Kafka did not take it.
        """
        now_s = 0.0 if self.yields else time.time()
        mark = "" if leaving else self._mark
        commits = {}
        for partition, mine in progress.items():
            ledger_id, topic_id, claim = self._enqueuer.ledger_id, mine.pid.topic_id, mine.claim
            # Redis may have been emptied meanwhile: the new ledger has not claimed it yet.
            claimed = claim.offset if claim and claim.ledger_id == ledger_id else None
            note = CommitNote(ledger_id, topic_id, now_s, mark, claimed)
            commits[partition] = Commit(mine.position.next_offset, note.text())
        self._consumer.commit(commits, wait=leaving)

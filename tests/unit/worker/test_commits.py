# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.enqueue.batch import PartitionId, Position
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.worker.commit_note import CommitNote
from igwn_alert_celery.worker.commits import Commits
from igwn_alert_celery.worker.positions import Claim, Progress

PARTITION = TopicPartition("g.one", 0)
PID = PartitionId("cluster", "followup", "g.one", "id", 0)


class Consumer:
    def commit(self, commits, *, wait):
        self.commits, self.wait = commits, wait

    @property
    def note(self):
        return CommitNote.read(self.commits[PARTITION].metadata)


def sent(claim, *, leaving=False):
    consumer = Consumer()
    commits = Commits(consumer, SimpleNamespace(ledger_id="ours"), "mark")
    commits.send({PARTITION: Progress(PID, Position(7, 1), claim=claim)}, leaving=leaving)
    return consumer


@pytest.mark.parametrize(
    ("claim", "claimed"),
    [(None, None), (Claim("ours", 3), 3), (Claim("of a Redis that was emptied", 3), None)],
)
def test_a_commit_tells_where_its_own_ledger_began(claim, claimed):
    consumer = sent(claim)
    assert consumer.commits[PARTITION].next_offset == 7
    assert consumer.note.claimed == claimed
    assert (consumer.note.ledger_id, consumer.note.topic_id) == ("ours", "id")


def test_who_leaves_takes_its_handlers_along_and_waits():
    consumer = sent(None, leaving=True)
    assert (consumer.note.handlers, consumer.wait) == ("", True)

# SPDX-License-Identifier: BSD-3-Clause
"""Random histories of workers, Redis and Kafka on one ledger, and what must hold in each.

Every alert is two tasks, every fifth record a dead letter. ``expected`` says how often each must
come out in the end: once, and another time only where a rule says so.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from igwn_alert_celery.enqueue.batch import Batch, Entry, Verdict
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.integration.enqueue.kit import letter, opened, push, remove, restore, state
from tests.integration.enqueue.owners import (
    END,
    ITEMS,
    TASKS,
    TOPICS,
    Fate,
    Owner,
    names,
    pid_of,
)

__all__ = ["OWNERS", "Histories"]

OWNERS = 3
NEVER = 10**9


topics = st.sampled_from(TOPICS)
owners = st.integers(0, OWNERS - 1)
offsets = st.integers(0, END)
writes = st.tuples(owners, topics, st.integers(1, 8), st.sampled_from(Fate))
lates = st.tuples(owners, st.integers(0, 50))


def few(strategy):
    return st.lists(strategy, min_size=1, max_size=6)


class Histories(RuleBasedStateMachine):
    """Owners come and go, replies are lost, Redis and Kafka change under them.

    ``ended`` counts the histories that were checked to their end.
    """

    ended = 0

    def __init__(self, client, owner_clients):
        super().__init__()
        self.client = client
        self.prefix = f"{uuid.uuid4().hex}:"
        self.now = self.open(client)
        self.owners = [Owner(one, self.open(one)) for one in owner_clients]
        self.lives = dict.fromkeys(TOPICS, 0)
        self.commits = Counter()
        self.executed = Counter()
        self.expected = Counter()
        self.excused = set()
        self.turns = Counter()
        self.snapshots = []

    def open(self, client):
        return opened(client, self.prefix, count=10**6, size=10**9)

    def teardown(self):
        try:
            self.drive_to_the_end()
            Histories.ended += 1
        finally:
            remove(self.client, self.prefix)

    @initialize()
    def begin(self):
        for topic in TOPICS:
            self.expect_all(topic)

    # Where things stand. An item is (topic, life, offset, name).

    def items(self, topic):
        return [(topic, self.lives[topic], *one) for one in ITEMS]

    def expect_all(self, topic):
        self.expected.update(self.items(topic))

    def ahead(self, topic, life):
        """The next offset; a topic that is gone has none."""
        if topic == 1 and life != self.lives[topic]:
            return NEVER
        stored = self.now.position(pid_of(topic, life))
        if stored is not None:
            return stored.next_offset
        return self.commits[topic] if life == self.lives[topic] else NEVER

    def queue(self):
        found = self.client.lrange(f"{self.prefix}celery", 0, -1)
        return [tuple(json.loads(one)) for one in reversed(found)]

    def total(self, queue):
        dead = self.now.dead_letters.list(limit=10**6)
        letters = [(*json.loads(one.topic), one.offset, "dead") for one in dead]
        return self.executed + Counter(queue) + Counter(letters)

    def expect_from_here(self):
        """What has come out counts as it is, and what lies ahead comes once more."""
        total = self.total(self.queue())
        for topic, life in {one[:2] for one in self.expected}:
            ahead = self.ahead(topic, life)
            for offset, name in ITEMS:
                one = (topic, life, offset, name)
                self.expected[one] = total[one] + (offset >= ahead)

    # Workers.

    def assign(self, owner, topic, *, races=False):
        """A worker is given a partition, and asks where to go on; perhaps two do at once."""
        life = self.lives[topic]
        stored = None if races else owner.ledger.position(pid_of(topic, life))
        if stored is None:
            owner.open()
            stored = owner.ledger.claim(pid_of(topic, life), self.commits[topic])
        owner.beliefs[topic] = (life, stored)

    @rule(owner=owners, topic=topics, races=st.booleans())
    def rebalance(self, owner, topic, races):
        self.assign(self.owners[owner], topic, races=races)

    @rule(sent=few(writes))
    def write(self, sent):
        """Workers go on from what each believes; the one before has not noticed yet."""
        self.snapshots.append((self.lives[1], state(self.client, self.prefix)))
        for number, topic, size, fate in sent:
            owner = self.owners[number]
            if topic not in owner.beliefs:
                self.assign(owner, topic)
            batch = self.batch(owner, topic, size)
            if fate is not Fate.ARRIVES:
                owner.pending.append((topic, batch, owner.ledger.id))
            if fate is not Fate.IS_SLOW:
                self.send(owner, topic, batch, reply_lost=fate is Fate.REPLY_LOST)

    @rule(sent=few(lates))
    def arrive_late(self, sent):
        """A batch is sent again, or was slow on its way; its owner may have changed long ago."""
        for number, which in sent:
            owner = self.owners[number]
            if owner.pending:
                topic, batch, ledger_id = owner.pending[which % len(owner.pending)]
                now, owner.ledger.id = owner.ledger.id, ledger_id
                outcome = owner.ledger.write(batch)
                owner.ledger.id = now
                self.learn(owner, topic, batch, outcome)

    def batch(self, owner, topic, size):
        life, believed = owner.beliefs[topic]
        first = believed.next_offset
        end = max(first, min(first + size, END))
        entries = [self.entry(topic, life, offset) for offset in range(first, end)]
        return Batch(pid_of(topic, life), believed, end, tuple(entries))

    def entry(self, topic, life, offset):
        if names(offset) == ("dead",):
            one = replace(letter(offset), topic=json.dumps([topic, life]))
            return Entry(offset, (), (one,))
        texts = [json.dumps([topic, life, offset, name]) for name in names(offset)]
        return Entry(offset, tuple(push(text.encode()) for text in texts), ())

    def send(self, owner, topic, batch, *, reply_lost):
        owner.client.loses = reply_lost
        try:
            outcome = owner.ledger.write(batch)
        except TaskBrokerUnavailable:
            assert reply_lost
        else:
            self.learn(owner, topic, batch, outcome)
        finally:
            owner.client.loses = False

    def learn(self, owner, topic, batch, outcome):
        life, _ = owner.beliefs.pop(topic, (None, None))
        if outcome.verdict is Verdict.LEDGER:
            owner.open()
        if outcome.verdict is Verdict.WRITTEN:
            assert outcome.written + outcome.skipped == len(batch.entries)
            if life is not None and batch.partition == pid_of(topic, life):
                owner.beliefs[topic] = (life, outcome.position)

    @rule(topic=topics, share=st.floats(0, 1))
    def commit(self, topic, share):
        """Kafka learns a position, perhaps only an old one."""
        stored = self.now.position(pid_of(topic, self.lives[topic]))
        if stored is not None:
            self.commits[topic] = int(stored.next_offset * share)

    @rule(count=st.integers(1, 20))
    def work(self, count):
        """The pool takes tasks out of the queue."""
        for text in self.client.rpop(f"{self.prefix}celery", count) or ():
            self.executed[tuple(json.loads(text))] += 1

    # Redis.

    @rule(which=st.integers(0, 50))
    def come_back_older(self, which):
        """Redis restarts from a snapshot: what it holds then is all that counts."""
        # Without an id nothing tells that a position is of the topic's life before.
        snapshots = [keys for life, keys in self.snapshots if life == self.lives[1]]
        if snapshots:
            restore(self.client, self.prefix, snapshots[which % len(snapshots)])
            self.expect_from_here()
            for topic in TOPICS:
                missing = {one for one in self.items(topic) if not self.expected[one]}
                if self.now.position(pid_of(topic, self.lives[topic])) is None:
                    # It is from before the first start, so that Kafka's commit counts.
                    self.excused |= missing
                assert missing <= self.excused

    @rule()
    def come_back_empty(self):
        """What was queued is gone, and Kafka's commit counts."""
        remove(self.client, self.prefix)
        self.expect_from_here()
        self.excused |= {one for one in self.expected if not self.expected[one]}

    # People.

    @rule(topic=topics, offset=offsets)
    def seek(self, topic, offset):
        """Somebody replays, or skips, on purpose."""
        pid = pid_of(topic, self.lives[topic])
        before = self.now.position(pid)
        if before is None:
            return
        after = self.now.seek(pid, offset)
        assert after.next_offset == offset
        assert after.epoch > before.epoch
        self.turns[topic] += 1
        for one in self.items(topic):
            self.expected[one] += (one[2] >= offset) - (one[2] >= before.next_offset)
            if not self.expected[one]:
                self.excused.add(one)

    @rule(topic=topics)
    def create_again(self, topic):
        """The topic begins anew; what nobody has read of the old one is gone with it."""
        before = pid_of(topic, self.lives[topic])
        self.lives[topic] += 1
        self.commits[topic] = 0
        if topic and self.now.position(before) is not None:
            self.now.seek(before, 0)
            self.turns[topic] += 1
        self.expect_all(topic)

    # What must hold, always and in the end.

    @invariant()
    def queue_and_position_agree(self):
        queue = self.queue()
        total = self.total(queue)
        for topic in TOPICS:
            ahead = self.ahead(topic, self.lives[topic])
            for one in self.items(topic):
                assert total[one] + (one[2] >= ahead) == self.expected[one], one
        for one, count in total.items():
            assert count <= self.expected[one], one
        for topic in TOPICS:
            self.is_in_order(topic, [one[1:] for one in queue if one[0] == topic])

    def is_in_order(self, topic, mine):
        if mine and mine[0][2] == "second":
            mine = mine[1:]  # the pool has taken the other half
        assert [name for _, _, name in mine] == ["first", "second"] * (len(mine) // 2)
        places = [(life, TASKS.index(offset)) for life, offset, name in mine if name == "first"]
        jumps = sum(a[0] == b[0] and b[1] != a[1] + 1 for a, b in pairwise(places))
        assert jumps <= self.turns[topic]

    def drive(self, owner, topic):
        for _ in range(3):  # twice it may have to ask first: another ledger, another position
            self.assign(owner, topic)
            self.send(owner, topic, self.batch(owner, topic, END), reply_lost=False)
        assert self.ahead(topic, self.lives[topic]) == END

    def drive_to_the_end(self):
        if not self.expected:
            return
        for topic in TOPICS:
            self.drive(self.owners[0], topic)
        self.queue_and_position_agree()
        total = self.total(self.queue())
        for one in (one for topic in TOPICS for one in self.items(topic)):
            assert total[one] == self.expected[one]
            assert total[one] or one in self.excused

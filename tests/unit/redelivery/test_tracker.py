# SPDX-License-Identifier: BSD-3-Clause
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import redis

from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.redelivery import tracker as module
from igwn_alert_celery.redelivery.post import Post
from igwn_alert_celery.redelivery.tracker import Tracker


class Posted(Post):
    """On its way to such books; ``error`` is what is answered."""

    def __init__(self, books, *what):
        self._books, self._what = books, what
        self.error = None
        books.posted.append(self)

    def answer(self):
        self._books.posted.remove(self)
        if self.error is not None:
            raise self.error
        self._books.said.append(self._what)


class Books:
    """Stands for what Redis keeps of one worker."""

    def __init__(self):
        self.said = []
        self.held = []
        self.posted = []

    def settle(self, tag, task_id, *, stays=False):
        self.said.append(("settle", tag, task_id, stays))

    def put_back(self, tag, task_id="", *, leftmost=False):
        self.said.append(("put back", tag, task_id, leftmost))

    def add(self, letter):
        self.said.append(("keep", letter))

    def hold(self, tag, text):
        return Posted(self, "hold", tag, text)

    def started(self, ids):
        return Posted(self, "started", *ids)

    def tags(self):
        return self.held


class Link:
    is_open = True

    def __init__(self):
        self.books = Books()
        self.away = False
        self.tries = 0

    @contextmanager
    def using(self):
        self.tries += 1
        if self.away:
            raise TaskBrokerUnavailable("away")
        yield SimpleNamespace(unacked=lambda incarnation: self.books, dead_letters=self.books)


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.s)
    return now


def drain(tracker, link):
    with link.using() as linked:
        tracker.drain(linked)


def test_it_says_at_once_what_has_become_of_a_task(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    tracker.settle("t1", "id1")
    tracker.put_back("t2", "id2", leftmost=True)
    tracker.settle("t3", "id3", stays=True)
    assert link.books.said == [
        ("settle", "t1", "id1", False),
        ("put back", "t2", "id2", True),
        ("settle", "t3", "id3", True),
    ]
    assert not tracker.waits


def test_it_says_later_and_in_order_what_redis_does_not_hear(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    link.away = True
    for number in range(3):
        tracker.settle(f"t{number}", "")
    assert link.tries == 1, "the main thread waits for Redis once"
    link.away = False
    tracker.settle("t3", "")
    assert link.books.said == []
    drain(tracker, link)
    assert [tag for _, tag, *_ in link.books.said] == ["t0", "t1", "t2", "t3"]
    assert not tracker.waits


def test_nothing_overtakes_what_waits_to_be_said(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    link.away = True
    tracker.hold("t0", "text")
    link.away = False
    clock.s += 60
    tracker.settle("t0", "id")
    assert link.books.said == []
    drain(tracker, link)
    assert link.books.said == [("hold", "t0", "text"), ("settle", "t0", "id", False)]


def test_a_dead_letter_is_kept_before_its_task_is_settled(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    link.away = True
    tracker.keep("letter")
    tracker.settle("t0", "id")
    link.away = False
    drain(tracker, link)
    assert link.books.said == [("keep", "letter"), ("settle", "t0", "id", False)]


def test_a_start_that_is_noted_after_the_end_is_not_noted(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    tracker.started("id1")
    tracker.settle("t1", "id1")
    tracker.started("id2")
    tracker.put_back("t2", "id2", leftmost=False)
    assert not tracker.waits


def test_one_that_can_never_be_said_does_not_hold_up_the_others(link, clock, caplog):
    tracker = Tracker(link, "w1", in_process=False)
    link.away = True
    tracker._say("bad", lambda linked: {}["headers"])
    tracker.settle("t1", "")
    link.away = False
    drain(tracker, link)
    assert link.books.said == [("settle", "t1", "", False)]
    assert "given up to say what has become of bad" in caplog.text


def test_what_fails_while_it_is_said_stays(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    link.away = True
    tracker.settle("t0", "")
    link.away = False

    def breaks(*_, **__):
        raise ConnectionError

    link.books.settle = breaks
    with pytest.raises(ConnectionError):
        drain(tracker, link)
    del link.books.settle
    drain(tracker, link)
    assert link.books.said == [("settle", "t0", "", False)]


@pytest.mark.parametrize("in_process", [True, False])
def test_a_start_is_noted_before_it_can_take_the_process_down(link, clock, in_process):
    tracker = Tracker(link, "w1", in_process=in_process)
    tracker.started("id1")
    assert len(link.books.posted) == in_process
    tracker.hear()
    assert link.books.said == ([("started", "id1")] if in_process else [])
    drain(tracker, link)
    assert link.books.said == [("started", "id1")]


def test_a_new_connection_gives_back_what_the_lost_one_had(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    channel = Link()
    tracker.channels.asks(channel)
    link.away = True
    tracker.settle("handled", "id")
    link.away = False
    link.books.held = ["runs", "handled", "waits1", "waits2"]
    assert tracker.reconcile({"runs"}) == 2
    assert link.books.said == [("put back", "waits1", "", False), ("put back", "waits2", "", False)]
    assert tracker.channels.waiting_since is None
    assert tracker.reconnected == 1


def test_whatever_goes_wrong_a_handler_runs(link, clock, caplog):
    tracker = Tracker(link, "w1", in_process=True)

    def fail(ids):
        raise ValueError("I/O operation on closed file.")

    link.books.started = fail
    tracker.started("id1")
    assert "closed file" in caplog.text
    del link.books.started
    drain(tracker, link)
    assert link.books.said == [("started", "id1")]


def test_nobody_waits_for_what_is_noted_but_whatever_is_said_next(link, clock):
    tracker, known = Tracker(link, "w1", in_process=True), []
    tracker.hold("t1", "text", lambda: known.append("t1"))
    assert (link.books.said, known) == ([], [])
    tracker.started("id1")
    assert (link.books.said, known) == ([("hold", "t1", "text")], ["t1"])
    tracker.settle("t1", "id1")
    assert link.books.said[1:] == [("started", "id1"), ("settle", "t1", "id1", False)]
    assert not tracker.waits


def test_what_redis_did_not_take_is_said_again_before_the_rest(link, clock, caplog):
    tracker, known = Tracker(link, "w1", in_process=False), []
    tracker.hold("t1", "text", lambda: known.append("t1"))
    tracker.hold("t2", "text", lambda: known.append("t2"))
    link.books.posted[-1].error = redis.exceptions.ConnectionError("cut")
    tracker.settle("t2", "id2")
    assert link.books.said == [("hold", "t1", "text")]
    assert known == ["t1", "t2"], "it is known where it is: here, to be said"
    assert "cut" in caplog.text
    assert tracker.tags_to_say == {"t2"}
    drain(tracker, link)
    assert link.books.said[1:] == [("hold", "t2", "text"), ("settle", "t2", "id2", False)]


def test_what_waits_longer_than_its_connection_is_said_again_as_well(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    tracker.hold("t1", "text")
    link.books.posted[-1].error = redis.exceptions.ConnectionError("it was closed")
    tracker.reconcile({"t1"})
    assert tracker.tags_to_say == {"t1"}
    drain(tracker, link)
    assert link.books.said == [("hold", "t1", "text")]


def call_later(tracker, call):
    """Call as soon as somebody waits; return the thread."""

    def run():
        while tracker._wake is None:
            pass
        call()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "call",
    [
        lambda tracker: tracker.started("id1"),
        lambda tracker: tracker.settle("t1", "id1"),
        lambda tracker: tracker.wake(),
    ],
)
def test_who_waits_is_woken_by_what_waits_to_be_said(link, call):
    link.away = True
    tracker = Tracker(link, "w1", in_process=False)
    thread = call_later(tracker, lambda: call(tracker))
    assert tracker.wait(60.0)
    thread.join()


def test_nobody_waits_where_something_waits_already(link):
    tracker = Tracker(link, "w1", in_process=False)
    tracker.started("id1")
    assert tracker.wait(60.0)
    assert tracker.wait(60.0), "until it is said"
    drain(tracker, link)
    assert not tracker.wait(0.01)


def test_without_a_free_descriptor_it_waits_all_the_same(link, monkeypatch):
    def no_descriptor():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module, "Wake", no_descriptor)
    tracker = Tracker(link, "w1", in_process=False)
    assert not tracker.wait(0.01)
    tracker.started("id1")
    assert tracker.wait(60.0)


def test_a_signals_handler_may_say_something_while_an_answer_is_read(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    tracker.hold("t1", "text")
    (post,) = link.books.posted
    answer = post.answer
    post.answer = lambda: (tracker.settle("t0", "id0"), answer())
    tracker.settle("t1", "id1")
    assert [what[:2] for what in link.books.said] == [
        ("settle", "t0"),
        ("hold", "t1"),
        ("settle", "t1"),
    ]


def test_what_such_a_handler_raises_is_not_taken_for_an_answer(link, clock):
    tracker = Tracker(link, "w1", in_process=False)
    tracker.hold("t1", "text")
    link.books.posted[-1].error = NotImplementedError("threads cannot be killed")
    with pytest.raises(NotImplementedError):
        tracker.settle("t2", "")
    assert tracker.tags_to_say == {"t1"}


@pytest.mark.parametrize("is_lost", [False, True])
def test_nobody_waits_long_for_another_thread_that_waits_for_redis(link, monkeypatch, is_lost):
    monkeypatch.setattr(module, "_HEARING_S", 0.01)
    tracker = Tracker(link, "w1", in_process=False)
    tracker.hold("t1", "text")
    (post,) = link.books.posted
    reading, go_on = threading.Event(), threading.Event()
    answer = post.answer
    post.answer = lambda: (reading.set(), go_on.wait(60), answer())
    post.error = redis.exceptions.ConnectionError("cut") if is_lost else None
    thread = threading.Thread(target=tracker.hear)
    thread.start()
    assert reading.wait(60)
    tracker.settle("t1", "id1")
    assert tracker.tags_to_say == {"t1"}
    go_on.set()
    thread.join()
    drain(tracker, link)
    assert [what for what, *_ in link.books.said] == ([] if is_lost else ["hold"]) + ["settle"]

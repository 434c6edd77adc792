# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.redelivery import audit as module
from igwn_alert_celery.redelivery.audit import EVERY_S, Audit


class Books:
    def __init__(self):
        self.held = set()

    def tags(self):
        return list(self.held)

    def put_back(self, tag):
        self.held.discard(tag)


class World:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.books = Books()
        self.delivered, self.running, self.later = set(), set(), set()
        qos = SimpleNamespace(known_tags=lambda: set(self.delivered))
        self.tracker = SimpleNamespace(
            incarnation="me", channel=SimpleNamespace(qos=qos), tags_to_say=self.later
        )
        self.audit = Audit(self.tracker, lambda: self.running)

    def look(self):
        self.now += EVERY_S
        return self.audit.look(SimpleNamespace(unacked=lambda name: self.books))


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_what_nobody_knows_twice_is_given_back(world):
    world.books.held |= {"delivered", "running", "later", "lost"}
    world.delivered.add("delivered")
    world.running.add("running")
    world.later.add("later")
    assert [world.look(), world.look(), world.look()] == [0, 1, 0]
    assert world.books.held == {"delivered", "running", "later"}


def test_what_is_on_its_way_is_left_alone(world):
    world.books.held.add("new")
    assert world.look() == 0
    world.delivered.add("new")
    assert world.look() == 0
    world.delivered.clear()
    assert [world.look(), world.look()] == [0, 1]


def test_it_looks_now_and_then_and_only_while_it_is_connected(world):
    world.books.held.add("lost")
    world.now -= EVERY_S - 1
    assert world.look() == 0
    world.tracker.channel = None
    assert [world.look(), world.look(), world.look()] == [0, 0, 0]


def test_a_set_that_changes_meanwhile_is_looked_at_again(world):
    def changes():
        raise RuntimeError("dictionary changed size during iteration")

    world.books.held.add("lost")
    world.look()
    world.tracker.channel.qos.known_tags = changes
    assert world.look() == 0

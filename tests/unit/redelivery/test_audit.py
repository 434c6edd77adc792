# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.redelivery import audit as module
from igwn_alert_celery.redelivery.audit import EVERY_S, Audit


class Books:
    def __init__(self):
        self.held = set()
        self.noted = set()

    def tags(self):
        return list(self.held)

    def running(self):
        return set(self.noted)

    def not_running(self, ids):
        self.noted -= ids

    def put_back(self, tag):
        self.held.discard(tag)


class World:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.books = Books()
        self.delivered, self.running, self.later = set(), set(), set()
        self.known = lambda: set(self.delivered)
        channels = SimpleNamespace(known_tags=self.known_tags)
        self.tracker = SimpleNamespace(incarnation="me", channels=channels, tags_to_say=self.later)
        self.audit = Audit(self.tracker, self.requests)

    def known_tags(self):
        return self.known()

    def requests(self):
        return [
            SimpleNamespace(id=f"id-{tag}", message=SimpleNamespace(delivery_tag=tag))
            for tag in self.running
        ]

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
    world.known = lambda: None
    assert [world.look(), world.look(), world.look()] == [0, 0, 0]


def test_a_start_that_was_noted_after_the_end_is_forgotten(world):
    world.running.add("runs")
    world.books.noted |= {"id-runs", "id-ended"}
    world.look()
    assert world.books.noted == {"id-runs", "id-ended"}
    world.look()
    assert world.books.noted == {"id-runs"}

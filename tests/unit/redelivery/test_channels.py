# SPDX-License-Identifier: BSD-3-Clause
import gc
from types import SimpleNamespace

import pytest

from igwn_alert_celery.redelivery import channels as module
from igwn_alert_celery.redelivery.channels import Channels


class Channel:
    def __init__(self, *tags):
        self.qos = SimpleNamespace(known_tags=lambda: set(tags))


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.s)
    return now


def test_it_waits_since_the_first_of_its_channels_asked(clock):
    channels, one, other = Channels(), Channel(), Channel()
    assert channels.waiting_since is None
    channels.asks(one)
    clock.s += 5
    channels.asks(other)
    assert channels.waiting_since == 1000.0
    channels.answered(one)
    assert channels.waiting_since == 1005.0
    assert (channels.asked_at(one), channels.asked_at(other)) == (1000.0, 1005.0)
    channels.forget()
    assert channels.waiting_since is channels.asked_at(one) is channels.asked_at(None) is None


def test_the_tags_of_all_channels_are_known(clock):
    channels, one, other = Channels(), Channel("a", "b"), Channel("c")
    assert channels.known_tags() is None
    channels.asks(one)
    channels.asks(other)
    channels.answered(one)
    assert channels.known_tags() == {"a", "b", "c"}


def test_tags_that_change_meanwhile_are_not_known(clock):
    def changes():
        raise RuntimeError("dictionary changed size during iteration")

    channels, one = Channels(), Channel()
    channels.asks(one)
    one.qos.known_tags = changes
    assert channels.known_tags() is None


def test_a_channel_that_is_gone_is_forgotten(clock):
    channels, one = Channels(), Channel()
    channels.asks(one)
    del one
    gc.collect()
    assert channels.waiting_since is None


def test_an_answer_to_what_was_asked_before_is_none_to_what_is_asked_now(monkeypatch):
    now = iter([1.0, 2.0])
    monkeypatch.setattr("igwn_alert_celery.redelivery.channels.time.monotonic", lambda: next(now))
    channels, one = Channels(), Channel()
    channels.asks(one)
    channels.asks(one)
    channels.answered(one, 1.0)
    assert channels.waiting_since == 2.0
    channels.answered(one, 2.0)
    assert channels.waiting_since is None

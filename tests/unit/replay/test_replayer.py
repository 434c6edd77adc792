# SPDX-License-Identifier: BSD-3-Clause
"""Replaying letter by letter: what is enqueued is dropped, what fails is kept."""

import json

import pytest

from igwn_alert_celery import signals
from igwn_alert_celery.enqueue.channel import Unroutable
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.enqueue.publish import Publisher
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.kafka.encode import encode
from igwn_alert_celery.replay.plan import Ways
from igwn_alert_celery.replay.replayer import replaying
from tests.unit.letters import ALERT, add_handler, letter_of


@pytest.fixture
def letters(tmp_path):
    return LocalState(tmp_path / "letters.sqlite").dead_letters


@pytest.fixture
def replayer(bridge, letters):
    add_handler(bridge, "one", "superevent")
    add_handler(bridge, "two", "superevent", max_age_s=60)
    with replaying(letters, Ways(bridge, bridge.app.tasks)) as found:
        yield found


def messages(app):
    with app.connection_for_read() as connection:
        channel, found = connection.default_channel, []
        while message := channel.basic_get(app.conf.task_default_queue, no_ack=True):
            found.append(message)
        return found


def test_what_is_enqueued_is_dropped(app, bridge, letters, replayer):
    heard = []

    def enqueued(alert, task_ids, **_):
        heard.append((alert, task_ids))

    signals.alert_enqueued.connect(enqueued, sender=bridge)
    letter, other = letter_of(), letter_of(offset=8)
    letters.add(letter, other)
    replayed = replayer.replay(letter)
    assert (replayed.error, replayed.kept) == ("", ())
    sent = messages(app)
    assert {message.headers["task"]: message.headers["id"] for message in sent} == replayed.tasks
    assert list(replayed.tasks) == ["one", "two"]
    assert sent[0].headers["igwn_alert"]["redelivered"] is True
    assert json.loads(sent[0].body)[0] == [ALERT]
    assert letters.ids() == [other.id]
    assert heard == [(ALERT, tuple(replayed.tasks.values()))]


def test_what_cannot_be_replayed_is_kept(app, letters, replayer):
    letter = letter_of(b"no json")
    letters.add(letter)
    replayed = replayer.replay(letter)
    assert replayed.error.startswith("it still cannot be read")
    assert replayed.tasks == {}
    assert letters.ids() == [letter.id]
    assert messages(app) == []


def test_one_handler_for_which_it_is_too_old_gets_a_letter(letters, replayer):
    letter = letter_of(age_s=100)
    letters.add(letter)
    replayed = replayer.replay(letter)
    assert list(replayed.tasks) == ["one"]
    (late,) = replayed.kept
    assert (late.reason, late.handler, late.value) == ("expired", "two", letter.value)
    assert letters.ids() == [late.id]


def failing(monkeypatch, *names, exc=None):
    send = Publisher.send

    def refuse(publisher, call):
        if call.task.name in names:
            raise exc or Unroutable("e", "k")
        return send(publisher, call)

    monkeypatch.setattr(Publisher, "send", refuse)


def test_one_task_of_several_that_no_queue_takes_gets_a_letter(monkeypatch, app, letters, replayer):
    failing(monkeypatch, "one")
    letter = letter_of()
    letters.add(letter)
    replayed = replayer.replay(letter)
    assert list(replayed.tasks) == ["two"]
    (kept,) = replayed.kept
    assert (kept.reason, kept.handler) == ("unroutable", "one")
    assert letters.ids() == [kept.id]
    assert [message.headers["task"] for message in messages(app)] == ["two"]


@pytest.mark.parametrize("exc", [None, RuntimeError("a router of the user's")])
def test_where_none_is_taken_the_letter_stays_as_it_is(monkeypatch, letters, replayer, exc):
    failing(monkeypatch, "one", "two", exc=exc)
    letter = letter_of()
    letters.add(letter)
    replayed = replayer.replay(letter)
    assert "one: " in replayed.error
    assert "two: " in replayed.error
    assert letters.ids() == [letter.id]


def test_a_task_broker_that_is_away_ends_it_and_keeps_the_letter(monkeypatch, letters, replayer):
    failing(monkeypatch, "two", exc=TaskBrokerUnavailable("gone"))
    letter = letter_of()
    letters.add(letter)
    with pytest.raises(TaskBrokerUnavailable):
        replayer.replay(letter)
    assert letters.ids() == [letter.id]


def unsent():
    value, headers = encode(ALERT, sender="me")
    return letter_of(value, "send_failed", "igwn_alert.publish", headers=headers)


def test_what_was_not_sent_is_given_to_the_publisher(app, letters, replayer):
    letter = unsent()
    letters.add(letter)
    replayed = replayer.replay(letter)
    (message,) = messages(app)
    assert replayed.tasks == {"igwn_alert.publish": message.headers["id"]}
    (parcel,) = json.loads(message.body)[1]["parcels"]
    assert parcel == {"topic": "superevent", "value": letter.value.decode(), "format": "json"}
    assert letters.ids() == []


def test_a_router_that_fails_keeps_what_was_not_sent(app, letters, replayer):
    def route(*_, **__):
        raise RuntimeError("no way")

    app.conf.task_routes = (route,)
    letter = unsent()
    letters.add(letter)
    assert replayer.replay(letter).error == "RuntimeError: no way"
    assert letters.ids() == [letter.id]

# SPDX-License-Identifier: BSD-3-Clause
"""What Redis can refuse: nothing is written, and the error is the retryable one."""

import threading
from unittest.mock import patch

import pytest
import redis
from redis.connection import Connection
from redis.exceptions import BusyLoadingError, ReadOnlyError, ResponseError

from igwn_alert_celery.enqueue.batch import Command
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.integration.enqueue.kit import (
    PARTITION,
    batch,
    entry,
    letter,
    opened,
    push,
    state,
)
from tests.services.wait import wait_until


@pytest.fixture
def unwritten(client, prefix, ledger):
    """A batch that Redis shall refuse; afterwards nothing may have changed."""
    start = ledger.claim(PARTITION, 0)
    client.lpush(f"{prefix}celery", b"before")
    before = state(client, prefix)
    yield batch(start, entry(0, push(b"x"), letters=[letter(0)]), entry(1, push(b"y", "other")))
    assert state(client, prefix) == before


def test_out_of_memory(ledger, configured, unwritten):
    configured("maxmemory-policy", "noeviction")
    configured("maxmemory", "1")
    with pytest.raises(TaskBrokerUnavailable) as caught:
        ledger.write(unwritten)
    assert isinstance(caught.value.__cause__, ResponseError)
    configured("maxmemory", "0")


def test_out_of_memory_lets_no_broadcast_out(client, prefix, ledger, configured):
    start = ledger.claim(PARTITION, 0)
    sent = batch(start, entry(0, Command("publish", "fan", b"y")))
    configured("maxmemory-policy", "noeviction")
    with client.pubsub(ignore_subscribe_messages=True) as subscriber:
        subscriber.subscribe(f"{prefix}fan")
        subscriber.get_message(timeout=60.0)
        configured("maxmemory", "1")
        with pytest.raises(TaskBrokerUnavailable):
            ledger.write(sent)
        configured("maxmemory", "0")
        assert ledger.write(sent).written == 1
        assert subscriber.get_message(timeout=60.0)["data"] == b"y"
        assert subscriber.get_message(timeout=0) is None


def test_read_only_replica(redis_server, client, ledger, unwritten):
    client.replicaof("127.0.0.1", redis_server.port)
    try:
        with pytest.raises(TaskBrokerUnavailable) as caught:
            ledger.write(unwritten)
        assert isinstance(caught.value.__cause__, ReadOnlyError)
    finally:
        client.replicaof("NO", "ONE")


def test_busy_with_another_script(redis_server, client, ledger, configured, unwritten):
    configured("lua-time-limit", "10")
    endless = threading.Thread(target=run_endless_script, args=(redis_server,))
    endless.start()
    try:
        wait_until(lambda: is_busy(client), 60.0, "Redis busy")
        with pytest.raises(TaskBrokerUnavailable, match=r"BUSY|busy"):
            ledger.write(unwritten)
    finally:
        client.script_kill()
        endless.join()


def run_endless_script(redis_server):
    with pytest.raises(ResponseError, match="killed"):
        redis_server.client(socket_timeout=60.0).eval("while true do end", 0)


def is_busy(client):
    try:
        client.ping()
    except ResponseError:
        return True
    return False


def test_loading(ledger, unwritten):
    error = BusyLoadingError("Redis is loading the dataset in memory")
    with (
        patch.object(Connection, "send_packed_command"),
        patch.object(Connection, "read_response", side_effect=error),
        pytest.raises(TaskBrokerUnavailable, match="loading") as caught,
    ):
        ledger.write(unwritten)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("suffix", ["", ":order", ":bytes"])
def test_dead_letters_of_another_type(client, prefix, ledger, suffix):
    client.sadd(f"{prefix}igwn_alert:dead_letters{suffix}", "a set")
    assert_a_dead_letter_is_refused(client, prefix, ledger, "WRONGTYPE")


def test_dead_letter_bytes_that_are_no_number(client, prefix, ledger):
    client.set(f"{prefix}igwn_alert:dead_letters:bytes", "many")
    assert_a_dead_letter_is_refused(client, prefix, ledger, "no number")


def assert_a_dead_letter_is_refused(client, prefix, ledger, match):
    start = ledger.claim(PARTITION, 0)
    before = state(client, prefix)
    with pytest.raises(TaskBrokerUnavailable, match=match):
        ledger.write(batch(start, entry(0, push(b"x"), letters=[letter(0)])))
    assert state(client, prefix) == before


def test_a_queue_of_another_type_behind_a_good_one(client, prefix, ledger):
    start = ledger.claim(PARTITION, 0)
    client.hset(f"{prefix}other", "a", "hash")
    before = state(client, prefix)
    with pytest.raises(TaskBrokerUnavailable, match="WRONGTYPE"):
        ledger.write(batch(start, entry(0, push(b"x")), entry(1, push(b"y", "other"))))
    assert state(client, prefix) == before


@pytest.mark.parametrize(
    "rules",
    [
        ("~*", "+@all", "-publish"),
        ("~*", "+@all"),  # no channel
        ("~*", "&*", "+@all", "-pexpire"),
        ("~*", "&*", "+@all", "-rpush"),
        ("~*igwn_alert:*", "~*celery", "&*", "+@all"),
    ],
)
def test_a_right_that_is_missing_shows_before_anything_is_written(
    client, prefix, ledger, restricted, rules
):
    start = ledger.claim(PARTITION, 0)
    before = state(client, prefix)
    mine = opened(restricted(*rules, "+script"), prefix)
    commands = (
        push(b"x"),
        push(b"x", "other"),
        Command("pexpire", "celery", 60_000),
        Command("publish", "fan", b"y"),
    )
    with pytest.raises(TaskBrokerUnavailable):
        mine.write(batch(start, entry(0, *commands, letters=[letter(0)])))
    assert state(client, prefix) == before


def test_a_server_that_is_away_and_comes_back_with_its_data(redis_server, ledger):
    start = ledger.claim(PARTITION, 0)
    after = ledger.write(batch(start, entry(0, push(b"x")))).position
    sent = batch(after, entry(1, push(b"y")))
    redis_server.stop()
    for call in (
        lambda: ledger.write(sent),
        ledger.open,
        lambda: ledger.position(PARTITION),
        lambda: ledger.claim(PARTITION, 0),
        lambda: ledger.seek(PARTITION, 0),
        lambda: ledger.asked("cluster", "group"),
        ledger.warnings,
        ledger.dead_letters.count,
        ledger.dead_letters.list,
    ):
        with pytest.raises(TaskBrokerUnavailable) as caught:
            call()
        assert isinstance(caught.value.__cause__, redis.ConnectionError)
    redis_server.start()
    assert ledger.write(sent).position.next_offset == 2

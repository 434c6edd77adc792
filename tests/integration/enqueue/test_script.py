# SPDX-License-Identifier: BSD-3-Clause
"""A script call in two steps, on a real Redis."""

import socket

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from igwn_alert_celery.enqueue.script import Script
from tests.services.wait import wait_until

ECHO = "redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], ARGV[1], ARGV[2], #ARGV[3]}"


@pytest.fixture
def script(client):
    return Script(client, ECHO)


def in_use(client):
    """How many connections wait for an answer."""
    return len(client.connection_pool._in_use_connections)


def failed(client, command):
    """How often Redis has refused a command."""
    return client.info("commandstats").get(f"cmdstat_{command}", {}).get("failed_calls", 0)


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_arguments_arrive_as_they_are(client, prefix, script, size):
    key = f"{prefix}é"
    arguments = ["ä\r\n", b"\x00\xff\r\n", b"x" * size]
    answer = script.send([key], arguments).answer()
    assert answer == [key.encode(), "ä\r\n".encode(), b"\x00\xff\r\n", size]
    assert client.get(key).decode() == "ä\r\n"


def test_redis_works_while_the_answer_is_not_asked_for(client, prefix, script):
    key = f"{prefix}key"
    call = script.send([key], ["written", "", ""])
    assert in_use(client) == 1
    while client.get(key) != b"written":
        pass
    assert call.answer() == [key.encode(), b"written", b"", 0]
    assert in_use(client) == 0


def test_a_script_that_redis_has_forgotten_is_loaded_again(client, prefix, script):
    for _ in range(2):
        client.script_flush()
        assert script.send([f"{prefix}key"], ["1", "2", ""]).answer()[2] == b"2"


def test_what_the_script_raises_is_raised_and_the_connection_stays(client, prefix):
    failing = Script(client, "return redis.error_reply('ERR no ' .. KEYS[1])")
    call = failing.send([f"{prefix}key"], [])
    with pytest.raises(ResponseError, match=f"no {prefix}key"):
        call.answer()
    assert in_use(client) == 0
    assert client.ping()


def test_an_answer_that_was_given_up_is_no_other_call_s_answer(client, prefix, script):
    script.send([f"{prefix}key"], ["first", "", ""]).abandon()
    assert in_use(client) == 0
    assert script.send([f"{prefix}key"], ["second", "", ""]).answer()[1] == b"second"


def test_a_connection_that_breaks_while_sending_is_not_kept(client, prefix, script, monkeypatch):
    def broken(*_arguments, **_options):
        raise ConnectionResetError("cut")

    with monkeypatch.context() as patched:
        patched.setattr("redis.connection.Connection.send_packed_command", broken)
        with pytest.raises(ConnectionResetError):
            script.send([f"{prefix}key"], ["1", "", ""])
    assert in_use(client) == 0
    assert script.send([f"{prefix}key"], ["1", "2", ""]).answer()[2] == b"2"


COUNT = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def count(client, prefix):
    """Send a call that answers how many ran before it, and itself."""
    script = Script(client, COUNT)
    return lambda: script.send([f"{prefix}count"], [])


@pytest.mark.parametrize("forgotten", [False, True])
def test_calls_run_in_the_order_in_which_they_were_sent(client, count, forgotten):
    count().answer()
    if forgotten:
        client.script_flush()
    calls = [count() for _ in range(5)]
    assert in_use(client) == 1
    assert [call.answer() for call in calls] == [2, 3, 4, 5, 6]
    assert in_use(client) == 0


def test_answers_may_be_asked_for_in_any_order(count):
    first, second, third = count(), count(), count()
    assert (third.answer(), first.answer(), second.answer()) == (3, 1, 2)


def test_only_what_came_too_early_for_the_script_is_sent_again(client, prefix, count):
    client.script_flush()
    client.config_resetstat()
    first = count()
    wait_until(lambda: failed(client, "evalsha"), 60, "Redis has refused it")
    client.script_load(COUNT)
    second = count()
    assert (first.answer(), second.answer()) == (2, 1)
    assert client.get(f"{prefix}count") == b"2"


def test_a_server_that_keeps_no_script_is_not_asked_for_ever(client, prefix):
    script = Script(client, COUNT)
    script._sha = "0" * 40
    calls = [script.send([f"{prefix}count"], []) for _ in range(2)]
    for call in calls:
        with pytest.raises(NoScriptError):
            call.answer()
    assert in_use(client) == 0


def test_an_error_is_that_call_s_alone(client, prefix, count):
    client.set(f"{prefix}count", "no number")
    client.config_resetstat()
    failing = count()
    wait_until(lambda: failed(client, "incr"), 60, "Redis has refused it")
    client.delete(f"{prefix}count")
    good = count()
    with pytest.raises(ResponseError):
        failing.answer()
    assert good.answer() == 1


def test_with_the_connection_all_answers_are_lost_and_the_next_call_has_another(client, count):
    client.client_pause(60_000, all=False)  # what only reads goes on
    try:
        calls = [count(), count()]
        calls[0]._script._connection._sock.shutdown(socket.SHUT_RDWR)
        for call in calls:
            with pytest.raises(RedisConnectionError):
                call.answer()
    finally:
        client.client_unpause()
    assert in_use(client) == 0
    count().answer()


@pytest.mark.parametrize("follows", [False, True])
def test_on_a_connection_that_somebody_has_closed_nothing_is_answered(client, count, follows):
    first = count()
    client.connection_pool.disconnect()
    for ask in [count] * follows + [first.answer]:
        with pytest.raises(RedisConnectionError, match="closed"):
            ask()
    assert in_use(client) == 0
    count().answer()


def test_a_question_for_its_health_does_not_come_between(redis_server, prefix):
    client = redis_server.client(health_check_interval=1e-9)
    script = Script(client, COUNT)
    calls = [script.send([f"{prefix}healthy"], []) for _ in range(3)]
    assert [call.answer() for call in calls] == [1, 2, 3]

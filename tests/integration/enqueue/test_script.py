# SPDX-License-Identifier: BSD-3-Clause
"""A script call in two steps, on a real Redis."""

import pytest
from redis.exceptions import ResponseError

from igwn_alert_celery.enqueue.script import Script

ECHO = "redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], ARGV[1], ARGV[2], #ARGV[3]}"


@pytest.fixture
def script(client):
    return Script(client, ECHO)


def in_use(client):
    """How many connections wait for an answer."""
    return len(client.connection_pool._in_use_connections)


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

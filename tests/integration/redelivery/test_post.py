# SPDX-License-Identifier: BSD-3-Clause
"""What is said to a real Redis without waiting for its answer."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from igwn_alert_celery.redelivery.post import Post
from tests.services.wait import wait_until

SLOW = """
local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
local began = now()
while now() < began + 300 do end
"""
SAYS_AND_DIES = """
import os, signal, redis
from igwn_alert_celery.redelivery.post import Post
Post(redis.Redis.from_url({url!r}), [("SADD", "said", "a")])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def client(redis_server):
    found = redis_server.client()
    found.flushdb()
    return found


def test_it_arrives_in_one_step_and_the_connection_is_used_again(client):
    for number in range(3):
        post = Post(client, [("SADD", "said", number), ("HSET", "texts", number, "é" * 20_000)])
        post.answer()
    assert client.smembers("said") == {b"0", b"1", b"2"}
    assert client.hlen("texts") == 3
    assert len(client.connection_pool._available_connections) == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [(("HSET", "said", "a", "b"), "WRONGTYPE"), (("NOSUCH",), "unknown command")],
)
def test_what_redis_refuses_is_raised_and_the_connection_is_used_again(client, command, error):
    client.sadd("said", "a")
    with pytest.raises(ResponseError, match=error):
        Post(client, [command, ("SADD", "more", "a")]).answer()
    # As in any transaction of Redis's: a command that cannot be understood stops the others.
    assert client.exists("more") == (error == "WRONGTYPE")
    Post(client, [("SADD", "said", "b")]).answer()
    assert len(client.connection_pool._available_connections) == 1


def test_an_answer_that_does_not_come_is_raised(client):
    post = Post(client, [("EVAL", SLOW, 0)])
    post._connection._sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(RedisConnectionError):
        post.answer()
    Post(client, [("SADD", "said", "b")]).answer()
    assert client.smembers("said") == {b"b"}


def test_it_arrives_though_the_process_dies_at_once(client, redis_server):
    code = SAYS_AND_DIES.format(url=redis_server.url)
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False)
    assert ended.returncode == -signal.SIGKILL
    wait_until(lambda: client.smembers("said") == {b"a"}, 60, "what was said")


def test_an_answer_over_a_connection_that_was_closed_meanwhile_does_not_come(client):
    post = Post(client, [("SADD", "said", "a")])
    client.connection_pool.disconnect()
    with pytest.raises(RedisConnectionError):
        post.answer()


def test_what_was_not_read_is_nobody_elses_answer(client, monkeypatch):
    post = Post(client, [("SADD", "said", "a"), ("SADD", "said", "b")])
    read, answers = post._connection.read_response, iter([True, False])

    def interrupted():
        if next(answers):
            return read()
        raise KeyboardInterrupt

    monkeypatch.setattr(post._connection, "read_response", interrupted)
    with pytest.raises(KeyboardInterrupt):
        post.answer()
    monkeypatch.undo()
    assert client.get("nothing") is None

# SPDX-License-Identifier: BSD-3-Clause
"""What connections are asked for; the rest is tested on a real Redis."""

from types import SimpleNamespace

import pytest

from igwn_alert_celery.enqueue.script import Script


class Pool:
    """A pool whose connections keep what is sent."""

    def __init__(self):
        self.asked = []
        self.sent = []

    def give(self, *names):
        self.asked.append(names)

        def send(command, check_health):
            self.sent.extend(command)

        return SimpleNamespace(send_packed_command=send)


class Before53(Pool):
    def get_connection(self, command_name, *keys, **options):
        return self.give(command_name)


class Since53(Pool):
    def get_connection(self, command_name=None, *keys, **options):
        return self.give() if command_name is None else pytest.fail("it warns of that")


class Later(Pool):
    def get_connection(self):
        return self.give()


@pytest.mark.parametrize(("kind", "asked"), [(Before53, ("EVALSHA",)), (Since53, ()), (Later, ())])
def test_a_connection_is_asked_for_as_redis_py_wants_it(kind, asked):
    pool = kind()
    Script(SimpleNamespace(connection_pool=pool), "return 1").send(["k"], [5, b"\xff", "é"])
    assert pool.asked == [asked]
    assert pool.sent[0].startswith(b"*7\r\n$7\r\nEVALSHA\r\n$40\r\n")
    assert pool.sent[0].endswith(
        b"\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\n5\r\n$1\r\n\xff\r\n$2\r\n\xc3\xa9\r\n"
    )

# SPDX-License-Identifier: BSD-3-Clause
"""A handler fails: Celery's own retries first, then a dead letter with the traceback."""

import pytest

from tests.services.wait import wait_until


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo", "gevent", "eventlet"])
def test_a_handler_that_fails_for_good_becomes_a_dead_letter(redelivery, pool):
    if pool in {"gevent", "eventlet"}:
        pytest.importorskip(pool)
    redelivery.worker("w1", "-P", pool, "-c", "2")
    redelivery.send("BAD", do="fail")
    redelivery.send("AGAIN", do="retry")
    redelivery.send("IGNORED", do="ignore")
    redelivery.send("REJECTED", do="reject")
    redelivery.send("S1", "S2")
    redelivery.wait("done", ["S1", "S2"])
    letters = {letter.offset: letter for letter in redelivery.letters(2)}
    wait_until(lambda: redelivery.counts("began")["REJECTED"], 60, "all have begun")
    redelivery.settled()
    assert redelivery.redis.hlen("igwn_alert:dead_letters") == 2
    assert {letter.reason for letter in letters.values()} == {"failed"}
    assert letters[0].error == "ValueError('no such sky map')"
    assert "in fail" in letters[0].traceback
    assert letters[1].error == "ValueError('not yet')"
    assert redelivery.counts("began") == {
        "BAD": 1,
        "AGAIN": 3,
        "IGNORED": 1,
        "REJECTED": 1,
        "S1": 1,
        "S2": 1,
    }

# SPDX-License-Identifier: BSD-3-Clause
"""A handler takes its process down: it is tried three times, kept, and holds nobody up."""

import pytest

from tests.services.wait import wait_until


@pytest.mark.parametrize("do", ["exit", "crash"])
def test_a_handler_that_kills_its_process_becomes_a_dead_letter(redelivery, do):
    redelivery.worker("w1", "-c", "2")
    redelivery.send("BAD", do=do)
    redelivery.send("S1", "S2")
    redelivery.wait("done", ["S1", "S2"])
    (letter,) = redelivery.letters(1)
    assert letter.reason == "killed_process"
    assert "3 times" in letter.error
    assert letter.handler == "tests.integration.redelivery.app.work"
    assert (letter.topic, letter.offset) == (f"{redelivery.deployment.group}.work", 0)
    assert b'"BAD"' in letter.value
    redelivery.settled()
    assert redelivery.counts("began") == {"BAD": 3, "S1": 1, "S2": 1}


@pytest.mark.parametrize(("quorum", "attempts"), [("1", 3), ("", 2)])
def test_on_rabbitmq_it_is_counted_as_far_as_the_queue_tells(on, quorum, attempts):
    redelivery = on("rabbitmq")
    redelivery.worker("w1", "-c", "2", REDELIVERY_QUORUM=quorum)
    redelivery.send("BAD", do="exit")
    redelivery.send("S1", "S2")
    redelivery.wait("done", ["S1", "S2"])
    (letter,) = redelivery.letters(1)
    assert letter.reason == "killed_process"
    assert b'"BAD"' in letter.value
    assert redelivery.counts("began") == {"BAD": attempts, "S1": 1, "S2": 1}


@pytest.mark.long
@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_handler_that_kills_its_worker_becomes_a_dead_letter(redelivery, pool):
    redelivery.send("BAD", do="exit")
    for attempt in range(1, 4):
        worker = redelivery.deployment.start("-P", pool, "-c", "2", name=f"w{attempt}")
        if attempt == 1:
            worker.listen()
            redelivery.send("BAD", do="exit")
        assert worker.popen.wait(60) == 1
        wait_until(
            lambda seen=attempt: redelivery.counts("began")["BAD"] == seen, 30, f"attempt {attempt}"
        )
    redelivery.worker("w4", "-P", pool, "-c", "2")
    redelivery.send("S1")
    redelivery.wait("done", ["S1"])
    (letter,) = redelivery.letters(1)
    assert letter.reason == "killed_process"
    redelivery.settled()
    assert redelivery.counts("began") == {"BAD": 3, "S1": 1}


def test_the_number_of_attempts_can_be_set(redelivery):
    redelivery.worker("w1", "-c", "1", IGWN_ALERT_MAX_ATTEMPTS="1")
    redelivery.send("BAD", do="exit")
    (letter,) = redelivery.letters(1)
    assert letter.reason == "killed_process"
    redelivery.settled()
    assert redelivery.counts("began") == {"BAD": 1}

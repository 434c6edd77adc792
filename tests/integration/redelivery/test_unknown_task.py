# SPDX-License-Identifier: BSD-3-Clause
"""Old and new workers on one queue: an old one leaves to a new one what it does not know."""

import pytest

OLD = {"REDELIVERY_NEW": ""}
NEW = {"REDELIVERY_NEW": "1"}


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_an_old_worker_leaves_what_it_does_not_know_to_a_new_one(on, broker):
    redelivery = on(broker)
    old = redelivery.deployment.start("--no-igwn-alert", "-c", "1", name="old")
    old.expect("ready.")
    # The new one receives for a while, and consumes from nowhere.
    receiver = redelivery.worker("receiver", "-c", "1", "-Q", "elsewhere", **NEW)
    redelivery.send("N1", "N2", topic="newer")
    redelivery.send("S1")
    old.expect("is not known here")
    redelivery.wait("done", ["S1"])
    redelivery.worker("new", "-c", "1", **NEW)
    redelivery.wait("done", ["N1", "N2", "S1"])
    assert receiver.popen.poll() is None
    assert set(redelivery.counts("done").values()) == {1}


def test_what_nobody_knows_becomes_a_dead_letter(redelivery):
    old = redelivery.deployment
    old.environment["IGWN_ALERT_UNKNOWN_TASK_S"] = "1"
    worker = old.start("--no-igwn-alert", "-c", "1", name="old")
    worker.expect("ready.")
    redelivery.worker("receiver", "-c", "1", "-Q", "elsewhere", **NEW)
    redelivery.send("N1", topic="newer")
    (letter,) = redelivery.letters(1)
    assert letter.reason == "unknown_task"
    assert letter.handler == "tests.integration.redelivery.app.newer"
    redelivery.settled()

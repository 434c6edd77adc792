# SPDX-License-Identifier: BSD-3-Clause
"""A topic that is deleted and created again is read from its beginning, however long it is."""

import json

import pytest

from tests.integration.receiving import receiving


def send(deployment, *uids):
    for uid in uids:
        text = json.dumps({"uid": uid, "alert_type": "new"})
        deployment.kafka.send(deployment.topic, text, partition=0)
    deployment.kafka.flush()


def create_again(deployment, uids):
    deployment.kafka.delete_topic(deployment.topic)
    deployment.kafka.create_topic(deployment.topic, 4)
    send(deployment, *uids)


OLD = ["a", "b", "c"]
NEW = [["A"], ["A", "B", "C"], ["A", "B", "C", "D", "E"]]


@pytest.mark.parametrize("new", NEW, ids=["fewer", "as many", "more"])
def test_while_the_worker_is_down(deployment, new, caplog):
    send(deployment, *OLD)
    with receiving(deployment, start_at="earliest") as it:
        it.expect(OLD)
    create_again(deployment, new)
    with receiving(deployment) as it:
        it.expect([*OLD, *new])
    assert "deleted and created again" in caplog.text


@pytest.mark.parametrize("new", NEW, ids=["fewer", "as many", "more"])
def test_while_it_runs(deployment, new):
    send(deployment, *OLD)
    with receiving(deployment, start_at="earliest") as it:
        it.expect(OLD)
        create_again(deployment, new)
        it.expect([*OLD, *new])
        send(deployment, "Z")
        it.expect([*OLD, *new, "Z"])

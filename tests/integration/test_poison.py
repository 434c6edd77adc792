# SPDX-License-Identifier: BSD-3-Clause
"""Garbage between good alerts: each is a dead letter, or exactly the data that it was."""

import json
from collections import Counter

from igwn_alert_celery.dead_letter import DeadLetter
from tests.integration.receiving import receiving
from tests.services.wait import wait_until

GOOD = {"uid": "S1", "alert_type": "new", "data": {}, "object": {"labels": ["A"]}}

# value, headers, reason
DEAD = [
    (b"no json", [], "not_json"),
    (b"\xff\xfe{}", [], "not_json"),
    (b"", [], "empty"),
    (None, [], "empty"),
    (b"{}", [("_format", b"nonsense")], "unknown_format"),
    (b"[" * 5000 + b"]" * 5000, [], "too_deep"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, [], "too_deep"),
    (json.dumps("[" * 5000 + "]" * 5000).encode(), [], "too_deep"),
    (b'"' + b"x" * 900_000 + b'"', [], "too_large"),
    (b"{}", [("_format", b"avro")], "undecodable"),
    (b"{}", [("_format", b"voevent")], "undecodable"),
]

# value, content that the handler gets
DATA = [
    (b"null", {"content": None, "format": "json"}),
    (b"42", {"content": 42, "format": "json"}),
    (b"[1, 2]", {"content": [1, 2], "format": "json"}),
    (b'{"__type__": "datetime", "__value__": "2026-01-01"}', None),
    (b'{"uid": {"__type__": "foo", "__value__": 1}}', None),
    (b'{"a": NaN, "b": Infinity}', None),
    (b'{"a": 1, "a": 2}', {"a": 2}),
    (b'{"a": "\\ud800"}', None),
    (json.dumps({"uid": "S2", "pad": "y" * 500_000}).encode(), None),
]


def expected(value, content):
    return json.loads(value) if content is None else content


def test_each_kind_of_garbage_and_the_good_alerts_between(deployment):
    with receiving(deployment, max_bytes=600_000) as it:
        it.running()
        good = json.dumps(json.dumps(GOOD))
        for value, headers, _ in DEAD:
            deployment.kafka.send(deployment.topic, value, headers=headers, partition=0)
            deployment.kafka.send(deployment.topic, good, partition=0)
        for value, _ in DATA:
            deployment.kafka.send(deployment.topic, value, partition=0)
            deployment.kafka.send(deployment.topic, good, partition=0)
        deployment.kafka.flush()
        count = len(DEAD) + 2 * len(DATA)
        wait_until(lambda: deployment.redis.llen("celery") >= count, 60, "all are enqueued")
        handled = [alert_of(alert, record) for alert, record in it.messages]
        wanted = [GOOD] * len(DEAD)
        for value, content in DATA:
            wanted += [expected(value, content), GOOD]
        assert json.dumps(handled) == json.dumps(wanted)
        letters = [DeadLetter.from_json(text) for text in stored(deployment)]
        assert Counter(letter.reason for letter in letters) == Counter(r for _, _, r in DEAD)
        assert {letter.offset: letter.value for letter in letters} == {
            2 * n: value for n, (value, _, _) in enumerate(DEAD)
        }
        it.counted(dead_letters=len(DEAD))


def alert_of(argument, record):
    """What the task makes of its argument."""
    return json.loads(argument) if record.get("text") else argument


def stored(deployment):
    return deployment.redis.hvals("igwn_alert:dead_letters")


def test_test_records_are_skipped_unless_asked_for(deployment, caplog):
    caplog.set_level("INFO")
    text = json.dumps(GOOD)
    with receiving(deployment) as it:
        it.running()
        deployment.kafka.send(deployment.topic, text, headers=[("_test", b"true")], partition=0)
        deployment.kafka.send(deployment.topic, text, partition=0)
        deployment.kafka.flush()
        it.expect(["S1"])
        it.counted(skipped_test=1)
    assert "test record skipped (igwn_alert_ignore_test = False takes them)" in caplog.text
    with receiving(deployment, ignore_test=False) as it:
        it.running()
        deployment.kafka.send(deployment.topic, text, headers=[("_test", b"true")], partition=0)
        deployment.kafka.flush()
        it.expect(["S1", "S1"])

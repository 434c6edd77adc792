# SPDX-License-Identifier: BSD-3-Clause
"""Headers of any kind over real Kafka: the record is an alert or a dead letter, and the next comes.

One record whose headers the Kafka client cannot read must not end the receiver, which would come
back to it for ever.
"""

import json

from igwn_alert_celery.dead_letter import DeadLetter
from tests.integration.command import commanding
from tests.integration.odd_headers import send_with_headers
from tests.integration.receiving import receiving
from tests.services.wait import wait_until

# Names as bytes; None where they cannot be read.
HEADERS = [
    ([(b"\xff\xfe", b"v")], None),
    ([(b"ok", b"1"), (b"\xe9t\xe9", b"v"), (b"_format", b"json")], None),
    ([(b"_test\xff", b"true")], None),
    ([(b"", b""), ("é\u2028".encode(), b"\xff"), (b"a\0b", b"\0")], True),
    ([(b"%d" % n, b"x" * 10) for n in range(3000)], True),
    ([(b"x" * 30_000, b"y" * 30_000)], True),
    (
        [(b"_id", b"short"), (b"_id", b"\xff" * 16), (b"_sender", b"\xff\0"), (b"_FORMAT", b"")],
        True,
    ),
    ([(b"_format", b"JSON"), (b"_format", b"\xff")], True),
]


def create(deployment):
    topic = f"{deployment.group}.odd"
    deployment.kafka.create_topic(topic, 1)
    return topic


def send_all(deployment, topic):
    for number, (headers, _) in enumerate(HEADERS):
        value = json.dumps({"uid": f"S{number}"}).encode()
        send_with_headers(deployment.kafka.bootstrap, topic, value, headers)


def test_the_receiver_goes_on(deployment):
    topic = create(deployment)
    # So many that Python has specialized the code that reads them; see kafka/consumer.py.
    many = [f"W{number}" for number in range(200)]
    for uid in many:
        deployment.kafka.send(topic, json.dumps({"uid": uid}))
    deployment.kafka.flush()
    with receiving(deployment, "odd", start_at="earliest") as it:
        it.expect(many)
        send_all(deployment, topic)
        good = [f"S{number}" for number, (_, readable) in enumerate(HEADERS) if readable]
        wait_until(
            lambda: len(it.uids) >= len(many) + len(good), 60, f"{good}, are {it.uids}: {it.status}"
        )
        assert it.uids == many + good
        assert it.status["counters"].get("failures", 0) == 0
        letters = [DeadLetter.from_json(text) for text in stored(deployment)]
    bad = {number for number, (_, readable) in enumerate(HEADERS) if not readable}
    assert {letter.offset - len(many) for letter in letters} == bad
    assert {letter.reason for letter in letters} == {"undecodable"}
    assert all("not UTF-8" in letter.error for letter in letters)
    assert {json.loads(letter.value)["uid"] for letter in letters} == {f"S{n}" for n in bad}


def stored(deployment):
    return deployment.redis.hvals("igwn_alert:dead_letters")


def test_the_command_goes_on(deployment, tmp_path):
    send_all(deployment, create(deployment))
    with commanding(deployment.kafka, deployment.group, tmp_path) as command:
        count = str(sum(bool(readable) for _, readable in HEADERS))
        done = command.run("listen", "odd", "--from-beginning", "--count", count, "--json")
    assert done.returncode == 0, done.stderr
    assert [f"S{n}" in done.stdout for n in range(len(HEADERS))] == [bool(ok) for _, ok in HEADERS]
    assert "not UTF-8" in done.stderr

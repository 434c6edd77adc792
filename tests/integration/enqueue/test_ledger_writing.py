# SPDX-License-Identifier: BSD-3-Clause
"""What the ledger's script writes, key by key and byte by byte."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from igwn_alert_celery.enqueue.batch import OFFSET_LIMIT, Batch, Command, Position, Verdict
from tests.integration.enqueue.kit import (
    PARTITION,
    alerts,
    batch,
    entry,
    letter,
    opened,
    push,
    state,
)


def test_writers_at_the_same_time_enqueue_each_offset_once(redis_server, prefix, ledger, queued):
    start = ledger.claim(PARTITION, 0)

    def write_all():
        mine = opened(redis_server.client(socket_timeout=60.0), prefix)
        for first in range(0, 200, 10):
            numbers = range(first, first + 10)
            yield mine.write(alerts(replace(start, next_offset=first), *numbers)).verdict

    with ThreadPoolExecutor(4) as pool:
        verdicts = set().union(*pool.map(lambda _: set(write_all()), range(4)))
    assert verdicts == {Verdict.WRITTEN}
    assert queued() == list(range(200))


def test_offsets_after_the_last_entry_count_as_read(ledger):
    start = ledger.claim(PARTITION, 0)
    assert ledger.write(batch(start, entry(0), next_offset=9)).position.next_offset == 9


def test_bytes_arrive_as_they_are(client, prefix, ledger):
    start = ledger.claim(PARTITION, 0)
    value = bytes(range(256)) * 3
    ledger.write(batch(start, entry(0, push(value), push("é".encode(), "celery\x06\x169"))))
    assert client.lrange(f"{prefix}celery", 0, -1) == [value]
    assert client.lrange(f"{prefix}celery\x06\x169", 0, -1) == ["é".encode()]


def test_large_offsets_stay_exact(ledger):
    first = OFFSET_LIMIT - 3
    start = ledger.claim(PARTITION, first)
    outcome = ledger.write(alerts(start, first, first + 1))
    assert outcome.position == ledger.position(PARTITION)
    assert outcome.position.next_offset == OFFSET_LIMIT - 1


@pytest.mark.parametrize(
    ("offsets", "next_offset"),
    [((1, 0), 2), ((0, 0), 1), ((5,), 5), ((5,), OFFSET_LIMIT), ((-1,), 1)],
)
def test_a_batch_whose_position_would_lie_is_refused(offsets, next_offset):
    with pytest.raises(ValueError, match="ascend"):
        batch(Position(0, 0), *map(entry, offsets), next_offset=next_offset)


@pytest.mark.parametrize(
    "command",
    [Command("apply", "k", b""), Command("pexpire", "k", 0), Command("PUBLISH", "k", b"")],
)
def test_a_command_that_is_not_for_redis_is_refused(client, prefix, ledger, command):
    start = ledger.claim(PARTITION, 0)
    before = state(client, prefix)
    with pytest.raises(ValueError, match=r"no command|cannot expire"):
        ledger.write(batch(start, entry(0, push(b"first"), command)))
    assert state(client, prefix) == before


def test_every_key_is_prefixed(client, prefix, ledger):
    start = ledger.claim(PARTITION, 0)
    ledger.remember("cluster", "group", "g.superevent", "{}")
    ledger.write(batch(start, entry(0, push(b"x"), letters=[letter(0)])))
    root = f"{prefix}igwn_alert:"
    assert {key.decode() for key in client.scan_iter(f"{prefix}*")} == {
        f"{prefix}celery",
        f"{root}ledger",
        f"{root}position:cluster:group:topic-id:0",
        f"{root}asked:cluster:group",
        f"{root}dead_letters",
        f"{root}dead_letters:order",
        f"{root}dead_letters:bytes",
    }
    assert client.hget(f"{root}position:cluster:group:topic-id:0", "topic") == b"g.superevent"


def test_without_a_topic_id_the_name_stands_in(client, prefix, ledger):
    ledger.claim(replace(PARTITION, topic_id=""), 3)
    key = f"{prefix}igwn_alert:position:cluster:group:g.superevent:0"
    assert client.hget(key, "next") == b"3"


def test_queues_expire_and_broadcasts_go_out(client, prefix, ledger):
    start = ledger.claim(PARTITION, 0)
    commands = (push(b"x"), Command("pexpire", "celery", 60_000), Command("publish", "fan", b"y"))
    with client.pubsub(ignore_subscribe_messages=True) as subscriber:
        subscriber.subscribe(f"{prefix}fan")
        subscriber.get_message(timeout=60.0)
        ledger.write(batch(start, entry(0, *commands)))
        message = subscriber.get_message(timeout=60.0)
        assert message is not None
        assert message["data"] == b"y"
    assert 0 < client.pttl(f"{prefix}celery") <= 60_000


def test_a_client_that_decodes_replies_works_too(redis_server, prefix):
    ledger = opened(redis_server.client(decode_responses=True), prefix)
    start = ledger.claim(PARTITION, 0)
    one = letter(0)
    assert ledger.write(batch(start, entry(0, letters=[one]))).position.next_offset == 1
    assert ledger.dead_letters.get(one.id) == one
    assert ledger.remember("cluster", "group", "a", "1") == "1"


def test_a_forgotten_script_is_loaded_again(client, ledger):
    start = ledger.claim(PARTITION, 0)
    after = ledger.write(batch(start, entry(0))).position
    client.script_flush()
    assert ledger.write(batch(after, entry(1))).position.next_offset == 2


def test_an_empty_batch_changes_nothing(client, prefix, ledger):
    start = ledger.claim(PARTITION, 5)
    before = state(client, prefix)
    assert ledger.write(Batch(PARTITION, start, 5, ())).verdict is Verdict.WRITTEN
    assert state(client, prefix) == before

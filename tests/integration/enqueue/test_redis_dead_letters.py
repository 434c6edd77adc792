# SPDX-License-Identifier: BSD-3-Clause
"""Dead letters on Redis: written with the position, bounded, listed and dropped."""

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.record import Record
from tests.integration.enqueue.kit import PARTITION, batch, entry, letter, opened


def test_count_pushes_out_the_oldest_and_tells(client, prefix):
    ledger = opened(client, prefix, count=3)
    start = ledger.claim(PARTITION, 0)
    record = Record("g.superevent", 0, 0, 0, b"\xff", b"\x00", (("_format", None),))
    letters = [DeadLetter.from_record(record, "not_json", f"{n}") for n in range(4)]
    outcome = ledger.write(batch(start, entry(0, letters=letters)))
    assert outcome.evicted == (letters[0].id,)
    assert ledger.dead_letters.list() == letters[1:]
    assert ledger.dead_letters.drop(letters[1].id)
    assert ledger.dead_letters.count() == 2
    assert ledger.dead_letters.size_bytes() == sum(len(x.to_json()) for x in letters[2:])


def test_bytes_push_out_the_oldest_but_never_the_newest(client, prefix):
    size = len(letter(0).to_json())
    ledger = opened(client, prefix, size=2 * size + size // 2)
    start = ledger.claim(PARTITION, 0)
    old = [letter(0), letter(1)]
    outcome = ledger.write(batch(start, entry(0, letters=old)))
    assert outcome.evicted == ()
    large = letter(1, b"x" * 10 * size)
    outcome = ledger.write(batch(outcome.position, entry(1, letters=[large])))
    assert outcome.evicted == tuple(one.id for one in old)
    assert ledger.dead_letters.list() == [large]
    assert ledger.dead_letters.size_bytes() == len(large.to_json())


def test_a_retry_after_a_lost_reply_keeps_them_once(ledger):
    start = ledger.claim(PARTITION, 0)
    ledger.write(batch(start, entry(0, letters=[letter(0)])))
    ledger.write(batch(start, entry(0, letters=[letter(0)])))
    assert ledger.dead_letters.count() == 1


def test_they_can_be_added_by_hand(client, prefix):
    store = opened(client, prefix, count=2).dead_letters
    letters = [letter(n) for n in range(3)]
    assert [store.add(one) for one in letters] == [[], [], [letters[0].id]]
    assert store.add(letters[2]) == []
    assert store.list() == letters[1:]
    assert store.list(limit=1) == letters[1:2]
    assert store.list(limit=0) == []
    assert (store.get(letters[0].id), store.get(letters[1].id)) == (None, letters[1])
    assert (store.drop(letters[1].id), store.drop(letters[1].id)) == (True, False)
    assert (store.count(), store.size_bytes()) == (1, len(letters[2].to_json()))


def test_they_are_read_by_id_in_any_order(ledger):
    store = ledger.dead_letters
    letters = [letter(n) for n in range(3)]
    for one in letters:
        store.add(one)
    first, second, third = ids = [one.id for one in letters]
    assert store.ids() == ids
    assert store.some([third, "gone", first]) == [letters[2], letters[0]]
    assert store.some([]) == []
    store.drop(second)
    assert store.ids() == [first, third]

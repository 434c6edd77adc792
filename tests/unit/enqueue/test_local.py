# SPDX-License-Identifier: BSD-3-Clause
"""The SQLite state that other task brokers get."""

import sqlite3
import threading
from dataclasses import replace

import pytest

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.record import Record


def letter(offset, value=b"\x00\xff"):
    headers = (("_id", b"\x01"), ("_format", None))
    record = Record("g.superevent", 2, offset, 1_700_000_000_000, None, value, headers)
    return DeadLetter.from_record(record, "not_json", "détail", traceback="…", handler="m.f")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite"


@pytest.fixture
def state(path):
    return LocalState(path, max_count=3, max_bytes=1_000_000)


def test_first_request_stays_and_survives(path, state):
    assert state.asked("cluster", "group") == {}
    assert state.remember("cluster", "group", "g.superevent", "one") == "one"
    assert state.remember("cluster", "group", "g.superevent", "two") == "one"
    assert LocalState(path).asked("cluster", "group") == {"g.superevent": "one"}


def test_requests_are_kept_apart_by_cluster_and_group(state):
    state.remember("cluster", "group", "topic", "one")
    assert state.asked("cluster", "other") == {}
    assert state.asked("other", "group") == {}


def test_dead_letters_come_back_whole_and_oldest_first(path, state):
    letters = [letter(n) for n in range(3)]
    assert [state.dead_letters.add(one) for one in letters] == [[], [], []]
    again = LocalState(path).dead_letters
    assert again.list() == letters
    assert again.list(limit=2) == letters[:2]
    assert again.list(limit=0) == []
    assert again.get(letters[1].id) == letters[1]
    assert again.size_bytes() == sum(len(one.to_json()) for one in letters)


def test_a_dropped_letter_is_gone_and_only_it(state):
    first, second = letter(0), letter(1)
    state.dead_letters.add(first)
    state.dead_letters.add(second)
    assert state.dead_letters.drop(first.id) is True
    assert state.dead_letters.drop(first.id) is False
    assert state.dead_letters.get(first.id) is None
    assert state.dead_letters.list() == [second]


def test_count_pushes_out_the_oldest(state):
    letters = [letter(n) for n in range(5)]
    evicted = [state.dead_letters.add(one) for one in letters]
    assert evicted == [[], [], [], [letters[0].id], [letters[1].id]]
    assert state.dead_letters.list() == letters[2:]
    assert state.dead_letters.count() == 3


def test_bytes_push_out_the_oldest_but_never_the_newest(path):
    size = len(letter(0).to_json())
    letters = LocalState(path, max_bytes=2 * size + size // 2).dead_letters
    kept = [letter(0), letter(1)]
    for one in kept:
        assert letters.add(one) == []
    large = letter(2, b"x" * 10 * size)
    assert letters.add(large) == [one.id for one in kept]
    assert letters.list() == [large]


def test_letters_that_are_added_together_push_out_the_oldest(state):
    first, *others = [letter(number) for number in range(4)]
    state.dead_letters.add(first)
    assert state.dead_letters.add(*others) == [first.id]
    assert state.dead_letters.list() == others


def test_adding_a_letter_again_changes_nothing(state):
    one = letter(0)
    state.dead_letters.add(one)
    assert state.dead_letters.add(one) == []
    assert state.dead_letters.list() == [one]


def test_the_same_record_is_kept_once_under_its_latest_id(state):
    """A batch that fails is read again, and becomes other letters of the same records."""
    before = [letter(0), letter(1)]
    for one in before:
        state.dead_letters.add(one)
    again = letter(0)
    assert state.dead_letters.add(again) == []
    assert state.dead_letters.list() == [again, before[1]]
    assert state.dead_letters.get(before[0].id) is None


@pytest.mark.parametrize(
    "change", [{"offset": 1}, {"partition": 1}, {"timestamp_ms": 1}, {"handler": "m.g"}]
)
def test_another_record_or_handler_is_another_letter(state, change):
    one = letter(0)
    state.dead_letters.add(one)
    state.dead_letters.add(replace(one, id="another", **change))
    assert state.dead_letters.count() == 2


def test_what_never_was_a_record_is_never_the_same(state):
    one = replace(letter(0), partition=-1, offset=-1)
    state.dead_letters.add(one)
    state.dead_letters.add(replace(one, id="another"))
    assert state.dead_letters.count() == 2


def test_only_the_owner_may_read_the_file(path, state):
    assert path.stat().st_mode & 0o777 == 0o600


def test_threads_lose_nothing(path):
    store = LocalState(path).dead_letters
    letters = [letter(n) for n in range(40)]
    threads = [
        threading.Thread(
            target=lambda part: [store.add(one) for one in part], args=(letters[n::4],)
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.id for one in store.list()} == {one.id for one in letters}


def test_a_file_that_is_no_database_is_told_by_its_path(path):
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(TaskBrokerUnavailable, match=r"state\.sqlite") as caught:
        LocalState(path)
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)


def test_a_missing_folder_is_told_by_its_path(tmp_path):
    with pytest.raises(TaskBrokerUnavailable, match="nowhere"):
        LocalState(tmp_path / "nowhere" / "state.sqlite")

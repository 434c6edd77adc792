# SPDX-License-Identifier: BSD-3-Clause
"""The dead letters from outside a worker, where they are in a file."""

import pytest

from igwn_alert_celery.enqueue.letter_store import each_letter, opened_letters
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.enqueue.opening import make_enqueuer
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.settings import Settings
from tests.unit.letters import letter_of


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"))


def test_looking_makes_no_file(app, settings, tmp_path):
    with opened_letters(app, settings, "a/b") as store:
        assert (store.is_shared, store.place) == (False, f"{tmp_path}/state/a%2Fb.sqlite")
        letters = store.letters
        assert (letters.count(), letters.size_bytes(), letters.ids()) == (0, 0, [])
        assert (letters.some(["a"]), letters.drop("a")) == ([], False)
        with pytest.raises(TaskBrokerUnavailable):
            letters.add(letter_of())
    assert [*tmp_path.iterdir()] == []


def test_it_is_the_file_of_the_worker(app, settings):
    kept = [letter_of(offset=n) for n in range(45)]
    make_enqueuer(app, settings, "group").memory.dead_letters.add(*kept)
    with opened_letters(app, settings, "group") as store:
        ids = store.letters.ids()
        assert ids == [letter.id for letter in kept]
        assert [*each_letter(store.letters, [*ids, "gone"])] == kept
        assert store.letters.some([kept[3].id, "gone", kept[1].id]) == [kept[3], kept[1]]
        assert store.letters.drop(kept[0].id)
        assert store.letters.count() == 44


def test_a_file_that_is_none_is_told(app, settings, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "group.sqlite").write_text("this is no database, as one can see" * 9)
    unusable = pytest.raises(TaskBrokerUnavailable, match=r"group\.sqlite cannot be used")
    with opened_letters(app, settings, "group") as store, unusable:
        store.letters.count()


def test_the_bounds_of_the_settings_hold(app, tmp_path):
    settings = Settings(state_dir=str(tmp_path), dead_letter_max_count=2)
    LocalState(tmp_path / "group.sqlite")
    with opened_letters(app, settings, "group") as store:
        letters = [letter_of(offset=n) for n in range(3)]
        assert [store.letters.add(letter) for letter in letters] == [[], [], [letters[0].id]]

# SPDX-License-Identifier: BSD-3-Clause
"""What counts as missing, twice and late: the counting itself, on diaries made by hand."""

import pytest

from tests.faults.catalogue import Row, find
from tests.faults.diary import Diary, Note
from tests.faults.soak import Sample, growth
from tests.faults.story import Story
from tests.faults.tally import tally
from tests.faults.verdict import verdict


def handled(number, start, *, worker="w1", lasts=0.01, tag="t", again=False):
    notes = [Note("start", start, worker, 1, number, "id", tag, again)]
    if lasts is not None:
        notes.append(Note("end", start + lasts, worker, 1, number, "id", tag, again))
    return notes


def test_an_alert_whose_handler_never_ended_is_missing():
    notes = handled(0, 1.0) + handled(1, 1.1, lasts=None)
    figures = tally({0: 0.9, 1: 1.0, 2: 1.1}, notes, Story())
    assert figures.missing == [1, 2]
    assert figures.ran_twice == []
    assert figures.longest_s == pytest.approx(0.11)


def test_what_lay_in_an_emptied_redis_is_given_up_not_missing():
    story = Story()
    story.was_emptied(5.0)
    figures = tally({0: 1.0, 1: 4.9, 2: 5.1}, handled(0, 1.0), story)
    assert (figures.gone, figures.missing) == (1, [2])


def test_two_messages_in_the_queue_that_nobody_consumes_are_enqueued_twice():
    notes = handled(0, 1.0) + handled(1, 1.0)
    figures = tally({0: 0.9, 1: 0.9}, notes, Story(), [0, 1, 1, -1, -1])
    assert figures.enqueued_twice == [1]
    assert figures.disordered == []


def test_an_alert_after_a_later_one_of_its_partition_is_out_of_order():
    accepted = dict.fromkeys(range(12), 0.0)
    assert tally(accepted, [], Story(), [0, 1, 5, 2, 4, 9, 8]).disordered == []
    assert tally(accepted, [], Story(), [0, 1, 8, 4, 5, 9]).disordered == [4]


@pytest.mark.parametrize(
    ("tag", "again", "twice"), [("t", False, []), ("u", False, [0]), ("u", True, [])]
)
def test_another_tag_is_another_message_unless_it_says_that_it_comes_again(tag, again, twice):
    notes = handled(0, 1.0) + handled(0, 2.0, tag=tag, again=again)
    figures = tally({0: 0.9}, notes, Story())
    assert figures.enqueued_twice == twice
    assert figures.ran_twice == figures.ran_twice_unexcused == [0]


@pytest.mark.parametrize(("again", "twice"), [(False, [0]), (True, [])])
def test_rabbitmq_has_no_tags_and_marks_what_it_delivers_again(again, twice):
    notes = handled(0, 1.0, tag="") + handled(0, 2.0, tag="", again=again)
    figures = tally({0: 0.9}, notes, Story())
    assert figures.enqueued_twice == twice
    assert figures.ran_twice == [0]


@pytest.mark.parametrize(
    ("worker", "lasts", "unexcused"),
    [("w1", None, []), ("w1", 0.5, []), ("w1", 0.01, [0]), ("w2", None, [0])],
)
def test_only_what_the_killed_worker_held_may_run_again(worker, lasts, unexcused):
    story = Story()
    story.was_killed("w1", 13.0)
    first = handled(0, 10.0 if lasts == 0.01 else 12.9, worker=worker, lasts=lasts)
    figures = tally({0: 9.9}, first + handled(0, 20.0, worker="w3"), story)
    assert figures.ran_twice == [0]
    assert figures.ran_twice_unexcused == unexcused


def test_a_worker_that_was_judged_dead_may_still_run_what_it_held():
    story = Story()
    story.was_frozen("w1", 10.0, 40.0)
    notes = handled(0, 20.0, worker="w2") + handled(0, 35.1, again=True)
    assert tally({0: 9.0}, notes, story).ran_twice_unexcused == []


def test_a_third_run_needs_an_excuse_of_its_own():
    story = Story()
    story.was_killed("w1", 10.0)
    notes = handled(0, 9.9, lasts=None) + handled(0, 15.0, worker="w2") + handled(0, 40.0)
    assert tally({0: 9.0}, notes, story).ran_twice_unexcused == [0]


def test_takeover_and_redelivery_are_counted_from_the_loss_or_from_the_alert():
    story = Story()
    story.was_killed("w1", 10.0)
    notes = [
        *handled(0, 5.0),
        *handled(1, 9.99, lasts=None),
        *handled(1, 25.0, worker="w2"),
        Note("enqueued", 9.98, "w1", 1, 1),
        *handled(2, 19.0, worker="w2"),
        Note("enqueued", 18.0, "w2", 1, 2),
    ]
    figures = tally({0: 4.0, 1: 9.9, 2: 12.0}, notes, story)
    assert figures.takeover_s == pytest.approx(6.0)
    assert figures.redelivery_s == pytest.approx(15.01)


def test_resuming_waits_for_the_slowest_worker():
    story = Story()
    story.was_away(5.0, 10.0)
    notes = [
        *handled(0, 1.0),
        *handled(1, 1.0, worker="w2"),
        Note("enqueued", 10.5, "w1", 1, 2),
        *handled(2, 11.0),
        *handled(3, 13.0, worker="w2"),
    ]
    accepted = dict.fromkeys(range(4), 0.5)
    assert tally(accepted, notes, story).resume_s == pytest.approx(3.0)
    assert tally(accepted, notes[:-2], story).resume_s == float("inf")


def test_a_diary_is_read_on_where_it_was_left_and_only_in_whole_lines(tmp_path):
    path = tmp_path / "diary.jsonl"
    written, read = Diary(path), Diary(path)
    written.note("start", 1, task="a")
    assert [note.number for note in read.notes()] == [1]
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert len(read.notes()) == 1
    path.write_bytes(whole)
    written.note("end", 1, task="a")
    assert [note.kind for note in read.notes()] == ["start", "end"]
    assert read.ended() == {1}


def samples(memory):
    return [Sample(5.0 * n, kb, 20, 10) for n, kb in enumerate(memory)]


def test_growth_is_a_higher_median_not_a_moment():
    steady = [100_000] * 40
    assert not any(item.grew for item in growth(samples(steady)))
    steady[-3] = 900_000
    assert not any(item.grew for item in growth(samples(steady)))
    leaking = growth(samples([100_000 + 1000 * n for n in range(40)]))
    assert [item.what for item in leaking if item.grew] == ["memory_kb"]
    with pytest.raises(ValueError, match="too few"):
        growth(samples([1, 2, 3]))


@pytest.mark.parametrize(("task_broker", "complaints"), [("redis", 2), ("rabbitmq", 0)])
def test_only_on_redis_is_a_second_message_wrong(task_broker, complaints):
    notes = handled(0, 1.0) + handled(0, 2.0, tag="u")
    figures = tally({0: 0.9}, notes, Story(), [0, 0])
    row = Row(find("worker: kill -9"), task_broker, "prefork")
    assert len(verdict(row, figures)) == complaints


def test_each_limit_that_is_passed_is_said():
    story = Story()
    story.was_killed("w1", 10.0)
    story.was_away(10.0, 11.0)
    notes = [*handled(0, 9.0), *handled(1, 45.0, worker="w2")]
    row = Row(find("worker: kill -9"), "redis", "prefork")
    said = verdict(row, tally({0: 8.0, 1: 9.5}, notes, story))
    assert [text.split()[0] for text in said] == ["takeover", "redelivery", "resume"]

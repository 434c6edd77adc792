# SPDX-License-Identifier: BSD-3-Clause
"""What a dead letter becomes again, before anything is sent."""

import re
import uuid

import pytest

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.encode import encode
from igwn_alert_celery.record import Record
from igwn_alert_celery.replay.plan import Ways, plan
from tests.unit.letters import ALERT, add_handler, letter_of


@pytest.fixture
def ways(bridge):
    """Three handlers: of new alerts, of all, and of young ones."""
    add_handler(bridge, "new", "superevent", alert_type="new")
    add_handler(bridge, "all", "super*")
    add_handler(bridge, "young", "superevent", max_age_s=60)
    return Ways(bridge, bridge.app.tasks)


def names(planned):
    return [call.task.name for call in planned.calls]


def test_a_letter_of_no_handler_goes_to_all_that_match(ways):
    planned = plan(letter_of(), ways)
    assert (planned.refusal, planned.late, planned.parcel) == ("", (), None)
    assert names(planned) == ["new", "all", "young"]
    assert planned.alert == ALERT
    planned = plan(letter_of(b'{"alert_type": "update"}', "not_json"), ways)
    assert names(planned) == ["all", "young"]


def test_a_letter_of_one_handler_goes_to_it_alone_whatever_its_filters_say(ways):
    planned = plan(letter_of(b'{"alert_type": "update"}', handler="new"), ways)
    assert names(planned) == ["new"]


def test_the_tasks_carry_the_original_record_and_new_ids(ways):
    hop_id = uuid.uuid4()
    headers = (("_id", hop_id.bytes), ("_sender", b"gracedb"), ("_format", b"json"))
    letter = letter_of(handler="all", key=b"S1", headers=headers)
    first, again = (plan(letter, ways).calls[0] for _ in range(2))
    assert first.header == {
        "topic": "superevent",
        "partition": 1,
        "offset": 7,
        "key": "S1",
        "timestamp_ms": letter.timestamp_ms,
        "id": str(hop_id),
        "sender": "gracedb",
        "redelivered": True,
    }
    assert (first.content, first.json) == (ALERT, b'{"uid": "S1", "alert_type": "new"}')
    assert first.task_id != again.task_id
    assert first.record == Record(
        "gracedb.superevent", 1, 7, letter.timestamp_ms, b"S1", letter.value, headers
    )


def test_what_never_was_on_kafka_has_no_place_there(ways):
    (call,) = plan(letter_of(handler="all", partition=-1, offset=-1), ways).calls
    assert (call.header["partition"], call.header["offset"]) == (None, None)


def test_the_age_limit_travels_along_where_it_is_kept(ways):
    planned = plan(letter_of(age_s=30), ways)
    headers = {call.task.name: call.header.get("max_age_s") for call in planned.calls}
    assert headers == {"new": None, "all": None, "young": 60}


def test_what_is_too_old_for_its_handler_is_refused_with_the_remedy(ways):
    planned = plan(letter_of(reason="expired", handler="young", age_s=100), ways)
    assert planned.calls == planned.late == ()
    assert re.match(r"it is 1\d\d s old", planned.refusal)
    assert "young 60 s" in planned.refusal
    assert "--ignore-age" in planned.refusal


def test_what_is_too_old_for_one_of_several_becomes_a_letter_of_that_one(ways):
    planned = plan(letter_of(reason="not_json", age_s=100), ways)
    assert names(planned) == ["new", "all"]
    (late,) = planned.late
    assert (late.reason, late.handler, late.offset) == ("expired", "young", 7)


def test_age_may_be_ignored_now_and_when_the_task_starts(ways):
    ways = Ways(ways.bridge, ways.tasks, ignore_age=True)
    planned = plan(letter_of(reason="expired", handler="young", age_s=100), ways)
    (call,) = planned.calls
    assert "max_age_s" not in call.header
    assert names(plan(letter_of(age_s=1e6), ways)) == ["new", "all", "young"]


@pytest.mark.parametrize(
    ("letter", "said"),
    [
        (letter_of(topic="other.superevent"), "not of the group 'gracedb'"),
        (letter_of(handler="gone"), "no handler 'gone' any more"),
        (letter_of(b"no json", "not_json"), "it still cannot be read: not_json: "),
        (letter_of(b"", "empty"), "it still cannot be read: empty"),
        (letter_of(headers=(("_test", b"true"),)), "it is a test record"),
        (letter_of(topic="gracedb.cbc_gstlal"), "no handler of the app takes it"),
        (letter_of(b"x", "bad_topic", "igwn_alert.publish"), "it was no alert"),
        (
            letter_of(b'{"url": "http://x/y"}', headers=(("_format", b"external"),)),
            "it still cannot be read: offload_missing",
        ),
    ],
)
def test_what_cannot_be_replayed_says_why(ways, letter, said):
    planned = plan(letter, ways)
    assert said in planned.refusal
    assert planned.calls == ()


def test_test_records_are_taken_where_the_app_takes_them(bridge, ways):
    bridge.app.conf.igwn_alert_ignore_test = False
    assert names(plan(letter_of(headers=(("_test", b"true"),)), ways)) == ["new", "all", "young"]


def test_a_large_message_is_fetched_and_its_own_id_counts(ways):
    original = Record("", -1, -1, 5, b"key", b'{"uid": "S2"}', (("_sender", b"me"),))
    letter = letter_of(b'{"url": "http://x/y"}', headers=(("_format", b"external"),))
    planned = plan(letter, Ways(ways.bridge, ways.tasks, lambda url: original))
    assert planned.alert == {"uid": "S2"}
    header = planned.calls[0].header
    assert (header["sender"], header["key"], header["offset"]) == ("me", "key", 7)


def test_a_large_message_that_cannot_be_had_is_a_refusal(ways):
    def fetch(url):
        raise KafkaUnavailable("nobody there")

    letter = letter_of(b'{"url": "http://x/y"}', headers=(("_format", b"external"),))
    planned = plan(letter, Ways(ways.bridge, ways.tasks, fetch))
    assert "nobody there" in planned.refusal


def test_what_could_not_be_sent_goes_to_the_publisher_as_it_was_encoded(ways):
    value, headers = encode(ALERT, headers={"mine": b"\xff"}, test=True, sender="me")
    letter = letter_of(value, "send_failed", "igwn_alert.publish", key=b"\xfe", headers=headers)
    planned = plan(letter, ways)
    parcel = planned.parcel
    assert (planned.refusal, planned.calls) == ("", ())
    assert (parcel.topics, parcel.many, parcel.value) == (("superevent",), False, value)
    assert (parcel.format, parcel.key, parcel.test) == ("json", b"\xfe", True)
    assert parcel.headers == (("mine", b"\xff"),)

# SPDX-License-Identifier: BSD-3-Clause
import fnmatch
import logging
import math
import re
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery import Alert
from igwn_alert_celery.alert import Unread
from igwn_alert_celery.errors import HandlerError
from igwn_alert_celery.handlers import (
    Match,
    Registry,
    Subscription,
    check_prefix,
    check_topic,
    fits,
    is_pattern,
    runs_later,
    topic_regex,
)


def match(alert, topic="superevent", age_s=0.0, **filters):
    registry = Registry()
    registry.add(Subscription.build("task", ["superevent", "cbc_*"], **filters))
    return registry.match(topic, Alert(alert), age_s)


def refusal(*topics, **filters):
    with pytest.raises(HandlerError) as caught:
        Subscription.build("task", topics, **filters)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize(
    ("filters", "alert", "taken"),
    [
        ({}, {}, True),
        ({"alert_type": "new"}, {"alert_type": "new"}, True),
        ({"alert_type": "new"}, {"alert_type": "log"}, False),
        ({"alert_type": "new"}, {"alert_type": ["new"]}, False),
        ({"alert_type": "new"}, {}, False),
        ({"alert_type": {"new", "log"}}, {"alert_type": "log"}, True),
        ({"alert_type": ["new", "log"]}, {"alert_type": "update"}, False),
        ({"labels": {"A"}}, {"object": {"labels": ["A", "B"]}}, True),
        ({"labels": "A"}, {"object": {"labels": ["A", "B"]}}, True),
        ({"labels": "AB"}, {"object": {"labels": ["A", "B"]}}, False),
        ({"labels": {"A", "C"}}, {"object": {"labels": ["A", "B"]}}, False),
        ({"labels": {"A"}}, {"object": []}, False),
        ({"where": lambda alert: alert.uid == "S1"}, {"uid": "S1"}, True),
        ({"where": lambda alert: alert.uid == "S1"}, {"uid": "S2"}, False),
        ({"where": lambda alert: alert.uid == "S1", "alert_type": "new"}, {"uid": "S1"}, False),
    ],
)
def test_filters(filters, alert, taken):
    assert match(alert, **filters).tasks == (("task",) if taken else ())


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, iter, dict.fromkeys])
def test_types_and_labels_may_be_any_collection(kind):
    built = Subscription.build("task", ["x"], alert_type=kind(["new"]), labels=kind(["A", "B"]))
    assert (built.alert_types, built.labels) == ({"new"}, {"A", "B"})


def test_a_filter_that_raises_lets_the_alert_through_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        assert match({}, where=lambda alert: alert["missing"]).tasks == ("task",)
    assert "where= of handler task raised; the alert is let through" in caplog.text
    assert "KeyError: 'missing'" in caplog.text


def never():
    raise AssertionError("it is read though no filter asks for it")


def test_filters_but_where_do_not_read_an_alert():
    registry = Registry()
    registry.add(Subscription.build("new", ["t"], alert_type="new", labels="A"))
    registry.add(Subscription.build("update", ["t"], alert_type="update"))
    registry.add(Subscription.build("all", ["t"]))
    alert = Unread(never, "new", ["A", "B"], None)
    assert registry.match("t", alert, 0.0).tasks == ("new", "all")


def test_where_gets_the_alert_whole():
    registry, asked = Registry(), []
    registry.add(Subscription.build("task", ["t"], where=asked.append))
    registry.match("t", Unread(lambda: {"uid": "S1"}, None, None, None), 0.0)
    assert asked == [{"uid": "S1"}]
    assert isinstance(asked[0], Alert)


def test_patterns_and_topics():
    assert match({}, "cbc_gstlal").tasks == ("task",)
    assert match({}, "cbc_").tasks == ("task",)
    assert match({}, "burst_cwb").tasks == ()
    assert match({}, "superevents").tasks == ()
    assert [is_pattern(topic) for topic in ("a", "a*", "?a", "a.b")] == [False, True, True, False]


@given(
    pattern=st.text("ab._-*?", min_size=1, max_size=6),
    topic=st.text("ab._-", min_size=1, max_size=8),
)
def test_the_receiver_asks_kafka_for_what_the_filters_take(pattern, topic):
    subscription = Subscription.build("task", [pattern])
    assert subscription.takes_topic(topic) == bool(topic_regex(pattern).fullmatch(topic))
    assert subscription.takes_topic(topic) == fnmatch.fnmatchcase(topic, pattern)


def test_a_dot_in_a_pattern_is_a_dot():
    assert not topic_regex("a.*").fullmatch("ab")
    assert re.fullmatch(topic_regex("a.*"), "a.b")


@pytest.mark.parametrize(
    "topic", ["", " ", "super event", " superevent", "superevent\n", "[a-z]", "ü", 5, None, b"x"]
)
def test_wrong_topics_are_refused(topic):
    with pytest.raises(HandlerError, match="letters, digits") as caught:
        check_topic(topic)
    assert f"topic {topic!r}: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_topics_in_a_list_are_told_how_to_be_written(kind):
    assert "give them one by one, handler('superevent', …)" in refusal(kind(["superevent"]))


def test_no_topic():
    assert "name at least one topic" in refusal()


def test_topics_with_the_group():
    with pytest.raises(HandlerError, match=r"'gracedb\.cbc_\*' carries the group: write 'cbc_\*'"):
        check_prefix("gracedb", ["superevent", "gracedb.cbc_*"])
    check_prefix("gracedb", ["gracedb", "gracedb-playground.x", "x.gracedb.y", 5])
    check_prefix(None, ["None.x"])


def async_filter():
    async def where(alert):
        return False

    return where


def generator_filter():
    def where(alert):
        yield False

    return where


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ({"alert_type": 5}, "alert_type=5: give a text or a collection"),
        ({"alert_type": ["new", 5]}, "alert_type=['new', 5]: give a text"),
        ({"alert_type": b"new"}, "alert_type=b'new': give a text"),
        ({"alert_type": ""}, "alert_type='' is empty and would match nothing"),
        ({"alert_type": []}, "alert_type=[] is empty and would match nothing: leave it out"),
        ({"labels": [""]}, "labels=[''] is empty"),
        ({"labels": {5}}, "labels={5}: give a text"),
        ({"where": "x"}, "where='x': give a plain function that takes the alert alone"),
        ({"where": lambda: True}, "give a plain function that takes the alert alone"),
        ({"where": lambda alert, other: True}, "give a plain function that takes the alert alone"),
        ({"where": async_filter()}, "give a plain function"),
        ({"where": generator_filter()}, "give a plain function"),
        ({"max_age_s": 0}, "max_age_s=0: give a number of seconds above 0"),
        ({"max_age_s": -1}, "max_age_s=-1: "),
        ({"max_age_s": "60"}, "max_age_s='60': "),
        ({"max_age_s": True}, "max_age_s=True: "),
        ({"max_age_s": math.nan}, "max_age_s=nan: "),
    ],
)
def test_wrong_filters_are_refused(filters, text):
    assert text in refusal("superevent", **filters)


def test_what_can_be_called_with_an_alert():
    class Filter:
        def __call__(self, alert):
            return True

        def method(self, alert, verbose=False):
            return True

    assert all(fits(each, 1) for each in (bool, Filter(), Filter().method, print, len))
    assert not fits(Filter.method, 1)
    assert runs_later(async_filter())
    assert not runs_later(len)


def test_an_alert_that_is_too_old_is_told_apart():
    assert match({}, age_s=11, max_age_s=10).expired == ("task",)
    assert match({}, age_s=10, max_age_s=10).tasks == ("task",)
    assert match({}, age_s=1e12, max_age_s=math.inf) == Match(tasks=("task",))


def test_an_alert_that_no_filter_takes_is_not_late_either():
    assert match({}, age_s=11, max_age_s=10, alert_type="new") == Match()


def test_a_task_that_is_named_twice_takes_the_longer_limit():
    registry = Registry()
    registry.add(Subscription.build("task", ["superevent"], max_age_s=10))
    registry.add(Subscription.build("task", ["super*"], max_age_s=20))
    found = registry.match("superevent", Alert({}), 15)
    assert (found.tasks, found.limits) == (("task",), {"task": 20})
    assert found.header("task", {"topic": "t"}) == {"topic": "t", "max_age_s": 20}
    registry.add(Subscription.build("task", ["superevent"]))
    found = registry.match("superevent", Alert({}), 99)
    assert (found.tasks, found.header("task", {})) == (("task",), {})


def test_topics_and_tasks_are_listed_once():
    registry = Registry()
    registry.add(Subscription.build("b", ["x", "y", "x"]))
    registry.add(Subscription.build("a", ["y"]))
    registry.add(Subscription.build("b", ["z"]))
    assert registry.topics == ("x", "y", "z")
    assert registry.task_names == ("a", "b")
    assert registry.match("y", Alert({}), 0).tasks == ("b", "a")


def test_a_handler_that_is_added_while_alerts_come_is_not_forgotten():
    class Slow(list):
        """Lets another thread add a subscription while this one looks for those of a topic."""

        def __iter__(self):
            snapshot = iter(list(super().__iter__()))
            if len(self) == 1:
                thread = Thread(target=registry.add, args=(Subscription.build("b", ["x"]),))
                thread.start()
                thread.join()
            return snapshot

    registry = Registry(Slow([Subscription.build("a", ["x"])]))
    assert registry.match("x", Alert({}), 0).tasks == ("a",)
    assert registry.match("x", Alert({}), 0).tasks == ("a", "b")


def declared(source, filename, **names):
    exec(compile(source, filename, "exec"), names)
    return names["handle"]


SOURCE = "\n\ndef handle(alert):\n    return alert\n"


def test_a_name_belongs_to_one_function():
    registry = Registry()
    first, second = declared(SOURCE, "a.py"), declared(SOURCE, "b.py")
    registry.claim("task", first)
    registry.claim("task", first)
    with pytest.raises(HandlerError) as caught:
        registry.claim("task", second)
    assert str(caught.value) == (
        "two handlers are called 'task', at a.py:3 and b.py:3, and Celery would run the first one "
        "for both: give one name="
    )
    registry.claim("other", second)


def test_a_module_may_be_loaded_again():
    registry = Registry()
    names = {}
    for _ in range(2):
        exec(compile(SOURCE, "a.py", "exec"), names)
        registry.claim("task", names["handle"])
    with pytest.raises(HandlerError, match="two handlers are called 'task'"):
        registry.claim("task", lambda alert: None)


def test_functions_that_a_loop_makes_need_names():
    def make(value):
        def handle(alert):
            return value

        return handle

    registry = Registry()
    registry.claim("one", make(1))
    registry.claim("two", make(2))
    with pytest.raises(HandlerError, match="two handlers are called 'one'"):
        registry.claim("one", make(3))


def test_a_file_that_is_loaded_twice_would_handle_each_alert_twice():
    registry = Registry()
    registry.claim("followup.handle", declared(SOURCE, "handlers.py", __name__="__main__"))
    imported = declared(SOURCE, "handlers.py", __name__="handlers")
    with pytest.raises(HandlerError, match=r"handlers.py:3 is loaded twice, for tasks 'followup"):
        registry.claim("handlers.handle", imported)
    registry.claim("followup.handle", imported)


def test_functions_without_code_of_python():
    registry = Registry()
    registry.claim("len", len)
    registry.claim("len", len)
    with pytest.raises(HandlerError, match="at <built-in function len> and <built-in"):
        registry.claim("len", max)


class Seconds(float):
    """As NumPy's: msgspec, which writes task messages, takes no float but Python's own."""


def test_an_age_limit_is_a_plain_float():
    limit = Subscription.build("task", ["t"], max_age_s=Seconds(5)).max_age_s
    assert (type(limit), limit) == (float, 5.0)

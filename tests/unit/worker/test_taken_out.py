# SPDX-License-Identifier: BSD-3-Clause
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.worker.taken_out import TakenOut

EXISTING = ("g.cbc_gstlal", "g.cbc_pycbc", "g.superevent")

topics = st.text("ab.", min_size=1, max_size=3)
patterns = st.text("ab*?", min_size=1, max_size=3)
names = st.lists(topics | patterns, max_size=4)


@pytest.mark.parametrize(
    ("out", "topic", "covered"),
    [
        ("g.superevent", "g.superevent", True),
        ("g.superevent", "g.superevents", False),
        ("g.cbc_*", "g.cbc_gstlal", True),
        ("g.cbc_*", "g.cbc_*", True),
        ("g.*", "g.cbc_*", False),
        ("g.cbc_gstlal", "g.cbc_*", False),
        ("g.super?vent", "g.superevent", True),
    ],
)
def test_a_name_covers_itself_and_a_pattern_what_it_finds(out, topic, covered):
    assert TakenOut((out,)).covers(topic) == covered


@pytest.mark.parametrize(
    ("out", "wanted", "subscription"),
    [
        ((), ("g.superevent", "g.cbc_*"), [r"^g\.cbc_.*$", "g.superevent"]),
        (("g.superevent",), ("g.superevent", "g.cbc_*"), [r"^g\.cbc_.*$"]),
        (("g.cbc_*",), ("g.superevent", "g.cbc_*"), ["g.superevent"]),
        (("g.cbc_gstlal",), ("g.cbc_*",), ["g.cbc_pycbc"]),
        (("g.cbc_g*",), ("g.cbc_*",), ["g.cbc_pycbc"]),
        (("g.cbc_*",), ("g.cbc_gstlal", "g.superevent"), ["g.superevent"]),
        (("g.superevent",), ("g.superevent",), ["^[.]$"]),
        (("g.cbc_gstlal", "g.cbc_pycbc"), ("g.cbc_*",), ["^[.]$"]),
    ],
)
def test_what_is_left_is_subscribed_to(out, wanted, subscription):
    assert TakenOut(out).subscription(wanted, EXISTING) == subscription


@given(names, names, st.lists(topics, max_size=6))
def test_exactly_what_is_wanted_and_not_taken_out_is_received(out, wanted, existing):
    taken_out = TakenOut(tuple(out))
    subscription = taken_out.subscription(wanted, existing)
    received = {
        topic
        for topic in existing
        for name in subscription
        if (re.match(name, topic) if name.startswith("^") else name == topic)
    }
    left = [name for name in wanted if name not in out]
    expected = {
        topic
        for topic in existing
        if any(_finds(name, topic) for name in left)
        and not any(_finds(name, topic) for name in out)
    }
    assert received - {"."} == expected - {"."}


@given(names, names)
def test_there_is_always_something_to_subscribe_to(out, wanted):
    assert TakenOut(tuple(out)).subscription(wanted, ())


def _finds(name, topic):
    return topic_regex(name).fullmatch(topic) is not None if is_pattern(name) else name == topic

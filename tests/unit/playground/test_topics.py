# SPDX-License-Identifier: BSD-3-Clause
"""A topic that the playground never has is refused with the nearest one."""

import pytest

from igwn_alert_celery.playground.errors import PlaygroundError
from igwn_alert_celery.playground.topics import TOPICS, check_topic


@pytest.mark.parametrize("topic", [*TOPICS, "cbc_*", "*superevent", "burst_?wb"])
def test_gracedb_s_topics_are_taken(topic):
    check_topic(topic)


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("superevnt", "did you mean superevent"),
        ("playground.superevent", "did you mean superevent?"),
        ("cbc_gstlol", "did you mean cbc_gstlal"),
        ("weather", "the topics are superevent, "),
        ("cbcx_*", "the topics are superevent, "),
        ("playground.*", "the topics are superevent, "),
    ],
)
def test_others_are_refused(topic, hint):
    with pytest.raises(PlaygroundError) as caught:
        check_topic(topic)
    assert repr(topic) in str(caught.value)
    assert hint in str(caught.value)

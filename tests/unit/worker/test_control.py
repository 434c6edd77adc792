# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest
from celery.worker.control import Panel

from igwn_alert_celery.metrics import State
from igwn_alert_celery.worker.control import TOPICS, UNSUBSCRIBE
from tests.unit.apps import new_app


@pytest.fixture
def state(app, bridge):
    @bridge.handler("superevent", "cbc_*")
    def on_alert(alert):
        pass

    bridge.metrics.state = State.RUNNING
    bridge.metrics.topics = ("cbc_gstlal", "superevent")
    return SimpleNamespace(app=app)


def control(command, state, **arguments):
    return Panel.data[command](state, **arguments)


def test_celery_knows_the_commands_of_every_app(bridge):
    assert Panel.meta[UNSUBSCRIBE].type == "control"
    assert Panel.meta[UNSUBSCRIBE].variadic == "topics"
    assert Panel.meta[TOPICS].type == "inspect"


@pytest.mark.parametrize("topic", ["superevent", "cbc_*", "cbc_gstlal", "cbc_later", "super*", "*"])
def test_what_could_be_received_can_be_taken_out(state, bridge, topic):
    assert control(UNSUBSCRIBE, state, topics=[topic]) == {"ok": f"taking out {topic}"}
    assert bridge.status()["unsubscribed_topics"] == [topic]


def test_it_adds_up_and_the_status_shows_it(state, bridge):
    control(UNSUBSCRIBE, state, topics=["superevent"])
    control(UNSUBSCRIBE, state, topics=["cbc_*", "superevent"])
    assert control(TOPICS, state) == {
        "state": "running",
        "topics": ["cbc_gstlal", "superevent"],
        "unsubscribed_topics": ["superevent", "cbc_*"],
    }


@pytest.mark.parametrize("topics", [["nosuch"], ["superevent", "nosuch"], [], None])
def test_what_the_app_does_not_ask_for_cannot_be_taken_out(state, bridge, topics):
    answer = control(UNSUBSCRIBE, state, topics=topics)
    assert answer["error"].endswith("the app asks for cbc_*, superevent")
    assert bridge.metrics.unsubscribed == ()


def test_an_app_without_a_bridge_says_so():
    state = SimpleNamespace(app=new_app())
    for command in (UNSUBSCRIBE, TOPICS):
        assert control(command, state, topics=["x"]) == {"error": "this app has no IGWNAlert"}

# SPDX-License-Identifier: BSD-3-Clause
"""In which order an app, its bridge, its handlers and its configuration may come."""

import celery
import pytest
from celery import Celery

from igwn_alert_celery import Alert, IGWNAlert
from igwn_alert_celery.errors import ConfigError, HandlerError, NoAppError
from tests.unit.apps import new_app


def handle(alert):
    return type(alert), alert.record, alert.uid


@pytest.mark.parametrize("bind_first", [True, False])
@pytest.mark.parametrize("finalize", [True, False])
def test_stacked_handlers_are_one_task(app, bind_first, finalize):
    bridge = IGWNAlert(group="gracedb", noauth=True)
    if finalize:
        app.finalize()
    if bind_first:
        bridge.init_app(app)

    @bridge.handler("cbc_*")
    @bridge.handler("mdc_superevent", "superevent", alert_type="new", time_limit=5)
    def handler(alert):
        return alert.uid

    if not bind_first:
        bridge.init_app(app)
    assert finalize or not app.configured
    assert bridge.topics == ("cbc_*", "mdc_superevent", "superevent")
    assert bridge.registry.task_names == (handler.name,)
    assert handler.time_limit == 5
    assert bridge.registry.match("superevent", Alert({"alert_type": "new"}), 0).tasks == (
        handler.name,
    )


@pytest.mark.parametrize("bind_first", [True, False])
def test_the_configuration_may_follow_the_handlers(app, bind_first):
    bridge = IGWNAlert(noauth=True)
    if bind_first:
        bridge.init_app(app)

    @bridge.handler("x")
    @bridge.handler("y")
    def handler(alert):
        return alert.uid

    if not bind_first:
        bridge.init_app(app)
    app.conf.update(
        task_serializer="yaml", task_default_rate_limit="7/s", igwn_alert_group="playground"
    )
    assert (handler.serializer, handler.rate_limit) == ("yaml", "7/s")
    assert bridge.settings.group == "playground"


def test_handlers_before_init_app():
    bridge = IGWNAlert(group="gracedb", noauth=True)
    task = bridge.handler("superevent")(handle)
    assert repr(bridge) == "<IGWNAlert: no app yet>"
    assert isinstance(task, celery.Task)
    uses = [lambda: task.delay({}), lambda: bridge.topics, lambda: bridge.deliver("superevent", {})]
    for use in uses:
        with pytest.raises(NoAppError, match=r"call igwn_alert\.init_app\(app\) first"):
            use()
    app = new_app()
    bridge.init_app(app)
    assert task({"uid": "S1"}) == (Alert, None, "S1")
    assert task.name in app.tasks
    assert bridge.topics == ("superevent",)
    assert repr(bridge) == "<IGWNAlert: app 'followup', topics ['superevent']>"


def test_names_come_from_the_app_also_before_it_is_there():
    class Numbered(Celery):
        def gen_task_name(self, name, module):
            return f"number-1-{name}"

    bridge = IGWNAlert(group="gracedb", noauth=True)
    task = bridge.handler("superevent")(handle)
    bridge.init_app(Numbered("followup", broker="memory://", set_as_current=False))
    assert bridge.registry.task_names == ("number-1-handle",) == (task.name,)


@pytest.mark.parametrize("bind_first", [True, False])
def test_a_script_is_named_after_its_app(app, bind_first):
    bridge = IGWNAlert(group="gracedb", noauth=True)
    if bind_first:
        bridge.init_app(app)
    names = {"__name__": "__main__", "bridge": bridge}
    exec("@bridge.handler('x')\ndef handle(alert):\n    return alert.uid\n", names)
    if not bind_first:
        bridge.init_app(app)
    assert bridge.registry.task_names == ("followup.handle",) == (names["handle"].name,)


def test_one_bridge_and_one_app_belong_together(app, bridge):
    with pytest.raises(ConfigError, match="this app has an IGWNAlert already"):
        IGWNAlert(app)
    with pytest.raises(ConfigError, match="this IGWNAlert has an app already"):
        bridge.init_app(new_app())
    with pytest.raises(ConfigError, match="'followup' is no Celery app"):
        IGWNAlert("followup")
    assert app.igwn_alert is bridge


def test_two_handlers_of_one_name_are_refused_by_init_app(app):
    bridge = IGWNAlert(noauth=True)
    for topic in ("superevent", "cbc_*"):

        @bridge.handler(topic, name="same")
        def handler(alert):
            return alert.uid

    with pytest.raises(HandlerError, match="two handlers are called"):
        bridge.init_app(app)

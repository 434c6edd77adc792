# SPDX-License-Identifier: BSD-3-Clause
"""IGWNAlert and its handlers, as an app declares them: which order, which names, which options."""

import copy
import json
import pickle

import celery
import pytest
from celery import chain, chord

from igwn_alert_celery import Alert, IGWNAlert
from igwn_alert_celery.errors import HandlerError
from igwn_alert_celery.task_options import TASK_DEFAULTS
from tests.unit.apps import new_app


def handle(alert):
    """Handle it."""
    return type(alert), alert.record, alert.uid


def test_a_handler_is_a_task_that_can_be_called(bridge, app):
    task = bridge.handler("superevent")(handle)
    assert isinstance(task, celery.Task)
    assert task({"uid": "S1"}) == (Alert, None, "S1")
    assert task(Alert({"uid": "S1"})) == (Alert, None, "S1")
    assert task.apply(({"uid": "S1"},)).get() == (Alert, None, "S1")
    assert app.tasks[task.name] == task
    assert task.__wrapped__ is handle
    assert task.__doc__ == "Handle it."
    assert str(task.s({"uid": "S1"})) == f"{task.name}({{'uid': 'S1'}})"


def test_delay_sends_it(bridge):
    task = bridge.handler("superevent")(handle)
    result = task.delay({"uid": "S1"})
    with bridge.app.connection_for_read() as connection:
        message = connection.default_channel.basic_get(
            bridge.app.conf.task_default_queue, no_ack=True
        )
    assert message.properties["correlation_id"] == result.id
    assert json.loads(message.body)[0] == [{"uid": "S1"}]
    assert message.headers["task"] == task.name


def test_the_task_is_named_after_module_and_function(bridge):
    assert bridge.handler("x")(handle).name == f"{__name__}.handle"
    assert bridge.handler("x", name="other")(copied(handle)).name == "other"


def copied(function):
    """Return another function of the same code, as a second handler."""
    return type(function)(function.__code__, function.__globals__, function.__name__)


def test_defaults_and_what_overrides_them(bridge):
    task = bridge.handler("x")(handle)
    shown = {name: getattr(task, name) for name in TASK_DEFAULTS if name != "shared"}
    assert shown == {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}
    other = bridge.handler("x", name="other", acks_late=False, time_limit=5)(copied(handle))
    assert (other.acks_late, other.time_limit, other.reject_on_worker_lost) == (False, 5, True)


def test_handlers_are_not_shared_with_other_apps_unless_asked(bridge):
    bridge.handler("x")(handle)
    assert not any(name.startswith(__name__) for name in new_app().tasks)
    bridge.handler("x", name="shared-by-all", shared=True)(copied(handle))
    task = new_app().tasks["shared-by-all"]
    assert task({"uid": "S1"}) == (Alert, None, "S1")
    assert task.igwn_alert is bridge


def test_bound_handlers_and_other_bases(bridge):
    class Base(bridge.app.Task):
        abstract = True
        extra = "extra"

    @bridge.handler("superevent", bind=True, base=Base, extra="more", queue="fast")
    def handler(self, alert):
        return self.extra, alert.uid

    assert handler({"uid": "S1"}) == ("more", "S1")
    assert handler.queue == "fast"
    assert isinstance(handler, Base)


@pytest.mark.parametrize("set_later", [True, False])
def test_the_apps_own_task_class_is_the_base(set_later):
    class InContext(celery.Task):
        abstract = True
        context = "none"

        def __call__(self, *args, **kwargs):
            return self.context, super().__call__(*args, **kwargs)

    app = new_app(task_cls=None if set_later else InContext)
    if set_later:
        app.Task = InContext
    bridge = IGWNAlert(app, noauth=True)
    task = bridge.handler("x", context="app")(handle)
    assert task({"uid": "S1"}) == ("app", (Alert, None, "S1"))


def test_autoretry(bridge):
    tries = []

    @bridge.handler("x", autoretry_for=(OSError,), max_retries=2, default_retry_delay=0)
    def handler(alert):
        tries.append(alert.uid)
        raise OSError

    assert isinstance(handler.apply(({"uid": "S1"},)).result, OSError)
    assert tries == ["S1"] * 3


def test_chains_and_chords(bridge):
    bridge.app.conf.task_always_eager = True

    @bridge.app.task
    def total(values):
        return values

    @bridge.handler("x")
    def uid(alert):
        return alert.uid

    assert chain(uid.s({"uid": "S1"}), total.s())().get() == "S1"
    assert chain(total.s({"uid": "S1"}), uid.s())().get() == "S1"
    assert chord([uid.s({"uid": "S1"}), uid.s({"uid": "S2"})], total.s())().get() == ["S1", "S2"]


def test_tasks_are_pickled_by_name(bridge):
    task = bridge.handler("x")(handle)
    bridge.app.set_current()
    for other in (pickle.loads(pickle.dumps(task)), copy.deepcopy(task)):
        assert other == task


def test_two_apps_in_one_process():
    ran = []
    bridges = [IGWNAlert(new_app(name), group=name, noauth=True) for name in ("one", "two")]
    for bridge in bridges:

        @bridge.handler("superevent", name=f"{bridge.app.main}.handler", bind=True)
        def handler(self, alert):
            ran.append((self.app.main, alert.uid))

        bridge.app.conf.task_always_eager = True
    assert [bridge.registry.task_names for bridge in bridges] == [
        ("one.handler",),
        ("two.handler",),
    ]
    bridges[1].deliver("superevent", {"uid": "S1"})
    bridges[0].deliver("superevent", {"uid": "S2"})
    assert ran == [("two", "S1"), ("one", "S2")]


def test_one_function_for_two_apps():
    bridges = [IGWNAlert(new_app(), noauth=True) for _ in range(2)]
    tasks = [bridge.handler("superevent")(handle) for bridge in bridges]
    assert [task.app for task in tasks] == [bridge.app for bridge in bridges]
    with pytest.raises(HandlerError, match="is a task already, and not of this IGWNAlert"):
        bridges[0].handler("superevent")(tasks[1])


def test_two_handlers_of_one_name_are_refused(bridge):
    bridge.handler("superevent")(handle)
    with pytest.raises(HandlerError, match="two handlers are called"):
        bridge.handler("cbc_*")(copied(handle))
    assert bridge.topics == ("superevent",)


@pytest.mark.filterwarnings("ignore:Task name .same. is already registered")
def test_a_plain_task_of_the_same_name_is_seen(app, bridge):
    app.task(name="same")(handle)
    bridge.handler("superevent", name="same")(handle)
    assert bridge.settings.group == "gracedb"
    app.finalize()
    with pytest.raises(HandlerError, match="'same' is a plain task, and so the handler"):
        _ = bridge.settings
    with pytest.raises(HandlerError, match="'same' is a plain task"):
        bridge.deliver("superevent", {})


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((), {}, "name at least one topic"),
        (("gracedb.superevent",), {}, "write 'superevent'"),
        (("gracedb.*",), {}, "write '\\*'"),
        (("super event",), {}, "topic 'super event'"),
        ((["superevent"],), {}, "give them one by one"),
        (("superevent",), {"alert_typ": "new"}, "did you mean alert_type"),
        (("superevent",), {"topic": "x"}, "topics come first"),
        (("superevent",), {"max_age_s": 0}, "max_age_s=0"),
        (("superevent",), {"labels": []}, "would match nothing"),
        (("superevent",), {"base": 5}, "give a subclass"),
        ((handle,), {}, "name the topic"),
    ],
)
@pytest.mark.parametrize("has_app", [True, False])
def test_wrong_declarations_refuse_at_once(arguments, options, text, has_app):
    bridge = IGWNAlert(new_app() if has_app else None, group="gracedb", noauth=True)
    with pytest.raises(HandlerError, match=text) as caught:
        bridge.handler(*arguments, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert not has_app or bridge.topics == ()


def test_a_function_that_would_not_run_makes_no_task(app, bridge):
    async def later(alert):
        return alert

    with pytest.raises(HandlerError, match="is async"):
        bridge.handler("superevent")(later)
    assert (bridge.topics, bridge.registry.task_names) == ((), ())
    assert not any(name.endswith("later") for name in app.tasks)

# SPDX-License-Identifier: BSD-3-Clause
import functools
import inspect

import celery
import pytest

from igwn_alert_celery.errors import HandlerError, NoAppError
from igwn_alert_celery.task_options import (
    TASK_DEFAULTS,
    Handlers,
    check_function,
    check_task_options,
)


def handle(alert):
    """Handle it."""
    return alert


def refused_options(**options):
    with pytest.raises(HandlerError) as caught:
        check_task_options(options)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def refused_function(function, **options):
    with pytest.raises(HandlerError) as caught:
        check_function(function, options)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def test_every_option_of_celery_passes():
    attributes = (
        "acks_late acks_on_failure_or_timeout backend default_retry_delay expires ignore_result "
        "max_retries priority rate_limit reject_on_worker_lost resultrepr_maxsize send_events "
        "serializer soft_time_limit store_eager_result store_errors_even_if_ignored throws "
        "time_limit track_started trail typing"
    )
    decorators = (
        "autoretry_for bind compression delivery_mode dont_autoretry_for exchange on_failure "
        "pydantic queue retry_backoff retry_jitter retry_kwargs routing_key shadow_name shared"
    )
    check_task_options(dict.fromkeys(f"{attributes} {decorators}".split(), 1))
    check_task_options(dict(celery.Task.from_config))
    check_task_options({**TASK_DEFAULTS, "name": "a.name", "base": celery.Task})


@pytest.mark.parametrize(
    ("option", "correction"),
    [
        ("alert_typ", "did you mean alert_type?"),
        ("alert_types", "did you mean alert_type?"),
        ("type", "did you mean alert_type?"),
        ("label", "did you mean labels?"),
        ("max_age", "did you mean max_age_s?"),
        ("max_age_sec", "did you mean max_age_s?"),
        ("filter", "did you mean where?"),
        ("topic", "topics come first and without a name"),
        ("topics", "topics come first and without a name"),
        ("ignore_results", "did you mean ignore_result?"),
        ("auto_retry_for", "did you mean autoretry_for?"),
        ("timelimit", "did you mean time_limit?"),
        ("countdown", "the option 'countdown'"),
        ("zzzzzz", "neither igwn_alert nor Celery knows the option 'zzzzzz'"),
    ],
)
def test_an_unknown_option_is_refused_with_the_correction(option, correction):
    assert correction in refused_options(**{option: 1})


@pytest.mark.parametrize("option", ["app", "run", "apply_async", "delay", "retry", "request", "s"])
def test_what_would_break_the_task_is_no_option(option):
    assert f"knows the option {option!r}" in refused_options(**{option: 1})


@pytest.mark.parametrize("name", [5, "", b"name", None])
def test_the_name_is_a_text(name):
    assert f"name={name!r}: give the task's name as text" in refused_options(name=name)


@pytest.mark.parametrize("base", [5, "celery.Task", object, celery.Task()])
def test_the_base_is_a_task_class(base):
    assert "give a subclass of celery.Task" in refused_options(base=base)


def test_a_base_brings_options_of_its_own():
    class Base(celery.Task):
        database = None

        def connect(self):
            return self.database

    check_task_options({"base": Base, "database": "x"})
    check_task_options({"database": "x"}, Base)
    assert "'database'" in refused_options(database="x")
    with pytest.raises(HandlerError, match="'run'"):
        check_task_options({"base": Base, "run": 1})


class Class:
    def __call__(self, alert):
        return alert

    def method(self, alert):
        return alert

    @staticmethod
    def static(alert):
        return alert


async def coroutine(alert):
    return alert


async def async_generator(alert):
    yield alert


def generator(alert):
    yield alert


def no_argument():
    return 1


def two(alert, other):
    return other


def keyword(*, alert):
    return alert


@functools.wraps(handle)
def wrapped(*args, **kwargs):
    return handle(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (handle, {}),
        (wrapped, {}),
        (Class().method, {}),
        (Class.static, {}),
        (functools.wraps(handle)(lambda alert: alert), {}),
        (two, {"bind": True}),
        (two, {"typing": False}),
        (coroutine, {"base": celery.Task}),
    ],
)
def test_functions_that_take_an_alert(function, options):
    check_function(function, options)


@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (Class, {}, "Class is a class: decorate a function, and give a task class as base="),
        (Class(), {}, "is no function: write def handle(alert): …"),
        (functools.partial(two, other=1), {}, "is no function"),
        (print, {}, "is no function"),
        ("handle", {}, "'handle' is no function"),
        (None, {}, "None is no function"),
        (lambda alert: alert, {}, "has no name of its own: write def handle(alert): …"),
        (coroutine, {}, "coroutine is async or a generator"),
        (async_generator, {}, "async_generator is async or a generator"),
        (generator, {}, "generator is async or a generator"),
        (no_argument, {}, "no_argument() does not take an alert: (alert), or with bind=True"),
        (two, {}, "two(alert, other) does not take an alert: (alert), or with bind=True"),
        (keyword, {}, "keyword(*, alert) does not take an alert"),
        (handle, {"bind": True}, "handle(alert) does not take an alert: (self, alert)"),
        (Class.method, {}, "Class.method(self, alert) does not take an alert"),
    ],
)
def test_functions_that_would_not_run_are_refused(function, options, text):
    assert text in refused_function(function, **options)


@pytest.fixture
def app():
    return celery.Celery("followup", broker="memory://", set_as_current=False)


@pytest.fixture
def declare(app):
    """Declare with an app that appears when the test says so."""
    handlers = Handlers()

    def bind(handler):
        if declare.bound:
            handler.name = f"followup.{handler.function.__name__}"
            handler.task = app.task(name=handler.name)(handler.function)

    def declare(function, **options):
        return handlers.declare(function, options, bind)

    def bind_all():
        declare.bound = True
        for handler in handlers:
            bind(handler)

    declare.bound = False
    declare.bind_all = bind_all
    return declare


def test_what_stands_for_a_task_before_there_is_an_app(declare, app):
    found = declare(handle)
    assert isinstance(found.returned, celery.Task)
    assert repr(found.returned) == "<Task unbound>"
    assert (found.returned.__name__, found.returned.__doc__) == ("handle", "Handle it.")
    assert inspect.unwrap(found.returned) is handle
    for use in (lambda: found.returned({}), lambda: found.returned.delay, lambda: found.returned.s):
        with pytest.raises(NoAppError, match="handler 'handle' has no app yet: call igwn_alert"):
            use()
    declare.bind_all()
    assert found.returned({"uid": "S1"}) == {"uid": "S1"}
    assert found.returned == app.tasks["followup.handle"]


@pytest.mark.parametrize("bound", [True, False])
def test_a_handler_is_found_again_without_making_its_task(declare, app, bound):
    declare.bound = bound
    found = declare(handle)
    assert declare(found.returned) is found
    assert not app.configured


def test_a_handler_is_found_again_by_its_task(declare, app):
    declare.bound = True
    found = declare(handle)
    assert declare(app.tasks["followup.handle"]) is found


def test_options_belong_to_the_innermost(declare):
    found = declare(handle)
    with pytest.raises(HandlerError, match=r"\['bind'\] on a task that exists already"):
        declare(found.returned, bind=True)


def test_other_tasks_are_refused(declare, app):
    @app.task
    def plain(alert):
        return alert

    @celery.shared_task
    def shared(alert):
        return alert

    app.set_current()
    for task in (plain, shared):
        with pytest.raises(HandlerError, match="is a task already, and not of this IGWNAlert"):
            declare(task)

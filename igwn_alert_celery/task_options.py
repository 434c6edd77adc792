# SPDX-License-Identifier: BSD-3-Clause
"""What a handler is made of: which function, under which name, with which task options."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from celery import Task
from celery.local import PromiseProxy, maybe_evaluate

from igwn_alert_celery.errors import HandlerError, NoAppError
from igwn_alert_celery.handlers import Subscription, fits, runs_later

__all__ = [
    "TASK_DEFAULTS",
    "Handler",
    "Handlers",
    "check_function",
    "check_task_options",
]

#: An alert is handled at least once; nobody waits for its result.
TASK_DEFAULTS = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "shared": False,
}
_FILTERS = ("alert_type", "labels", "where", "max_age_s")
# What Celery's task decorator reads itself or through autoretry, and the methods that Celery's
# guide on tasks has one replace; the rest are Task's attributes.
_FURTHER_OPTIONS = frozenset(
    {
        "base",
        "bind",
        "name",
        "shared",
        "lazy",
        "pydantic",
        "pydantic_strict",
        "pydantic_context",
        "pydantic_dump_kwargs",
        "autoretry_for",
        "dont_autoretry_for",
        "retry_kwargs",
        "retry_backoff",
        "retry_backoff_max",
        "retry_jitter",
        "queue",
        "routing_key",
        "exchange",
        "priority",
        "exchange_type",
        "delivery_mode",
        "compression",
        "immediate",
        "mandatory",
        "before_start",
        "after_return",
        "on_failure",
        "on_retry",
        "on_success",
        "shadow_name",
    }
)
# What Celery reads of it.
_FUNCTION_HAS = ("__name__", "__module__", "__annotations__")
# Celery fills these itself.
_CELERYS_OWN = frozenset({"abstract", "app", "from_config", "request", "request_stack"})
_MEANT = {
    "topic": "topics come first and without a name: handler('superevent')",
    "topics": "topics come first and without a name: handler('superevent', 'mdc_superevent')",
    "type": "did you mean alert_type?",
    "types": "did you mean alert_type?",
    "filter": "did you mean where?",
}


def _public(kind: type[Any]) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def _is_attribute(name: str) -> bool:
    # Not by getattr: asking Celery's Task for its app would bind it to one.
    found = inspect.getattr_static(Task, name)
    return not isinstance(found, (FunctionType, classmethod, staticmethod, type))


_CELERYS = _public(Task)
_KNOWN = {
    *_FURTHER_OPTIONS,
    *(name for name, _ in Task.from_config),
    *(name for name in _CELERYS - _CELERYS_OWN if _is_attribute(name)),
}


def check_task_options(options: dict[str, Any], base: type[Task] = Task) -> None:
    """Refuse an option that neither we nor Celery know, with the nearest one that exists.

    Parameters
    ----------
    options : dict
        For Celery's task decorator.
    base : type, optional
        Base class where the options have none; what it adds to Celery's may be set too.

    Raises
    ------
    HandlerError
        Names the option.
    """
    base = options.get("base") or base
    if not (inspect.isclass(base) and issubclass(base, Task)):
        raise HandlerError(f"base={base!r}: give a subclass of celery.Task")
    name = options.get("name", "a name")
    if not (isinstance(name, str) and name):
        raise HandlerError(f"name={name!r}: give the task's name as text, or leave it out")
    known = _KNOWN | (_public(base) - _CELERYS)
    for option in options:
        if option not in known:
            raise HandlerError(
                f"neither igwn_alert nor Celery knows the option {option!r}{_hint(option, known)}"
            )


def _hint(option: str, known: set[str]) -> str:
    near = difflib.get_close_matches(option, [*_FILTERS, *sorted(known)], n=1)
    meant = _MEANT.get(option) or (f"did you mean {near[0]}?" if near else "")
    return f"; {meant}" if meant else ""


def check_function(function: Any, options: dict[str, Any]) -> None:
    """Refuse what Celery cannot make a handler of, or what would not run when it is called.

    Raises
    ------
    HandlerError
        Names the function and what to write instead.
    """
    if inspect.isclass(function):
        raise HandlerError(
            f"{function.__qualname__} is a class: decorate a function, and give a task class as "
            "base="
        )
    if not callable(function) or not all(hasattr(function, name) for name in _FUNCTION_HAS):
        raise HandlerError(f"{function!r} is no function: write def handle(alert): …")
    name = getattr(function, "__qualname__", function.__name__)
    if not function.__name__.isidentifier():
        raise HandlerError(f"{name} has no name of its own: write def handle(alert): …")
    # A task class of one's own may call the function in another way.
    if runs_later(function) and options.get("base") is None:
        raise HandlerError(
            f"{name} is async or a generator, which Celery calls without running it: write a "
            "plain def (with asyncio.run(…) inside)"
        )
    bound = bool(options.get("bind"))
    if options.get("typing") is not False and not fits(function, 2 if bound else 1):
        wanted = "(self, alert)" if bound else "(alert), or with bind=True (self, alert)"
        raise HandlerError(f"{name}{inspect.signature(function)} does not take an alert: {wanted}")


@dataclass(eq=False)
class Handler:
    """One handler: ``name`` and ``task`` are there once the app is.

    ``returned`` is what the decorator gave back: the task, or what stands for it until then.
    """

    function: Callable[..., Any]
    options: dict[str, Any]
    subscriptions: list[Subscription] = field(default_factory=list)
    name: str | None = None
    task: Any = None
    returned: Any = None


class Handlers:
    """The handlers of one bridge, found again by what their decorators gave back."""

    def __init__(self) -> None:
        self._by_id: dict[int, Handler] = {}

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._by_id.values())

    def declare(
        self, function: Any, options: dict[str, Any], bind: Callable[[Handler], None]
    ) -> Handler:
        """Return the handler of a function, or the one on which another is stacked.

        ``bind`` makes the task of a new one, where there is an app already.

        Raises
        ------
        HandlerError
            The function cannot be a handler, or is another kind of task.
        """
        # By identity: to ask a proxy what it is would make the task, and read app.conf, too early.
        handler = self._by_id.get(id(function))
        if handler is None and isinstance(function, Task):
            handler = self._of_task(function)
        if handler is None:
            return self._new(function, options, bind)
        if options:
            raise HandlerError(
                f"task options {sorted(options)} on a task that exists already: give them to the "
                "innermost @igwn_alert.handler"
            )
        return handler

    def _new(
        self, function: Any, options: dict[str, Any], bind: Callable[[Handler], None]
    ) -> Handler:
        check_function(function, options)
        handler = Handler(function, options)
        bind(handler)
        handler.returned = _unbound(handler) if handler.task is None else handler.task
        self._by_id[id(handler.returned)] = handler
        return handler

    def _of_task(self, task: Any) -> Handler:
        for handler in self:
            if handler.name == task.name and maybe_evaluate(handler.task) is maybe_evaluate(task):
                return handler
        raise HandlerError(
            f"{task.__name__} is a task already, and not of this IGWNAlert: decorate the function "
            "itself with @igwn_alert.handler, instead of @app.task or @shared_task"
        )


class _Unbound(PromiseProxy):
    """Stands for a task whose app is not known yet; passes for a task all the same."""

    __slots__ = ()

    def _get_class(self) -> Any:
        try:
            return super()._get_class()
        except NoAppError:
            return Task


def _unbound(handler: Handler) -> Any:
    """Return what stands for the handler's task; until there is one it raises ``NoAppError``."""

    def task() -> Any:
        if handler.task is None:
            raise NoAppError(
                f"handler {handler.function.__name__!r} has no app yet: call "
                "igwn_alert.init_app(app) first"
            )
        return maybe_evaluate(handler.task)

    function = handler.function
    proxy = _Unbound(task, name=function.__name__, __doc__=function.__doc__)
    # For those who look at a module's functions before there is an app.
    object.__setattr__(proxy, "__wrapped__", function)
    return proxy

# SPDX-License-Identifier: BSD-3-Clause
"""IGWNAlert: binds handlers, settings and the receiver to one Celery app."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from celery import Celery, Task
from celery.result import AsyncResult

from igwn_alert_celery import signals
from igwn_alert_celery.alert import Alert
from igwn_alert_celery.direct import direct_calls, publish_calls
from igwn_alert_celery.enqueue.late import late_letter
from igwn_alert_celery.errors import ConfigError, HandlerError, NoAppError
from igwn_alert_celery.handlers import Registry, Subscription, check_prefix
from igwn_alert_celery.masking import mask_kafka_options
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.publisher.letters import keep_letter
from igwn_alert_celery.publisher.publishing import Publishing
from igwn_alert_celery.publisher.task import make_publisher
from igwn_alert_celery.redelivery.step import install_redelivery
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.settings_parse import check_keywords, newest_last
from igwn_alert_celery.task import HandlerTask, handler_base
from igwn_alert_celery.task_options import TASK_DEFAULTS, Handler, Handlers, check_task_options
from igwn_alert_celery.worker.bootstep import install

__all__ = ["IGWNAlert"]

logger = logging.getLogger(__name__)


class IGWNAlert(Publishing):
    """The bridge of one Celery app.

    Parameters
    ----------
    app : celery.Celery, optional
        The app; without it call :meth:`init_app` later.
    **settings
        Settings without the prefix ``igwn_alert_``, e.g. ``group="gracedb-playground"``;
        they win over ``app.conf`` and yield to the environment.

    Raises
    ------
    SettingsError
        A keyword is no setting, or its value is wrong. What ``app.conf`` and the environment say
        is checked when it is first needed.
    """

    def __init__(self, app: Celery | None = None, **settings: Any) -> None:
        check_keywords(settings)
        self._keywords = settings
        self._settings: Settings | None = None
        self._settings_of: tuple[Any, ...] = ()
        self._app: Celery | None = None
        self._handlers = Handlers()
        self._has_imported = False
        self.registry = Registry()
        self.metrics = Metrics()
        #: Of the worker in this process, if there is one.
        self.redelivery: Any = None
        super().__init__()
        if app is not None:
            self.init_app(app)

    def __repr__(self) -> str:
        if self._app is None:
            return "<IGWNAlert: no app yet>"
        return f"<IGWNAlert: app {self._app.main!r}, topics {list(self.registry.topics)}>"

    def init_app(self, app: Celery) -> None:
        """Bind the app; its configuration may still follow.

        Raises
        ------
        ConfigError
            It is no Celery app, or one of the two has been bound before.
        HandlerError
            Two handlers have one name.
        """
        if not isinstance(app, Celery):
            raise ConfigError(f"{app!r} is no Celery app: give celery.Celery('followup', …)")
        if self._app is not None:
            raise ConfigError("this IGWNAlert has an app already; make one IGWNAlert per app")
        if getattr(app, "igwn_alert", None) is not None:
            raise ConfigError("this app has an IGWNAlert already; use that one (app.igwn_alert)")
        self._app = app
        for handler in self._handlers:
            self._bind(handler)
        self._publisher = make_publisher(app, self)
        app.igwn_alert = self
        install(app, self)
        install_redelivery(app, self)
        mask_kafka_options(app)

    @property
    def app(self) -> Celery:
        """The bound app; raises :exc:`NoAppError` before :meth:`init_app`."""
        if self._app is None:
            raise NoAppError("no app yet: call igwn_alert.init_app(app) first")
        return self._app

    @property
    def settings(self) -> Settings:
        """The settings, built when first needed, and anew after a change of ``app.conf``.

        Raises
        ------
        SettingsError
            A setting that is unknown or wrong.
        HandlerError
            A handler's topic carries the group, or its task is another function's.
        """
        conf, finalized = self.app.conf.finalize(), self.app.finalized
        seen = (conf, dict(conf.changes), finalized, len(self.registry.subscriptions))
        if self._settings is None or self._settings_of != seen:
            self._settings, self._settings_of = self._build_settings(), seen
        return self._settings

    def _build_settings(self) -> Settings:
        app = self.app
        conf, spaces = newest_last(app.conf.maps), [app.namespace] if app.namespace else []
        settings = Settings.build(conf, self._keywords, os.environ, namespaces=spaces)
        for subscription in self.registry.subscriptions:
            check_prefix(settings.group, subscription.topics)
        for name in self.registry.task_names if app.finalized else ():
            if not isinstance(app.tasks.get(name), HandlerTask):
                raise HandlerError(
                    f"{name!r} is a plain task, and so the handler of that name would never run: "
                    "rename one of the two functions, or give name="
                )
        return settings

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics and patterns asked for, by handlers and the setting, without prefix."""
        return tuple(sorted({*self.registry.topics, *self.settings.topics}))

    def handler(
        self,
        *topics: str,
        alert_type: str | Iterable[str] | None = None,
        labels: str | Iterable[str] | None = None,
        where: Callable[[Alert], object] | None = None,
        max_age_s: float | None = None,
        **task_options: Any,
    ) -> Callable[[Any], Any]:
        """Make a Celery task of a function, to be run for each matching alert; stackable.

        Parameters
        ----------
        *topics : str
            Topics without the group prefix; ``*`` makes a pattern (``"cbc_*"``).
        alert_type : str or collection of str, optional
            Types to take (``"new"``).
        labels : str or collection of str, optional
            Labels that the alert's object must all carry.
        where : callable, optional
            Takes the :class:`Alert`, returns whether to take it. Runs in the receiver.
        max_age_s : float, optional
            Older alerts (seconds, by Kafka's time) become a dead letter ``expired``.
        **task_options
            Celery's (``bind``, ``name``, ``autoretry_for``, …).

        Returns
        -------
        callable
            The decorator; it returns the task.

        Raises
        ------
        HandlerError
            A topic, filter, option or function that cannot work.
        """
        if len(topics) == 1 and callable(topics[0]):
            raise HandlerError('name the topic: @igwn_alert.handler("superevent")')
        subscription = Subscription.build(
            "", topics, alert_type=alert_type, labels=labels, where=where, max_age_s=max_age_s
        )
        # The group may still come from app.conf, which must not be read before it is complete.
        group = self._settings.group if self._settings else self._keywords.get("group")
        check_prefix(group, topics)
        check_task_options(task_options, Task if self._app is None else self._app.Task)

        def decorate(function: Any) -> Any:
            handler = self._handlers.declare(function, task_options, self._bind)
            handler.subscriptions.append(subscription)
            if handler.name is not None:
                self.registry.add(replace(subscription, task_name=handler.name))
            return handler.returned

        return decorate

    def deliver(self, topic: str, payload: str | bytes | dict[str, Any]) -> list[AsyncResult]:
        """Give one alert to its handlers without Kafka; blocks until it is published.

        It goes the full way: modules of ``include=`` and autodiscovery, filters, signals, routes.

        Parameters
        ----------
        topic : str
            Without the group prefix.
        payload : str, bytes or dict
            The alert: an object, its JSON, or GraceDB's JSON in a JSON string.

        Returns
        -------
        list of celery.result.AsyncResult
            One per task; none where no handler wants it.

        Raises
        ------
        PoisonRecord
            The payload cannot become an alert.
        HandlerError
            The topic is none, or carries the group.
        ConfigError
            No queue takes a task; those before it are published.
        TaskBrokerUnavailable
            A task may or may not have been published.
        """
        alert, calls = direct_calls(self, self._tasks(), topic, payload)
        results = publish_calls(self.app, calls, self.settings.task_broker_timeout_s)
        task_ids = tuple(call.task_id for call in calls)
        signals.alert_enqueued.send(sender=self, alert=alert, task_ids=task_ids)
        return results

    def _tasks(self) -> Mapping[str, Task]:
        if not self._has_imported:
            # Handlers may be in modules that only a worker has imported so far.
            self.app.loader.import_default_modules()
            self._has_imported = True
        tasks: Mapping[str, Task] = self.app.tasks
        return tasks

    def status(self) -> dict[str, Any]:
        """Return the receiver's state, counters and partitions: from memory, JSON-safe."""
        status = self.metrics.as_dict()
        # Those of this process: under prefork the sends are in the pool's.
        status["counters"] |= self.sender.counters
        app_name = None if self._app is None else self._app.main
        return {"app": app_name, **status, "handlers": list(self.registry.task_names)}

    def keep_expired(self, task_name: str, alert: Alert) -> None:
        """Keep an alert that waited too long for its handler as a dead letter ``expired``.

        Called by the task itself, in the process of the pool; blocks on the task broker.

        Raises
        ------
        TaskBrokerUnavailable
            It could not be kept.
        """
        keep_letter(self, late_letter(task_name, self.settings.topic_prefix, alert))

    def _bind(self, handler: Handler) -> None:
        app, function, options = self._app, handler.function, handler.options
        if app is None:
            return
        name = options.get("name") or app.gen_task_name(function.__name__, function.__module__)
        self.registry.claim(name, function)
        base = handler_base(options.get("base") or app.Task)
        # In a spawned process, and with shared=True, the task's app may be another one than ours.
        ours = {"name": name, "base": base, "igwn_alert": self}
        handler.name = name
        handler.task = app.task(**{**TASK_DEFAULTS, **options, **ours})(function)
        for subscription in handler.subscriptions:
            self.registry.add(replace(subscription, task_name=name))

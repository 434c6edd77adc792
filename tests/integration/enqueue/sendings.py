# SPDX-License-Identifier: BSD-3-Clause
"""Ways in which an app can have its handlers' tasks sent: settings, routes and task options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Celery, Task
from hypothesis import strategies as st
from kombu import Exchange, Queue, compression, serialization

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.settings import Settings

__all__ = ["QUEUES", "Sending", "Stamping", "bridge_of", "enqueuing", "sendings"]

NAME = "followup.handler"
QUEUES = ("celery", "urgent", "omegascan", "bound", "short-lived")


class Stamping(Task):
    """Stamps what it sends, as Celery's canvas does."""

    abstract = True

    def apply_async(self, *args: Any, **options: Any) -> Any:
        return super().apply_async(*args, stamped_headers=["night"], night="O4", **options)


@dataclass(frozen=True)
class Sending:
    """Settings of the app, of its transport, and options of the task."""

    conf: dict[str, Any] = field(default_factory=dict)
    transport: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)


def bridge_of(url: str, sending: Sending, **settings: Any) -> tuple[Celery, Any]:
    """Return an app that sends so, and its one handler."""
    app = Celery("followup", broker=url, set_as_current=False)
    conf = {key: _queues() if value is _queues else value for key, value in sending.conf.items()}
    app.conf.update(conf, broker_transport_options=sending.transport)
    bridge = IGWNAlert(app, group="gracedb", noauth=True, **settings)

    @bridge.handler("superevent", name=NAME, **sending.task)
    def handler(alert: Any) -> None:
        pass

    app.finalize()
    return app, app.tasks[NAME]


@contextmanager
def enqueuing(
    url: str, sending: Sending, make: Callable[[Celery, Settings], Any], **settings: Any
) -> Iterator[tuple[Celery, Any, Any]]:
    """Give an app that sends so, its one handler, and the open enqueuer that ``make`` makes."""
    app, task = bridge_of(url, sending, **settings)
    enqueuer = make(app, app.igwn_alert.settings)
    try:
        enqueuer.open()
        yield app, task, enqueuer
    finally:
        enqueuer.close()
        app.close()


def installed(names: tuple[str, ...], known: Any) -> list[str]:
    return [name for name in names if known(name)]


def _compresses(name: str) -> bool:
    try:
        return bool(compression.get_encoder(name))
    except KeyError:
        return False


def _serializes(name: str) -> bool:
    try:
        return bool(serialization.dumps([], name))
    except serialization.SerializerNotInstalled:
        return False


SERIALIZERS = installed(("json", "pickle", "yaml", "msgpack"), _serializes)
COMPRESSIONS = installed(("gzip", "bzip2", "zstandard"), _compresses)


def _queues() -> list[Queue]:
    # New ones for each app: Celery completes them.
    topic = Exchange("followups", type="topic")
    return [
        Queue("celery", Exchange("celery"), routing_key="celery"),
        Queue("urgent", queue_arguments={"x-max-priority": 5}),
        Queue("omegascan", topic, routing_key="alerts.#"),
        Queue("bound", Exchange("direct-followups", type="direct"), routing_key="key"),
        Queue("short-lived", queue_arguments={"x-expires": 60_000}),
    ]


queues = {"task_queues": _queues}


def routed(route: Any) -> dict[str, Any]:
    return {**queues, "task_routes": route}


routes = st.sampled_from(
    [
        ({}, {}),
        ({}, {"queue": "urgent"}),
        (queues, {"queue": "urgent"}),
        (queues, {"queue": "omegascan", "routing_key": "alerts.night"}),
        (queues, {"queue": "short-lived"}),
        (queues, {"exchange": "direct-followups", "routing_key": "key", "queue": "bound"}),
        (routed({NAME: "urgent"}), {}),
        (routed({"followup.*": {"queue": "urgent", "priority": 3}}), {}),
        (routed([[("other.*", "celery"), (re.compile(r"fol.*\.han"), {"queue": "bound"})]]), {}),
        (routed({NAME: {"queue": "omegascan", "routing_key": "alerts.day"}}), {}),
        (routed({NAME: {"compression": "gzip"}}), {}),
        (routed((lambda name, *_, **__: {"queue": "urgent"},)), {}),
        ({"task_default_queue": "urgent", "task_default_exchange_type": "topic"}, {}),
        ({"task_default_priority": 6}, {}),
        ({"task_inherit_parent_priority": True, "task_queue_max_priority": 4}, {"priority": 9}),
    ]
)
conf = st.fixed_dictionaries(
    {},
    optional={
        "task_serializer": st.sampled_from(SERIALIZERS),
        "task_compression": st.sampled_from(COMPRESSIONS),
        "task_send_sent_event": st.booleans(),
        "task_default_delivery_mode": st.sampled_from([1, 2]),
        "task_ignore_result": st.booleans(),
        "result_backend": st.sampled_from(["rpc://", "cache+memory://"]),
        "enable_utc": st.booleans(),
        "timezone": st.sampled_from(["UTC", "Europe/Rome"]),
    },
)
transport = st.fixed_dictionaries(
    {},
    optional={
        "global_keyprefix": st.sampled_from(["followup:", "{a}"]),
        "priority_steps": st.sampled_from([[0, 1], list(range(10)), [0, 3, 6, 9]]),
        "sep": st.sampled_from([":", "\x06\x16"]),
        "queue_order_strategy": st.sampled_from(["priority", "sorted"]),
    },
)
options = st.fixed_dictionaries(
    {},
    optional={
        "serializer": st.sampled_from(SERIALIZERS),
        "compression": st.sampled_from(COMPRESSIONS),
        "priority": st.integers(0, 9),
        "expires": st.sampled_from([3600, 0.5]),
        "time_limit": st.integers(30, 90),
        "soft_time_limit": st.integers(1, 30),
        "ignore_result": st.booleans(),
        "delivery_mode": st.sampled_from([1, 2]),
        "shadow_name": st.just(lambda task, args, kwargs, options: str(args[0])[:10]),
        "base": st.just(Stamping),
        "typing": st.booleans(),
    },
)
plain = st.fixed_dictionaries(
    {}, optional={"priority": st.integers(0, 9), "time_limit": st.integers(30, 90)}
)


def _sending(route: Any, conf: dict[str, Any], transport: Any, task: Any) -> Sending:
    accept = {"accept_content": SERIALIZERS}
    return Sending({**conf, **accept, **route[0]}, transport, {**task, **route[1]})


#: Half of them are simple enough for a template.
sendings = st.one_of(
    st.builds(_sending, routes, st.just({}), transport, plain),
    st.builds(_sending, routes, conf, transport, options),
)

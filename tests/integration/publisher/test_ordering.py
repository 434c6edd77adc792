# SPDX-License-Identifier: BSD-3-Clause
"""What whoever orders a send is told when the task broker does not take the task."""

import os
import socket
import uuid

import pytest
from celery import Celery
from kombu import Queue

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.services.stopwatch import Stopwatch

ALERT = {"uid": "S1"}
# Where nothing answers; elsewhere a slow machine is given time.
TIMEOUT_S = 2.0
PATIENCE_S = 30.0
FULL = {"x-max-length": 1, "x-overflow": "reject-publish"}


@pytest.fixture
def ordering():
    """Make a bridge that sends through a queue of its own."""
    apps = []

    def make(url, timeout_s=PATIENCE_S, **queue_arguments):
        app = Celery("website", broker=url, set_as_current=False)
        apps.append(app)
        queue = f"sends-{uuid.uuid4().hex[:8]}"
        arguments = {"x-expires": 60_000, **queue_arguments}
        app.conf.task_queues = [Queue(queue, queue_arguments=arguments)]
        return IGWNAlert(
            app, noauth=True, group="g", publish_queue=queue, task_broker_timeout_s=timeout_s
        )

    yield make
    for app in apps:
        app.close()


def queued(bridge):
    with bridge.app.connection_for_read() as connection:
        queue = connection.default_channel.queue_declare(
            bridge.settings.publish_queue, passive=True
        )
        return queue.message_count


def publish_in_time(bridge):
    with Stopwatch() as watch, pytest.raises(TaskBrokerUnavailable) as caught:
        bridge.publish("superevent", ALERT)
    assert watch.seconds < bridge.settings.task_broker_timeout_s + 1.5
    return str(caught.value)


def test_a_queue_that_refuses_is_no_silent_loss(ordering, rabbitmq):
    bridge = ordering(rabbitmq.url, **FULL)
    bridge.publish("superevent", ALERT)
    for publish in (
        lambda: bridge.publish("superevent", ALERT),
        lambda: bridge.publish_many([("superevent", ALERT)]),
    ):
        with pytest.raises(TaskBrokerUnavailable, match="a queue refuses the message"):
            publish()
    assert queued(bridge) == 1


def test_every_task_that_was_ordered_is_in_the_queue(ordering, rabbitmq):
    bridge = ordering(rabbitmq.url)
    for _ in range(20):
        bridge.publish("superevent", ALERT)
    assert queued(bridge) == 20
    (connections,) = bridge._connections._slots.values()
    assert len(connections.idle) == 1


def test_rabbitmq_that_was_away_between_two_orders(ordering, rabbitmq):
    bridge = ordering(rabbitmq.url)
    bridge.publish("superevent", ALERT)
    rabbitmq.stop()
    publish_in_time(bridge)
    rabbitmq.start()
    bridge.publish("superevent", ALERT)
    rabbitmq.stop()
    rabbitmq.start()
    bridge.publish("superevent", ALERT)
    assert queued(bridge) >= 1


def test_redis_that_hangs_and_comes_back(ordering, redis_server):
    bridge = ordering(redis_server.url, TIMEOUT_S)
    bridge.publish("superevent", ALERT)
    assert queued(bridge) == 1
    # What a client has asked meanwhile who has gone is forgotten.
    redis_server.client().client_pause(int(1000 * (TIMEOUT_S + 6)), all=True)
    assert "does not answer" in publish_in_time(bridge)
    redis_server.client().ping()
    bridge.publish("superevent", ALERT)
    assert queued(bridge) == 2


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_server_that_never_answers(ordering, scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bridge = ordering(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}", TIMEOUT_S)
        assert "does not answer" in publish_in_time(bridge)


def test_a_producer_or_a_connection_of_the_callers_own(ordering, redis_server):
    bridge = ordering("redis://127.0.0.1:1")
    with bridge.app.connection_for_write(redis_server.url) as connection:
        producer = bridge.app.amqp.Producer(connection)
        for options in ({"connection": connection}, {"producer": producer}):
            bridge.publish("superevent", ALERT, options=options)
        queue = connection.default_channel.queue_declare(
            bridge.settings.publish_queue, passive=True
        )
        assert queue.message_count == 2


def test_a_forked_process_has_connections_of_its_own(ordering, redis_server):
    bridge = ordering(redis_server.url)
    bridge.publish("superevent", ALERT)
    child = os.fork()
    if child == 0:
        try:
            bridge.publish("superevent", ALERT)
            os._exit(len(bridge._connections._slots))
        finally:
            os._exit(100)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    bridge.publish("superevent", ALERT)
    assert queued(bridge) == 3

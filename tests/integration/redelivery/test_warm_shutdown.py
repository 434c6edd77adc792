# SPDX-License-Identifier: BSD-3-Clause
"""A worker is stopped just when its pool has been given a task: it runs once."""

import os
import signal
from contextlib import contextmanager

import pytest
from celery import Celery


@contextmanager
def suspended(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def queued(environment):
    """How many tasks wait in RabbitMQ."""
    app = Celery(broker=environment["FOLLOWUP_BROKER"], set_as_current=False)
    with app, app.connection_for_read() as connection:
        declare = connection.default_channel.queue_declare
        return declare(environment["FOLLOWUP_QUEUE"], passive=True).message_count


@pytest.mark.parametrize(
    ("task_broker", "size"),
    [
        ("redis", 0),
        # More than a pipe takes at once: it is given to the pool in part.
        pytest.param("redis", 200_000, marks=pytest.mark.long),
        pytest.param("rabbitmq", 0, marks=pytest.mark.long),
    ],
)
def test_a_task_that_was_just_given_to_the_pool_runs_once(on, task_broker, size):
    redelivery = on(task_broker)
    worker = redelivery.deployment.start("-c", "1", level="DEBUG").listen()
    (stats,) = redelivery.deployment.stats().values()
    (process,) = stats["pool"]["processes"]
    with suspended(process):
        redelivery.send("S1", padding="x" * size)
        worker.expect("work[")
        # It answers once it has gone round its loop, and the task lies in the process's pipe.
        redelivery.deployment.stats()
        worker.popen.terminate()
        # It goes round its loop no more.
        worker.expect("Worker: Stopping Consumer...")
    assert worker.popen.wait(60) == 0
    assert redelivery.counts("done") == {"S1": 1}
    # Nobody is given it once more.
    if task_broker == "redis":
        redelivery.settled()
    else:
        assert not queued(redelivery.deployment.environment)

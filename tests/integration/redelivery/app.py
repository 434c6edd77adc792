# SPDX-License-Identifier: BSD-3-Clause
"""The app of these tests: what its handler does with an alert stands in the alert."""

import ctypes
import os
import signal
import time

import redis
from celery import bootsteps
from celery.exceptions import Ignore, Reject
from kombu import Consumer, Queue
from kombu.transport.redis import MultiChannelPoller

from igwn_alert_celery.redelivery.channel import TrackedQoS
from igwn_alert_celery.redelivery.tracker import Tracker
from tests.integration.followup import app, igwn_alert, ran

__all__ = ["app"]

if os.environ["FOLLOWUP_BROKER"].startswith("redis"):
    # Shorter than some handlers take: nobody's task may be given back for that.
    app.conf.broker_transport_options = {
        "visibility_timeout": 2,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
if os.environ.get("REDELIVERY_QUORUM"):
    app.conf.task_default_queue_type = "quorum"
app.conf.worker_prefetch_multiplier = int(os.environ.get("REDELIVERY_PREFETCH", "4"))


@igwn_alert.handler("work", bind=True, max_retries=2, default_retry_delay=0.1)
def work(self, alert):
    ran.rpush("began", alert["uid"])
    ran.rpush("redelivered", f"{alert['uid']} {alert.record.redelivered}")
    ACTIONS[alert.get("do", "nothing")](self, alert)
    ran.rpush("done", alert["uid"])


def sleep(self, alert):
    deadline = time.monotonic() + alert["s"]
    while time.monotonic() < deadline:
        time.sleep(0.05)


def crash(self, alert):
    ctypes.string_at(0)


def fail(self, alert):
    raise ValueError("no such sky map")


def retry(self, alert):
    raise self.retry(exc=ValueError("not yet"))


def retry_once(self, alert):
    if not self.request.retries:
        raise self.retry()


def ignore(self, alert):
    raise Ignore


def reject(self, alert):
    raise Reject("not for me", requeue=False)


ACTIONS = {
    "nothing": lambda self, alert: None,
    "sleep": sleep,
    "exit": lambda self, alert: os._exit(1),
    "crash": crash,
    "fail": fail,
    "retry": retry,
    "retry_once": retry_once,
    "ignore": ignore,
    "reject": reject,
}

if os.environ.get("REDELIVERY_NEW"):

    @igwn_alert.handler("newer")
    def newer(alert):
        ran.rpush("done", alert["uid"])


def _die_before(owner, name):
    """Kill this worker where the method is called with a handler's message, once in all."""
    method = getattr(owner, name)

    def killing(self, *args, **kwargs):
        message = args[0] if name == "append" else None
        is_ours = message is None or "igwn_alert" in message.headers
        if is_ours and ran.set("died", os.getpid(), nx=True):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        return method(self, *args, **kwargs)

    setattr(owner, name, killing)


match os.environ.get("REDELIVERY_DIE"):
    case "before unacked":
        _die_before(TrackedQoS, "append")
    case "before ack":
        _die_before(Tracker, "settle")

if os.environ.get("REDELIVERY_CONSUMER"):

    class Mine(bootsteps.ConsumerStep):
        def get_consumers(self, channel):
            return [Consumer(channel, queues=[Queue("mine")], on_message=lambda message: None)]

    app.steps["consumer"].add(Mine)

if os.environ.get("REDELIVERY_DEAF"):
    # As upstream's consumers are now and then after they have connected anew.
    ask, deaf = MultiChannelPoller._register_BRPOP, []

    def ask_or_not(self, channel):
        if not deaf and ran.exists("deaf"):
            deaf.append(self)
        if self not in deaf:
            ask(self, channel)

    MultiChannelPoller._register_BRPOP = ask_or_not

assert isinstance(ran, redis.Redis)

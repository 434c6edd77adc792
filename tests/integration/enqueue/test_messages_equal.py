# SPDX-License-Identifier: BSD-3-Clause
"""Fast, ordinary and Celery's own messages are equal, once kombu and Celery have decoded them."""

from collections import Counter

from hypothesis import HealthCheck, given, settings

from tests.integration.enqueue.alert_texts import alert_texts
from tests.integration.enqueue.sendings import QUEUES, sendings
from tests.integration.enqueue.stock import call_of, decoded, same, sent_by_celery, sent_by_us


def test_whatever_the_alert_and_however_it_is_sent(opened_app):
    ways = Counter()

    @given(text=alert_texts, sending=sendings)
    @settings(
        max_examples=90, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def run(text, sending):
        with opened_app(sending) as (app, task, enqueuer):
            call = call_of(task, text)
            theirs = sent_by_celery(app, call, QUEUES)
            ours = sent_by_us(app, enqueuer, call, QUEUES)
            assert same(ours, theirs)
            assert ours["alert"] == repr(decoded(text).content)
            ways[bool(enqueuer.ordinary_way) or not call.kombu_safe] += 1

    run()
    assert min(ways[True], ways[False]) >= 5, ways


def test_whatever_the_alert_on_the_fast_way(opened_app, plain_sending):
    with opened_app(plain_sending) as (app, task, enqueuer):

        @given(text=alert_texts)
        @settings(max_examples=80, deadline=None, database=None)
        def run(text):
            call = call_of(task, text)
            ours = sent_by_us(app, enqueuer, call, QUEUES)
            assert same(ours, sent_by_celery(app, call, QUEUES))
            assert ours["alert"] == repr(decoded(text).content)
            assert enqueuer.ordinary_way == {}

        run()

# SPDX-License-Identifier: BSD-3-Clause
"""A signal is noted, and raises where somebody asks."""

import os
import signal

import pytest

from igwn_alert_celery.playground.ending import noting_signals
from igwn_alert_celery.playground.errors import Ended


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noted_until_somebody_asks(signum):
    ours = signal.signal(signum, signal.SIG_DFL)
    try:
        with noting_signals() as ending:
            ending.check()
            os.kill(os.getpid(), signum)
            os.kill(os.getpid(), signum)
            with pytest.raises(Ended) as caught:
                ending.check()
        assert caught.value.signum == signum
        assert signal.getsignal(signum) is signal.SIG_DFL
    finally:
        signal.signal(signum, ours)


def test_the_first_one_counts():
    with noting_signals() as ending:
        ending.note(signal.SIGTERM)
        ending.note(signal.SIGINT)
        with pytest.raises(Ended) as caught:
            ending.check()
    assert caught.value.signum == signal.SIGTERM


def test_what_is_ignored_stays_so():
    ours = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with noting_signals() as ending:
            os.kill(os.getpid(), signal.SIGHUP)
            ending.check()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, ours)

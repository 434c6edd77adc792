# SPDX-License-Identifier: BSD-3-Clause
import os
import signal

import click
import pytest

from igwn_alert_celery.cli.ending import ending_on_signals
from igwn_alert_celery.cli.exit_code import ExitCode

SIGNALS = [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]


@pytest.mark.parametrize(("signum", "code"), SIGNALS)
def test_a_signal_ends_the_block_with_its_exit_code(signum, code):
    before = signal.getsignal(signum)

    def endless():
        with ending_on_signals():
            os.kill(os.getpid(), signum)
            signal.pause()

    with pytest.raises(click.exceptions.Exit) as caught:
        endless()
    assert caught.value.exit_code == code
    assert signal.getsignal(signum) is before


@pytest.mark.parametrize(("signum", "code"), SIGNALS)
def test_where_it_is_only_noted_it_ends_what_comes_after(signum, code):
    done = []

    def endless():
        with ending_on_signals() as ending:
            with ending.noted():
                os.kill(os.getpid(), signum)
                done.append(ending.has_come)
            signal.pause()

    with pytest.raises(click.exceptions.Exit) as caught:
        endless()
    assert (caught.value.exit_code, done) == (code, [True])


def test_without_a_signal_nothing_ends():
    with ending_on_signals() as ending:
        with ending.noted():
            pass
        assert not ending.has_come


def test_what_the_shell_ignores_for_us_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ending_on_signals():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)

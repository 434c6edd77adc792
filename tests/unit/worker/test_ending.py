# SPDX-License-Identifier: BSD-3-Clause
import logging

import pytest
from celery.exceptions import WorkerShutdown
from celery.worker import state

from igwn_alert_celery.worker.ending import end_worker


@pytest.fixture(autouse=True)
def _no_worker_ends(monkeypatch):
    monkeypatch.setattr(state, "should_stop", None)
    monkeypatch.setattr(state, "should_terminate", None)


def test_celerys_own_loop_ends_with_an_exit_code(caplog):
    end_worker("the receiver failed: OSError()")
    with pytest.raises(WorkerShutdown) as ended:
        state.maybe_shutdown()
    assert ended.value.code == 1
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert record.message.endswith("the receiver failed: OSError()")


@pytest.mark.parametrize("code", [0, True, 3])
def test_an_end_that_was_asked_for_stays_as_it_is(monkeypatch, caplog, code):
    monkeypatch.setattr(state, "should_stop", code)
    end_worker("too late")
    assert state.should_stop is code
    assert caplog.text == ""

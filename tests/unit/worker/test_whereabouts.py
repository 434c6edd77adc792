# SPDX-License-Identifier: BSD-3-Clause
import threading

from igwn_alert_celery.worker.whereabouts import Whereabouts
from tests.services.wait import wait_until


def test_another_thread_sees_where_it_stands():
    made, may_end = threading.Event(), threading.Event()
    found = []

    def stand_here():
        found.append(Whereabouts())
        made.set()
        may_end.wait(30)

    thread = threading.Thread(target=stand_here)
    thread.start()
    made.wait(30)

    def calls():
        return [call.name for call in found[0].stack()]

    try:
        # It may just come out of set(); then it waits, in a call of its own.
        wait_until(lambda: "stand_here" in calls()[:-1], 30, "it is seen with what it calls")
    finally:
        may_end.set()
        thread.join()
    assert found[0].stack() == []

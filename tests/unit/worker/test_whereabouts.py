# SPDX-License-Identifier: BSD-3-Clause
import threading

from igwn_alert_celery.worker.whereabouts import Whereabouts


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
    try:
        names = [call.name for call in found[0].stack()]
    finally:
        may_end.set()
        thread.join()
    assert "stand_here" in names
    assert names.index("stand_here") < len(names) - 1
    assert found[0].stack() == []

# SPDX-License-Identifier: BSD-3-Clause
"""What lives as long as the worker is left alone by Python's collector, in a process of its own."""

import subprocess
import sys

CODE = """
import gc
from igwn_alert_celery.worker.long_lived import leave_alone
before = gc.get_freeze_count()
leave_alone()
count = gc.get_freeze_count()
kept = [[] for _ in range(1000)]
leave_alone()
print(before, count > 10_000, gc.get_freeze_count() <= count, gc.isenabled())
"""


def test_what_is_there_is_left_alone_once():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "True", "True"]

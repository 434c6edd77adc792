# SPDX-License-Identifier: BSD-3-Clause
"""The lock of an answer is native, also where eventlet has replaced the others."""

import os
import subprocess
import sys

PROGRAM = """
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
from confluent_kafka.admin import AdminClient
from igwn_alert_celery.kafka.admin import make_admin

def is_native(future):
    return type(future._condition._lock).__module__ == "_thread"

print(is_native(AdminClient._create_future()))
make_admin({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
future = AdminClient._create_future()
print(is_native(future), future.running(), future.done())
future.set_result("an answer")
print(future.result(0))
"""


def test_the_lock_of_an_answer_is_native_and_would_not_be_so_by_itself():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    # The first False may turn True one day: then kafka/admin.py can go.
    assert done.stdout.split() == ["False", "True", "True", "False", "an", "answer"]

# SPDX-License-Identifier: BSD-3-Clause
"""The time limit of a fetch on the receiver's native thread, beside every kind of pool."""

import json
import os
import subprocess
import sys

import pytest

from tests.integration.offload_http import OffloadHTTP, packed

PATCH = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\n"
    "import eventlet; eventlet.monkey_patch()",
    "threads": "",
}
# The main thread keeps its own hub busy, as a pool does.
PROGRAM = """
import json, sys, time
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.native import start_native_thread

fetch = OffloadFetcher({}, None, 0.5, 100_000)
seen = []

def work():
    for path in ("good", "silent", "good", "drip", "silent", "good"):
        began = time.monotonic()
        try:
            what = fetch(f"http://localhost:{sys.argv[1]}/{path}").value.decode()
        except Exception as exc:
            what = getattr(exc, "reason", repr(exc))
        seen.append((what, time.monotonic() - began))

start_native_thread(work, "receiver")
longest = 0.0
while len(seen) < 6:
    began = time.monotonic()
    time.sleep(0.01)
    longest = max(longest, time.monotonic() - began)
print(json.dumps([seen, longest]))
"""


@pytest.fixture
def server():
    server = OffloadHTTP()
    server.paths["/good"] = packed(b"good")
    server.paths["/silent"] = lambda handler: handler.owner.stopping.wait()
    server.paths["/drip"] = lambda handler: handler.drip(b"HTTP/1.1 200 OK\r\nX: ")
    yield server
    server.close()


@pytest.mark.parametrize("pool", PATCH)
def test_a_server_that_hangs_costs_no_more_than_the_limit(server, pool):
    port = server.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-c", PATCH[pool] + PROGRAM, port],
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen, longest_s = json.loads(done.stdout)
    away = "offload_unavailable"
    assert [what for what, _ in seen] == ["good", away, "good", away, away, away]
    assert max(took_s for _, took_s in seen) < 2
    assert seen[-1][1] < 0.2
    assert longest_s < 1

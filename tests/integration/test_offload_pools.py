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

fetch = OffloadFetcher({}, None, 3.0, 100_000)
seen, turns = [], 0

def work():
    for path in ("good", "silent", "good", "drip", "silent", "good"):
        began, before = time.monotonic(), turns
        try:
            what = fetch(f"http://localhost:{sys.argv[1]}/{path}").value.decode()
        except Exception as exc:
            what = getattr(exc, "reason", repr(exc))
        seen.append((what, time.monotonic() - began, turns - before))

start_native_thread(work, "receiver")
while len(seen) < 6:
    time.sleep(0.01)
    turns += 1
print(json.dumps(seen))
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
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    away = "offload_unavailable"
    assert [what for what, _, _ in seen] == ["good", away, "good", away, away, away]
    assert max(took_s for _, took_s, _ in seen) < 30
    # After two failures nothing is asked, and so nothing waited for.
    paths = [path for path, _ in server.requests]
    assert paths == ["/good", "/silent", "/good", "/drip", "/silent"]
    # Some 300 turns in 3 s; a hub that stood still would have had one.
    assert min(seen[number][2] for number in (1, 3, 4)) > 20

# SPDX-License-Identifier: BSD-3-Clause
"""What the receiver's thread shares with greenlets, and neither ends there."""

import os
import subprocess
import sys

import pytest

PATCH = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\n"
    "import eventlet; eventlet.monkey_patch()",
    "threads": "",
}
# Threads take turns as often as they can, so that they meet wherever they may.
HEAD = """
import logging, socket, sys, threading, time
sys.setswitchinterval(1e-6)
from igwn_alert_celery.native import start_native_thread

logger = logging.getLogger("shared")
done, wrong = [], []

def both(work, greenlets=3):
    def run(who):
        try:
            work(who)
        except BaseException as exc:
            wrong.append(repr(exc))
        done.append(who)

    start_native_thread(lambda: run("native"), "native")
    for number in range(greenlets):
        name = f"green {number}"
        threading.Thread(target=run, args=(name,), name=name).start()
    while len(done) < 1 + greenlets:
        time.sleep(0.01)
    print(sorted(done), wrong)
"""
LOG = """
logging.basicConfig(stream=sys.stderr)

def work(who):
    for number in range(3000):
        logger.warning("%s %d", who, number)
        if number % 1000 == 0:
            socket.getaddrinfo("localhost", 80)

both(work)
"""
LATER_HANDLERS = """
seen = {}

class Keep(logging.Handler):
    def emit(self, record):
        seen.setdefault(record.threadName, []).append(record.getMessage())

def work(who):
    for number in range(2000):
        if who == "native" and number == 10:
            logger.addHandler(Keep())
        while who != "native" and number == 1000 and not logger.handlers:
            time.sleep(0.001)  # it may come late, but each shall meet it
        logger.warning("%d", number)
        if number < 20:
            time.sleep(0.001)

both(work)
lines = [str(number) for number in range(2000)]
print(sorted(seen), all(found == lines[-len(found) :] for found in seen.values()))
"""
START_THREADS = """
def work(who):
    for number in range(2000):
        assert threading.current_thread().name == who
        threading.enumerate()
        if number % 40 == 0:
            thread = threading.Thread(target=threading.current_thread)
            thread.start()
            thread.join()

both(work)
"""
# eventlet has modules of its own, with less in them, which none but its own code may find.
IMPORT = """
import pathlib, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
text = "import queue, _thread\\nqueue.SimpleQueue, _thread.RLock\\nready = True\\n"
for number in range(200):
    (folder / f"fresh{number}.py").write_text(text)
sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True

def work(who):
    for number in range(200):
        threading.current_thread()
        assert __import__(f"fresh{number}").ready

both(work, greenlets=1)
"""
# Orders the two threads, whatever greenlets do.
NATIVE_FLAG = """
from gevent.monkey import get_original

def native_flag():
    flag = get_original("_thread", "allocate_lock")()
    flag.acquire()
    return flag

def raise_flag(flag):
    if flag.locked():
        flag.release()

"""
LOOK_UP = (
    NATIVE_FLAG
    + """
begun, started = native_flag(), []

class SlowImport:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("gevent.resolver") and started:
            raise_flag(begun)
            get_original("time", "sleep")(0.3)  # our own look-up meets this one in the middle

sys.meta_path.insert(0, SlowImport())
found = []

def look_up():
    started.append(True)
    found.append(socket.getaddrinfo("localhost", 80))
    raise_flag(begun)  # there was nothing left to import

start_native_thread(look_up, "native")
begun.acquire()
socket.getaddrinfo("localhost", 80)
while not found:
    time.sleep(0.01)
print("found")
"""
)
# gevent wakes who waits through the hub of the thread that had the lock first.
ENDED = (
    NATIVE_FLAG
    + """
lock, held = threading.Lock(), native_flag()

def work():
    time.sleep(0)
    with lock:
        time.sleep(0.01)
    with lock:
        raise_flag(held)
        get_original("time", "sleep")(0.1)  # whoever wants it meanwhile has to wait

start_native_thread(work, "native")
held.acquire()
with lock:
    print("had")
"""
)


def run(pool, program, tmp_path):
    """Return what a program prints; one that waits for ever is ended after a minute."""
    log = tmp_path / "log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-c", PATCH[pool] + HEAD + program],
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, log.read_text()[-3000:]
    return done.stdout.splitlines()


@pytest.mark.parametrize("pool", PATCH)
def test_greenlets_and_the_native_thread_log_at_once(pool, tmp_path):
    assert run(pool, LOG, tmp_path) == ["['green 0', 'green 1', 'green 2', 'native'] []"]
    lines = (tmp_path / "log").read_text().splitlines()
    assert sum(line.startswith("WARNING:shared:") for line in lines) == 4 * 3000


@pytest.mark.parametrize("pool", PATCH)
def test_a_handler_made_later_is_shared_too_and_knows_the_threads(pool, tmp_path):
    names = "['green 0', 'green 1', 'green 2', 'native']"
    assert run(pool, LATER_HANDLERS, tmp_path) == [f"{names} []", f"{names} True"]


@pytest.mark.parametrize("pool", PATCH)
def test_both_may_start_threads_and_ask_for_them(pool, tmp_path):
    assert run(pool, START_THREADS, tmp_path) == ["['green 0', 'green 1', 'green 2', 'native'] []"]


@pytest.mark.parametrize("pool", PATCH)
def test_both_may_import_at_once_and_get_the_standard_modules(pool, tmp_path):
    assert run(pool, IMPORT, tmp_path) == ["['green 0', 'native'] []"]


def test_both_may_look_up_their_first_host_at_once(tmp_path):
    assert run("gevent", LOOK_UP, tmp_path) == ["found"]


def test_a_lock_that_an_ended_thread_had_first_can_still_be_had(tmp_path):
    assert run("gevent", ENDED, tmp_path) == ["had"]

# SPDX-License-Identifier: BSD-3-Clause
"""Handlers that live where a real app has them: in modules that Celery imports by itself."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.services.process import Process
from tests.services.wait import wait_until

#: File by file; ``bridge`` knows no app, ``celery`` binds it after a first handler.
PACKAGE = {
    "__init__": "",
    "bridge": """
import os
import redis
from igwn_alert_celery import IGWNAlert

igwn_alert = IGWNAlert(noauth=True)
ran = redis.Redis.from_url(os.environ["FOLLOWUP_RAN"])


def note(name, alert):
    ran.rpush(name, f"{alert.uid} {alert.record.topic} {alert.record.partition}")
""",
    "early": """
from scene.bridge import igwn_alert, note


@igwn_alert.handler("cbc_*")
@igwn_alert.handler("superevent", alert_type="new")
def early(alert):
    note("early", alert)
""",
    "celery": """
import os
from celery import Celery
from scene.bridge import igwn_alert
import scene.early

app = Celery("scene", broker=os.environ["FOLLOWUP_BROKER"], include=["scene.included"])
igwn_alert.init_app(app)
app.conf.update(
    imports=["scene.imported"],
    broker_connection_retry_on_startup=True,
    worker_pool_start_method=os.environ["SCENE_METHOD"],
)
app.autodiscover_tasks(["scene"], related_name="discovered")
""",
    "included": """
from scene.bridge import note
from scene.celery import igwn_alert


@igwn_alert.handler("super*", bind=True)
def included(self, alert):
    assert self.name == "scene.included.included"
    note("included", alert)
""",
    "imported": """
from scene.bridge import note
from scene.celery import igwn_alert


@igwn_alert.handler("superevent", alert_type="new", name="by-another-name")
def imported(alert):
    note("imported", alert)


@igwn_alert.handler("superevent", alert_type="log")
def unwanted(alert):
    note("unwanted", alert)
""",
    "discovered": """
from scene.bridge import note
from scene.celery import igwn_alert


@igwn_alert.handler("superevent", where=lambda alert: alert.uid != "S0")
def discovered(alert):
    note("discovered", alert)
""",
}
HANDLERS = [
    "by-another-name",
    "scene.discovered.discovered",
    "scene.early.early",
    "scene.imported.unwanted",
    "scene.included.included",
]
DELIVER = """
from scene.celery import igwn_alert

for topic in ("superevent", "cbc_gstlal"):
    alert = {"uid": "S100", "alert_type": "new"}
    print(*sorted(result.id for result in igwn_alert.deliver(topic, alert)))
"""
NUMBER = 8


@pytest.fixture
def scene(tmp_path):
    folder = tmp_path / "app"
    (folder / "scene").mkdir(parents=True)
    for name, source in PACKAGE.items():
        (folder / "scene" / f"{name}.py").write_text(source)
    return folder


@pytest.fixture
def run(scene, deployment):
    """Run Python in the app's folder, and return what it prints."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            check=False,
            cwd=scene,
            env={**deployment.environment, "SCENE_METHOD": "fork"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(params=["fork", "spawn"])
def worker(request, scene, deployment):
    environ = {**deployment.environment, "SCENE_METHOD": request.param}
    command = ["-m", "celery", "-A", "scene.celery", "worker", "-c", "2", "-l", "INFO"]
    process = Process([sys.executable, *command], scene, environ)
    try:
        process.wait_ready(lambda: "receiver: running" in process.log.read_text(), 120)
        yield process
    finally:
        process.terminate()


def expect(deployment, handler, expected):
    """Wait until a handler has run so often, and check that it was for these alerts."""
    wait_until(lambda: len(deployment.ran(handler)) >= len(expected), 120, f"{handler} has run")
    assert Counter(deployment.ran(handler)) == Counter(expected)


def test_handlers_of_all_modules_run(worker, run, deployment):
    (stats,) = deployment.stats().values()
    assert stats["igwn-alert"]["handlers"] == HANDLERS
    deployment.send(range(NUMBER))
    all_of_them = [f"S{number} superevent {number % 4}" for number in range(NUMBER)]
    for handler in ("early", "included", "imported"):
        expect(deployment, handler, all_of_them)
    expect(deployment, "discovered", all_of_them[1:])

    superevent, cbc = (line.split() for line in run("-c", DELIVER).splitlines())
    assert (len(superevent), len(cbc)) == (4, 1)
    for handler in ("included", "imported"):
        expect(deployment, handler, [*all_of_them, "S100 superevent None"])
    expect(deployment, "discovered", [*all_of_them[1:], "S100 superevent None"])
    expect(deployment, "early", [*all_of_them, "S100 superevent None", "S100 cbc_gstlal None"])
    assert deployment.ran("unwanted") == []


def test_a_module_that_is_also_run_as_a_script_is_refused(run, scene):
    """Else each alert would be handled twice, under two names."""
    (scene / "script.py").write_text(
        "from scene.bridge import igwn_alert\n"
        "import scene.celery\n\n\n"
        "@igwn_alert.handler('superevent')\n"
        "def handle(alert):\n"
        "    return alert.uid\n\n\n"
        "if __name__ == '__main__':\n"
        "    import json\n"
        "    try:\n"
        "        import script\n"
        "    except Exception as exc:\n"
        "        print(json.dumps([type(exc).__name__, str(exc)]))\n"
    )
    kind, text = json.loads(run("script.py"))
    assert kind == "HandlerError"
    assert "is loaded twice, for tasks 'scene.handle' and 'script.handle', so each alert" in text

# SPDX-License-Identifier: BSD-3-Clause
"""Dockerfile and compose file, as far as they can be tried without a container engine."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.docs.markdown import ROOT
from tests.docs.worker import Deployment, read
from tests.services.absent import Absent, program
from tests.services.kafka.broker import Kafka
from tests.services.kafka.jars import kafka_jars
from tests.services.ports import free_port
from tests.services.wait import wait_until

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
SERVICES = YAML(typ="safe").load(COMPOSE)["services"]
# What the image's start script reads itself, and does not write into server.properties.
NOT_KAFKAS = {"CLUSTER_ID"}


def instructions():
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def the(name):
    return [rest for instruction, rest in instructions() if instruction == name]


def interpolated(value, environ=None):
    """Return what compose makes of ``${NAME:-default}`` and ``$$``."""
    environ = environ or {}

    def replace(found):
        return "$" if found[0] == "$$" else environ.get(found[1]) or found[2]

    return re.sub(r"\$\$|\$\{(\w+):-([^}]*)\}", replace, str(value))


def test_the_compose_file_follows_the_specification():
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema"]
    done = subprocess.run(
        [*command, "vendor.compose-spec", COMPOSE],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_service_waits_for_those_that_it_needs():
    for name, service in SERVICES.items():
        if service.get("restart") != "no":
            healthy = "healthcheck" in service or ("build" in service and the("HEALTHCHECK"))
            assert healthy, name
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no"


def test_only_the_kafka_port_is_open_and_only_to_this_machine():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:9092:9092"]


def test_data_live_in_named_volumes():
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    names = {mount.partition(":")[0] for mount in mounts}
    assert names == set(YAML(typ="safe").load(COMPOSE)["volumes"])


def test_redis_keeps_everything():
    command = SERVICES["redis"]["command"]
    assert command[1:3] == ["--appendonly", "yes"]
    assert command[3:5] == ["--maxmemory-policy", "noeviction"]


def test_secrets_come_from_the_environment_only():
    for file in (COMPOSE, DOCKERFILE, ROOT / ".env.example"):
        for name, value in re.findall(
            r"(\w*PASSWORD\w*|\w*SECRET\w*|\w*TOKEN\w*)[:=](.*)", file.read_text()
        ):
            assert value.strip() in {"", f"${{{name}:-}}"}, f"{file.name}: {name}"


def test_every_variable_of_the_compose_file_is_in_the_example():
    named = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    shown = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert shown == named


def copied(path):
    """Whether Docker sends a path to the build: the last matching line of .dockerignore counts."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        parts = [path, *(str(parent) for parent in Path(path).parents)]
        if (
            line
            and not line.startswith("#")
            and any(fnmatch.fnmatch(part, pattern) for part in parts)
        ):
            ignored = not line.startswith("!")
    return not ignored


def test_what_the_image_copies_exists_and_is_not_ignored():
    for rest in the("COPY"):
        if rest.startswith("--from"):
            continue
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert copied(source), source


@pytest.mark.parametrize("path", [".env", ".git/config", ".venv/bin/python", "tests/conftest.py"])
def test_nothing_else_gets_into_the_image(path):
    assert not copied(path)


def test_the_worker_is_not_root():
    names = [instruction for instruction, _ in instructions()]
    assert the("USER") == ["worker"]
    assert names.index("USER") < names.index("CMD")
    assert the("FROM") == ["python:3.11-slim AS build", "python:3.11-slim"]


def test_the_image_runs_an_example_and_its_health_check_sees_the_receiver(
    kafka, redis_server, tmp_path
):
    app = tmp_path / "app"
    shutil.copytree(ROOT / "examples", app)
    deployment = Deployment(kafka, redis_server, ["superevent", "mdc_superevent"])
    given = SERVICES["worker"]["environment"]
    environ = {name: interpolated(value) for name, value in given.items()}
    environ = {**{k: v for k, v in environ.items() if v}, **deployment.environ}
    assert environ["APP"] == dict(re.findall(r"(\w+)=(\S+)", the("ENV")[0]))["APP"]
    (command,) = the("CMD")
    worker = deployment.start(YAML(typ="safe").load(command), app, **environ)
    try:
        read(worker, "receiver: running")
        wait_until(lambda: healthy(environ), 120, "the health check passes")
        deployment.send("superevent")
        read(worker, "MS260518a: new, FAR 3.2e-09 Hz")
        kafka_away = {**environ, "IGWN_ALERT_SERVER": f"kafka://127.0.0.1:{free_port()}/"}
    finally:
        worker.terminate()
    # In a folder of its own, since a log goes on where it ended.
    other = tmp_path / "deaf"
    shutil.copytree(ROOT / "examples", other)
    deaf = deployment.start([*YAML(typ="safe").load(command), "-P", "solo"], other, **kafka_away)
    try:
        read(deaf, "ready.")
        assert not healthy(environ)
    finally:
        deaf.terminate()


def healthy(environ):
    (check,) = the("HEALTHCHECK")
    command = check.partition("CMD ")[2]
    return (
        subprocess.run(
            ["/bin/sh", "-c", command],
            check=False,
            cwd=ROOT / "examples",
            env={**os.environ, **environ},
            capture_output=True,
            timeout=120,
        ).returncode
        == 0
    )


class ComposeKafka(Kafka):
    """The broker with the compose file's settings, but ports and a folder of the test."""

    def __init__(self, properties):
        self.properties = properties
        super().__init__()

    def _prepare(self):
        self._java = program("java", "apt-get install default-jre-headless")
        self._jars = kafka_jars()
        ports = {port: str(free_port()) for port in ("19092", "9092", "9093")}
        text = "".join(f"{key}={value}\n" for key, value in self.properties.items())
        text = re.sub(r"\b(19092|9092|9093)\b", lambda found: ports[found[0]], text)
        text = text.replace("://:", "://127.0.0.1:").replace("kafka:", "127.0.0.1:")
        text = text.replace("localhost", "127.0.0.1")
        text = text.replace("/var/lib/kafka/data", str(self.folder / "data"))
        self._config.write_text(text)
        return f"127.0.0.1:{ports['9092']}"


def properties():
    """Return server.properties, by the naming rule of the image's guide."""
    given = SERVICES["kafka"]["environment"]
    marks = {"___": "-", "__": "_", "_": "."}
    return {
        re.sub("_{1,3}", lambda found: marks[found[0]], name.removeprefix("KAFKA_").lower()): value
        for name, value in given.items()
        if name not in NOT_KAFKAS
    }


def test_kafka_runs_with_the_settings_of_the_compose_file(kafka):
    if kafka.foreign:
        pytest.skip("a broker of our own is needed to try other settings")
    try:
        broker = ComposeKafka(properties())
    except Absent as exc:
        pytest.skip(str(exc))
    try:
        broker.start()
        # The broker lists every setting that it knows; a misspelt one would not be there.
        known = set(re.findall(r"^\t([\w.]+) = ", broker._process.log.read_text(), re.MULTILINE))
        assert properties().keys() <= known
        (script,) = SERVICES["topics"]["command"]
        names = re.search(r"for topic in (.*);", script)[1].split()
        for name in names:
            broker.create_topic(f"gracedb-playground.{name}", 4)
        broker.send("gracedb-playground.superevent", "{}")
        broker.flush()
    finally:
        broker.close()


def test_the_topics_that_the_example_reads_are_created():
    (script,) = SERVICES["topics"]["command"]
    assert "superevent mdc_superevent" in script
    assert interpolated(SERVICES["topics"]["environment"]["GROUP"]) == "gracedb-playground"

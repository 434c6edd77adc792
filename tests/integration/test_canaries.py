# SPDX-License-Identifier: BSD-3-Clause
"""No secret is ever shown: each is planted, everything that speaks is listened to."""

import base64
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.canaries import MARK, canary, found_in, watching
from tests.integration.command import Command
from tests.integration.playground_process import Playground
from tests.services.kafka.access import PASSWORDS
from tests.services.wait import wait_until

MODULE = "tests.integration.canary_app"
QUICK = ("-c", "1", "--without-mingle", "--without-gossip")
DEBUG = json.dumps({"debug": "all"})
PLAIN = json.dumps({"debug": "all", "security.protocol": "SASL_PLAINTEXT"})
CLAIMS = json.dumps({"sub": "alice", "exp": 2**40, "jti": canary("claim")}).encode()
# A token as a command prints it: three parts, the second one in base64.
TOKEN = f"{canary('head')}.{base64.urlsafe_b64encode(CLAIMS).decode().rstrip('=')}.{canary('sign')}"


@pytest.fixture
def deployment(secured_deployment, redis_server, tmp_path):
    """Task broker and result backend have passwords, and the worker says all that it can."""
    deployed = secured_deployment
    urls = {}
    for user in ("task", "result"):
        rights = ("~*", "&*", "+@all")
        deployed.redis.execute_command("ACL", "SETUSER", user, "on", f">{canary(user)}", *rights)
        urls[user] = redis_server.url.replace("://", f"://{user}:{canary(user)}@")
    deployed.module = MODULE
    deployed.environment |= {
        "FOLLOWUP_BROKER": urls["task"],
        "CANARY_BROKER": urls["task"],
        "CANARY_BACKEND": urls["result"],
        "IGWN_ALERT_SERVER": f"kafka://{deployed.kafka.sasl_bootstrap}/",
        "IGWN_ALERT_CONSUMER_GROUP": f"alice-{deployed.group}",
        "HOME": str(tmp_path),
        "IGWN_ALERT_KAFKA_OPTIONS": DEBUG,
        "CANARY_CONF": conf(kafka_options={"sasl.oauthbearer.config": canary("conf")}),
    }
    yield deployed
    for user in urls:
        deployed.redis.acl_deluser(user)


@pytest.fixture
def file(tmp_path):
    """Write a file that only its owner may read."""

    def write(name, text):
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)

    return write


def conf(**settings):
    return json.dumps({f"igwn_alert_{name}": value for name, value in settings.items()})


def toml(**entry):
    return "[[auth]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in entry.items())


def settings_password(kafka, file):
    return {
        "IGWN_ALERT_USERNAME": "alice",
        "IGWN_ALERT_PASSWORD": canary("settings"),
        "IGWN_ALERT_KAFKA_OPTIONS": PLAIN,
        "CANARY_CONF": conf(
            username="alice", password=canary("conf"), kafka_options={"ssl.ca.pem": canary("pem")}
        ),
    }


def kafka_options(kafka, file):
    options = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "alice",
        "sasl.password": canary("option"),
        "sasl.oauthbearer.config": canary("config"),
        "ssl.key.password": canary("key"),
        "ssl.keystore.password": canary("keystore"),
        "debug": "all",
    }
    return {"IGWN_ALERT_NOAUTH": "1", "IGWN_ALERT_KAFKA_OPTIONS": json.dumps(options)}


def auth_toml(kafka, file):
    text = kafka.auth_toml("alice", password=canary("toml"), tls=False)
    return {"IGWN_ALERT_AUTHFILE": file("auth.toml", text)}


def broken_auth_toml(kafka, file):
    text = kafka.auth_toml("alice", password=canary("toml"), tls=False)
    return {"IGWN_ALERT_AUTHFILE": file("auth.toml", f'{text}x = "{canary("broken")}\n')}


def netrc(kafka, file):
    text = f"machine 127.0.0.1 login alice password {canary('netrc')}\n"
    return {"IGWN_ALERT_NETRC": file("netrc", text), "IGWN_ALERT_KAFKA_OPTIONS": PLAIN}


def broken_netrc(kafka, file):
    return {"IGWN_ALERT_NETRC": file("netrc", f"machine 127.0.0.1 password {canary('netrc')} x\n")}


def token_command(kafka, file):
    entry = {"username": "alice", "hostname": kafka.sasl_bootstrap, "protocol": "SASL_PLAINTEXT"}
    entry |= {"password": canary("idle"), "token_command": f"printf {TOKEN}"}
    return {"IGWN_ALERT_AUTHFILE": file("auth.toml", toml(**entry))}


def token_endpoint(kafka, file):
    entry = {"username": "alice", "hostname": kafka.sasl_bootstrap, "protocol": "SASL_PLAINTEXT"}
    entry |= {"password": canary("client")}
    entry |= {"token_endpoint": "http://127.0.0.1:9/token"}
    return {"IGWN_ALERT_AUTHFILE": file("auth.toml", toml(**entry))}


def kafka_away(kafka, file):
    server = {"IGWN_ALERT_SERVER": "kafka://127.0.0.1:9/"}
    return {**settings_password(kafka, file), **server}


def password_in_the_url(kafka, file):
    return {"IGWN_ALERT_SERVER": f"kafka://alice:{canary('url')}@127.0.0.1:9/"}


# What is planted, and what the worker has to say of it.
FAILING = {
    settings_password: "does not accept the credential of user 'alice'",
    kafka_options: "does not accept the credential of user 'alice'",
    auth_toml: "does not accept the credential of user 'alice'",
    broken_auth_toml: "is no valid auth.toml",
    netrc: "does not accept the credential of user 'alice'",
    broken_netrc: "is no valid netrc file",
    token_command: "Kafka at",
    token_endpoint: "Kafka at",
    kafka_away: "the receiver cannot start yet",
    password_in_the_url: "a credential does not belong into the URL",
}


@pytest.mark.parametrize(
    "plant",
    [
        plant if plant is kafka_options else pytest.param(plant, marks=pytest.mark.long)
        for plant in FAILING
    ],
)
def test_what_cannot_log_in_says_so_without_its_secret(deployment, file, tmp_path, plant):
    deployment.environment |= plant(deployment.kafka, file)
    worker = deployment.start(*QUICK, level="DEBUG")
    worker.expect(FAILING[plant])
    command = Command(tmp_path, **deployment.environment, PYTHONPATH=str(Path.cwd()))
    said = [show(command.run("-l", "debug", *line, timeout_s=120)) for line in ALONE]
    said += [show(command.run("-A", MODULE, "status", timeout_s=120)), *celery_says(command)]
    worker.stop()
    assert found_in("\n".join([worker.text, *said])) == []


ALONE = [("topics",), ("doctor",)]
SHORT = [("report",), ("inspect", "stats"), ("inspect", "conf")]
MORE = [("inspect", "registered"), ("inspect", "report"), ("inspect", "active_queues")]


def show(done):
    return done.stdout + done.stderr


def celery_says(command, *more):
    """What Celery's own commands show of a worker."""
    found = [show(asked(command, line)) for line in (*SHORT, *more)]
    for shown in (found[0], found[2]):
        assert "igwn_alert_kafka_options" in shown.lower()
    return found


def asked(command, line):
    """Ask until the worker answers: it has a second, and much to log."""
    done = wait_until(lambda: ask(command, line), 120, f"an answer to {line}")
    assert done.returncode == 0
    return done


def ask(command, line):
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", MODULE, *line],
        env=command.environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    nobody = done.returncode and "No nodes replied" in show(done)
    assert nobody or done.returncode == 0, show(done)
    return None if nobody else done


@pytest.mark.long
def test_what_works_shows_nothing_either(deployment, file, tmp_path):
    text = deployment.kafka.auth_toml("alice", tls=False)
    deployment.environment |= {
        "IGWN_ALERT_NOAUTH": "false",
        "IGWN_ALERT_AUTHFILE": file("auth.toml", text),
    }
    command = Command(tmp_path, **deployment.environment, PYTHONPATH=str(Path.cwd()))
    alert = file("alert.json", json.dumps({"uid": "S9", "alert_type": "new"}))
    with watching(deployment.redis) as commands:
        worker = deployment.start(*QUICK, "-E", level="DEBUG").listen()
        deployment.send(range(2))
        deployment.kafka.send(deployment.topic, "no JSON")
        deployment.kafka.flush()
        worker.expect("raised unexpected: ValueError")
        worker.expect("is kept as a dead letter")
        said = [show(command.run("-l", "debug", *line, timeout_s=120)) for line in (
            ("doctor",), ("topics",), ("send", "superevent", alert), ("-A", MODULE, "doctor"),
            ("listen", "superevent", "--from-beginning", "--count", "1", "--record"),
            ("-A", MODULE, "send", "superevent", alert), ("-A", MODULE, "status"),
            ("-A", MODULE, "status", "--json"), ("-A", MODULE, "check"),
            ("-A", MODULE, "subscriptions"), ("-A", MODULE, "dead-letters", "list"),
        )]  # fmt: skip
        said += celery_says(command, *MORE)
        worker.expect("igwn_alert.publish")
        worker.stop()
    # They did work.
    assert '"uid": "S' in "".join(said)
    stored = "\n".join(commands)
    assert all(
        word in stored for word in ("LPUSH celery", "igwn_alert:dead_letters", "celery-task")
    )
    assert "all of it" in worker.text
    assert found_in("\n".join([worker.text, stored, *said])) == []


def test_the_playground_shows_nothing_of_its_surroundings(tmp_path, monkeypatch):
    home, folder = tmp_path / "home", tmp_path / "playground"
    for path in (home / ".config" / "hop", folder):
        path.mkdir(parents=True)
    entry = toml(username="alice", password=canary("toml"), hostname="kafka.scimma.org")
    for path, text in (
        (home / ".config" / "hop" / "auth.toml", entry),
        (home / ".netrc", f"machine kafka.scimma.org login alice password {canary('netrc')}\n"),
    ):
        path.touch(mode=0o600)
        path.write_text(text)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("IGWN_ALERT_USERNAME", "alice")
    monkeypatch.setenv("IGWN_ALERT_PASSWORD", canary("settings"))
    playground = Playground(folder)
    try:
        playground.wait_until_running()
        said = playground.send("--example", "update")
        playground.wait_for("succeeded in")
        files = [path for path in folder.rglob("*") if path.is_file()]
        kept = "\n".join(path.read_bytes().decode("latin-1") for path in files)
        assert "receiver: running" in kept
        _, output, errors = playground.end(signal.SIGINT)
    finally:
        playground.kill()
    assert found_in(f"{kept}\n{said}\n{output}\n{errors}") == []


@pytest.mark.parametrize("text", [
    f"x{MARK}x", "eDogYzRuNHJ5LVNlY3JldA==", "YzRuNHJ5LVNlY3JldA", "c%34n4ry", PASSWORDS["alice"],
    "AAAAeDogYzRuNHJ5LVNlY3JldA==",
])  # fmt: skip
def test_the_search_finds_them(text):
    assert found_in(f"before {text} after")
    assert found_in("nothing here") == []

# SPDX-License-Identifier: BSD-3-Clause
"""``client`` is the class, however and in whatever order it is imported."""

import inspect
import subprocess
import sys
from datetime import timedelta
from unittest.mock import patch

import hop
import pytest

import igwn_alert_celery
from igwn_alert_celery import client
from igwn_alert_celery.client import (
    DEFAULT_GROUP,
    DEFAULT_LISTEN_RETRIES,
    DEFAULT_PORT,
    DEFAULT_RETRY_WAIT,
    DEFAULT_SERVER,
)
from igwn_alert_celery.client import client as of_the_module

# igwn-alert 0.7.0's signature.
PARAMETERS = {
    "username": None,
    "password": None,
    "auth": None,
    "authfile": None,
    "noauth": False,
    "group": "gracedb",
    "consumer_group": None,
    "server": "kafka://kafka.scimma.org/",
    "port": 9092,
    "batch_size": 1,
    "batch_timeout": timedelta(seconds=0.2),
    "retry_on_fatal": False,
    "listen_retries": 3,
    "retry_wait": 0.1,
    "jsonpp_on": False,
}


def test_it_is_hops_stream_with_igwn_alerts_parameters():
    assert issubclass(client, hop.Stream)
    given = inspect.signature(client).parameters
    assert {name: parameter.default for name, parameter in given.items()} == PARAMETERS
    assert list(given) == list(PARAMETERS)


def test_the_defaults_have_igwn_alerts_names():
    named = (
        DEFAULT_GROUP,
        DEFAULT_SERVER,
        DEFAULT_PORT,
        DEFAULT_LISTEN_RETRIES,
        DEFAULT_RETRY_WAIT,
    )
    assert named == ("gracedb", "kafka://kafka.scimma.org/", 9092, 3, 0.1)


def test_package_and_module_give_the_same_class():
    assert client is of_the_module is igwn_alert_celery.client


@pytest.mark.parametrize(
    "code",
    [
        "import igwn_alert_celery.client; from igwn_alert_celery import client",
        "from igwn_alert_celery.client import DEFAULT_PORT; from igwn_alert_celery import client",
        "from igwn_alert_celery import *",
        "import importlib; client = importlib.import_module('igwn_alert_celery.client').client",
    ],
)
def test_no_order_of_imports_makes_it_a_module(code):
    program = f"{code}; print(client(noauth=True, group='x').base_url_prefix)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "kafka://kafka.scimma.org:9092/x\n"


def test_tests_of_other_programs_can_patch_it_as_they_patch_igwn_alerts():
    # As igwn-alert's own tests name it, before and since Python 3.11.
    before = sys.version_info < (3, 11)
    name = "igwn_alert_celery.client.open" if before else "igwn_alert_celery.client.client.open"
    with patch(name) as opened:
        client(noauth=True).publish("superevent", "{}")
    opened.assert_called_once_with("kafka://kafka.scimma.org:9092/gracedb.superevent", "w")

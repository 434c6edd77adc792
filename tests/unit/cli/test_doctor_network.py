# SPDX-License-Identifier: BSD-3-Clause
import socket

import pytest

from igwn_alert_celery.cli.checks import network
from igwn_alert_celery.cli.checks.check import Failed
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.target import Target


@pytest.fixture
def patient():
    return Patient(Target(Flags(server="kafka://kafka.example:9093/")))


def test_a_name_that_nobody_knows_is_a_failure(patient, monkeypatch):
    def unknown(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Failed) as raised:
        network.name(patient)
    assert raised.value.text == "kafka.example is not known (Name or service not known)"
    assert "igwn_alert_server" in raised.value.remedy


def test_all_addresses_of_a_name_are_told_once(patient, monkeypatch):
    def known(_host, port, **_options):
        each = [
            (socket.AF_INET6, ("2001:db8::1", port, 0, 0)),
            (socket.AF_INET, ("192.0.2.1", port)),
        ]
        return [(family, socket.SOCK_STREAM, 6, "", place) for family, place in each + each[1:]]

    monkeypatch.setattr(socket, "getaddrinfo", known)
    assert network.name(patient) == "kafka.example is 2001:db8::1, 192.0.2.1"
    assert patient.addresses[0] == (socket.AF_INET6, ("2001:db8::1", 9093, 0, 0))

# SPDX-License-Identifier: BSD-3-Clause
"""Which errors are waited out, and which come again however often one tries."""

from types import SimpleNamespace

import pytest
from kombu.exceptions import EncodeError, OperationalError

from igwn_alert_celery.enqueue.away import connecting, reaching, required
from igwn_alert_celery.errors import TaskBrokerUnavailable


class Lost(Exception):
    """What a transport calls an error of the connection."""


class Closed(Exception):
    """What it calls an error of the channel, from which it recovers."""


class Refused(Exception):
    """AMQP's access refused."""

    reply_code = 403


class Missing(Exception):
    """AMQP's not found."""

    reply_code = 404


class MessageNacked(Exception):
    """py-amqp's."""


CONNECTION = SimpleNamespace(
    connection_errors=(Lost, KeyError),
    channel_errors=(Closed, Refused, Missing),
    recoverable_channel_errors=(Closed,),
)


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        Lost("x"),
        Closed("x"),
        Refused("x"),
        OSError("x"),
        TimeoutError("x"),
        OperationalError("x"),
        caused(OperationalError(""), Lost("x")),
    ],
)
def test_away(error):
    with pytest.raises(TaskBrokerUnavailable, match="x") as caught, reaching(CONNECTION):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        Missing("x"),
        KeyError("x"),
        EncodeError("x"),
        ValueError("x"),
        # Redis's transport calls a KeyError an error of the connection.
        caused(OperationalError("x"), KeyError("x")),
    ],
)
def test_not_away(error):
    with pytest.raises(type(error)) as caught, reaching(CONNECTION):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", [Lost("x"), Closed("x"), Refused("x"), Missing("x")])
def test_while_connecting_every_answer_is_waited_out(error):
    with pytest.raises(TaskBrokerUnavailable, match="x"), connecting(CONNECTION):
        raise error


def test_a_full_queue_is_told():
    error = caused(OperationalError(""), MessageNacked())
    with pytest.raises(TaskBrokerUnavailable, match="a queue refuses"), reaching(CONNECTION):
        raise error


def test_what_is_not_there_yet():
    assert required(5) == 5
    with pytest.raises(TaskBrokerUnavailable, match="not connected"):
        required(None)

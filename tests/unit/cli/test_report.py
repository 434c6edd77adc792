# SPDX-License-Identifier: BSD-3-Clause
import logging

import click
import pytest

from igwn_alert_celery.cli.exit_code import ExitCode, exit_code_of
from igwn_alert_celery.cli.report import one_line, reporting, set_up_log
from igwn_alert_celery.errors import (
    ConfigError,
    CredentialError,
    KafkaRefused,
    KafkaUnavailable,
    PoisonRecord,
    SendFailed,
    SendRefused,
    TaskBrokerUnavailable,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.UsageError("x"), ExitCode.USAGE),
        (ConfigError("x"), ExitCode.CONFIG),
        (CredentialError("x"), ExitCode.CONFIG),
        (KafkaRefused("x"), ExitCode.CONFIG),
        (KafkaUnavailable("x"), ExitCode.AWAY),
        (TaskBrokerUnavailable("x"), ExitCode.AWAY),
        (SendFailed("x"), ExitCode.AWAY),
        (SendRefused("x"), ExitCode.FAILED),
        (PoisonRecord("x", "y"), ExitCode.FAILED),
        (ValueError("x"), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
)
def test_every_error_is_one_line_and_its_exit_code(error, code, capsys):
    assert exit_code_of(error) == code
    with pytest.raises(click.exceptions.Exit) as caught, reporting():
        raise error
    assert caught.value.exit_code == code
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == (0 if code == ExitCode.INTERRUPTED else 1)
    assert "Traceback" not in written.err


def test_the_exit_codes_are_the_documented_ones():
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "CONFIG": 3,
        "AWAY": 4,
        "UNKNOWN": 5,
        "INTERRUPTED": 130,
        "PIPE_CLOSED": 141,
        "TERMINATED": 143,
    }


def test_an_error_of_many_lines_is_one_line(capsys):
    with pytest.raises(click.exceptions.Exit), reporting():
        raise ConfigError("first\nsecond\x1b[31m third")
    assert capsys.readouterr().err == "igwn-alert: first second�[31m third\n"


def test_one_line_leaves_no_control_character():
    assert one_line("a\x00b\x1b]0;title\x07 c\u202e d\u009b") == "a�b�]0;title� c� d�"


def test_the_traceback_is_in_the_debug_log(caplog):
    caplog.set_level(logging.DEBUG, "igwn_alert_celery.cli.report")
    with pytest.raises(click.exceptions.Exit), reporting():
        raise RuntimeError("deep inside")
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert "RuntimeError: deep inside" in caplog.text


def test_an_unexpected_error_says_how_to_see_more(capsys):
    with pytest.raises(click.exceptions.Exit), reporting():
        raise RuntimeError("deep inside")
    expected = "igwn-alert: unexpected RuntimeError: deep inside (-l debug shows where)\n"
    assert capsys.readouterr().err == expected


def test_without_an_error_nothing_is_said(capsys):
    with reporting():
        pass
    assert capsys.readouterr() == ("", "")


def test_the_log_has_the_level_that_was_asked_for():
    before = logging.getLogger().level
    try:
        set_up_log("info")
        assert logging.getLogger().level == logging.INFO
        set_up_log("error")
        assert logging.getLogger().level == logging.ERROR
    finally:
        logging.getLogger().setLevel(before)


def test_adc_never_logs_its_configuration():
    before = logging.getLogger().level
    try:
        set_up_log("debug")
        assert not logging.getLogger("adc.producer").isEnabledFor(logging.DEBUG)
        assert logging.getLogger("igwn_alert_celery").isEnabledFor(logging.DEBUG)
    finally:
        logging.getLogger().setLevel(before)

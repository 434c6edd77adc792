# SPDX-License-Identifier: BSD-3-Clause
"""How `check` judges: each rule, and what wins."""

import pytest

from igwn_alert_celery.cli.verdict import Level, Limits, Verdict, judge, lag_of
from igwn_alert_celery.metrics import Metrics, State

LIMITS = Limits(stuck_s=60, away_s=60, warn_dead_letters=1, critical_dead_letters=0, warn_lag=None)


def said(state="running", **more):
    status = {**Metrics(state=State.RUNNING).as_dict(), "state": state, "last_poll_age_s": 0.1}
    return {**status, **more}


def verdict(*statuses, letters=0, limits=LIMITS, **changed):
    workers = {f"w{number + 1}": status for number, status in enumerate(statuses)}
    if changed:
        limits = Limits(**{name: getattr(limits, name) for name in Limits.__slots__} | changed)
    return judge(workers, letters, limits, "followup")


def test_all_is_well():
    partitions = {"a[0]": {"next_offset": 3, "lag": 2}, "a[1]": {"next_offset": 0, "lag": None}}
    found = verdict(
        said(partitions=partitions, last_alert_age_s=30.0), said(last_alert_age_s=9000.0)
    )
    assert found.level is Level.OK
    assert found.line == (
        "OK - 2 workers of 2 listen, 2 partitions, lag 2, last alert 30 s ago"
        " | workers=2;;;0 receivers=2;;;0 lag=2;;;0 dead_letters=0;0;;0 last_alert_age=30s;;;0"
    )


def test_before_the_first_alert():
    assert "1 worker of 1 listens, 0 partitions, lag 0, no alert yet |" in verdict(said()).line
    assert "last_alert_age" not in verdict(said()).line


@pytest.mark.parametrize(
    ("statuses", "level", "text"),
    [
        ([], "CRITICAL", "no worker of the app 'followup' answers"),
        ([said("disabled")], "CRITICAL", "no receiver runs: disabled in 1 worker"),
        (
            [said("disabled"), said()],
            "OK",
            "1 worker of 2 listens, 0 partitions, lag 0, no alert yet",
        ),
        ([said("failed", detail="no credential")], "CRITICAL", "w1: failed: no credential"),
        ([said("stopped")], "CRITICAL", "w1: stopped"),
        ([said("a later one")], "CRITICAL", "w1: a later one"),
        ([said("failed"), said()], "WARNING", "w1: failed"),
        ([said("failed"), said("disabled")], "CRITICAL", "w1: failed"),
        ([said("failed"), said("kafka_away")], "CRITICAL", "w1: failed; w2: kafka_away for 0 s"),
        ([said("stuck", stuck_s=70.0, detail="x")], "CRITICAL", "w1: stuck for 70 s: x"),
        ([said("stuck", stuck_s=70.0), said()], "CRITICAL", "w1: stuck for 70 s"),
        ([said(last_poll_age_s=59.0)], "OK", "1 worker of 1 listens"),
        (
            [said(last_poll_age_s=61.0), said()],
            *("CRITICAL", "w1: stuck: Kafka was last asked 61 s ago"),
        ),
        ([said("failed", last_poll_age_s=999.0), said()], "WARNING", "w1: failed"),
        ([said("kafka_away", not_running_s=59.0)], "WARNING", "w1: kafka_away for 59 s"),
        ([said("kafka_away", not_running_s=61.0)], "CRITICAL", "w1: kafka_away for 61 s"),
        (
            [said("task_broker_away", not_running_s=61.0), said()],
            *("CRITICAL", "w1: task_broker_away for 61 s"),
        ),
        ([said("starting", not_running_s=3.0)], "WARNING", "w1: starting for 3 s"),
        (
            [said("starting", not_running_s=61.0, detail="y")],
            "CRITICAL",
            "w1: starting for 61 s: y",
        ),
        (
            [said(missing_topics=["b", "a"]), said(missing_topics=["a"], forbidden_topics=["c"])],
            *("WARNING", "missing topics: a, b; forbidden topics: c"),
        ),
    ],
)
def test_receivers_and_topics(statuses, level, text):
    found = verdict(*statuses)
    assert found.level.name == level
    assert found.line.startswith(f"{level} - {text}")


@pytest.mark.parametrize(
    ("letters", "limits", "level"),
    [
        (0, {}, "OK"),
        (1, {}, "WARNING"),
        (5, {"warn_dead_letters": 6}, "OK"),
        (5, {"warn_dead_letters": 0}, "OK"),
        (5, {"critical_dead_letters": 5}, "CRITICAL"),
        (4, {"critical_dead_letters": 5}, "WARNING"),
        ("no answer", {}, "UNKNOWN"),
    ],
)
def test_dead_letters(letters, limits, level):
    assert verdict(said(), letters=letters, **limits).level.name == level


def test_the_limits_of_dead_letters_are_the_last_good_values():
    line = verdict(said(), letters=3, warn_dead_letters=2, critical_dead_letters=9).line
    assert "dead_letters=3;1;8;0" in line
    assert "dead_letters" not in verdict(said(), letters="no answer").line.partition("|")[2]


def test_lag_counts_only_where_a_limit_is_given():
    waiting = said(partitions={"a[0]": {"lag": 7}, "a[1]": {"lag": 5}})
    assert lag_of({"w1": waiting, "w2": said()}) == 12
    assert verdict(waiting).level is Level.OK
    assert verdict(waiting, warn_lag=12).level is Level.OK
    found = verdict(waiting, warn_lag=11)
    assert found.line.startswith("WARNING - 12 records wait on Kafka")
    assert "lag=12;11;;0" in found.line


def test_limits_may_be_none():
    old = said("kafka_away", last_poll_age_s=1e6, not_running_s=1e6)
    assert verdict(old, stuck_s=0, away_s=0).level is Level.WARNING


def test_the_worst_comes_first_and_decides():
    found = Verdict([(Level.UNKNOWN, "u"), (Level.WARNING, "w"), (Level.CRITICAL, "c")])
    assert (found.level, found.line) == (Level.CRITICAL, "CRITICAL - c; w; u")
    assert Verdict([(Level.UNKNOWN, "u"), (Level.WARNING, "w")]).level is Level.WARNING
    assert Verdict([(Level.OK, "o"), (Level.UNKNOWN, "u")]).level is Level.UNKNOWN


def test_it_is_one_line_whose_only_bar_begins_the_figures():
    line = verdict(said("failed", detail="a | b\nc\x1b[31m")).line
    assert line.startswith("CRITICAL - w1: failed: a / b c�[31m | workers=1")
    assert line.count("|") == 1

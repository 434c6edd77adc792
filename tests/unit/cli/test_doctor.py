# SPDX-License-Identifier: BSD-3-Clause
import json
import threading

import click
import pytest
from click.testing import CliRunner

from igwn_alert_celery.cli import doctor as module
from igwn_alert_celery.cli.checks import check as checks
from igwn_alert_celery.cli.checks.check import Check, Failed, Finding, Outcome, Skipped, examine
from igwn_alert_celery.cli.command import igwn_alert
from igwn_alert_celery.errors import ConfigError
from tests.docs.markdown import ROOT, code, table


def well(_patient):
    return "well"


def ill(_patient):
    raise Failed("ill", "stay in bed")


def elsewhere(_patient):
    raise Skipped("nothing to do")


def refused(_patient):
    raise ConfigError("this: do that")


def misused(_patient):
    raise click.UsageError("not like this")


def broken(_patient):
    raise ZeroDivisionError("hunter2")


def outcomes(*given):
    return {finding.name: finding for finding in examine(None, given)}


def test_what_needs_a_failed_check_is_skipped_and_so_on():
    found = outcomes(
        Check("a", ill), Check("b", well, ("a",)), Check("c", well, ("b",)), Check("d", well)
    )
    assert found["a"] == Finding("a", Outcome.FAILED, "ill", "stay in bed")
    assert found["b"] == Finding("b", Outcome.SKIPPED, "needs a")
    assert found["c"] == Finding("c", Outcome.SKIPPED, "needs b")
    assert found["d"] == Finding("d", Outcome.OK, "well")


def test_what_needs_a_check_that_does_not_apply_is_run():
    found = outcomes(Check("a", elsewhere), Check("b", well, ("a",)))
    assert found["a"] == Finding("a", Outcome.SKIPPED, "nothing to do")
    assert found["b"].outcome is Outcome.OK


@pytest.mark.parametrize(
    ("run", "remedy"), [(refused, "this: do that"), (misused, "not like this")]
)
def test_our_errors_are_what_to_do(run, remedy):
    finding = outcomes(Check("a", run, wrong="cannot be"))["a"]
    assert finding == Finding("a", Outcome.FAILED, "cannot be", remedy)


def test_an_unexpected_error_is_told_without_its_text_and_the_rest_goes_on():
    found = outcomes(Check("a", broken), Check("b", well))
    assert found["a"].text == "unexpected ZeroDivisionError"
    assert "hunter2" not in str(found)
    assert found["b"].outcome is Outcome.OK


def test_no_step_waits_for_ever(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(checks, "STEP_S", 0.05)
    # The second one has no limit, as it might be slow by accident.
    given = (Check("a", lambda _: str(release.wait())), Check("b", well, own_thread=False))
    found = outcomes(*given)
    release.set()
    assert found["a"].outcome is Outcome.FAILED
    assert found["a"].text == "no answer within 0.05 s"
    assert found["b"].outcome is Outcome.OK


def test_users_code_runs_on_the_main_thread():
    def where(_patient):
        return threading.current_thread().name

    found = outcomes(Check("a", where, own_thread=False), Check("b", where))
    assert found["a"].text == threading.current_thread().name
    assert found["b"].text == "doctor-b"


def run(monkeypatch, *given, options=()):
    monkeypatch.setattr(module, "CHECKS", given)
    return CliRunner().invoke(igwn_alert, ["doctor", *options])


def test_a_line_a_check_and_what_to_do_below(monkeypatch):
    given = (Check("a", well), Check("b", ill), Check("c", well, ("b",)))
    result = run(monkeypatch, *given)
    lines = result.stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["✓", "a", "well"],
        ["✗", "b", "ill"],
        ["→", "stay", "in", "bed"],
        ["–", "c", "needs", "b"],
    ]
    assert "\x1b" not in result.output
    assert result.exit_code == 1


def test_all_well_is_exit_code_0(monkeypatch):
    result = run(monkeypatch, Check("a", well), Check("b", elsewhere))
    assert result.exit_code == 0


@pytest.mark.parametrize(("check", "code"), [(well, 0), (ill, 1)])
def test_json_is_one_object(monkeypatch, check, code):
    result = run(monkeypatch, Check("a", check), options=["--json"])
    told = json.loads(result.stdout)
    assert result.exit_code == code
    assert told["ok"] is (code == 0)
    assert [found["name"] for found in told["checks"]] == ["a"]
    assert told["checks"][0]["remedy"] == ("stay in bed" if code else None)


def test_each_check_needs_earlier_ones_alone():
    names = [check.name for check in module.CHECKS]
    assert len(set(names)) == len(names)
    for number, check in enumerate(module.CHECKS):
        assert set(check.needs) <= set(names[:number])


def test_the_help_has_an_example():
    result = CliRunner().invoke(igwn_alert, ["doctor", "--help"])
    assert "igwn-alert -A followup doctor" in result.output


def test_the_document_explains_each_check_in_order():
    rows = table(ROOT / "docs" / "doctor.md", "check", "looks at", "fails when")
    assert [code(name)[0] for name, _, _ in rows] == [check.name for check in module.CHECKS]

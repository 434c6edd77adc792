# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert doctor``: step by step from the settings to the last topic, with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
from rich.text import Text

from igwn_alert_celery.cli.checks import credentials, kafka, network, script, task_broker
from igwn_alert_celery.cli.checks.check import Check, Finding, Outcome, examine
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.report import one_line
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target

__all__ = ["CHECKS", "doctor"]

#: In this order; docs/doctor.md explains each.
CHECKS = (
    Check("app", task_broker.app, wrong="cannot be used", own_thread=False),
    Check("settings", credentials.settings, ("app",), "not as they must be", own_thread=False),
    Check("file modes", credentials.file_modes, ("settings",)),
    Check("credential", credentials.credential, ("settings", "file modes"), "none to be used"),
    Check("CA file", credentials.authority, ("credential",)),
    Check("name", network.name, ("settings",)),
    Check("TCP", network.port, ("name",)),
    Check("TLS", network.encryption, ("TCP", "CA file")),
    Check("login", kafka.login, ("TCP", "TLS", "credential")),
    Check("brokers", network.brokers, ("login",)),
    Check("topics", kafka.topics, ("login",)),
    Check("consumer group", kafka.consumer_group, ("login",)),
    Check("handlers", kafka.handlers, ("app", "login")),
    Check("tasks", task_broker.tasks, ("app",)),
    Check("task broker", task_broker.reachable, ("settings",)),
    Check("keeps tasks", task_broker.safe, ("task broker",)),
    Check("script", script.script),
)
_EPILOG = examples(
    "igwn-alert doctor",
    "igwn-alert -A followup doctor",
    "igwn-alert -A followup doctor --json",
)
_MARKS = {Outcome.OK: "✓", Outcome.FAILED: "✗", Outcome.SKIPPED: "–"}
_STYLES = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}
_WIDTH = max(len(check.name) for check in CHECKS)


@click.command(epilog=_EPILOG)
@click.option("--json", "as_json", cls=Option, is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check the way of an alert, step by step, and say what to do where it ends.

    With -A also the app: its handlers' topics, its consumer group, its task broker. Each step takes
    a few seconds at most. Nothing is joined, written or changed, and no secret is shown. The exit
    code is 0 when all is well, and 1 when something failed.
    """
    target: Target = ctx.obj
    findings = _told_as_json(target) if as_json else _told(target)
    if any(finding.outcome is Outcome.FAILED for finding in findings):
        ctx.exit(ExitCode.FAILED)


def _told(target: Target) -> list[Finding]:
    screen, findings = Screen(), []
    for finding in _watched(screen, examine(Patient(target), CHECKS)):
        findings.append(finding)
        for line in _lines(finding):
            screen.print(line, soft_wrap=True)
    return findings


def _watched(screen: Screen, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Let a terminal show that something goes on."""
    if not screen.is_live:
        yield from findings
        return
    with screen.status("examining …"):
        yield from findings


def _lines(finding: Finding) -> Iterator[Text]:
    mark = f"{_MARKS[finding.outcome]} {finding.name:{_WIDTH}}  "
    yield Text.assemble((mark, _STYLES[finding.outcome]), one_line(finding.text))
    if finding.remedy:
        yield Text(f"{'':{_WIDTH + 4}}→ {one_line(finding.remedy)}")


def _told_as_json(target: Target) -> list[Finding]:
    findings = list(examine(Patient(target), CHECKS))
    checks = [
        {
            "name": finding.name,
            "outcome": finding.outcome.value,
            "text": finding.text,
            "remedy": finding.remedy or None,
        }
        for finding in findings
    ]
    ok = all(finding.outcome is not Outcome.FAILED for finding in findings)
    Screen().say(json.dumps({"ok": ok, "checks": checks}, ensure_ascii=False, indent=2))
    return findings

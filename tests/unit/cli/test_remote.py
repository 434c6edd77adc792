# SPDX-License-Identifier: BSD-3-Clause
from igwn_alert_celery.cli import remote
from igwn_alert_celery.cli.remote import statuses


def test_the_statuses_are_those_of_this_apps_workers(monkeypatch, bridge):
    asked = []

    def ask(bridge, command, arguments, most=None, answer_s=0.0):
        asked.append((command, arguments, most, answer_s))
        return {
            "w2": {"igwn-alert": {"app": "followup", "state": "disabled"}, "pool": {}},
            "w1": {"igwn-alert": {"app": "followup", "state": "running"}},
            "another": {"igwn-alert": {"app": "another", "state": "running"}},
            "plain": {"pool": {}},
            "broken": {"error": "KeyError()"},
        }

    monkeypatch.setattr(remote, "_ask", ask)
    found = statuses(bridge, 3.0)
    assert asked == [("stats", {}, None, 3.0)]
    assert [(name, said["state"]) for name, said in found.items()] == [
        ("w1", "running"),
        ("w2", "disabled"),
    ]

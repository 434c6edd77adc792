# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.cli import following


@pytest.fixture
def asked(monkeypatch):
    """What ``listen`` would do."""
    calls = []

    class Following:
        def __init__(self, target, topics, window, view, screen, *, with_tests):
            calls.append((topics, window, type(view).__name__, with_tests))

        def run(self, ending):
            pass

    monkeypatch.setattr(following, "Following", Following)
    return calls


def test_without_options_it_listens_to_all_and_prints_lines(run, asked):
    assert run("listen").exit_code == 0
    ((topics, window, view, with_tests),) = asked
    assert (topics, window.start, window.count, view, with_tests) == (
        (),
        "latest",
        None,
        "Lines",
        False,
    )


def test_every_option_arrives(run, asked):
    arguments = ["superevent", "cbc_*", "--since", "2026-05-18", "--until", "2026-05-19"]
    result = run("listen", *arguments, "--count", "3", "--json", "--test")
    assert result.exit_code == 0, result.output
    ((topics, window, view, with_tests),) = asked
    assert topics == ("superevent", "cbc_*")
    assert (window.start, window.until_ms, window.count) == (
        1_779_062_400_000,
        1_779_148_800_000,
        3,
    )
    assert (view, with_tests) == ("JsonLines", True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["listen", "--from-beginning", "--since", "2h"], "--from-beginning and --since"),
        (["listen", "--since", "1h", "--until", "2h"], "--until lies before the start"),
        (["listen", "--until", "2h"], "--until lies before the start"),
        (["listen", "--since", "soon"], "--since"),
        (["listen", "--since", "+10m"], "--since lies in the future"),
        (["-c", "", "listen"], "-c: the consumer group has no name"),
        (["listen", "--count", "0"], "--count"),
        (["-j", "listen", "--json"], "-j and --json"),
        (["-c", "mine", "listen", "--since", "2h"], "the consumer group keeps the position"),
        (["-c", "mine", "listen", "--from-beginning"], "the consumer group keeps the position"),
        (["listen", "gracedb.superevent"], "write 'superevent'"),
        (["listen", "--nosuch"], "--nosuch"),
    ],
)
def test_wrong_usage_is_one_line_with_exit_code_2(run, asked, arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1
    assert result.output.rstrip().endswith("(see `igwn-alert listen --help`)")
    assert asked == []

# SPDX-License-Identifier: BSD-3-Clause
"""The command line, as far as it needs no playground."""

import io
import json
import sys

import pytest

from igwn_alert_celery.playground.__main__ import main


@pytest.fixture(autouse=True)
def _no_playground(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def alert(tmp_path):
    path = tmp_path / "alert.json"
    path.write_text(json.dumps({"uid": "S1", "alert_type": "new"}))
    return str(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["send"],
        ["send", "superevent"],
        ["send", "superevent", "alert.json", "--example", "new"],
        ["send", "--example", "nonsense"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["send", "--example", "new"], "no playground is open: run `make playground`"),
        (["send", "superevent", "alert.json"], "no playground is open"),
        (["send", "superevnt", "alert.json"], "there is no topic 'superevnt' here: did you mean"),
        (["send", "superevent", "nothing.json"], "cannot read nothing.json: No such file"),
        (["send", "superevent", "no.json"], "no.json is no JSON: "),
        (["send", "superevent", "list.json"], "list.json holds no JSON object: an alert is one"),
        (["send", "superevent", "deep.json"], "deep.json is no JSON: "),
        (["--handlers", "nothing.py"], "nothing.py does not exist: give a Python file"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(arguments, told, alert, tmp_path, capsys):
    (tmp_path / "no.json").write_bytes(b"\xff")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.err.startswith(told)
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_an_alert_may_come_from_standard_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("nonsense"))
    assert main(["send", "superevent", "-"]) == 1
    assert capsys.readouterr().err.startswith("- is no JSON: ")


def test_ctrl_c_while_it_reads_is_no_traceback(monkeypatch, capsys):
    class Terminal:
        def read(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert main(["send", "superevent", "-"]) == 130
    assert capsys.readouterr().err == ""


def test_without_rich_one_line_says_the_remedy(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("play", "view"):
        monkeypatch.delitem(sys.modules, f"igwn_alert_celery.playground.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["--demo"]) == 1
    told = "the playground needs rich: pip install 'igwn-alert-celery[playground]'\n"
    assert capsys.readouterr().err == told

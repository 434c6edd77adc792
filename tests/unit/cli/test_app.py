# SPDX-License-Identifier: BSD-3-Clause
import sys

import pytest

from igwn_alert_celery.cli.app import load_app
from igwn_alert_celery.errors import ConfigError, HandlerError
from tests.unit.apps import new_app

FOLLOWUP = """
from celery import Celery
from igwn_alert_celery import IGWNAlert
app = Celery("followup", broker="memory://", set_as_current=False, include={include!r})
igwn_alert = IGWNAlert(app)
number = 7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with modules, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("c_"):
            del sys.modules[name]


@pytest.mark.parametrize("name", ["c_found", "c_found:app", "c_found.app"])
def test_the_app_is_found_as_celery_finds_it(folder, name):
    (folder / "c_found.py").write_text(FOLLOWUP.format(include=[]))
    assert load_app(name).main == "followup"


def test_the_modules_of_include_are_imported(folder):
    (folder / "c_main.py").write_text(FOLLOWUP.format(include=["c_more"]))
    (folder / "c_more.py").write_text(
        "from c_main import igwn_alert\n"
        "@igwn_alert.handler('superevent')\n"
        "def on_superevent(alert):\n    pass\n"
    )
    assert load_app("c_main").igwn_alert.topics == ("superevent",)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c_none", None, "-A c_none: there is no module 'c_none' here"),
        ("c_broken", "1 / 0", "-A c_broken: importing it fails: ZeroDivisionError: division"),
        ("c_ends", "import sys; sys.exit(0)", "-A c_ends: importing it fails: SystemExit: 0"),
        ("c_lacks", "import c_other", "-A c_lacks: importing it fails: ModuleNotFoundError: "),
        ("c_empty", "", "-A c_empty: importing it fails: AttributeError"),
        ("c_odd:number", "number = 7", "-A c_odd:number: that is no Celery app"),
        ("c_syntax", "def", "-A c_syntax: importing it fails: SyntaxError"),
        (
            "c_later",
            FOLLOWUP.format(include=["c_missing"]),
            "-A c_later: a module of the app fails: ModuleNotFoundError",
        ),
    ],
)
def test_what_cannot_be_loaded_is_one_error_of_ours(folder, name, text, said):
    if text is not None:
        (folder / f"{name.partition(':')[0]}.py").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_app(name)
    assert str(caught.value).startswith(said)
    assert (caught.value.__cause__ is None) == (name == "c_odd:number")


def test_our_own_errors_stay_as_they_are(folder):
    text = FOLLOWUP.format(include=[]) + "\nigwn_alert.handler('superevent', alert_typ='new')\n"
    (folder / "c_typo.py").write_text(text)
    with pytest.raises(HandlerError, match="alert_type"):
        load_app("c_typo")


def test_an_app_is_taken_as_it_is():
    app = new_app()
    assert load_app(app) is app


def test_a_module_of_it_that_fails_is_told_by_the_apps_name():
    app = new_app(include=["there.is.none"])
    with pytest.raises(ConfigError, match="-A 'followup': a module of the app fails"):
        load_app(app)

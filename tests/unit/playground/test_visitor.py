# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with a visitor's file is said by file and line, without a traceback."""

import sys

import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.playground.errors import PlaygroundError
from igwn_alert_celery.playground.visitor import load_handlers

HANDLER = "from bridge_of_test import igwn_alert\n@igwn_alert.handler({})\ndef mine(alert): pass\n"


@pytest.fixture
def registry(monkeypatch):
    app = Celery("visited", set_as_current=False)
    igwn_alert = IGWNAlert(app, group="playground", noauth=True)

    @igwn_alert.handler("superevent")
    def handler(alert):
        return alert

    module = type(sys)("bridge_of_test")
    module.igwn_alert = igwn_alert
    monkeypatch.setitem(sys.modules, "bridge_of_test", module)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return igwn_alert.registry


@pytest.fixture
def load(tmp_path, registry):
    def load(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        load_handlers(path, registry)

    return load


def test_its_handlers_are_registered_under_the_file_s_name(load, registry):
    load(HANDLER.format('"cbc_*", alert_type="new"'))
    subscription = registry.subscriptions[-1]
    assert (subscription.task_name, subscription.topics) == ("mine.mine", ("cbc_*",))


def test_it_may_import_its_neighbours(load, tmp_path, registry):
    (tmp_path / "neighbour_of_mine.py").write_text("TOPIC = 'superevent'\n")
    load("from neighbour_of_mine import TOPIC\n" + HANDLER.format("TOPIC"))
    assert len(registry.subscriptions) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nx = (\n", "mine.py, line 2: '(' was never closed: x = ("),
        ("\ndef f():\n    return nonsense\nf()\n", "mine.py, line 3: NameError: name 'nonsense'"),
        ("import no_such_module_here\n", "mine.py, line 1: ModuleNotFoundError: No module named"),
        ("import sys\nsys.exit('bye')\n", "mine.py, line 2: SystemExit: bye"),
        ("import json\njson.loads('{')\n", "mine.py, line 2: JSONDecodeError: "),
        ("\0", "mine.py"),
        (HANDLER.format('"playground.superevent"'), "mine.py, line 2: topic 'playground.superev"),
        (HANDLER.format('"superevent", alert_typ="new"'), "mine.py, line 2: "),
        (HANDLER.format('"superevnt"'), "mine.py, handler mine: there is no topic 'superevnt'"),
        ("print('hello')\n", "mine.py declares no handler of the playground"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(load, text, told):
    with pytest.raises(PlaygroundError) as caught:
        load(text)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_file_with_an_app_of_its_own_hears_whose_igwn_alert_to_take(load):
    own = (
        "from celery import Celery\nfrom igwn_alert_celery import IGWNAlert\n"
        "app = Celery('own', set_as_current=False)\nigwn_alert = IGWNAlert(app, group='gracedb')\n"
        "@igwn_alert.handler('superevent')\ndef mine(alert): pass\n"
    )
    with pytest.raises(PlaygroundError, match=r"playground\.app import igwn_alert"):
        load(own)

# SPDX-License-Identifier: BSD-3-Clause
"""What others may use: it is listed, documented in NumPy's style, and importing it does nothing."""

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from importlib.metadata import version

import pytest

import igwn_alert_celery
from igwn_alert_celery import Alert, IGWNAlert, errors, signals
from igwn_alert_celery.client.reading import ReadStream
from igwn_alert_celery.client.sessions import Sessions
from igwn_alert_celery.client.writing import WriteStream
from igwn_alert_celery.metrics import Metrics, State
from igwn_alert_celery.record import Record, RecordInfo, TopicPartition
from igwn_alert_celery.settings import Settings

PACKAGE = igwn_alert_celery.__name__
MODULES = [
    name
    for _, name, is_folder in pkgutil.iter_modules(igwn_alert_celery.__path__, f"{PACKAGE}.")
    if not is_folder
]
CLASSES = [
    *(Alert, IGWNAlert, Metrics, Record, RecordInfo, Settings, State, TopicPartition),
    *(ReadStream, Sessions, WriteStream),
]
SECTIONS = ("Parameters", "Returns", "Raises", "Attributes", "Notes")


def members(cls):
    for name, member in vars(cls).items():
        function = member.fget if isinstance(member, property) else inspect.unwrap(unbound(member))
        if not name.startswith("_") and inspect.isfunction(function):
            yield name, function


def unbound(member):
    return member.__func__ if isinstance(member, (classmethod, staticmethod)) else member


METHODS = [
    pytest.param(function, id=f"{cls.__name__}.{name}")
    for cls in CLASSES
    for name, function in members(cls)
]


def section(document, title):
    """Return the names that a section of a docstring explains."""
    lines = inspect.cleandoc(document).splitlines()
    if title not in lines:
        return []
    start = lines.index(title)
    assert lines[start + 1] == "-" * len(title), document
    body = []
    for line in lines[start + 2 :]:
        if line in SECTIONS:
            break
        body.append(line)
    return [line.split(" : ")[0] for line in body if line and not line.startswith(" ")]


def test_the_names_of_the_package():
    names = ["Alert", "IGWNAlert", "__version__", "client", "errors", "signals"]
    assert igwn_alert_celery.__all__ == names
    assert all(hasattr(igwn_alert_celery, name) for name in igwn_alert_celery.__all__)
    assert igwn_alert_celery.__version__ == version("igwn-alert-celery")


def test_the_names_of_the_bridge():
    public = {name for name in vars(IGWNAlert) if not name.startswith("_")}
    assert public == {
        *("init_app", "handler", "deliver", "status", "topics"),
        *("app", "settings", "keep_expired"),
    }
    assert list(inspect.signature(IGWNAlert).parameters) == ["app", "settings"]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_lists_its_names(name):
    module = importlib.import_module(name)
    assert module.__doc__
    listed = module.__all__
    assert len(listed) == len(set(listed))
    own = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", None) == name
    }
    assert own - set(listed) == set(), "public, and not listed"
    assert [key for key in listed if not hasattr(module, key)] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_listed_class_and_function_is_documented(name):
    module = importlib.import_module(name)
    for key in module.__all__:
        value = getattr(module, key)
        if inspect.isclass(value) or inspect.isfunction(value):
            text = inspect.cleandoc(value.__doc__ or "")
            assert text, key
            assert not text.startswith(f"{key}("), f"{key} has what dataclass makes of it"


@pytest.mark.parametrize("function", METHODS)
def test_every_public_method_is_documented(function):
    assert function.__doc__
    for title in SECTIONS:
        names = section(function.__doc__, title)
        if title == "Parameters" and names:
            explained = [part.strip("*") for name in names for part in name.split(", ")]
            wanted = [*inspect.signature(function).parameters]
            assert [name for name in wanted if name not in {"self", "cls"}] == explained
        if title == "Raises":
            for name in names:
                assert name in errors.__all__


@pytest.mark.parametrize("cls", CLASSES)
def test_every_public_class_explains_what_it_is_made_of(cls):
    assert cls.__doc__
    named = section(cls.__doc__, "Attributes") or section(cls.__doc__, "Parameters")
    explained = {part.strip("*") for name in named for part in name.split(", ")}
    assert not named or explained == set(inspect.signature(cls).parameters)


@pytest.mark.parametrize("name", signals.__all__)
def test_every_signal_is_explained_with_its_arguments(name):
    arguments = sorted(getattr(signals, name).providing_args)
    shown = [f"``{name}({', '.join(order)})``" for order in (arguments, arguments[::-1])]
    assert any(text in signals.__doc__ for text in shown)


ALONE = """
import os, sys, threading
before = dict(os.environ)
import celery, celery._state
import igwn_alert_celery
assert celery.Task._app is None, "a base class is bound to an app"
assert celery._state.default_app is None, "a default app was made"
assert dict(os.environ) == before
assert threading.active_count() == 1
igwn_alert_celery.IGWNAlert(group="x").handler("y")
assert celery._state.default_app is None
"""


def test_importing_it_changes_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "IGWN_ALERT_PORT": "no number"},
    )
    assert done.returncode == 0, done.stderr

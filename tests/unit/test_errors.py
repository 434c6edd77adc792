# SPDX-License-Identifier: BSD-3-Clause
import pickle
import re

import pytest

from igwn_alert_celery import errors

ERRORS = [getattr(errors, name) for name in errors.__all__]


def test_the_tree_in_the_docstring_is_the_tree():
    drawn, path = {}, []
    for line in errors.__doc__.splitlines():
        found = re.match(r"([ │]*)[├└]── (\w+)", line)
        if found or line.strip() == "IGWNAlertError":
            depth = (len(found[1]) - 4) // 4 + 1 if found else 0
            path[depth:] = [found[2] if found else "IGWNAlertError"]
            drawn[path[-1]] = path[-2] if depth else None
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in ERRORS}
    assert drawn == {**real, "IGWNAlertError": None}


@pytest.mark.parametrize("kind", ERRORS)
def test_all_can_be_caught_as_one_and_travel(kind):
    assert issubclass(kind, errors.IGWNAlertError)
    given = {errors.PoisonRecord: ("reason", "detail"), errors.HandlerKilledProcess: ("task", 3)}
    raised = kind(*given.get(kind, ("a text",)))
    other = pickle.loads(pickle.dumps(raised))
    assert (type(other), str(other)) == (kind, str(raised))


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.SettingsError, ValueError),
        (errors.HandlerError, TypeError),
        (errors.NoAppError, RuntimeError),
    ],
)
def test_some_are_what_python_has_for_it(kind, builtin):
    assert issubclass(kind, (errors.ConfigError, builtin))
    assert issubclass(kind, builtin)


def test_a_poison_record_has_a_word_for_counting():
    raised = errors.PoisonRecord("not_json", "Expecting value")
    assert (raised.reason, raised.detail) == ("not_json", "Expecting value")
    assert str(raised) == "not_json: Expecting value"

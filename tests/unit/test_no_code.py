# SPDX-License-Identifier: BSD-3-Clause
"""Nothing in the package can make code of data: what would is never imported nor called."""

import ast
from pathlib import Path

import pytest

import igwn_alert_celery

PACKAGE = Path(igwn_alert_celery.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LOADERS = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
# What a record goes through must not even import by name.
ON_THE_WAY = ("kafka", "enqueue", "worker")
BY_NAME = {"importlib.import_module", "importlib.__import__", "symbol_by_name", "import_from_cwd"}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{item.name}" for item in node.names)


def called(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file(path):
    tree = ast.parse(path.read_text())
    assert {name.partition(".")[0] for name in imported(tree)} & LOADERS == set()
    calls = set(called(tree))
    assert calls & CALLS == set()
    if path.relative_to(PACKAGE).parts[0] in ON_THE_WAY:
        assert {name for name in calls if name.endswith(tuple(BY_NAME))} == set()

# SPDX-License-Identifier: BSD-3-Clause
"""docs/architecture.md shows what is there: every file, the layers, and nothing else."""

import re

import pytest

from tests.docs.markdown import ROOT, blocks, code, table, text_of

DOCUMENT = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "igwn_alert_celery"
FILE = re.compile(r"(?:\w+/)*\w+\.(?:py|lua)\b")


def test_every_file_of_the_package_is_in_a_table():
    shown = [name for row in table(DOCUMENT, "file", "does") for name in code(row[0])]
    for folder in (
        "kafka",
        "enqueue",
        "publisher",
        "worker",
        "redelivery",
        "client",
        "cli",
        "playground",
    ):
        rows = table(DOCUMENT, f"file in `{folder}/`", "does")
        shown += [f"{folder}/{name}" for row in rows for name in code(row[0])]
    files = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".lua"} and path.stat().st_size
    }
    assert files - set(shown) == set(), "files without a line"
    assert set(shown) - files == set(), "lines without a file"
    assert len(shown) == len(set(shown))


def test_every_file_that_is_named_exists():
    (diagram,) = blocks(DOCUMENT, "mermaid")
    prose = text_of(DOCUMENT).partition("## What each file does")[0]
    named = set(FILE.findall(diagram.text)) | set(FILE.findall(" ".join(code(prose))))
    assert len(named) > 20
    for name in named:
        assert (PACKAGE / name).is_file(), name


def test_the_layers_are_those_of_the_contract():
    tomllib = pytest.importorskip("tomllib")
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (layers,) = (c["layers"] for c in config["tool"]["importlinter"]["contracts"] if "layers" in c)
    assert blocks(DOCUMENT, "text")[0].text.splitlines() == layers

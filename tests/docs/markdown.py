# SPDX-License-Identifier: BSD-3-Clause
"""Read the documents as far as the tests need it: code blocks, tables and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCUMENTS", "ROOT", "Block", "blocks", "code", "links", "table", "text_of"]

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, text, and where it stands."""

    language: str
    text: str
    place: str


def text_of(document: Path) -> str:
    """Return a document without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def blocks(document: Path, language: str) -> list[Block]:
    """Return the fenced blocks of one language."""
    text = document.read_text(encoding="utf-8")
    name = document.relative_to(ROOT)
    return [
        Block(found[1], found[2], f"{name}:{text.count(chr(10), 0, found.start()) + 1}")
        for found in _FENCE.finditer(text)
        if found[1] == language
    ]


def table(document: Path, *header: str) -> list[list[str]]:
    """Return the rows of the one table that begins with this header."""
    lines = text_of(document).splitlines()
    (start,) = (n for n, line in enumerate(lines) if _cells(line)[: len(header)] == list(header))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(_cells(line))
    return rows


def code(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return _CODE.findall(cell)


def links(document: Path) -> list[Path]:
    """Return the files that a document links to."""
    found = (target.partition("#")[0] for target in _LINK.findall(text_of(document)))
    return [document.parent / target for target in found if target and "://" not in target]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]

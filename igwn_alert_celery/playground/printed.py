# SPDX-License-Identifier: BSD-3-Clause
"""What a handler prints: kept to be shown, and handed on to the worker's log."""

from __future__ import annotations

import sys
from typing import TextIO

__all__ = ["Printed"]


class Printed:
    """Stands in for standard output while a task runs; one task at a time, as prefork has it."""

    def __init__(self) -> None:
        self._text = ""
        self._output: TextIO = sys.stdout

    def begin(self) -> None:
        """Start to listen."""
        self._text = ""
        self._output, sys.stdout = sys.stdout, self

    def end(self) -> str:
        """Stop listening, and return what was printed."""
        sys.stdout = self._output
        return self._text.strip()

    def write(self, text: str) -> int:
        """Take what is printed."""
        self._text += text
        return self._output.write(text)

    def flush(self) -> None:
        """Hand the request on."""
        self._output.flush()

# SPDX-License-Identifier: BSD-3-Clause
"""As much of SVG as the plots need: text, lines and rectangles on white."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

__all__ = ["Drawing"]

_FONT = "font-family='DejaVu Sans, Verdana, Helvetica, sans-serif'"


class Drawing:
    """
    One picture.

    Parameters
    ----------
    width, height : int
        In pixels.
    title : str
        For those who cannot see it, and above it.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self._head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
            f"width='{width}' height='{height}' role='img' aria-label={quoteattr(title)} {_FONT}>"
        )
        self._parts = [f"<rect width='{width}' height='{height}' fill='white'/>"]
        self.text(12, 24, title, size=15)

    def text(self, x: float, y: float, said: str, *, anchor: str = "start", size: int = 12) -> None:
        """Write a line."""
        place = f"x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}'"
        self._parts.append(f"<text {place} fill='#222'>{escape(said)}</text>")

    def bar(self, x: float, y: float, size: tuple[float, float], colour: str) -> None:
        """Fill a rectangle."""
        width, height = size
        place = f"x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}'"
        self._parts.append(f"<rect {place} fill='{colour}'/>")

    def line(
        self, points: Sequence[tuple[float, float]], colour: str, *, width: float = 1.0
    ) -> None:
        """Draw from point to point."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(
            f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}'/>"
        )

    def __str__(self) -> str:
        return "\n".join([self._head, *self._parts, "</svg>", ""])

# SPDX-License-Identifier: BSD-3-Clause
"""A kind of measurement: its cases, how each is taken, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sample import FLOOR, TODAYS, Case, Outcome
from benchmarks.servers import Servers

__all__ = ["Column", "Scenario"]


@dataclass(frozen=True, slots=True)
class Column:
    """
    One figure in a table.

    Attributes
    ----------
    figure : str
        Its name in an outcome.
    title : str
        With the unit.
    digits : int
        Behind the point.
    compared : bool
        Whether ratios to the ways of the scenario's ``against`` stand beside it.
    """

    figure: str
    title: str
    digits: int = 1
    compared: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One section of the report.

    Attributes
    ----------
    name, title, text : str
        In a case's key; above its table; below the title.
    measure : callable
        Takes one sample of one case, on running servers, with an empty folder.
    cases : callable
        Returns the cases of a full run, or of a quick one.
    columns : tuple of Column
        What is shown.
    repetitions : int
        In a full run.
    long : bool
        Whether it runs only when long measurements are asked for.
    against : tuple of str
        Ways that the others are compared with.
    """

    name: str
    title: str
    text: str
    measure: Callable[[Case, Servers, Path], Outcome]
    cases: Callable[[bool], list[Case]]
    columns: tuple[Column, ...]
    repetitions: int = 5
    long: bool = False
    against: tuple[str, ...] = (TODAYS, FLOOR)

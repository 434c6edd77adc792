# SPDX-License-Identifier: BSD-3-Clause
"""What is measured, and one measurement of it, as JSON keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["FLOOR", "OURS", "TODAYS", "Case", "Outcome", "Sample", "Value"]

OURS = "this package"
TODAYS = "today's way"
FLOOR = "floor"

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Case:
    """
    One thing to measure.

    Attributes
    ----------
    scenario : str
        Which file measures it.
    way : str
        `OURS`, `TODAYS`, or a name that begins with `FLOOR`.
    about : mapping
        All else that makes the case; ways are compared where this is the same.
    """

    scenario: str
    way: str
    about: Mapping[str, Value]

    @property
    def conditions(self) -> str:
        """All but the way, in words."""
        return ", ".join(f"{name} {value}" for name, value in self.about.items() if value != "")

    @property
    def key(self) -> str:
        """The case in words, as ``--only`` sees it."""
        return f"{self.scenario} | {self.conditions} | {self.way}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What a scenario has measured.

    Attributes
    ----------
    figures : mapping
        By name, with the unit at the end of the name.
    series : mapping
        Single measurements behind them, by name.
    wrong : sequence of str
        What was lost, doubled or out of order: the figures are worth nothing then.
    """

    figures: Mapping[str, float]
    series: Mapping[str, list[float]] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One outcome of one case, the so-manieth of this run."""

    case: Case
    repetition: int
    outcome: Outcome
    at: str
    took_s: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Sample:
        """Return what :meth:`as_dict` was made of."""
        outcome = {**kept["outcome"], "wrong": tuple(kept["outcome"]["wrong"])}
        return cls(**{**kept, "case": Case(**kept["case"]), "outcome": Outcome(**outcome)})

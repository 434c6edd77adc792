# SPDX-License-Identifier: BSD-3-Clause
"""All that a run has measured: written as JSON, read again, and asked for medians and ratios."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sample import Case, Sample
from benchmarks.spread import Spread, spread

__all__ = ["Ratio", "Report"]

# Today's way may be given fewer alerts, for the same figures in a bearable time.
_AND = " and "
_NOT_COMPARED = ("alerts",)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two medians, and the least and the most of one repetition's."""

    value: float
    low: float
    high: float


@dataclass
class Report:
    """
    One run.

    Attributes
    ----------
    about : dict
        The command, when, versions, the machine.
    samples : list of Sample
        In the order in which they were taken.
    """

    about: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it; never half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        kept = {**self.about, "samples": [sample.as_dict() for sample in self.samples]}
        fresh.write_text(json.dumps(kept, indent=1))
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Report:
        """Return what :meth:`save` has written."""
        kept = json.loads(path.read_text())
        samples = [Sample.from_dict(item) for item in kept.pop("samples")]
        return cls(kept, samples)

    def with_parts_of(self, later: Report) -> Report:
        """Return it with those scenarios replaced that were measured anew."""
        anew = {sample.case.scenario for sample in later.samples}
        kept = [sample for sample in self.samples if sample.case.scenario not in anew]
        commands = f"{self.about['command']}`, `{later.about['command']}"
        about = {**later.about, "command": commands}
        said = (one.about["versions"].get("commit", "") for one in (self, later))
        commits = dict.fromkeys(commit for text in said for commit in text.split(_AND) if commit)
        if commits:
            about["versions"] = {**about["versions"], "commit": _AND.join(commits)}
        return Report(about, kept + later.samples)

    def cases(self, scenario: str) -> list[Case]:
        """Return the cases of a scenario, each once, in the order of the first repetition."""
        found = {
            sample.case.key: sample.case
            for sample in self.samples
            if sample.case.scenario == scenario
        }
        return list(found.values())

    def of(self, case: Case) -> list[Sample]:
        """Return all samples of one case."""
        return [sample for sample in self.samples if sample.case.key == case.key]

    def spread(self, case: Case, figure: str) -> Spread | None:
        """Return one figure of all repetitions; None where it was not measured."""
        found = self._by_repetition(case, figure)
        return spread(found.values()) if found else None

    def find(self, scenario: str, way: str, about: Mapping[str, Any]) -> Case | None:
        """
        Return the case of a way under the same conditions; None when there is none.

        Of a way with several forms, such as the floor, that is the first one.
        """
        wanted = _compared(about)
        same = [
            case
            for case in self.cases(scenario)
            if case.way.startswith(way) and _compared(case.about) == wanted
        ]
        return next((case for case in same if case.way == way), next(iter(same), None))

    def ratio(self, case: Case, to: Case | None, figure: str) -> Ratio | None:
        """Return how one figure compares with another case's; None where one is missing."""
        mine = self._by_repetition(case, figure)
        theirs = self._by_repetition(to, figure) if to is not None else {}
        if not mine or not theirs or not all(theirs.values()):
            return None
        pairs = [mine[at] / theirs[at] for at in mine.keys() & theirs.keys()]
        value = spread(mine.values()).median / spread(theirs.values()).median
        return Ratio(value, min(pairs, default=value), max(pairs, default=value))

    def wrong(self) -> Iterable[str]:
        """Yield what went wrong, case by case."""
        for sample in self.samples:
            for text in sample.outcome.wrong:
                yield f"{sample.case.key}: {text}"

    def _by_repetition(self, case: Case, figure: str) -> dict[int, float]:
        return {
            sample.repetition: sample.outcome.figures[figure]
            for sample in self.of(case)
            if figure in sample.outcome.figures
        }


def _compared(about: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if name not in _NOT_COMPARED}

# SPDX-License-Identifier: BSD-3-Clause
"""What redelivery keeps in Redis, and under which keys."""

from __future__ import annotations

from dataclasses import dataclass

from igwn_alert_celery.enqueue.ledger import ROOT

__all__ = ["PACKAGE", "Keys", "transport_options"]

#: Where the scripts are.
PACKAGE = "igwn_alert_celery.redelivery"

_UNACKED = f"{ROOT}unacked:"
_INDEX = f"{ROOT}unacked_index:"


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of the keys, each with kombu's ``global_keyprefix``.

    ``workers`` has the last heartbeat of every worker, milliseconds of Redis's clock; ``popping``
    since when one of them waits for a message, so that it may have one nobody else knows of;
    ``outstanding`` the tasks of the ledger's script, with their messages; ``attempts`` how often
    a task was running when its worker died, or had to be sent again.
    """

    prefix: str

    @property
    def root(self) -> str:
        """What all keys of ours begin with."""
        return f"{self.prefix}{ROOT}"

    @property
    def outstanding(self) -> str:
        """Hash: task id → message."""
        return f"{self.root}outstanding"

    @property
    def attempts(self) -> str:
        """Hash: task id → number."""
        return f"{self.root}attempts"

    @property
    def workers(self) -> str:
        """Sorted set: incarnation → time."""
        return f"{self.root}workers"

    @property
    def popping(self) -> str:
        """Hash: incarnation → time."""
        return f"{self.root}popping"

    @property
    def sweep(self) -> str:
        """Hash: counts of sweeps asked for, begun and done, and when the last first look was."""
        return f"{self.root}sweep"

    @property
    def suspects(self) -> str:
        """Set: ids of the tasks that were missing at the first look."""
        return f"{self.root}suspects"

    @property
    def sweeping(self) -> str:
        """Lock: who looks for lost tasks just now."""
        return f"{self.root}sweeping"

    @property
    def dead_letters(self) -> str:
        """Hash of the dead letters."""
        return f"{self.root}dead_letters"

    def running(self, incarnation: str) -> str:
        """Set: ids of the handlers' tasks that run."""
        return f"{self.root}running:{incarnation}"

    def unacked(self, incarnation: str) -> str:
        """Hash of kombu's: delivery tag → message."""
        return f"{self.prefix}{_UNACKED}{incarnation}"

    def unacked_index(self, incarnation: str) -> str:
        """Sorted set of kombu's: delivery tag → time."""
        return f"{self.prefix}{_INDEX}{incarnation}"


def transport_options(incarnation: str) -> dict[str, str]:
    """Return kombu's options for the keys of one worker, which kombu prefixes itself."""
    return {
        "unacked_key": f"{_UNACKED}{incarnation}",
        "unacked_index_key": f"{_INDEX}{incarnation}",
    }

# SPDX-License-Identifier: BSD-3-Clause
"""What igwn-alert has given up and still has for old programs."""

from __future__ import annotations

import warnings

__all__ = ["GivenUp"]


class GivenUp:
    """Methods that only warn."""

    def get_subscriptions(self) -> None:
        """Do nothing but warn: topics are what :meth:`listen` is called with."""
        _deprecated("get_subscriptions", "there are no subscriptions; name topics in listen()")

    def subscribe(self, *topics: str) -> None:
        """Do nothing but warn: topics are what :meth:`listen` is called with."""
        _deprecated("subscribe", "name the topics in listen()")

    def unsubscribe(self, *topics: str) -> None:
        """Do nothing but warn: topics are what :meth:`listen` is called with."""
        _deprecated("unsubscribe", "leave the topics out in listen()")

    def delete(self) -> None:
        """Do nothing but warn: topics are deleted by those who run the Kafka service."""
        _deprecated("delete", "topics are deleted by those who run the Kafka service")


def _deprecated(name: str, instead: str) -> None:
    warnings.warn(
        f"{name}() does nothing and is deprecated: {instead}", DeprecationWarning, stacklevel=3
    )

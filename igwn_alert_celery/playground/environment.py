# SPDX-License-Identifier: BSD-3-Clause
"""Environment variables by which the playground tells its worker where things are."""

from __future__ import annotations

__all__ = ["FOLDER", "HANDLERS"]

FOLDER = "PLAYGROUND_FOLDER"
HANDLERS = "PLAYGROUND_HANDLERS"

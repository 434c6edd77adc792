# SPDX-License-Identifier: BSD-3-Clause
"""Numbered alerts go in while things break; counted is what comes out. See :mod:`.run`."""

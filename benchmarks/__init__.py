# SPDX-License-Identifier: BSD-3-Clause
"""What it costs and how fast it is, measured against today's way and against the floor."""

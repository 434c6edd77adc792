# SPDX-License-Identifier: BSD-3-Clause
"""What the measured workers run."""

# SPDX-License-Identifier: BSD-3-Clause
"""Real services for the tests: started on demand, ended for certain."""

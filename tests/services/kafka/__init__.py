# SPDX-License-Identifier: BSD-3-Clause
"""A real Kafka broker from Maven Central."""

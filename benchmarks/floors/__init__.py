# SPDX-License-Identifier: BSD-3-Clause
"""The least that each thing can cost: Kafka's and Redis's own clients, and next to nothing else."""

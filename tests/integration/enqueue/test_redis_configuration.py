# SPDX-License-Identifier: BSD-3-Clause
"""What Redis's own configuration is worth, said at start."""

from tests.integration.enqueue.kit import opened


def test_a_safe_configuration_has_no_warning(ledger, configured):
    configured("maxmemory-policy", "noeviction")
    configured("appendonly", "yes")
    assert ledger.warnings() == []


def test_eviction_and_missing_persistence_are_told(ledger, configured):
    configured("maxmemory-policy", "allkeys-lru")
    configured("appendonly", "no")
    configured("save", "")
    eviction, persistence = ledger.warnings()
    assert "noeviction" in eviction
    assert "appendonly" in persistence


def test_snapshots_are_persistence_enough(ledger, configured):
    configured("maxmemory-policy", "noeviction")
    configured("appendonly", "no")
    configured("save", "3600 1")
    assert ledger.warnings() == []


def test_a_forbidden_config_is_said(prefix, restricted):
    mine = opened(restricted("~*", "&*", "+@all", "-config"), prefix)
    (warning,) = mine.warnings()
    assert "does not tell" in warning

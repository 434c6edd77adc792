# SPDX-License-Identifier: BSD-3-Clause
"""Who may do what on the secured broker: SCiMMA's rules in small."""

from __future__ import annotations

from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from tests.services.wait import wait_until

__all__ = [
    "PASSWORDS",
    "READ_ONLY",
    "SECRET",
    "WRITE_ONLY",
    "allow",
    "allow_group",
    "change",
    "delete",
    "forbid",
    "forbid_group",
    "grant",
    "permit",
]

#: ``alice`` may read and write the topics ``gracedb-test.*`` but for those below, and use consumer
#: groups that begin with ``alice-``. ``bob`` exists and may do nothing.
PASSWORDS = {"alice": "alices-Secret.42", "bob": "bobs-Secret.43"}
#: Alice must not even see it.
SECRET = "gracedb-test.secret"
#: She sees it and may not read it.
WRITE_ONLY = "gracedb-test.write_only"
#: She sees and reads it and may not write to it.
READ_ONLY = "gracedb-test.read_only"

_TIMEOUT_S = 30.0
_ALLOW, _DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
_PREFIXED, _LITERAL = ResourcePatternType.PREFIXED, ResourcePatternType.LITERAL


def grant(admin: Any) -> None:
    """Write the rules and wait until they are stored."""
    rules = [
        _rule(ResourceType.TOPIC, "gracedb-test.", _PREFIXED, AclOperation.READ, _ALLOW),
        _rule(ResourceType.TOPIC, "gracedb-test.", _PREFIXED, AclOperation.WRITE, _ALLOW),
        _rule(ResourceType.GROUP, "alice-", _PREFIXED, AclOperation.READ, _ALLOW),
        _rule(ResourceType.TOPIC, SECRET, _LITERAL, AclOperation.ALL, _DENY),
        _rule(ResourceType.TOPIC, WRITE_ONLY, _LITERAL, AclOperation.READ, _DENY),
        _rule(ResourceType.TOPIC, READ_ONLY, _LITERAL, AclOperation.WRITE, _DENY),
    ]
    for future in admin.create_acls(rules).values():
        future.result(_TIMEOUT_S)
    wait_until(lambda: _count(admin) == len(rules), _TIMEOUT_S, "the rules hold")


def change(admin: Any, username: str, password: str) -> None:
    """Give a user another password; those who are logged in stay so."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    alteration = UserScramCredentialUpsertion(username, info, password.encode())
    for future in admin.alter_user_scram_credentials([alteration]).values():
        future.result(_TIMEOUT_S)


def delete(admin: Any, username: str) -> None:
    """Delete a user; those who are logged in stay so."""
    deletion = UserScramCredentialDeletion(username, ScramMechanism.SCRAM_SHA_512)
    for future in admin.alter_user_scram_credentials([deletion]).values():
        future.result(_TIMEOUT_S)


def forbid(admin: Any, topic: str) -> None:
    """Let alice read this topic no more."""
    _create(admin, _no_reading(topic))


def allow(admin: Any, topic: str) -> None:
    """Undo :func:`forbid`."""
    _delete(admin, _no_reading(topic))


def forbid_group(admin: Any, group: str) -> None:
    """Let alice use this consumer group no more."""
    _create(admin, _no_group(group))


def allow_group(admin: Any, group: str) -> None:
    """Undo :func:`forbid_group`."""
    _delete(admin, _no_group(group))


def _create(admin: Any, rule: Any) -> None:
    for future in admin.create_acls([rule]).values():
        future.result(_TIMEOUT_S)


def _delete(admin: Any, rule: Any) -> None:
    same = AclBindingFilter(
        rule.restype, rule.name, rule.resource_pattern_type, rule.principal, rule.host,
        rule.operation, rule.permission_type,
    )  # fmt: skip
    for future in admin.delete_acls([same]).values():
        future.result(_TIMEOUT_S)


def permit(admin: Any, topic: str) -> None:
    """Let alice read a topic of whatever name."""
    rule = _rule(ResourceType.TOPIC, topic, _LITERAL, AclOperation.READ, _ALLOW)
    for future in admin.create_acls([rule]).values():
        future.result(_TIMEOUT_S)


def _no_group(group: str) -> Any:
    return _rule(ResourceType.GROUP, group, _LITERAL, AclOperation.READ, _DENY)


def _no_reading(topic: str) -> Any:
    return _rule(ResourceType.TOPIC, topic, _LITERAL, AclOperation.READ, _DENY)


def _rule(resource: Any, name: str, pattern: Any, operation: Any, permission: Any) -> Any:
    return AclBinding(resource, name, pattern, "User:alice", "*", operation, permission)


def _count(admin: Any) -> int:
    any_: Any = None
    every = AclBindingFilter(
        ResourceType.ANY, any_, ResourcePatternType.ANY, any_, any_,
        AclOperation.ANY, AclPermissionType.ANY,
    )  # fmt: skip
    return len(admin.describe_acls(every).result(_TIMEOUT_S))

# SPDX-License-Identifier: BSD-3-Clause
"""Settings, files and the credential: what is known before anything is connected."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

from igwn_alert_celery.cli.checks.check import Failed, Skipped
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.kafka.client import client_config
from igwn_alert_celery.kafka.credentials import credential_files, find_credential

__all__ = ["authority", "credential", "file_modes", "settings"]

_CA = "ssl.ca.location"


def settings(patient: Patient) -> str:
    """Build the settings."""
    found = patient.settings
    return f"{found.bootstrap}, topics {found.topic_prefix}*"


def file_modes(patient: Patient) -> str:
    """Look at the files with credentials: nobody else may read them."""
    files = credential_files(patient.settings, os.environ, skip_toml=_skips_toml(patient))
    for error in files.values():
        if error is not None:
            raise Failed("others could read a password, or you cannot", str(error))
    if not files:
        raise Skipped("no file is looked into, or there is none")
    return ", ".join(f"{path} {stat.S_IMODE(path.stat().st_mode):04o}" for path in files)


def credential(patient: Patient) -> str:
    """Find the credential and say where it was, never what it is."""
    found = find_credential(patient.settings, os.environ, skip_toml=_skips_toml(patient))
    patient.found = found
    patient.config = client_config(patient.settings, found.credential)
    if found.credential is None:
        return found.where
    protocol = patient.config.get("security.protocol")
    return f"{patient.who}, from {found.where} ({protocol}, {patient.config.get('sasl.mechanism')})"


def authority(patient: Patient) -> str:
    """Open the file with the authorities that may have signed the server's certificate."""
    if not patient.has_tls:
        raise Skipped(f"no TLS ({patient.config.get('security.protocol', 'PLAINTEXT')})")
    place = patient.config.get(_CA)
    if not place or place == "probe":
        raise Skipped("the system's own authorities")
    try:
        return f"{place}, certificates in it: {_count(Path(place))}"
    except FileNotFoundError:
        raise Failed(f"{place} does not exist", _remedy(patient)) from None
    except ssl.SSLError:
        raise Failed(f"{place} holds no certificate in PEM form", _remedy(patient)) from None
    except OSError as exc:
        raise Failed(f"{place} cannot be read ({exc.strerror})", _remedy(patient)) from None


def _count(path: Path) -> int:
    if path.is_dir():
        # Loaded when it is needed: only its names can be seen.
        return len(list(path.iterdir()))
    with path.open("rb"):
        pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=path)
    return len(context.get_ca_certs())


def _remedy(patient: Patient) -> str:
    if _CA in patient.settings.kafka_options:
        return f"correct {_CA} in igwn_alert_kafka_options, or leave it out"
    file = patient.found.file if patient.found else None
    if file is None:
        return "the Python package certifi is broken: install it anew"
    # https://github.com/scimma/hop-client/issues/180 and 221: hop wrote certifi's path into it.
    return (
        f"delete the line ssl_ca_location of this entry from {file}: it may point into a virtual "
        "environment that is gone, and without it certifi's authorities are used; or name a file "
        "that exists"
    )


def _skips_toml(patient: Patient) -> bool:
    # As igwn-alert does: -n looks into that file alone.
    return patient.target.flags.netrc is not None and patient.target.bridge is None

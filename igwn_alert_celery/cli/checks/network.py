# SPDX-License-Identifier: BSD-3-Clause
"""From the server's name to a TLS connection, step by step."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from igwn_alert_celery.cli.checks.check import Failed, Skipped
from igwn_alert_celery.cli.checks.patient import Address, Patient

__all__ = ["brokers", "encryption", "name", "port"]

_CONNECT_S = 3.0
_AT_ONCE = 16
_DAY_S = 86_400.0
# OpenSSL's numbers, from x509_vfy.h.
_NOT_YET, _EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 62, 64


def name(patient: Patient) -> str:
    """Look the server's name up."""
    host, number = _place(patient)
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise Failed(
            f"{host} is not known ({_told(exc)})",
            "check the name in igwn_alert_server or -s for a typing error, and whether this "
            "machine has a name server (`getent hosts kafka.scimma.org`)",
        ) from None
    patient.addresses = [(family, address) for family, _, _, _, address in found]
    return f"{host} is {', '.join(dict.fromkeys(str(a[0]) for _, a in patient.addresses))}"


def port(patient: Patient) -> str:
    """Connect to the server's port by TCP."""
    host, number = _place(patient)
    problems = []
    for address in patient.addresses:
        try:
            began = time.monotonic()
            _connect(address).close()
            return f"port {number} answers after {1000 * (time.monotonic() - began):.0f} ms"
        except OSError as exc:
            problems.append(_told(exc))
    raise Failed(
        f"port {number} of {host} does not answer ({'; '.join(dict.fromkeys(problems))})",
        f"check the port; a firewall may hold it back (try `nc -vz {host} {number}` elsewhere), or "
        "the server is down: ask those who run it",
    )


def encryption(patient: Patient) -> str:
    """Shake hands by TLS, with the certificate checked as librdkafka would."""
    if not patient.has_tls:
        raise Skipped(f"no TLS ({patient.config.get('security.protocol', 'PLAINTEXT')})")
    context = _context(patient.config)
    host, number = _place(patient)
    for address in patient.addresses:
        try:
            plain = _connect(address)
        except OSError:
            continue  # another address has answered to the check before
        with plain:
            return _shake_hands(context, plain, host)
    raise Failed(f"port {number} does not answer any more", "try again")


def brokers(patient: Patient) -> str:
    """Connect to each broker: Kafka tells their addresses itself, and they may be others."""
    places = patient.welcome.brokers if patient.welcome else ()
    if not places:
        raise Skipped("Kafka names none")
    with ThreadPoolExecutor(_AT_ONCE, "doctor-broker") as pool:
        problems = [problem for problem in pool.map(_unreachable, places) if problem]
    if problems:
        raise Failed(
            f"not to be reached: {'; '.join(problems)}",
            "Kafka sends its clients to these addresses: let the firewall through to each, or ask "
            "those who run it to correct advertised.listeners",
        )
    return f"{', '.join(f'{host}:{number}' for host, number in places)} can be reached"


def _unreachable(place: tuple[str, int]) -> str:
    try:
        socket.create_connection(place, _CONNECT_S).close()
    except OSError as exc:
        return f"{place[0]}:{place[1]} ({_told(exc)})"
    return ""


def _shake_hands(context: ssl.SSLContext, plain: socket.socket, host: str) -> str:
    try:
        with context.wrap_socket(plain, server_hostname=host) as encrypted:
            version, certificate = encrypted.version(), encrypted.getpeercert() or {}
    except ssl.SSLCertVerificationError as exc:
        raise _distrusted(exc, host) from None
    except OSError as exc:
        raise Failed(
            f"the server does not answer by TLS ({_told(exc)})",
            "check the port: this one may be without TLS; then the entry in auth.toml needs "
            'protocol = "SASL_PLAINTEXT", or -p another port',
        ) from None
    if not certificate:
        return f"{version}, the certificate is not verified (igwn_alert_kafka_options)"
    days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / _DAY_S
    return f"{version}, certificate of {_issuer(certificate)} good for {days:.0f} more days"


def _distrusted(exc: ssl.SSLCertVerificationError, host: str) -> Failed:
    text = f"the server's certificate is not accepted ({exc.verify_message})"
    if exc.verify_code in {_EXPIRED, _NOT_YET}:
        return Failed(text, "check this machine's date; if it is right, tell who runs the server")
    if exc.verify_code in {_OTHER_HOST, _OTHER_ADDRESS}:
        return Failed(
            text,
            f"{host} is not the name in it: write the server's own name into igwn_alert_server",
        )
    return Failed(
        text,
        "let ssl_ca_location in auth.toml (or ssl.ca.location in igwn_alert_kafka_options) name a "
        "file with the authority that signed it; beside a proxy that opens TLS, the proxy's",
    )


def _context(config: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if str(config.get("ssl.endpoint.identification.algorithm", "https")) == "none":
        context.check_hostname = False
    if str(config.get("enable.ssl.certificate.verification", True)).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    place = config.get("ssl.ca.location")
    if not place or place == "probe":
        context.load_default_certs()
    elif Path(place).is_dir():
        context.load_verify_locations(capath=place)
    else:
        context.load_verify_locations(cafile=place)
    return context


def _connect(address: Address) -> socket.socket:
    family, place = address
    plain = socket.socket(family, socket.SOCK_STREAM)
    plain.settimeout(_CONNECT_S)
    try:
        plain.connect(place)
    except BaseException:
        plain.close()
        raise
    return plain


def _place(patient: Patient) -> tuple[str, int]:
    url = urlsplit(f"//{patient.settings.bootstrap}")
    return url.hostname or "", url.port or 0


def _issuer(certificate: Any) -> str:
    names = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    return str(names.get("organizationName") or names.get("commonName") or "an authority")


def _told(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {_CONNECT_S:g} s"
    if isinstance(exc, ssl.SSLError):
        return str(exc.reason or exc).replace("_", " ").lower()
    return getattr(exc, "strerror", None) or str(exc)

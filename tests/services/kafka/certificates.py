# SPDX-License-Identifier: BSD-3-Clause
"""A certificate authority for one test run, and what it signs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.services.absent import program

__all__ = ["Authority"]

_YEAR = 365


class Authority:
    """
    Signs server certificates; all files lie in one folder.

    Attributes
    ----------
    certificate : Path
        What a client has to trust: ``ssl.ca.location``.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._openssl = program("openssl", "apt-get install openssl")
        self._key = folder / f"{name}.key"
        self.certificate = folder / f"{name}.pem"
        extensions = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self._run("req", "-x509", "-subj", f"/CN=test {name}", "-days", str(_YEAR), *extensions,
                  *self._new_key(self._key), "-out", str(self.certificate))  # fmt: skip

    def issue(
        self, name: str, hosts: str = "DNS:localhost,IP:127.0.0.1", *, days: int = _YEAR
    ) -> Path:
        """
        Return a PEM file with a new key and its certificate, as Kafka and Python's ssl take it.

        Parameters
        ----------
        name : str
            Name of the file.
        hosts : str
            Names that it is good for, as openssl writes them.
        days : int
            How long it is good; -1 for one that ended yesterday.
        """
        key, request, signed = (self._folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\nextendedKeyUsage=serverAuth\n")
        self._run("req", "-subj", f"/CN={name}", *self._new_key(key), "-out", str(request))
        self._run("x509", "-req", "-in", str(request), "-CA", str(self.certificate),
                  "-CAkey", str(self._key), "-CAcreateserial", "-days", str(days),
                  "-extfile", str(extensions), "-out", str(signed))  # fmt: skip
        whole = self._folder / f"{name}.pem"
        whole.write_text(key.read_text() + signed.read_text())
        return whole

    @staticmethod
    def _new_key(path: Path) -> list[str]:
        # An elliptic curve's key is made in a moment.
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        return [*curve, "-nodes", "-keyout", str(path)]

    def _run(self, *argv: str) -> None:
        subprocess.run([self._openssl, *argv], check=True, capture_output=True)

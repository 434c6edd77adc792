# SPDX-License-Identifier: BSD-3-Clause
"""One HTTP download within a time and a size, whatever the server does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from urllib.parse import urljoin

import requests
from hop.auth import Auth
from hop.http_scram import SCRAMAuth
from requests import exceptions
from requests.auth import AuthBase

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.transport import (
    Transport,
    Unavailable,
    check_status,
    is_url,
    place_of,
)

__all__ = ["Unavailable", "download", "http_auth", "is_url", "place_of"]

_CHUNK_BYTES = 65_536
_MOST_RUNNING = 8
_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_WRONG_URL = (
    exceptions.InvalidURL,
    exceptions.InvalidSchema,
    exceptions.MissingSchema,
    exceptions.InvalidHeader,
    UnicodeError,
)
# Downloads whose thread has not ended, also those that nobody waits for any more.
_running: set[Future[bytes]] = set()


def download(url: str, credential: Auth | None, timeout_s: float, most_bytes: int) -> bytes:
    """Return what is at a URL; blocks for at most ``timeout_s``, name look-up included.

    The credential goes to the URL's own server only, and not where that redirects to.

    Raises
    ------
    PoisonRecord
        ``offload_missing``, ``too_large``, ``undecodable``.
    Unavailable
    """
    if len(_running) >= _MOST_RUNNING:
        raise Unavailable(f"{place_of(url)}: {_MOST_RUNNING} earlier downloads still hang")
    result: Future[bytes] = Future()
    transport = Transport(time.monotonic() + timeout_s)

    def run() -> None:
        try:
            result.set_result(_fetch(transport, url, credential, most_bytes))
        except BaseException as exc:  # noqa: BLE001 - raised again in the waiting thread
            result.set_exception(exc)
        finally:
            _running.discard(result)

    # A name look-up cannot be interrupted, and a server can stretch any single read. So the
    # waiting ends in time, and with its connections shut the thread ends soon after.
    _running.add(result)
    threading.Thread(target=run, name="igwn-alert-download", daemon=True).start()
    try:
        return result.result(timeout_s)
    except FutureTimeout:
        transport.abandon()
        raise Unavailable(f"{place_of(url)}: nothing whole within {timeout_s:g} s") from None


def _fetch(transport: Transport, url: str, credential: Auth | None, most_bytes: int) -> bytes:
    try:
        return _body(transport, url, http_auth(credential), most_bytes)
    except (PoisonRecord, Unavailable):
        raise
    except _WRONG_URL as exc:
        raise PoisonRecord("undecodable", f"the URL {place_of(url)} is wrong") from exc
    except Exception as exc:  # noqa: BLE001 - raised as ours, without a text that quotes a secret
        # Border: what libraries raise for a server's answer.
        raise Unavailable(f"{place_of(url)}: {type(exc).__name__}") from None


def _body(transport: Transport, url: str, auth: AuthBase, most_bytes: int) -> bytes:
    for _ in range(_MOST_REDIRECTS + 1):
        # A session each, so that no cookie goes from one server to the next.
        with requests.Session() as session:
            session.mount("http://", transport)
            session.mount("https://", transport)
            with _get(session, url, auth) as response:
                if response.status_code not in _REDIRECTS:
                    return _read(response, transport, most_bytes)
                url, auth = _target(url, response), _Anonymous()
    raise PoisonRecord("offload_missing", f"{place_of(url)}: too many redirects")


def _get(session: requests.Session, url: str, auth: AuthBase) -> requests.Response:
    # A compressed body could grow beyond its limit before it is counted.
    headers = {"Accept-Encoding": "identity"}
    return session.get(url, auth=auth, stream=True, allow_redirects=False, headers=headers)


def _target(url: str, response: requests.Response) -> str:
    target = urljoin(url, response.headers.get("Location", ""))
    if not is_url(target):
        raise PoisonRecord("offload_missing", f"{place_of(url)} redirects to what is not http(s)")
    return target


def _read(response: requests.Response, transport: Transport, most_bytes: int) -> bytes:
    check_status(response)
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > most_bytes:
        raise _too_large(response.url)
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > most_bytes:
            raise _too_large(response.url)
        transport.left_s()
    return bytes(body)


def _too_large(url: str) -> PoisonRecord:
    return PoisonRecord("too_large", f"what is at {place_of(url)} is above igwn_alert_max_bytes")


class _Anonymous(AuthBase):
    """No credential; without it requests would look for one in the URL and in ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        return request


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def http_auth(credential: Auth | None) -> AuthBase:
    """Return how a request shows the credential; without one it shows none that may lie about."""
    if credential is None:
        return _Anonymous()
    if credential.is_scram:
        scram: AuthBase = SCRAMAuth(credential, shortcut=True)
        return scram
    # hop runs a command or asks a server for the token.
    return _Bearer(str(credential.token)) if credential.is_token else _Anonymous()

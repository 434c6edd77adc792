# SPDX-License-Identifier: BSD-3-Clause
"""An offload server on loopback: hop's SCRAM over HTTP, and every kind of bad behaviour."""

import base64
import secrets
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hop import bson
from requests.utils import parse_dict_header
from scramp import ScramException, ScramMechanism

MECHANISM = "SCRAM-SHA-512"


def packed(message, headers=(), key=None, **more):
    """Return the BSON that the server stores for a message."""
    metadata = {"timestamp": 1_700_000_000_000, "headers": list(headers), "topic": "g.t", **more}
    if key is not None:
        metadata["key"] = key
    return bson.dumps({"message": message, "metadata": metadata})


class OffloadHTTP:
    """Answers ``GET path`` as ``paths[path]`` says: bytes, or a function of the handler.

    Attributes
    ----------
    requests : list
        (path, headers) of each request.
    stopping : threading.Event
        Set at the end, so that what drips and hangs ends.
    """

    def __init__(self, username=None, password=None):
        self.paths = {}
        self.requests = []
        self.stopping = threading.Event()
        self.scram = Scram(username, password) if username else None
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def credentials_seen(self):
        return [
            headers["Authorization"] for _, headers in self.requests if "Authorization" in headers
        ]

    def close(self):
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Scram:
    """The server's side of hop's SCRAM over HTTP (hop/http_scram.py)."""

    def __init__(self, username, password):
        self._mechanism = ScramMechanism(MECHANISM)
        self._known = {username: self._mechanism.make_auth_info(password)}
        self._open = {}

    def answer(self, authorization):
        """Return (whether it is let in, headers to answer with)."""
        found = parse_dict_header(authorization.partition(" ")[2])
        data = base64.b64decode(found.get("data", "")).decode()
        try:
            if "sid" in found:
                server = self._open.pop(found["sid"])
                server.set_client_final(data)
                return True, {"Authentication-Info": _said(found["sid"], server.get_server_final())}
            server = self._mechanism.make_server(self._known.__getitem__)
            server.set_client_first(data)
        except (ScramException, KeyError):
            return False, {}
        sid = secrets.token_hex(8)
        self._open[sid] = server
        return False, {"WWW-Authenticate": f"{MECHANISM} {_said(sid, server.get_server_first())}"}


def _said(sid, text):
    return f"sid={sid},data={base64.b64encode(text.encode()).decode()}"


class _Handler(BaseHTTPRequestHandler):
    """One request; ``owner`` is the server."""

    owner = None

    def do_GET(self):
        self.owner.requests.append((self.path, dict(self.headers)))
        if not self.let_in():
            return
        answer = self.owner.paths.get(self.path)
        if callable(answer):
            try:
                answer(self)
            except OSError:
                pass  # the client has gone, as it should
        else:
            self.answer(404 if answer is None else 200, answer or b"")

    def do_POST(self):
        """Store a message as the real server does, for hop's own producer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.let_in():
            return
        stored = bson.loads(body)
        names = dict(stored["headers"])
        message_id = str(uuid.UUID(bytes=names["_id"]))
        self.owner.paths[f"/msg/{message_id}"] = packed(
            stored["message"], stored["headers"], stored.get("key")
        )
        self.answer(201, b"")

    def let_in(self):
        self.extra = {}
        if self.owner.scram is None:
            return True
        let_in, self.extra = self.owner.scram.answer(self.headers.get("Authorization", ""))
        if not let_in:
            self.answer(401, b"no")
        return let_in

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {**self.extra, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, start, piece=b"a"):
        """Send a beginning, and then a little again and again."""
        self.wfile.write(start)
        while not self.owner.stopping.wait(0.02):
            self.wfile.write(piece)

    def log_message(self, *args):
        """Say nothing."""

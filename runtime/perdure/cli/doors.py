"""How the operators' commands speak to a server: one request after the other, over its two ports.

The law: whoever cannot be asked is named, with what to start; and no answer is taken for another.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from perdure.cli.console import UserError

if TYPE_CHECKING:
    import http.client

INGRESS, ADMIN = "127.0.0.1:8080", "127.0.0.1:9070"
CONNECT_S = 5.0
JSON = {"content-type": "application/json"}

NOT_OURS = "what answers at {} is no perdure: {}"
ASKED_WRONGLY = frozenset((400, 404, 405, 413, 415, 422))
"""Refusals that say that the question was wrong (exit 2); with all others the answer is no (exit 1)."""


class Reply(NamedTuple):
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """What a refusal says, whatever its form."""
        try:
            said = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            said = None
        if isinstance(said, dict) and isinstance(said.get("message"), str):  # pyright: ignore[reportUnknownMemberType]  any JSON
            return str(said["message"])  # pyright: ignore[reportUnknownArgumentType]  ditto
        return self.body.decode("utf-8", "replace").strip() or f"HTTP {self.status}"


class Door:
    """The ingress or the operators' door of a server.

    Args:
        name: `ingress` or `admin`, which is also the option that says where it is.
        address: `HOST:PORT`, or a URL of that form.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self._host, self._port = _split(name, address)
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request. It is waited for as long as it takes.

        Raises:
            UserError: Nobody answers there, or the connection broke before the answer.
        """
        import http.client  # noqa: PLC0415  it loads the parser of e-mails, and `--help` asks nobody

        connection = self._connection or self._connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except (OSError, http.client.HTTPException) as e:
            hint = "what it was asked may have been done; look before you ask again"
            raise UserError(f"the connection to {self.address} broke: {e!r}", hint=hint) from None

    def json(self, method: str, path: str, value: object = msgspec.UNSET) -> Any:  # noqa: ANN401  JSON
        """The JSON that is answered to a request.

        Raises:
            UserError: The request was refused. The message is the server's.
        """
        body = None if value is msgspec.UNSET else msgspec.json.encode(value)
        reply = self.ask(method, path, body, JSON if body is not None else None)
        if reply.status >= 300:
            raise refused(reply)
        try:
            return msgspec.json.decode(reply.body)
        except msgspec.DecodeError as e:
            raise UserError(NOT_OURS.format(self.address, e)) from None

    def _connect(self) -> http.client.HTTPConnection:
        import http.client  # noqa: PLC0415  as above

        connection = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_S)
        try:
            connection.connect()
        except OSError as e:
            reason = "no such host" if isinstance(e, socket.gaierror) else e.strerror or "no answer"
            variable = f"PERDURE_{self.name.upper()}"
            hint = f"start it (perdure serve MODULE:APP), or say where it is: --{self.name} HOST:PORT, or ${variable}"
            raise UserError(f"no server at {self.address}: {reason.lower()}", hint=hint) from None
        connection.sock.settimeout(None)  # an invocation takes as long as it takes
        self._connection = connection
        return connection


def refused(reply: Reply) -> UserError:
    """A refusal, as it is told to a person."""
    return UserError(reply.message, status=2 if reply.status in ASKED_WRONGLY else 1)


def door_argument(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare `--ingress` or `--admin`."""
    default = os.environ.get(f"PERDURE_{name.upper()}", {"ingress": INGRESS, "admin": ADMIN}[name])
    about = f"where the server's {name} is (default: %(default)s, or $PERDURE_{name.upper()})"
    parser.add_argument(f"--{name}", metavar="HOST:PORT", default=default, help=about)


def json_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def segment(text: str) -> str:
    """One segment of a path. A proxy would resolve `.` and `..`, so they are encoded as well."""
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def print_json(value: object) -> None:
    """JSON on stdout, over several lines."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    print(msgspec.json.format(raw, indent=2).decode())


def _split(name: str, address: str) -> tuple[str, int]:
    bare = address.removeprefix("http://").rstrip("/")
    host, _, port = bare.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"--{name}: '{address}' is no HOST:PORT, such as {INGRESS}")
    return host, int(port)

"""`perdure serve --engine restate`: the same app, as a deployment of a Restate cluster.

The law: what the cluster cannot do is said before anything is served. Nothing of Restate is imported before it is asked
for, since not everybody has it.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.app import App
from perdure.cli.console import UserError
from perdure.cli.signals import either, stop_signals
from perdure.errors import DeploymentRefused

if TYPE_CHECKING:
    from perdure.restate.serve import Tls

LISTEN = "127.0.0.1:9080"
KEY_FORMAT, KEY_BYTES = "publickeyv1_", 32
BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

Defaults = Mapping[str, Callable[[], object]]
"""What options are that were not given."""


def arguments(parser: argparse.ArgumentParser, address: Callable[[str], tuple[str, int]]) -> Defaults:
    """It takes --listen, --advertise, --register, --identity-key, --tls-cert and --tls-key. Returns their defaults."""
    group = parser.add_argument_group("with --engine restate")
    about = f"where the cluster comes; port 0 is any free one (default: {LISTEN})"
    group.add_argument("--listen", type=address, metavar="HOST:PORT", default=argparse.SUPPRESS, help=about)
    about = "the address of this process for the cluster (default: where it listens)"
    group.add_argument("--advertise", metavar="URL", default=argparse.SUPPRESS, help=about)
    about = "make it known to the cluster whose admin API is there"
    group.add_argument("--register", metavar="ADMIN_URL", default=argparse.SUPPRESS, help=about)
    about = "answer only requests that the cluster with this public key has signed; may be repeated"
    group.add_argument(
        "--identity-key", action="append", type=_identity_key, metavar="KEY", default=argparse.SUPPRESS, help=about
    )
    about = "speak TLS, with this certificate (PEM)"
    group.add_argument("--tls-cert", type=Path, metavar="FILE", default=argparse.SUPPRESS, help=about)
    about = "the certificate's private key (PEM)"
    group.add_argument("--tls-key", type=Path, metavar="FILE", default=argparse.SUPPRESS, help=about)
    return {
        "listen": lambda: address(LISTEN),
        "advertise": lambda: None,
        "register": lambda: None,
        "identity_key": list,
        "tls_cert": lambda: None,
        "tls_key": lambda: None,
    }


async def serve(app: App, args: argparse.Namespace, headline: list[str]) -> int:
    """Serve until told to stop; `headline` is printed before the addresses. Returns the exit status."""
    try:
        from perdure.restate.serve import register, serving  # noqa: PLC0415  an extra
    except ModuleNotFoundError as e:
        if e.name is not None and e.name.partition(".")[0] == "perdure":
            raise
        hint = "pip install 'perdure[restate]'"
        raise UserError(f"--engine restate needs {e.name}, which is not installed", hint=hint) from None
    tls = _tls(args)
    stopping = asyncio.Event()
    with stop_signals(stopping):
        try:
            async with serving(app.registry, args.listen, identity_keys=args.identity_key, tls=tls) as served:
                lines = [*headline, f"  handlers  {served.url}"]
                if args.register is not None:
                    url = _advertised(args, served.url)
                    deployment = await asyncio.to_thread(register, args.register, url)
                    lines.append(f"  restate   {args.register}: {deployment} at {url}")
                print("\n".join([*lines, "ready"]), flush=True)
                await either(stopping, served.stopping)
                print("stopping: steps under way come to an end, what waits goes on elsewhere", flush=True)
        except DeploymentRefused as e:
            raise UserError(str(e), status=1) from None
        except OSError as e:
            raise _no_connection(e, args) from None
    print("stopped", flush=True)
    return 0


def _identity_key(text: str) -> str:
    """A public key as Restate writes it: 32 bytes in base 58, behind the name of the format."""
    digits = text.removeprefix(KEY_FORMAT)
    if digits != text and digits.strip(BASE_58) == "":
        number = 0
        for digit in digits:
            number = number * 58 + BASE_58.index(digit)
        zeros = len(digits) - len(digits.lstrip(BASE_58[0]))
        if zeros + (number.bit_length() + 7) // 8 == KEY_BYTES:
            return text
    raise argparse.ArgumentTypeError(f"'{text}' is no identity key, which is {KEY_FORMAT} and 43 or 44 more characters")


def _tls(args: argparse.Namespace) -> Tls | None:
    from perdure.restate.serve import Tls  # noqa: PLC0415  an extra; `serve` has seen that it is there

    if args.tls_cert is None and args.tls_key is None:
        return None
    if args.tls_cert is None or args.tls_key is None:
        raise UserError("--tls-cert and --tls-key go together")
    for path in (args.tls_cert, args.tls_key):
        if not path.is_file():
            raise UserError(f"{path} is no file", hint="--tls-cert and --tls-key are files in PEM form")
    return Tls(args.tls_cert, args.tls_key)


def _advertised(args: argparse.Namespace, url: str) -> str:
    if args.advertise is not None:
        return str(args.advertise)
    if _is_everywhere(args.listen[0]):
        hint = "say how the cluster reaches this process: --advertise http://HOST:PORT"
        raise UserError(f"{url} is no address that others can come to", hint=hint)
    return url


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _no_connection(error: OSError, args: argparse.Namespace) -> UserError:
    """`urllib` wraps what went wrong on the way to the cluster."""
    reason = getattr(error, "reason", None)
    if reason is not None:
        hint = "is the cluster up? --register takes the URL of its admin API, such as http://127.0.0.1:9070"
        return UserError(f"{args.register} cannot be reached: {reason}", hint=hint, status=1)
    return UserError(error.strerror or str(error), hint="choose another address: --listen", status=1)

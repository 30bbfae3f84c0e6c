"""`perdure serve`: an app behind its ports, until it is told to stop.

The law: `ready` is the last line of the start, and is printed when requests are answered. A stop lets what is
under way come to an end, and whoever is in a hurry says it twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, get_args

from perdure.app import App
from perdure.cli.console import UserError, plural
from perdure.cli.loading import load_app
from perdure.engine.deployment import InFlight
from perdure.engine.engine import Recovered
from perdure.errors import DeploymentRefused, StoreError
from perdure.http.admin import version
from perdure.http.catalog import rfc3339
from perdure.http.server import Address, Serving, serving
from perdure.service import ServiceDef

INGRESS, ADMIN, DATA = "127.0.0.1:8080", "127.0.0.1:9070", "./perdure-data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes MODULE:APP, --data, --ingress, --admin and --in-flight."""
    parser.add_argument("app", metavar="MODULE:APP", help="where the app is: `shop.app:app` is `app` in shop/app.py")
    about = "the folder that holds everything; one process at a time (default: %(default)s, or $PERDURE_DATA)"
    parser.add_argument("--data", type=Path, metavar="DIR", default=os.environ.get("PERDURE_DATA", DATA), help=about)
    about = "where callers come; port 0 is any free one (default: %(default)s, or $PERDURE_INGRESS)"
    default = os.environ.get("PERDURE_INGRESS", INGRESS)
    parser.add_argument("--ingress", type=_address, metavar="HOST:PORT", default=default, help=about)
    about = "where operators come (default: %(default)s, or $PERDURE_ADMIN)"
    default = os.environ.get("PERDURE_ADMIN", ADMIN)
    parser.add_argument("--admin", type=_address, metavar="HOST:PORT", default=default, help=about)
    about = "what to do with invocations that began under another deployment (default: %(default)s)"
    parser.add_argument("--in-flight", choices=get_args(InFlight), default="refuse", help=about)


def run(args: argparse.Namespace) -> int:
    """Serve. 0 after a stop that was asked for, 1 if it cannot start or has to end."""
    sys.path.insert(0, str(Path.cwd()))
    app = load_app(args.app)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    return _run(_serve(app, args))


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no HOST:PORT, such as {INGRESS}")
    return host, int(port)


def _run(main: Coroutine[Any, Any, int]) -> int:
    """On uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415  not everywhere
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def _serve(app: App, args: argparse.Namespace) -> int:
    stopping = asyncio.Event()
    with _signals(stopping):
        try:
            async with serving(
                app, args.data, ingress=args.ingress, admin=args.admin, in_flight=args.in_flight
            ) as served:
                print(_summary(app, args, served), flush=True)
                await _either(stopping, served.engine.failed)
                failure = served.engine.store_error
                print("stopping: what is under way comes to an end" if failure is None else "stopping", flush=True)
        except (StoreError, DeploymentRefused) as e:
            raise UserError(str(e), status=1) from None
        except OSError as e:
            raise _cannot_listen(e) from None
    if failure is not None:
        raise UserError(str(failure), status=1)
    print("stopped", flush=True)
    return 0


def _cannot_listen(error: OSError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        hint = "is another `perdure serve` running? Stop it, or choose other ports: --ingress, --admin"
        return UserError(error.strerror or str(error), hint=hint, status=1)
    if isinstance(error, socket.gaierror) or error.errno in (errno.EACCES, errno.EADDRNOTAVAIL):
        return UserError(error.strerror or str(error), hint="choose another address: --ingress, --admin", status=1)
    return error


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Any:  # noqa: ANN401  a context without a value
    """SIGTERM and SIGINT ask for a stop; the second one does not ask."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, _stop(stopping))
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _stop(stopping: asyncio.Event) -> Callable[[], None]:
    def stop() -> None:
        if stopping.is_set():
            # What was acknowledged is on disk, and all else goes on at the next start.
            os._exit(1)
        stopping.set()

    return stop


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


# --- the summary -------------------------------------------------------------------------------------------


def _summary(app: App, args: argparse.Namespace, served: Serving) -> str:
    services = app.registry.services.values()
    width = max((len(service.name) for service in services), default=0)
    lines = [f"perdure {version()} serves {args.app}"]
    lines += [f"  {_service(service, width)}" for service in services]
    lines += [
        f"  ingress  {served.ingress_url}",
        f"  admin    {served.admin_url}",
        f"  data     {args.data}: {_recovered(served.engine.recovered)}",
        "ready",
    ]
    return "\n".join(lines)


def _service(service: ServiceDef, width: int) -> str:
    names = ", ".join(handler.name for handler in service.handlers)
    return f"{service.name:<{width}}  {service.kind:<8}  {names}"


def _recovered(recovered: Recovered) -> str:
    found: list[str] = []
    if recovered.running:
        found.append(
            f"{plural(recovered.running, 'invocation')} under way {'go' if recovered.running > 1 else 'goes'} on"
        )
    if recovered.first_timer_ms is not None:
        found.append(f"the next timer is due at {rfc3339(recovered.first_timer_ms)}")
    return "; ".join(found) or "nothing to recover"

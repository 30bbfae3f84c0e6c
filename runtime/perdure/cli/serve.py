"""`perdure serve`: an app behind its ports, until it is told to stop.

The law: `ready` is the last line of the start, and is printed when requests are answered. A stop lets what is
under way come to an end. An option that does not belong to the engine is refused, not ignored.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, get_args

from perdure.app import App
from perdure.cli import cluster
from perdure.cli.cluster import Defaults
from perdure.cli.console import UserError, plural
from perdure.cli.loading import load_app
from perdure.cli.signals import either, stop_signals
from perdure.engine.deployment import InFlight
from perdure.engine.engine import Recovered
from perdure.errors import DeploymentRefused, StoreError
from perdure.http.admin import version
from perdure.http.catalog import rfc3339
from perdure.http.server import Address, Serving, serving
from perdure.service import ServiceDef

INGRESS, ADMIN, DATA = "127.0.0.1:8080", "127.0.0.1:9070", "./perdure-data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes MODULE:APP, --engine, and the options of each engine."""
    parser.add_argument("app", metavar="MODULE:APP", help="where the app is: `shop.app:app` is `app` in shop/app.py")
    about = "what keeps the journals: this process alone, or a Restate cluster (default: %(default)s)"
    parser.add_argument("--engine", choices=("embedded", "restate"), default="embedded", help=about)
    # What is not given is not in the namespace, so that an option of the other engine can be seen.
    engines = {"embedded": _embedded_arguments(parser), "restate": cluster.arguments(parser, _address)}
    parser.set_defaults(engines=engines)


def _embedded_arguments(parser: argparse.ArgumentParser) -> Defaults:
    """It takes --data, --ingress, --admin and --in-flight. Returns their defaults."""
    group = parser.add_argument_group("with --engine embedded")
    about = f"the folder that holds everything; one process at a time (default: $PERDURE_DATA, or {DATA})"
    group.add_argument("--data", type=Path, metavar="DIR", default=argparse.SUPPRESS, help=about)
    about = f"where callers come; port 0 is any free one (default: $PERDURE_INGRESS, or {INGRESS})"
    group.add_argument("--ingress", type=_address, metavar="HOST:PORT", default=argparse.SUPPRESS, help=about)
    about = f"where operators come (default: $PERDURE_ADMIN, or {ADMIN})"
    group.add_argument("--admin", type=_address, metavar="HOST:PORT", default=argparse.SUPPRESS, help=about)
    about = "what to do with invocations that began under another deployment (default: refuse)"
    group.add_argument("--in-flight", choices=get_args(InFlight), default=argparse.SUPPRESS, help=about)
    return {
        "data": lambda: Path(os.environ.get("PERDURE_DATA", DATA)),
        "ingress": lambda: _address(os.environ.get("PERDURE_INGRESS", INGRESS)),
        "admin": lambda: _address(os.environ.get("PERDURE_ADMIN", ADMIN)),
        "in_flight": lambda: "refuse",
    }


def run(args: argparse.Namespace) -> int:
    """Serve. 0 after a stop that was asked for, 1 if it cannot start or has to end."""
    _complete(args)
    sys.path.insert(0, str(Path.cwd()))
    app = load_app(args.app)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    if args.engine == "restate":
        return _run(cluster.serve(app, args, _headline(app, args)))
    return _run(_serve(app, args))


def _complete(args: argparse.Namespace) -> None:
    """Fill in what was not given, and refuse what the engine does not know."""
    for engine, defaults in args.engines.items():
        for name, default in defaults.items():
            given = name in args
            if engine != args.engine and given:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is for --engine {engine}, and this is --engine {args.engine}")
            if engine == args.engine and not given:
                try:
                    setattr(args, name, default())
                except argparse.ArgumentTypeError as e:
                    raise UserError(f"$PERDURE_{name.upper()}: {e}") from None


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
    with stop_signals(stopping):
        try:
            async with serving(
                app, args.data, ingress=args.ingress, admin=args.admin, in_flight=args.in_flight
            ) as served:
                print(_summary(app, args, served), flush=True)
                await either(stopping, served.engine.failed)
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


# --- the summary -------------------------------------------------------------------------------------------


def _summary(app: App, args: argparse.Namespace, served: Serving) -> str:
    lines = [
        *_headline(app, args),
        f"  ingress  {served.ingress_url}",
        f"  admin    {served.admin_url}",
        f"  data     {args.data}: {_recovered(served.engine.recovered)}",
        "ready",
    ]
    return "\n".join(lines)


def _headline(app: App, args: argparse.Namespace) -> list[str]:
    services = app.registry.services.values()
    width = max((len(service.name) for service in services), default=0)
    return [f"perdure {version()} serves {args.app}", *(f"  {_service(service, width)}" for service in services)]


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

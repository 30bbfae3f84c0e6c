"""What browsers have to know: pages from anywhere may call the ingress, and none may come to the operators' door.

The ingress authenticates nobody, so it has nothing to protect from a page that its own user opened; as
Restate's does, it allows whatever is asked for. The operators' door can kill invocations, so it says nothing.
"""

from __future__ import annotations

from perdure.http.exchange import Asking

ALWAYS = (
    "vary: origin, access-control-request-method, access-control-request-headers\r\n"
    "access-control-allow-credentials: true\r\n"
)
_PREFLIGHT = (
    ("access-control-request-method", "access-control-allow-methods"),
    ("access-control-request-headers", "access-control-allow-headers"),
)


def cors(asking: Asking) -> str:
    """Header lines that allow what the page asked for."""
    headers = asking.headers
    origin = headers.get("origin")
    said = ALWAYS if origin is None else f"{ALWAYS}access-control-allow-origin: {origin}\r\n"
    if asking.method == "OPTIONS":
        for asked, allowed in _PREFLIGHT:
            value = headers.get(asked)
            if value is not None:
                said += f"{allowed}: {value}\r\n"
    return said


def no_cors(_: Asking) -> str:
    """Nothing is allowed."""
    return ""

"""Invocation and awakeable ids: 24 bytes inside, Restate's text form outside.

An id starts with 8 bytes by which the store is ordered and ends with 16 that make it unique. A fresh id
starts with the time, so new rows append. An id with an identity (an idempotency key, a workflow's key) is
derived from it: a retried request finds the row of the first one, and no index is needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

ID_BYTES = 24
FIRST_AWAKEABLE = 17
"""Signal indexes below are reserved; 1 is cancellation. Restate's SDKs count awakeables from here."""
CANCEL_SIGNAL = 1

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_INVOCATION = "inv_1"
_AWAKEABLE = "sign_1"
_HEAD_CHARS = 11
_TAIL_CHARS = 22


class BadId(ValueError):
    """A text that is not an id."""


def fresh_id(now_ms: int, serial: int, entropy: bytes) -> bytes:
    """Id of a request without an identity of its own; later ones sort after earlier ones."""
    return ((now_ms << 16) | (serial & 0xFFFF)).to_bytes(8, "big") + entropy


def idempotent_id(service: str, key: str | None, handler: str, idempotency_key: str) -> bytes:
    """Id of all requests with this idempotency key for this handler (of this object)."""
    return _derived("ik", service, *(() if key is None else (key,)), handler, idempotency_key)


def workflow_id(service: str, key: str) -> bytes:
    """Id of the one run of a workflow."""
    return _derived("wf", service, key)


def _derived(*identity: str) -> bytes:
    """Each part goes in with its length: no two identities spell the same bytes."""
    digest = hashlib.sha256()
    for part in identity:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.digest()[:ID_BYTES]


def format_id(id: bytes) -> str:
    """Text form, as callers see it: ``inv_1`` and 33 base-62 digits, as Restate writes the same bytes."""
    return (
        _INVOCATION
        + _base62(int.from_bytes(id[:8], "little"), _HEAD_CHARS)
        + _base62(int.from_bytes(id[8:], "little"), _TAIL_CHARS)
    )


def parse_id(text: str) -> bytes:
    """Bytes of an id in text form.

    Raises:
        BadId: It is not one; the message says why.
    """
    if not text.startswith(_INVOCATION):
        raise BadId(f"bad invocation id '{text}': it does not start with {_INVOCATION}")
    digits = text[len(_INVOCATION) :]
    if len(digits) != _HEAD_CHARS + _TAIL_CHARS:
        raise BadId(f"bad invocation id '{text}': it should have {_HEAD_CHARS + _TAIL_CHARS} digits")
    try:
        head = _unbase62(digits[:_HEAD_CHARS]).to_bytes(8, "little")
        tail = _unbase62(digits[_HEAD_CHARS:]).to_bytes(16, "little")
    except (KeyError, OverflowError):
        raise BadId(f"bad invocation id '{text}': not base 62") from None
    return head + tail


def format_awakeable(id: bytes, index: int) -> str:
    """Text form of an awakeable's id: who waits, and for which signal."""
    return _AWAKEABLE + base64.urlsafe_b64encode(id + index.to_bytes(4, "big")).rstrip(b"=").decode()


def parse_awakeable(text: str) -> tuple[bytes, int]:
    """Invocation id and signal index of an awakeable.

    Raises:
        BadId: It is not one.
    """
    body = text.removeprefix(_AWAKEABLE)
    if body == text:
        raise BadId(f"bad awakeable id '{text}': it does not start with {_AWAKEABLE}")
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadId(f"bad awakeable id '{text}': not base 64") from None
    if len(raw) != ID_BYTES + 4:
        raise BadId(f"bad awakeable id '{text}': wrong length")
    return raw[:ID_BYTES], int.from_bytes(raw[ID_BYTES:], "big")


def _base62(number: int, chars: int) -> str:
    """Two digits a division: an id is printed for each response."""
    parts: list[str] = []
    for _ in range((chars + 1) // 2):
        number, pair = divmod(number, 3844)
        parts.append(_PAIRS[pair])
    return "".join(reversed(parts))[-chars:]


def _unbase62(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 62 + _VALUES[digit]
    return number

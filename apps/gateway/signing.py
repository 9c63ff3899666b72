"""How a device proves that a request is its own: every one is signed with its secret, once, and not long ago."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from apps.gateway.devices import SECRET_BYTES, Device, Devices
from apps.gateway.nonces import Nonces
from apps.gateway.refusals import BadSignature, ReplayedNonce, StaleTimestamp

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a device's clock may be off, and how long a signed request may travel."""

NONCE = re.compile(r"[0-9a-fA-F]{16,128}")
TIMESTAMP = re.compile(r"[0-9]{1,12}")
VERSION = "v1="
"""What a signature begins with: the way it was made."""


def signature(secret: str, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Return what a device signs a request with, as the header carries it.

    Parameters
    ----------
    timestamp
        Seconds since 1970 UTC, as the header carries them.
    """
    signed = "\n".join((method.upper(), path, timestamp, nonce, hashlib.sha256(body).hexdigest()))
    return VERSION + hmac.digest(bytes.fromhex(secret), signed.encode(), "sha256").hex()


def signed_headers(
    device_id: str, secret: str, method: str, path: str, body: bytes, now: datetime
) -> dict[str, str]:
    """Return the headers with which a device sends a request."""
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
    return {
        "X-RTCC-Device": device_id, "X-RTCC-Timestamp": timestamp, "X-RTCC-Nonce": nonce,
        "X-RTCC-Signature": signature(secret, method, path, timestamp, nonce, body),
    }  # fmt: skip


def proven(
    devices: Devices, nonces: Nonces, method: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Device:
    """Return the device that signed this request.

    Raises
    ------
    BadSignature
        When a header is missing or malformed, the device is not known here, or the signature is not its own.
    StaleTimestamp
        When it was signed too long ago, or in the future.
    ReplayedNonce
        When the same request came before.
    """
    device_id, timestamp, nonce, given = (
        headers.get(f"x-rtcc-{name}", "") for name in ("device", "timestamp", "nonce", "signature")
    )
    missing = [name for name, value in zip(("Device", "Timestamp", "Nonce", "Signature"),
               (device_id, timestamp, nonce, given), strict=True) if not value]  # fmt: skip
    if missing:
        raise BadSignature(f"the request is not signed: {', '.join(f'X-RTCC-{name}' for name in missing)} missing")
    if not (TIMESTAMP.fullmatch(timestamp) and NONCE.fullmatch(nonce)):
        raise BadSignature("X-RTCC-Timestamp is whole seconds since 1970 UTC, X-RTCC-Nonce 16 to 128 hex digits")
    device = devices.get(device_id)
    secret = device.secret if device is not None else "00" * SECRET_BYTES  # an unknown one costs as much time
    fits = hmac.compare_digest(signature(secret, method, path, timestamp, nonce, body).encode(), given.encode())
    if device is None or device.disabled or not fits:
        raise BadSignature(f"the signature is not one of a device {device_id[:64]!r} that may report here")
    off_s = now.timestamp() - int(timestamp)
    if abs(off_s) > CLOCK_TOLERANCE.total_seconds():
        direction = "ago" if off_s > 0 else "ahead"
        raise StaleTimestamp(f"the request was signed {abs(off_s):.0f} s {direction}; set the device's clock right")
    if not nonces.take(device_id, nonce, now):
        raise ReplayedNonce("this request came before; send a new nonce with every try, and the same event id")
    return device

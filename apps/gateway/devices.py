"""Devices that may report, and how they prove it: a secret each, and every request signed with it."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from apps.gateway.nonces import Nonces
from apps.gateway.refusals import BadSignature, ReplayedNonce, StaleTimestamp
from catalog.errors import BadInput, CatalogConflict, NotFound
from catalog.home import Home
from catalog.registry import PlaceKind

DeviceKind = Literal["panic", "plate", "alerts"]
KINDS: tuple[str, ...] = get_args(DeviceKind)

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a device's clock may be off, and how long a signed request may travel."""

SECRET_BYTES = 32
DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NONCE = re.compile(r"[0-9a-fA-F]{16,128}")
TIMESTAMP = re.compile(r"[0-9]{1,12}")
VERSION = "v1="
"""What a signature begins with: the way it was made."""


@dataclass(frozen=True)
class Device:
    """Something that reports: a panic button, a plate reader, another system."""

    device_id: str
    kind: DeviceKind
    secret: str = field(repr=False)
    """Hex; kept because signatures are checked with it."""
    camera_id: str | None = None
    """The camera it belongs to; its reports may name no other."""
    place_kind: PlaceKind | None = None
    """What the place is where it hangs."""
    place: str = ""
    """What people call the place."""
    lon_deg: float | None = None
    lat_deg: float | None = None
    """WGS 84; where it hangs."""
    disabled: bool = False

    def __post_init__(self) -> None:
        if not DEVICE_ID.fullmatch(self.device_id):
            raise BadInput(f"device id {self.device_id!r} will not do: up to 64 letters, digits, '.', '_' and '-'")
        if self.kind not in KINDS:
            raise BadInput(f"device {self.device_id!r}: kind {self.kind!r} is unknown; use {', '.join(KINDS)}")
        if self.place_kind is not None and self.place_kind not in get_args(PlaceKind):
            kinds = ", ".join(get_args(PlaceKind))
            raise BadInput(f"device {self.device_id!r}: place kind {self.place_kind!r} is unknown; use {kinds}")
        if (self.lon_deg is None) != (self.lat_deg is None):
            raise BadInput(f"device {self.device_id!r}: give both lon and lat, or neither")
        if self.lon_deg is not None and not (-180 <= self.lon_deg <= 180 and -90 <= (self.lat_deg or 0) <= 90):
            raise BadInput(f"device {self.device_id!r}: {self.lon_deg}, {self.lat_deg} is no place on earth")


class Devices:
    """The devices of one home; the file may be changed by others meanwhile."""

    def __init__(self, home: Home) -> None:
        self.path = home.root / "devices.json"
        self._seen: tuple[int, int, int] | None = None
        self._devices: dict[str, Device] = {}

    def get(self, device_id: str) -> Device | None:
        """Return the device, disabled or not; `None` where there is none."""
        return self._read().get(device_id)

    def all(self) -> tuple[Device, ...]:
        """Return all devices by id."""
        return tuple(device for _, device in sorted(self._read().items()))

    def add(self, device: Device) -> None:
        """Add a device.

        Raises
        ------
        CatalogConflict
            When there is one of this id, disabled ones included: an id in the audit stays one device.
        """
        with self._changing() as devices:
            if device.device_id in devices:
                raise CatalogConflict(f"there is a device {device.device_id!r} already; ids are given once")
            devices[device.device_id] = device

    def disable(self, device_id: str) -> Device:
        """Take reports of a device no longer."""
        with self._changing() as devices:
            if device_id not in devices:
                raise NotFound(f"there is no device {device_id!r}; `rtcc devices list` shows those there are")
            devices[device_id] = replace(devices[device_id], disabled=True)
            return devices[device_id]

    def _read(self) -> Mapping[str, Device]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return {}
        state = (found.st_ino, found.st_mtime_ns, found.st_size)
        if state != self._seen:
            self._devices, self._seen = _parsed(self.path), state
        return self._devices

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Device]]:
        """Yield the devices and write them afterwards, whole or not at all; one process at a time."""
        with open(self.path.with_suffix(".lock"), "a", opener=_owner_only) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            devices = dict(self._read())
            yield devices
            part = self.path.with_suffix(".new")
            with open(part, "w", opener=_owner_only) as file:
                os.fchmod(file.fileno(), 0o600)
                json.dump({"devices": [asdict(device) for _, device in sorted(devices.items())]}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)


def new_secret() -> str:
    """Return a secret for a device, hex."""
    return secrets.token_hex(SECRET_BYTES)


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


def _parsed(path: Path) -> dict[str, Device]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text())["devices"]
        return {row["device_id"]: Device(**row) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} cannot be read: {error}; put back a copy of it") from error


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

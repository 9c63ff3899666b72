"""Devices that may report: what they are, where they hang, and the secret each proves itself with."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from catalog.errors import BadInput, CatalogConflict, NotFound
from catalog.home import Home
from catalog.registry import PlaceKind

DeviceKind = Literal["panic", "plate", "alerts"]
KINDS: tuple[str, ...] = get_args(DeviceKind)

SECRET_BYTES = 32
DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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


def _parsed(path: Path) -> dict[str, Device]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text())["devices"]
        return {row["device_id"]: Device(**row) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} cannot be read: {error}; put back a copy of it") from error


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

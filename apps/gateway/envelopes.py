"""Reports of devices: CloudEvents in structured JSON become reports for the catalog, each with its alert.

What a device sends is checked here, word for word; whether its camera exists and may be used, the catalog says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar, cast

from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from apps.gateway.devices import Device
from apps.gateway.plates import characters, without_plate
from apps.gateway.refusals import BadEnvelope, UnknownType
from catalog.access import Access
from catalog.casework import Alert, AlertKind, Priority
from catalog.errors import NotPermitted
from catalog.registry import PlaceKind
from catalog.response import DeviceReport, ReportKind
from catalog.spans import to_us

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Confidence = Annotated[float, Field(ge=0, le=1)]
CameraId = Annotated[str, StringConstraints(max_length=128)]

LATEST_AHEAD_S = 300.0
"""A report from further in the future is dated by our clock, seconds: as far off as a device's clock may be."""

LONGEST_ID = 256
"""Characters of a CloudEvent's id and source."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PanicData(_Data):
    """A panic button was pressed."""

    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None
    place_kind: PlaceKind | None = None
    place: Words = ""
    detail: Text = ""
    camera_id: CameraId | None = None


class HotlistHit(_Data):
    """What the reader's list says of a plate."""

    reason: Words
    vehicle: Words | None = None
    priority: Priority = "P2"


class PlateReadData(_Data):
    """A plate that was looked for has been read."""

    plate: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16)]
    confidence: Confidence | None = None
    camera_id: CameraId
    seen_at: datetime
    hotlist: HotlistHit | None = None
    picture: Annotated[str, StringConstraints(max_length=200_000)] | None = None
    """Base64 JPEG; kept with the report, and what a person reads the plate from."""


class AlertData(_Data):
    """Another system asks for somebody's eyes."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    priority: Priority
    detail: Text = ""
    onset_at: datetime | None = None
    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None
    place_kind: PlaceKind | None = None
    camera_id: CameraId | None = None
    confidence: Confidence | None = None


PANIC = "org.rtcc.panic.v1"
PLATE_READ = "org.rtcc.plate-read.v1"
ALERT = "org.rtcc.alert.v1"

D = TypeVar("D", bound=_Data)


@dataclass(frozen=True)
class Received:
    """A CloudEvent of a device that has proven who it is."""

    device: Device
    event: CloudEvent
    text: str
    """The envelope as it came."""
    received_at: datetime

    @property
    def event_id(self) -> str:
        """The event's own id; a source that is not the device itself stands before it."""
        source, event_id = self.event.get_source(), self.event.get_id()
        return event_id if source == self.device.device_id else f"{source} {event_id}"

    @property
    def reported_at(self) -> datetime:
        """When, by the device's clock; by ours where it says nothing, or something impossible."""
        return instant(self.event.get_time(), self.received_at)

    def report(self, kind: ReportKind, alert: Alert) -> DeviceReport:
        """Return the report for the catalog."""
        return DeviceReport(
            alert.source, self.event_id, kind, self.reported_at, self.received_at, self.text, alert
        )  # fmt: skip


def received(device: Device, body: bytes, expected: str, received_at: datetime) -> Received:
    """Return the CloudEvent in a body.

    Parameters
    ----------
    expected
        The type that this address takes.

    Raises
    ------
    BadEnvelope
        When it is no CloudEvent 1.0 in JSON.
    UnknownType
        When it is of another type.
    """
    try:
        text = body.decode("utf-8")
        event = JSONFormat().read(_event, text)
    except BaseCloudEventException as error:
        raise BadEnvelope(f"not a CloudEvent 1.0: {_one_line(error)}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadEnvelope("the body is no CloudEvent in structured JSON (application/cloudevents+json)") from error
    for name, value in (("id", event.get_id()), ("source", event.get_source())):
        if not 0 < len(value) <= LONGEST_ID or not value.isprintable():
            raise BadEnvelope(f"the event's {name} has 1 to {LONGEST_ID} printable characters")
    if event.get_type() != expected:
        raise UnknownType(f"this address takes events of type {expected}, not {event.get_type()[:100]!r}")
    return Received(device, cast(CloudEvent, event), text, received_at)


def _event(attributes: dict[str, object], data: object) -> CloudEvent:
    # The library would make up what is missing; a made-up id makes every repeat another event.
    missing = [name for name in ("specversion", "id", "source", "type") if name not in attributes]
    if missing:
        raise BadEnvelope(f"not a CloudEvent 1.0: {', '.join(missing)} missing")
    return CloudEvent(attributes, data)  # type: ignore[arg-type]


def _one_line(error: BaseCloudEventException) -> str:
    return "; ".join(str(error).split("\n"))[:300]


def access_of(device: Device) -> Access:
    """Return on whose behalf the catalog keeps a device's report."""
    return Access(device.device_id, "service", "response")


def data_of(report: Received, model: type[D]) -> D:
    """Return the event's data.

    Raises
    ------
    BadEnvelope
        When a field is missing, unknown or impossible; the message names it, never its value.
    """
    try:
        return model.model_validate(report.event.get_data())
    except ValidationError as error:
        where = "; ".join(f"data.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise BadEnvelope(where) from None


def panic_report(report: Received) -> DeviceReport:
    """Return what a pressed panic button calls for: an alert that needs no confirmation."""
    data, device = data_of(report, PanicData), report.device
    place = device.place or data.place
    lon_deg, lat_deg = _place(device, data.lon_deg, data.lat_deg)
    alert = _alert(
        report, "panic", "P1", f"Panic: {place}" if place else "Panic button", report.reported_at,
        detail=data.detail, camera_id=_camera(device, data.camera_id), lon_deg=lon_deg, lat_deg=lat_deg,
        place_kind=device.place_kind or data.place_kind,
    )  # fmt: skip
    return report.report("panic", alert)


def plate_report(report: Received) -> DeviceReport:
    """Return what a plate hit calls for: an alert whose read is hidden until a person has typed the plate."""
    data, device = data_of(report, PlateReadData), report.device
    if not characters(data.plate):
        raise BadEnvelope("data.plate: it has neither letters nor digits")
    hit = data.hotlist
    reason = without_plate(hit.reason, data.plate) if hit else ""
    vehicle = without_plate(hit.vehicle, data.plate) if hit and hit.vehicle else None
    alert = _alert(
        report, "plate", hit.priority if hit else "P2", f"Plate hit: {reason}" if reason else "Plate hit",
        instant(data.seen_at, report.received_at), detail="" if hit else "The reader gave no reason.",
        camera_id=_camera(device, data.camera_id), lon_deg=device.lon_deg, lat_deg=device.lat_deg,
        confidence=data.confidence, plate_text=data.plate, vehicle=vehicle,
    )  # fmt: skip
    return report.report("plate", alert)


def alert_report(report: Received) -> DeviceReport:
    """Return what another system asks for."""
    data, device = data_of(report, AlertData), report.device
    lon_deg, lat_deg = _place(device, data.lon_deg, data.lat_deg)
    alert = _alert(
        report, "person", data.priority, data.title, instant(data.onset_at, report.reported_at), detail=data.detail,
        camera_id=_camera(device, data.camera_id), lon_deg=lon_deg, lat_deg=lat_deg,
        place_kind=device.place_kind or data.place_kind, confidence=data.confidence,
    )  # fmt: skip
    return report.report("alert", alert)


def instant(given: datetime | None, received_at: datetime) -> datetime:
    """Return an instant that a device gave, in UTC; ours where it gave none, one without a zone or a future one."""
    if given is None or given.tzinfo is None or (given - received_at).total_seconds() > LATEST_AHEAD_S:
        return received_at
    return given.astimezone(received_at.tzinfo)


def _alert(
    report: Received, kind: AlertKind, priority: Priority, title: str, onset_at: datetime, *, detail: str,
    camera_id: str | None, lon_deg: float | None = None, lat_deg: float | None = None,
    place_kind: str | None = None, confidence: float | None = None, plate_text: str | None = None,
    vehicle: str | None = None,
) -> Alert:  # fmt: skip
    source = report.device.device_id
    return Alert(
        Alert.identify(kind, source, report.event_id), kind, None, camera_id, priority, report.received_at,
        onset_at, detail=detail, title=title, source=source, lon_deg=lon_deg, lat_deg=lat_deg,
        place_kind=place_kind, confidence=confidence, plate_text=plate_text, vehicle=vehicle,
    )  # fmt: skip


def _camera(device: Device, camera_id: str | None) -> str | None:
    """Return the camera a report is about; a device that belongs to one may name no other."""
    if device.camera_id is not None and camera_id not in (None, device.camera_id):
        raise NotPermitted(
            f"device {device.device_id!r} reports for camera {device.camera_id!r}, not for {camera_id!r}"
        )
    return device.camera_id or camera_id


def _place(device: Device, lon_deg: float | None, lat_deg: float | None) -> tuple[float | None, float | None]:
    """Return where it is: where the device hangs, else where it says it is."""
    if (lon_deg is None) != (lat_deg is None):
        raise BadEnvelope("data: give both lon_deg and lat_deg, or neither")
    return (lon_deg, lat_deg) if device.lon_deg is None else (device.lon_deg, device.lat_deg)


def was_known(report: DeviceReport, kept: Alert) -> bool:
    """Tell whether the catalog had this report's alert before, or counts it as a repeat of another one."""
    return kept.merged_into is not None or to_us(kept.raised_at) != to_us(report.alert.raised_at)

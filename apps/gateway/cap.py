"""The Common Alerting Protocol 1.2: messages of others become alerts here, alerts of ours messages for others."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from lxml import etree

from apps.gateway.envelopes import instant
from apps.gateway.refusals import BadEnvelope
from apps.gateway.shown import ShownAlert
from catalog.casework import Alert, Priority
from catalog.response import DeviceReport

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
SENDER = "rtcc-workbench"

LONGEST_TITLE = 120
LONGEST_DETAIL = 4000

URGENT, SEVERE = ("Immediate",), ("Extreme", "Severe")
SOON, MODERATE = ("Expected",), ("Moderate",)

SEVERITIES: dict[Priority, str] = {"P1": "Severe", "P2": "Moderate", "P3": "Minor"}
URGENCIES: dict[Priority, str] = {"P1": "Immediate", "P2": "Expected", "P3": "Future"}
CATEGORIES = {"camera_health": "Infra", "panic": "Safety"}
"""Category of an alert by its kind; any other is `Security`."""

POINT_RADIUS_KM = 0.1
"""Radius of the circle that an alert with a place is given, km: where in it nobody claims to know."""


@dataclass(frozen=True)
class CapMessage:
    """What of a CAP message an alert is made from."""

    identifier: str
    sender: str
    sent_at: datetime
    status: str
    kind: str
    """`msgType`: `Alert`, `Update`, `Cancel`, …"""
    references: tuple[str, ...]
    """Names (`sender,identifier`) of earlier messages this one is about."""
    event: str = ""
    headline: str = ""
    description: str = ""
    area: str = ""
    urgency: str = "Unknown"
    severity: str = "Unknown"
    onset_at: datetime | None = None
    lon_deg: float | None = None
    lat_deg: float | None = None

    @property
    def name(self) -> str:
        """What names the message among all of them."""
        return f"{self.sender},{self.identifier}"

    @property
    def title(self) -> str:
        """Its headline, else what it is about."""
        return (self.headline or self.event)[:LONGEST_TITLE]

    @property
    def priority(self) -> Priority:
        """How soon somebody must look: by urgency and severity together."""
        if self.urgency in URGENT and self.severity in SEVERE:
            return "P1"
        return "P2" if self.urgency in URGENT + SOON and self.severity in SEVERE + MODERATE else "P3"

    @property
    def detail(self) -> str:
        """What is said about it, and where."""
        return "\n".join(part for part in (self.description, self.area) if part)[:LONGEST_DETAIL]


def parse_cap(body: bytes) -> CapMessage:
    """Return the message in a CAP document.

    Raises
    ------
    BadEnvelope
        When it is no CAP 1.2, or brings a document type of its own.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadEnvelope(f"the body is no XML: {str(error).splitlines()[0][:200]}") from error
    if root.getroottree().docinfo.doctype:
        raise BadEnvelope("a CAP message has no document type of its own; leave the DOCTYPE out")
    schema = _schema()
    if not schema.validate(root):
        raise BadEnvelope(f"not a CAP 1.2 message: {schema.error_log[0].message[:300]}")
    return _read(root)


def cap_report(message: CapMessage, device_id: str, text: str, received_at: datetime) -> DeviceReport:
    """Return the report, and the alert, that a message calls for.

    Raises
    ------
    BadEnvelope
        When it says nothing that could be answered.
    """
    if not message.title:
        raise BadEnvelope("the message has no info, or its info no event: nothing says what it is about")
    alert = Alert(
        alert_id_of(device_id, message.name), "person", None, None, message.priority, received_at,
        instant(message.onset_at or message.sent_at, received_at), detail=message.detail, title=message.title,
        source=device_id, lon_deg=message.lon_deg, lat_deg=message.lat_deg,
    )  # fmt: skip
    envelope = json.dumps({"cap": text}, ensure_ascii=False)
    return DeviceReport(
        device_id, message.name, "alert", instant(message.sent_at, received_at), received_at, envelope, alert
    )


def alert_id_of(device_id: str, name: str) -> str:
    """Return the id of the alert that a message of this name has made."""
    return Alert.identify("person", device_id, name)


def cap_of(alert: ShownAlert, site: str) -> bytes:
    """Return an alert as a CAP message: the first version as `Alert`, later ones as `Update`, the end as `Cancel`.

    What is not shown to people is not in it.
    """
    closed, first = alert.closed_at is not None, f"{alert.alert_id}.1"
    kind = "Cancel" if closed else "Alert" if alert.version == 1 else "Update"
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    for name, text in (
        ("identifier", f"{alert.alert_id}.{alert.version}"), ("sender", SENDER),
        ("sent", _instant(last_change_at(alert))), ("status", "Actual"), ("msgType", kind),
        ("source", alert.source or None), ("scope", "Restricted"),
        ("restriction", "Public safety agencies"),
        ("references", f"{SENDER},{first},{_instant(alert.raised_at)}" if kind != "Alert" else None),
    ):  # fmt: skip
        _add(root, name, text)
    info = etree.SubElement(root, f"{{{NAMESPACE}}}info")
    for name, text in (
        ("language", "en-US"), ("category", CATEGORIES.get(alert.kind, "Security")), ("event", alert.title),
        ("responseType", "AllClear" if closed else "Assess"),
        ("urgency", "Past" if closed else URGENCIES[alert.priority]), ("severity", SEVERITIES[alert.priority]),
        ("certainty", "Observed" if alert.firm else "Possible"), ("onset", _instant(alert.onset_at)),
        ("senderName", f"Real-time command center, {site}"), ("headline", alert.title),
        ("description", alert.detail or None),
    ):  # fmt: skip
        _add(info, name, text)
    _add_area(info, alert)
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def last_change_at(alert: ShownAlert) -> datetime:
    """Return the last instant at which something is known to have changed about an alert."""
    known = (alert.raised_at, alert.acknowledged_at, alert.escalated_at, alert.on_scene_at, alert.closed_at)
    return max(instant for instant in known if instant is not None)


def _add_area(info: etree._Element, alert: ShownAlert) -> None:
    if alert.lon_deg is None and alert.camera_name is None:
        return
    area = etree.SubElement(info, f"{{{NAMESPACE}}}area")
    _add(area, "areaDesc", alert.camera_name or alert.title)
    if alert.lon_deg is not None:
        _add(area, "circle", f"{alert.lat_deg:.6f},{alert.lon_deg:.6f} {POINT_RADIUS_KM}")


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        # XML 1.0 has no words for most control characters; a report may carry them all the same.
        etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = UNSPEAKABLE.sub(" ", text)


UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _instant(at: datetime) -> str:
    """Return an instant as CAP writes it: whole seconds, and UTC as -00:00, never as Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(Path(__file__).with_name("cap.xsd"))))


def _read(root: etree._Element) -> CapMessage:
    infos = root.findall(f"{{{NAMESPACE}}}info")
    info = next((one for one in infos if (_text(one, "language") or "en").lower().startswith("en")), None)
    if info is None:
        info = infos[0] if infos else etree.Element("none")
    lon_deg, lat_deg = _place(info)
    onset = _text(info, "onset") or _text(info, "effective")
    return CapMessage(
        _text(root, "identifier"), _text(root, "sender"), datetime.fromisoformat(_text(root, "sent")),
        _text(root, "status"), _text(root, "msgType"), _names(_text(root, "references")), _text(info, "event"),
        _text(info, "headline"), "\n".join(filter(None, (_text(info, "description"), _text(info, "instruction")))),
        "; ".join(filter(None, (_text(area, "areaDesc") for area in info.findall(f"{{{NAMESPACE}}}area")))),
        _text(info, "urgency"), _text(info, "severity"), datetime.fromisoformat(onset) if onset else None,
        lon_deg, lat_deg,
    )  # fmt: skip


def _text(parent: etree._Element, name: str) -> str:
    return (parent.findtext(f"{{{NAMESPACE}}}{name}") or "").strip()


def _names(references: str) -> tuple[str, ...]:
    """Return `sender,identifier` of each reference, which is written `sender,identifier,sent`."""
    return tuple(one.rsplit(",", 1)[0] for one in references.split() if one.count(",") == 2)


def _place(info: etree._Element) -> tuple[float | None, float | None]:
    """Return longitude and latitude of the first circle's centre, else of the middle of the first polygon."""
    for area in info.findall(f"{{{NAMESPACE}}}area"):
        for name in ("circle", "polygon"):
            points = [_point(word) for word in _text(area, name).split() if "," in word]
            if points and all(point is not None for point in points):
                known = [point for point in points if point is not None]
                return sum(lon for lon, _ in known) / len(known), sum(lat for _, lat in known) / len(known)
    return None, None


def _point(word: str) -> tuple[float, float] | None:
    """Return longitude and latitude of `lat,lon`; `None` where it is no place on earth."""
    try:
        lat, lon = (float(part) for part in word.split(","))
    except ValueError:
        return None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None

"""ONVIF Profile M: plates in events as cameras publish them over MQTT, in JSON or as XML notifications.

A topic is `PREFIX/onvif-ej/RuleEngine/Recognition/LicensePlate/&SOURCE…` (ONVIF Core, topic structure): the prefix
names the device, `onvif-ej` the JSON form, the rest is the ONVIF topic without its namespace. In JSON, attributes
begin with `@` and text beside them is `#text`. What the payload is, is told by how it begins, not by its topic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from catalog.errors import BadInput
from catalog.spans import parse_instant

LOCAL_TOPIC = "RuleEngine/Recognition/LicensePlate"
"""ONVIF's topic of plates that a rule has recognised."""

PAYLOADS = ("onvif-ej", "onvif-ex", "onvif-mj", "onvif-mx")
"""What may stand between a device's prefix and the ONVIF topic: events and metadata, in JSON and XML."""

FILTERS = (f"+/onvif-ej/{LOCAL_TOPIC}/#",)
"""What is subscribed to where nobody says otherwise; a prefix of several levels needs a filter of its own."""

LONGEST_PLATE = 16
DEEPEST = 12
"""Levels of a payload that are looked into; ONVIF's own need six."""


@dataclass(frozen=True)
class PlateRead:
    """A plate that a device has read."""

    prefix: str
    """The device, as its topics begin."""
    plate: str
    likelihood: float | None
    """Raw score of the read, 0 to 1."""
    seen_at: datetime | None
    """By the device's clock; `None` where it said nothing."""


def prefix_of(topic: str) -> str:
    """Return the part of a topic that names the device.

    >>> prefix_of("cams/north-1/onvif-ej/RuleEngine/Recognition/LicensePlate/&1/Rule_1")
    'cams/north-1'
    """
    levels = topic.split("/")
    at = next((number for number, level in enumerate(levels) if level in PAYLOADS), len(levels))
    return "/".join(levels[:at])


def plate_reads(topic: str, payload: bytes) -> list[PlateRead]:
    """Return the plates in one message; none where it says that an earlier read no longer holds.

    Raises
    ------
    BadInput
        When it is neither JSON nor XML; the message says so without what it carried.
    """
    prefix = prefix_of(topic)
    found = _from_xml(payload) if payload.lstrip()[:1] == b"<" else _from_json(payload)
    reads = dict.fromkeys(
        PlateRead(prefix, plate, likelihood, seen_at)
        for plate, likelihood, seen_at in found
        if 0 < len(plate) <= LONGEST_PLATE
    )
    return list(reads)


Found = tuple[str, float | None, datetime | None]


def _from_json(payload: bytes) -> Iterator[Found]:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadInput("the message is neither JSON nor XML") from error
    for message in document if isinstance(document, list) else [document]:
        if not isinstance(message, dict) or message.get("PropertyOperation") == "Deleted":
            continue
        seen_at, data = _instant(message.get("UtcTime")), message.get("Data", {})
        shared = _number(data.get("Likelihood")) if isinstance(data, dict) else None
        for number in _named(data, "PlateNumber"):
            plate, likelihood = _text_of(number)
            yield plate, shared if likelihood is None else likelihood, seen_at


def _named(document: Any, name: str, depth: int = 0) -> Iterator[Any]:
    """Yield every value of this name, and every `SimpleItem` of this name, wherever it stands."""
    if depth > DEEPEST:
        return
    if isinstance(document, list):
        for entry in document:
            yield from _named(entry, name, depth + 1)
    elif isinstance(document, dict):
        if document.get("Name") == name and "Value" in document:
            yield document["Value"]
        for key, value in document.items():
            if key.rpartition(":")[2] == name:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from _named(value, name, depth + 1)


def _text_of(number: Any) -> tuple[str, float | None]:
    if isinstance(number, dict):
        likelihood = _number(number.get("@Likelihood", number.get("Likelihood")))
        return str(number.get("#text", number.get("Value", ""))).strip(), likelihood
    return (number.strip() if isinstance(number, str) else ""), None


def _from_xml(payload: bytes) -> Iterator[Found]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(payload, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadInput("the message begins as XML and is none") from error
    if root.getroottree().docinfo.doctype:
        raise BadInput("the message brings a document type of its own; no ONVIF event does")
    timed = [one for one in root.iter() if isinstance(one.tag, str) and one.get("UtcTime")]
    for message in timed or [root]:
        if message.get("PropertyOperation") == "Deleted":
            continue
        yield from _in_message(message, _instant(message.get("UtcTime")))


def _in_message(message: etree._Element, seen_at: datetime | None) -> Iterator[Found]:
    shared = None
    for one in message.iter():
        name = etree.QName(one).localname if isinstance(one.tag, str) else ""
        if name == "SimpleItem" and one.get("Name") == "Likelihood":
            shared = _number(one.get("Value"))
    for one in message.iter():
        name = etree.QName(one).localname if isinstance(one.tag, str) else ""
        if name == "PlateNumber":
            likelihood = _number(one.get("Likelihood"))
            yield (one.text or "").strip(), shared if likelihood is None else likelihood, seen_at
        elif name == "SimpleItem" and one.get("Name") == "PlateNumber":
            yield (one.get("Value") or "").strip(), shared, seen_at


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 1 else None


def _instant(text: Any) -> datetime | None:
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except ValueError:
        return None

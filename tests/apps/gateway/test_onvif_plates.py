"""Plates in ONVIF events, in the forms in which devices write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.onvif_plates import PlateRead, plate_reads, prefix_of
from catalog.errors import BadInput

TOPIC = "gate-cam/onvif-ej/RuleEngine/Recognition/LicensePlate/&1/LPR-Detector_1"
AT = datetime(2026, 3, 1, 15, 59, 58, 125_000, UTC)
UTC_TIME = "2026-03-01T15:59:58.125Z"

ELEMENT = {"UtcTime": UTC_TIME, "Source": {"VideoSource": "1", "Rule": "LPR-Detector_1"}, "Data": {
    "Likelihood": "0.5",
    "LicensePlateInfo": {"LicensePlateInfo": {"PlateNumber": {"@Likelihood": 0.92, "#text": "HND4128"},
                                              "CountryCode": {"#text": "US"}}},
    "VehicleInfo": {"VehicleInfo": {"Type": {"#text": "Car"}}},
}}  # fmt: skip
PLAIN = {
    "UtcTime": UTC_TIME,
    "Source": {"VideoSource": "1"},
    "Data": {"PlateNumber": "HND4128", "Likelihood": 0.92},
}
ITEMS = {"UtcTime": UTC_TIME, "Source": {"SimpleItem": [{"Name": "VideoSource", "Value": "1"}]},
         "Data": {"SimpleItem": [{"Name": "PlateNumber", "Value": "HND4128"}], "Likelihood": 0.92}}  # fmt: skip
XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<wsnt:NotificationMessage xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tt="http://www.onvif.org/ver10/schema"
    xmlns:tns1="http://www.onvif.org/ver10/topics">
  <wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
    >tns1:RuleEngine/Recognition/LicensePlate</wsnt:Topic>
  <wsnt:Message>
    <tt:Message UtcTime="{UTC_TIME}" PropertyOperation="Changed">
      <tt:Source><tt:SimpleItem Name="VideoSource" Value="1"/></tt:Source>
      <tt:Data><tt:ElementItem Name="LicensePlateInfo"><tt:LicensePlateInfo>
        <tt:PlateNumber Likelihood="0.92">HND4128</tt:PlateNumber>
        <tt:PlateType>Normal</tt:PlateType></tt:LicensePlateInfo></tt:ElementItem></tt:Data>
    </tt:Message>
  </wsnt:Message>
</wsnt:NotificationMessage>"""
SIMPLE_XML = XML.replace(
    XML[XML.index('<tt:ElementItem Name="LicensePlateInfo">') : XML.index("</tt:Data>")],
    '<tt:SimpleItem Name="Likelihood" Value="0.92"/><tt:SimpleItem Name="PlateNumber" Value="HND4128"/>',
)  # fmt: skip

FORMS: dict[str, Any] = {
    "JSON elements": json.dumps(ELEMENT), "JSON, plain": json.dumps(PLAIN), "JSON items": json.dumps(ITEMS),
    "JSON, several": json.dumps([ELEMENT]), "XML elements": XML, "XML items": SIMPLE_XML,
}  # fmt: skip


@pytest.mark.parametrize("payload", FORMS.values(), ids=FORMS.keys())
def test_a_plate_is_found_however_it_is_written(payload: str) -> None:
    assert plate_reads(TOPIC, payload.encode()) == [PlateRead("gate-cam", "HND4128", 0.92, AT)]


def test_what_ended_is_no_read() -> None:
    assert plate_reads(TOPIC, json.dumps({**ELEMENT, "PropertyOperation": "Deleted"}).encode()) == []
    assert plate_reads(TOPIC, XML.replace('"Changed"', '"Deleted"').encode()) == []


def test_an_unknown_likelihood_and_an_unknown_instant_stay_unknown() -> None:
    (read,) = plate_reads(TOPIC, json.dumps({"Data": {"PlateNumber": "HND4128"}}).encode())
    assert (read.likelihood, read.seen_at) == (None, None)
    (read,) = plate_reads(
        TOPIC, json.dumps({"UtcTime": "now", "Data": {"PlateNumber": "X1", "Likelihood": 7}}).encode()
    )
    assert (read.likelihood, read.seen_at) == (None, None)


@pytest.mark.parametrize(("topic", "prefix"), [
    (TOPIC, "gate-cam"), ("city/north/onvif-ej/RuleEngine/Recognition/LicensePlate", "city/north"),
    ("E4:30:22:F3:31:AA/onvif-ej/RuleEngine/Recognition/LicensePlate/&1", "E4:30:22:F3:31:AA"), ("bare", "bare"),
])  # fmt: skip
def test_the_device_is_named_by_what_its_topics_begin_with(topic: str, prefix: str) -> None:
    assert prefix_of(topic) == prefix


NO_EVENTS = {
    "nothing": b"", "a number": b"7", "text": b"plate", "torn XML": b"<a>", "too deep": b"[" * 100_000,
    "an entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "zeros": bytes(8),
}  # fmt: skip


@pytest.mark.parametrize("payload", NO_EVENTS.values(), ids=NO_EVENTS.keys())
def test_rubbish_is_refused_or_has_no_plates(payload: bytes) -> None:
    try:
        found = plate_reads(TOPIC, payload)
    except BadInput:
        found = []
    assert found == []


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["Data", "PlateNumber", "#text", "UtcTime", "Name", "Value", "x"]), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_document_breaks_it(document: Any) -> None:
    for read in plate_reads(TOPIC, json.dumps(document).encode()):
        assert 0 < len(read.plate) <= 16

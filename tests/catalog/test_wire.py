from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from catalog import errors
from catalog.access import Access
from catalog.alert_board import AlertChanges
from catalog.audit import AuditLine
from catalog.casework import Alert, AlertClosing
from catalog.errors import BadInput, NotPermitted, RtccError
from catalog.footage import Gap, SamplingLevel
from catalog.leases import Lease
from catalog.maintenance import Maintained
from catalog.registry import Zone
from catalog.response import AlertStep, DeviceReport, ShiftNote
from catalog.retention import Hold
from catalog.spans import Span
from catalog.wire import (
    Envelope,
    decode_answer,
    decode_changes,
    decode_changes_request,
    decode_lease_request,
    decode_request,
    encode_answer,
    encode_changes,
    encode_changes_request,
    encode_error,
    encode_lease_request,
    encode_leases,
    encode_request,
)
from catalog.writes import (
    AddFootage,
    Append,
    CloseAlerts,
    DeleteFootage,
    Grant,
    Permit,
    PlaceHold,
    RaiseAlerts,
    Record,
    Register,
    ReleaseHold,
    Report,
    StartRun,
    StepAlert,
    Withdraw,
    WriteNote,
)
from tests.catalog.made_rows import (
    BEGUN_AT,
    FARISH,
    OFFICER,
    STORE,
    consent_to,
    mounting_of,
    rows_of,
    run_of,
    segment_of,
    span_of,
)

CALIBRATED = replace(mounting_of(FARISH), lon_deg=-90.1, lat_deg=32.3, m_from_px=(1.0,) * 9, fit_error_m=0.2)
KERB = Zone("zon_1", "mnt_farish-1", "farish-1", "line", "kerb", ((0.0, 1.5), (10.0, 2.0)), 3.0, ("car", "bus"))
FIRM = Alert(
    "alr_2", "rule", "evt_1", "farish-1", "P2", BEGUN_AT, BEGUN_AT, rule="zone_dwell", detail="ü", firm_at=BEGUN_AT,
    closed_at=BEGUN_AT, outcome="nothing found",
)  # fmt: skip
READ = Alert(
    "alr_3", "plate", None, None, "P2", BEGUN_AT, BEGUN_AT, version=4, title="Plate hit", source="mast-4",
    lon_deg=-90.1, lat_deg=32.3, place_kind="school", confidence=0.9, plate_text="HND 4128", vehicle="white pickup",
    plate_typed="HND4128", verified_at=BEGUN_AT, verified_by="doe", on_scene_at=BEGUN_AT, snoozed_until=BEGUN_AT,
    last_onset_at=BEGUN_AT, repeats=2, merged_into="alr_1",
)  # fmt: skip
REQUESTS = [
    Register(OFFICER, (FARISH, STORE), (CALIBRATED, mounting_of(STORE)), (KERB, replace(KERB, labels=()))),
    Register(OFFICER, (FARISH,)),
    Grant(Access("roe", "admin"), consent_to(STORE, hours_from="20:00", hours_until="06:00")),
    Withdraw(OFFICER, "con_1"),
    AddFootage(OFFICER, (segment_of("farish-1", 1),), (Gap("farish-1", Span(BEGUN_AT), "no_feed"),)),
    AddFootage(OFFICER),
    AddFootage(OFFICER, levels=(SamplingLevel("farish-1", Span(BEGUN_AT), "record", "disk full"),)),
    DeleteFootage(OFFICER, ("seg_1", "seg_2"), "retention 30 d"),
    DeleteFootage(OFFICER, (), "disk full"),
    RaiseAlerts(OFFICER, (Alert("alr_1", "panic", None, None, "P1", BEGUN_AT, BEGUN_AT), FIRM)),
    RaiseAlerts(OFFICER, ()),
    CloseAlerts(OFFICER, (AlertClosing("alr_1", BEGUN_AT, "recovered"),)),
    StepAlert(OFFICER, AlertStep("alr_1", 3, "acknowledge")),
    StepAlert(OFFICER, AlertStep("alr_1", 3, "snooze", until=BEGUN_AT, note="ü")),
    StepAlert(OFFICER, AlertStep("alr_1", 3, "verify", plate_typed="HND 4128", vehicle_matches=False)),
    Report(OFFICER, DeviceReport("mast-4", "e ü", "plate", BEGUN_AT, BEGUN_AT, '{"a": "ü"}', READ)),
    WriteNote(OFFICER, ShiftNote("nte_1", BEGUN_AT, "doe", BEGUN_AT, BEGUN_AT + timedelta(hours=8), "gate stuck")),
    PlaceHold(OFFICER, Hold("hld_1", "farish-1", Span(BEGUN_AT), "case_0413", "doe", BEGUN_AT)),
    ReleaseHold(OFFICER, "hld_1"),
    StartRun(OFFICER, run_of("farish-1")),
    Append.of(OFFICER, rows_of("run_1", "farish-1", 4)),
    Record(OFFICER, AuditLine("sql", "select 'ü'", "", 3, snapshot_id=4)),
    Permit(OFFICER, "farish-1", span_of(2)),
    Permit(OFFICER, "farish-1", Span(BEGUN_AT + timedelta(microseconds=1))),
    None,
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_request_arrives_as_it_was_sent(request_) -> None:
    envelope = Envelope(request_, "w", 9)
    assert decode_request(pa.py_buffer(encode_request(envelope))) == envelope


@pytest.mark.parametrize(
    "answer",
    [17, "ab12", None, (), ("seg_1", "seg_2"), run_of("farish-1"), Maintained(1, 2, 3), FIRM, READ],
    ids=str,
)
def test_an_answer_arrives_as_it_was_given(answer) -> None:
    assert decode_answer(pa.py_buffer(encode_answer(answer))) == answer


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RtccError)],
    ids=lambda kind: kind.__name__,
)
def test_an_error_keeps_its_type_and_words(kind: type[RtccError]) -> None:
    with pytest.raises(kind, match="no consent") as caught:
        decode_answer(pa.py_buffer(encode_error(kind("no consent"))))
    assert type(caught.value) is kind


def test_what_nobody_foresaw_is_named() -> None:
    with pytest.raises(RtccError, match="ZeroDivisionError"):
        decode_answer(pa.py_buffer(encode_error(ZeroDivisionError("division by zero"))))


def test_leases_are_asked_for_and_given() -> None:
    asked = encode_lease_request(OFFICER, ["farish-1", "store-3"])
    assert decode_lease_request(pa.py_buffer(asked)) == (OFFICER, ("farish-1", "store-3"))
    leases = (Lease("farish-1", False, None), Lease("store-3", True, "no consent"))
    assert decode_answer(pa.py_buffer(encode_leases(leases))) == leases
    with pytest.raises(BadInput, match="not a request for leases"):
        decode_lease_request(pa.py_buffer(encode_request(Envelope(None, "w", 1))))


@pytest.mark.parametrize("changes", [AlertChanges("a-1", True), AlertChanges("a-2", False, (FIRM, READ))], ids=str)
def test_changes_of_alerts_are_asked_for_and_told(changes: AlertChanges) -> None:
    assert decode_changes_request(pa.py_buffer(encode_changes_request("a-1", 2.5))) == ("a-1", 2.5)
    assert decode_changes(pa.py_buffer(encode_changes(changes))) == changes
    with pytest.raises(BadInput, match="not a question about alerts"):
        decode_changes_request(pa.py_buffer(encode_request(Envelope(None, "w", 1))))
    with pytest.raises(NotPermitted):
        decode_changes(pa.py_buffer(encode_error(NotPermitted("closed"))))
    with pytest.raises(BadInput, match="17"):
        decode_changes(pa.py_buffer(encode_answer(17)))


@pytest.mark.parametrize("body", [b"", b"\x02\0\0\0{}", b"\xff\xff\0\0abc", b"\x04\0\0\0\xff\xfe{}"], ids=repr)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="not a request"):
        decode_request(pa.py_buffer(body))


def test_a_record_that_breaks_its_rules_is_refused_at_the_door() -> None:
    good = encode_request(Envelope(Register(OFFICER, (FARISH,)), "w", 1))
    with pytest.raises(BadInput, match="farish"):
        decode_request(pa.py_buffer(good.replace(b"farish-1", b"farish/1")))


def test_a_refusal_is_not_permitted_on_the_other_side() -> None:
    with pytest.raises(NotPermitted):
        decode_answer(pa.py_buffer(encode_error(NotPermitted("closed"))))

"""Pictures of alerts: their evidence, or their camera at the onset, also while that is still being written."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from apps.gateway.media.jpeg import jpeg_sent
from catalog.casework import Alert, AlertClosing
from catalog.registry import Camera, Mounting
from catalog.response import DeviceReport
from catalog.spans import EPOCH, Span, parse_instant
from tests.apps.gateway.media.made_media import Gateway
from tests.apps.gateway.media.made_recording import NUMBERS, MadeRecording
from tests.apps.gateway.media.test_stills import number_in
from tests.conftest import Look
from tests.made_home import MADE_AT, MAKER
from tests.waiting import eventually


def raised(gateway: Gateway, **changes: object) -> Alert:
    """Raise an alert, and wait until the gateway knows it."""
    given: dict[str, object] = {
        "kind": "person", "event_id": None, "camera_id": "farish-1", "priority": "P2",
        "raised_at": MADE_AT, "onset_at": MADE_AT,
    }  # fmt: skip
    given |= changes
    alert = Alert(Alert.identify("person", *sorted(map(str, given.values()))), **given)  # type: ignore[arg-type]
    gateway.keeper.raise_alerts(MAKER, [alert])
    eventually(lambda: alert.alert_id in gateway.app.state.room.state.alerts, "the gateway knows the alert")
    return alert


def picture(gateway: Gateway, alert: Alert, name: str = "ann", **params: object):
    return gateway.get(f"/v1/alerts/{alert.alert_id}/picture.jpg", name, params=params)


@pytest.fixture
def recording(gateway: Gateway, seen: Path) -> Iterator[MadeRecording]:
    camera_id = f"cam-{next(NUMBERS)}"
    camera = Camera(camera_id, "Made")
    gateway.keeper.register(
        MAKER, cameras=[camera], mountings=[Mounting(f"mnt_{camera_id}", camera_id, Span(EPOCH))]
    )
    made = MadeRecording(gateway.home, gateway.keeper, camera_id, seen, MADE_AT)
    with closing(made):
        yield made


def test_an_alert_shows_its_camera_at_the_onset(gateway: Gateway, audited: Look) -> None:
    alert = raised(gateway, onset_at=MADE_AT + timedelta(seconds=4.25))
    answer = picture(gateway, alert, "sue", width=320)
    assert number_in(answer.content) == 42
    assert (answer.headers["x-rtcc-exact"], answer.headers["x-rtcc-seen-at"]) == (
        "1",
        "2026-03-01T16:00:04.200000Z",
    )
    assert audited("sue")[-1][1] == f"picture of alert {alert.alert_id}"


def test_the_picture_of_a_durable_event_is_its_evidence(gateway: Gateway, look: Look) -> None:
    ((pts, started),) = look("select evidence_pts, start_at from event_states where event_id = 'evt_enter' limit 1")
    alert = raised(gateway, kind="rule", event_id="evt_enter", rule="zone_enter", onset_at=started)
    eventually(lambda: not gateway.app.state.room.state.alerts[alert.alert_id].provisional, "its event is durable")
    answer = picture(gateway, alert)
    assert answer.status_code == 200
    assert answer.headers["x-rtcc-source"] == f"{gateway.made.segments['farish-1'][0].segment_id}.{pts}"
    assert number_in(answer.content) == round(int(str(pts)) / 1024)


def test_an_alert_that_is_closed_keeps_its_picture(gateway: Gateway) -> None:
    alert = raised(gateway, onset_at=MADE_AT + timedelta(seconds=6))
    gateway.keeper.close_alerts(MAKER, [AlertClosing(alert.alert_id, gateway.clock.now, "recovered")])
    eventually(lambda: alert.alert_id not in gateway.app.state.room.state.alerts, "the gateway knows it is closed")
    answer = picture(gateway, alert)
    assert (answer.status_code, number_in(answer.content)) == (200, 60)


def test_without_a_camera_or_footage_there_is_no_picture(gateway: Gateway) -> None:
    assert picture(gateway, raised(gateway, camera_id=None)).status_code == 404
    late = raised(gateway, onset_at=MADE_AT + timedelta(seconds=31))
    assert "nearest segment" in picture(gateway, late).json()["message"]
    assert gateway.get("/v1/alerts/alr_0000000000000000/picture.jpg").status_code == 404
    assert gateway.get("/v1/alerts/..%2F..%2Fetc/picture.jpg").status_code == 404


def test_who_looks_through_no_camera_sees_no_picture_and_a_closed_camera_shows_none(gateway: Gateway) -> None:
    alert = raised(gateway, onset_at=MADE_AT + timedelta(seconds=1))
    assert picture(gateway, alert, "ada").status_code == 403
    assert picture(gateway, raised(gateway, camera_id="store-3", onset_at=MADE_AT)).status_code == 403


def test_while_the_onset_is_being_written_its_exact_frame_is_shown(
    gateway: Gateway, recording: MadeRecording
) -> None:
    recording.record(25)  # two fragments are on disk: frames 0 to 19
    alert = raised(gateway, camera_id=recording.camera_id, onset_at=MADE_AT + timedelta(seconds=1.35))
    answer = picture(gateway, alert)
    assert (number_in(answer.content), answer.headers["x-rtcc-exact"]) == (13, "1")
    assert answer.headers["x-rtcc-source"].startswith("recording 2026-03-01T16:00:00Z pts ")


def test_before_the_onset_is_on_disk_the_newest_frame_stands_in_and_then_gives_way(
    gateway: Gateway, recording: MadeRecording, audited: Look
) -> None:
    recording.record(25)
    alert = raised(gateway, camera_id=recording.camera_id, onset_at=recording.now)
    answer = picture(gateway, alert, "bob")
    assert (number_in(answer.content), answer.headers["x-rtcc-exact"]) == (19, "0")
    assert f"camera_id={recording.camera_id} recording 2026-03-01T16:00:00Z" in str(audited("bob")[-1][2])
    (segment,) = recording.record(20)  # the first segment is closed, and in the catalog
    answer = picture(gateway, alert, "bob")
    assert (number_in(answer.content), answer.headers["x-rtcc-exact"]) == (25, "1")
    assert answer.headers["x-rtcc-source"].startswith(segment.segment_id)


def test_at_the_beginning_of_a_segment_the_end_of_the_one_before_stands_in(
    gateway: Gateway, recording: MadeRecording
) -> None:
    (segment,) = recording.record(45)
    alert = raised(gateway, camera_id=recording.camera_id, onset_at=segment.span.end_at)
    answer = picture(gateway, alert)
    assert (number_in(answer.content), answer.headers["x-rtcc-exact"]) == (39, "0")


def test_a_picture_much_older_than_the_onset_does_not_stand_in(gateway: Gateway, recording: MadeRecording) -> None:
    recording.record(25)
    alert = raised(gateway, camera_id=recording.camera_id, onset_at=recording.now + timedelta(seconds=9))
    answer = picture(gateway, alert)
    assert answer.status_code == 404
    assert "the newest picture on disk is from 2026-03-01T16:00:01.9" in answer.json()["message"]


def test_a_still_is_exact_or_not_at_all(gateway: Gateway, recording: MadeRecording) -> None:
    recording.record(25)
    path = f"/v1/cameras/{recording.camera_id}/still.jpg"
    assert number_in(gateway.get(path, params={"at": "2026-03-01T16:00:01.95Z"}).content) == 19
    assert gateway.get(path, params={"at": "2026-03-01T16:00:02.45Z"}).status_code == 404
    newest = gateway.get(path)
    assert number_in(newest.content) == 19
    assert parse_instant(newest.headers["x-rtcc-seen-at"]) == MADE_AT + timedelta(seconds=1.9)


def plate_hit(gateway: Gateway, number: int, picture: str | None, camera_id: str = "farish-1") -> Alert:
    """Let a reader report a hit on a plate, with a picture of its own."""
    onset_at = MADE_AT + timedelta(seconds=3)
    hit = Alert(
        f"alr_reader_{number}", "plate", None, camera_id, "P2", MADE_AT, onset_at, source="reader-1",
        plate_text=f"KD{number:04}", title="Vehicle on hotlist",
    )  # fmt: skip
    envelope = json.dumps({"data": {"plate": hit.plate_text, "picture": picture}})
    gateway.keeper.report(
        MAKER, DeviceReport("reader-1", f"hit-{number}", "plate", MADE_AT, MADE_AT, envelope, hit)
    )
    eventually(lambda: hit.alert_id in gateway.app.state.room.state.alerts, "the gateway knows the hit")
    return hit


def sent(colour: tuple[int, int, int], size: tuple[int, int] = (400, 200)) -> str:
    """Return a JPEG as a reader sends it, with words in it that concern nobody."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "KD0001 read at 0.93"
    Image.new("RGB", size, colour).save(file, "JPEG", exif=exif)
    return base64.b64encode(file.getvalue()).decode()


def test_a_plate_is_read_from_the_readers_own_picture(gateway: Gateway, audited: Look) -> None:
    hit = plate_hit(gateway, 1, sent((200, 30, 30)))
    answer = picture(gateway, hit, "bob", width=100)
    shown = Image.open(io.BytesIO(answer.content))
    assert (answer.status_code, shown.size) == (200, (100, 50))
    assert shown.getpixel((50, 25)) == pytest.approx((200, 30, 30), abs=6)
    assert b"KD0001" not in answer.content
    assert answer.headers["x-rtcc-source"].startswith("report rep_")
    said = audited("bob")[-1]
    assert said[1] == f"picture of alert {hit.alert_id}"
    assert "camera_id=farish-1 report rep_" in said[2]


@pytest.mark.parametrize(
    ("number", "rubbish"),
    [(2, None), (3, "no base64!"), (4, base64.b64encode(b"no picture").decode()), (5, sent((0, 0, 0))[:-400])],
)
def test_without_a_picture_that_can_be_opened_the_cameras_frame_is_shown(
    gateway: Gateway, number: int, rubbish: str | None
) -> None:
    answer = picture(gateway, plate_hit(gateway, number, rubbish))
    assert (answer.status_code, number_in(answer.content)) == (200, 30)


def test_the_readers_picture_of_a_closed_camera_is_shown_to_nobody(gateway: Gateway) -> None:
    assert picture(gateway, plate_hit(gateway, 6, sent((9, 9, 9))), "ada").status_code == 403
    hit = raised(gateway, kind="plate", camera_id="store-3", plate_text="KD0007", source="reader-2")
    assert picture(gateway, hit).status_code == 403


def test_a_picture_that_would_fill_the_memory_is_not_opened() -> None:
    assert jpeg_sent(sent((0, 0, 0), (6000, 5000)), None) is None

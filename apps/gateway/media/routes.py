"""Where pictures and recorded video are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response

from apps.gateway.media.desk import Desk, desk_of, known_form
from apps.gateway.media.files import opened_recording, opened_segment
from apps.gateway.media.idle import audit_words, worded
from apps.gateway.media.jpeg import MOST_WIDTH_PX, width_of
from apps.gateway.media.playlists import CONTENT_TYPE
from apps.gateway.media.replay import replay_span
from apps.gateway.media.sending import PRIVATE
from apps.gateway.media.stills import Still
from apps.gateway.media.tap_routes import router as taps
from apps.gateway.people import SignedIn
from catalog.errors import BadInput
from catalog.spans import Span, iso, parse_instant


@asynccontextmanager
async def life(app: FastAPI) -> AsyncIterator[None]:
    """Let go of feeds and threads when the app ends."""
    yield
    desk: Desk | None = getattr(app.state, "media_desk", None)
    if desk is not None:
        desk.close()


router = APIRouter(tags=["media"], lifespan=life)
router.include_router(taps)

TheDesk = Annotated[Desk, Depends(desk_of)]
CameraId = Annotated[str, Path(max_length=128, examples=["farish-1"])]
Instant = Annotated[str | None, Query(max_length=40, examples=["2026-03-01T16:00:05Z"])]
Width = Annotated[int | None, Query(description=f"Widest the picture may be, px; at most {MOST_WIDTH_PX}")]
Reason = Annotated[str, Query(max_length=2_000)]
AlertId = Annotated[str, Path(max_length=64)]

NOTHING: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such thing, or no footage then; the message names the nearest"},
}
JPEG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            "X-RTCC-Seen-At": {"schema": {"type": "string"}, "description": "Instant of the frame"},
            "X-RTCC-Source": {"schema": {"type": "string"}, "description": "Segment and address of the frame"},
            "X-RTCC-Exact": {"schema": {"type": "string"}, "description": "0 while a better frame is on its way"},
        },
    },
    409: {"description": "The footage is not what was recorded"},
    **NOTHING,
}
VIDEO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The bytes of the range", "content": {"video/mp4": {}}},
    304: {"description": "The bytes are those already held"},
    409: {"description": "The footage is not what was recorded"},
    416: {"description": "The range lies outside the file", "content": {"video/mp4": {}}},
    **NOTHING,
}
LIST: dict[int | str, dict[str, Any]] = {
    200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}},
    **NOTHING,
}


@router.get("/v1/cameras/{camera_id}/still.jpg", response_class=Response, responses=JPEG)
async def still(
    desk: TheDesk, person: SignedIn, camera_id: CameraId, at: Instant = None, width: Width = None
) -> Response:
    """Return the picture of a camera that stands at an instant; the newest one where none is named."""
    await desk.require_watcher(person, f"still of {camera_id}")
    known_form(camera_id)
    width_px = width_of(width)
    if at is None:
        return _picture(await desk.stills.newest(person.access, camera_id, desk.room.clock(), width_px))
    return _picture(await desk.stills.standing(person.access, camera_id, _instant(at), width_px))


@router.get("/v1/alerts/{alert_id}/picture.jpg", response_class=Response, responses=JPEG)
async def alert_picture(desk: TheDesk, person: SignedIn, alert_id: AlertId, width: Width = None) -> Response:
    """Return what an alert is about: the plate reader's own picture, its evidence, or its camera at the onset."""
    await desk.require_watcher(person, f"picture of alert {alert_id}")
    width_px = width_of(width)
    return _picture(await desk.stills.alert(person.access, await desk.alert(person, alert_id), width_px))


@router.get("/v1/cameras/{camera_id}/hls.m3u8", response_class=Response, responses=LIST)
async def playlist(
    desk: TheDesk, person: SignedIn, camera_id: CameraId, since: Instant = None, until: Instant = None,
    reason: Reason = "", alert_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:  # fmt: skip
    """Return what a camera recorded in a span as an HLS playlist; without an end, the live one."""
    await desk.require_watcher(person, f"playlist of {camera_id}")
    known_form(camera_id)
    if until is not None:
        if since is None:
            raise BadInput("a replay needs since, too: from when on")
        start_at, end_at = _instant(since), _instant(until)
        if end_at <= start_at:
            raise BadInput(f"a replay cannot end at {iso(end_at)}, before it begins at {iso(start_at)}")
        span = replay_span(Span(start_at, end_at))
        return _listed(await desk.threads.ask(desk.replays.playlist, person.access, camera_id, span))
    await desk.threads.ask(desk.require_live, person.access, camera_id)
    begun = desk.list_watches.asked(person, camera_id, worded(reason), alert_id)
    if begun is not None:
        await desk.threads.ask(desk.archive.record, person.access, "watch", f"{audit_words(begun)} as=hls")
    return _listed(await desk.threads.ask(desk.live_lists.text, person.access, camera_id))


@router.get("/v1/segments/{segment_id}.mp4", response_class=Response, responses=VIDEO)
@router.head("/v1/segments/{segment_id}.mp4", include_in_schema=False)
async def segment(
    request: Request, desk: TheDesk, person: SignedIn, segment_id: Annotated[str, Path(max_length=64)],
    wanted: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None, if_none_match: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """Return a recorded segment, or a range of its bytes."""
    await desk.require_watcher(person, f"segment {segment_id}")
    opened = await desk.threads.ask(opened_segment, desk, request, person, segment_id)
    return await opened.answer(desk.threads, wanted, if_range, if_none_match)


@router.get("/v1/cameras/{camera_id}/recordings/{start_us}.mp4", response_class=Response, responses=VIDEO)
@router.head("/v1/cameras/{camera_id}/recordings/{start_us}.mp4", include_in_schema=False)
async def recording(
    request: Request, desk: TheDesk, person: SignedIn, camera_id: CameraId,
    start_us: Annotated[int, Path(ge=0, le=2**53)],
    wanted: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None, if_none_match: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """Return the file that a camera began at an instant, while it is written and after, or a range of its bytes."""
    await desk.require_watcher(person, f"recording of {camera_id}")
    known_form(camera_id)
    opened = await desk.threads.ask(opened_recording, desk, request, person, camera_id, start_us)
    return await opened.answer(desk.threads, wanted, if_range, if_none_match)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{error}") from error


def _picture(still: Still) -> Response:
    headers = {
        **PRIVATE, "x-rtcc-seen-at": str(iso(still.jpeg.seen_at)), "x-rtcc-source": still.jpeg.source,
        "x-rtcc-exact": str(int(still.exact)),
    }  # fmt: skip
    return Response(still.jpeg.content, media_type="image/jpeg", headers=headers)


def _listed(text: str) -> Response:
    return Response(text, media_type=CONTENT_TYPE, headers=PRIVATE)

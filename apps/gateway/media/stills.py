"""Stills: the picture of a camera that stands at an instant, and the picture an alert is about."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from apps.gateway.media.archive import Archive
from apps.gateway.media.jpeg import Jpeg, MadePictures, jpeg_of, jpeg_sent
from apps.gateway.media.recordings import Recordings, Shot, picture_of_shot
from apps.gateway.media.threads import Threads
from catalog.access import Access
from catalog.casework import Alert
from catalog.errors import FootageGap, NotFound
from catalog.footage import FrameAddress, Segment
from catalog.spans import Span, from_us, iso, to_us
from workbench.media.decode import frame_at, frame_pts

MOST_TABLES = 64
"""Segments of which the instants of all frames are remembered: somebody looks through them picture by picture."""

MOST_EVIDENCE = 10_000
"""Events of which the frame that shows them best is remembered."""

AROUND = timedelta(seconds=1)
"""How far from an alert's onset its event is looked for."""

EARLIER_S = 5.0
"""How much older than its onset the picture of an alert may be while the footage of its onset is still in the
recorder's memory, seconds: fragments are written at key frames, and every two seconds without one."""


@dataclass(frozen=True)
class Still:
    """A picture that was found for somebody."""

    jpeg: Jpeg
    exact: bool
    """False where it is a little earlier than what was asked for: ask again in a few seconds."""


class Stills:
    """Pictures for people; each is asked of the keeper, and in the audit before it is handed out."""

    def __init__(self, archive: Archive, recordings: Recordings, threads: Threads) -> None:
        self._archive, self._recordings, self._threads = archive, recordings, threads
        self._made = MadePictures()
        self._tables: OrderedDict[str, NDArray[np.int64]] = OrderedDict()
        self._evidence: OrderedDict[str, FrameAddress] = OrderedDict()

    async def standing(self, access: Access, camera_id: str, instant: datetime, width_px: int | None) -> Still:
        """Return the picture of a camera that stands at an instant.

        Raises
        ------
        FootageGap
            When there is none; the message names the nearest footage.
        NotPermitted, FootageMissing, FootageChanged
            When it may not be shown, or its file is not what was recorded.
        """
        return await self._at(access, "still", camera_id, instant, width_px, late_s=0.0)

    async def newest(self, access: Access, camera_id: str, now: datetime, width_px: int | None) -> Still:
        """Return the newest picture of a camera that is on disk; raises as `standing`."""
        ask = self._threads.ask
        await ask(self._archive.permit, access, camera_id, Span(now, now))
        shot = await ask(self._recordings.newest, camera_id)
        if shot is not None:
            return await self._shot(access, "still", shot, width_px)
        try:
            segment = await ask(self._archive.at, access, camera_id, now)
        except FootageGap:
            segments = await ask(self._archive.between, access, camera_id, Span(now - timedelta(minutes=1), now))
            if not segments:
                raise
            segment = segments[-1]
        last_at = (segment.span.end_at or now) - timedelta(microseconds=1)
        return await self._of_segment(access, "still", segment, last_at, width_px)

    async def alert(self, access: Access, alert: Alert, width_px: int | None) -> Still:
        """Return what an alert is about: the reader's own picture, its event's evidence, its camera at the onset.

        While the footage of the onset is still being written, the picture may be up to `EARLIER_S` older.

        Raises
        ------
        NotFound
            When the alert names no camera.
        FootageGap, NotPermitted, FootageMissing, FootageChanged
            As `standing`.
        """
        use = f"picture of alert {alert.alert_id}"
        if alert.camera_id is None:
            raise NotFound(f"alert {alert.alert_id!r} names no camera, so there is no picture of it")
        sent = await self._sent(access, use, alert, width_px)
        if sent is not None:
            return sent
        address = await self._evidence_of(access, alert)
        if address is not None:
            segment = await self._threads.ask(self._archive.segment, access, address.segment_id)
            return await self._frame(access, use, segment, address.pts, width_px)
        return await self._at(access, use, alert.camera_id, alert.onset_at, width_px, late_s=EARLIER_S)

    async def _sent(self, access: Access, use: str, alert: Alert, width_px: int | None) -> Still | None:
        """Return the picture that a reader sent with its hit; `None` where it sent none that can be opened."""
        ask, camera_id = self._threads.ask, alert.camera_id
        if alert.kind != "plate" or camera_id is None:
            return None
        await ask(self._archive.permit, access, camera_id, Span(alert.onset_at, alert.onset_at))
        found = await ask(self._archive.sent_with, access, alert.alert_id)
        content = None if found is None else await self._threads.decode(jpeg_sent, found[1], width_px)
        if found is None or content is None:
            return None
        source = f"report {found[0]}"
        at = iso(alert.onset_at)
        await ask(self._archive.record, access, use, f"camera_id={camera_id} {source} start_at={at} end_at={at}")
        return Still(Jpeg(content, alert.onset_at, source), exact=True)

    async def _at(
        self, access: Access, use: str, camera_id: str, instant: datetime, width_px: int | None, *, late_s: float
    ) -> Still:
        ask = self._threads.ask
        # Asked first: a closed camera is to be called closed, not empty.
        await ask(self._archive.permit, access, camera_id, Span(instant, instant))
        segment = self._archive.known.at(camera_id, instant)
        if segment is None:
            # What was begun last is not in the catalog yet, and looking there first spares a question.
            try:
                shot = await ask(self._recordings.standing, camera_id, instant, late_s=late_s)
            except FootageGap as gap:
                segment = await self._kept(access, camera_id, instant, late_s, gap)
            else:
                return await self._shot(access, use, shot, width_px)
        still = await self._of_segment(access, use, segment, instant, width_px)
        return replace(still, exact=segment.span.contains(instant))

    async def _kept(
        self, access: Access, camera_id: str, instant: datetime, late_s: float, unwritten: FootageGap
    ) -> Segment:
        """Return the segment in which an instant lies, or, where it may be late, that ended just before it."""
        found, gap = await self._threads.ask(self._archive.nearest, access, camera_id, instant)
        if gap is None and found is not None:
            return found
        earliest = instant - timedelta(seconds=late_s)
        if late_s and found is not None and earliest <= (found.span.end_at or earliest) <= instant:
            return found
        raise FootageGap(f"{gap}. {unwritten}")

    async def _evidence_of(self, access: Access, alert: Alert) -> FrameAddress | None:
        """Return the frame that shows an alert's event best; `None` while the event is not a durable row."""
        if alert.event_id is None or alert.provisional:
            return None
        if alert.event_id not in self._evidence:
            around = Span(alert.onset_at - AROUND, alert.onset_at + AROUND)
            for row in await self._threads.ask(self._archive.events, access, alert.camera_id, around):
                if row["evidence_segment_id"] is not None and row["evidence_pts"] is not None:
                    address = FrameAddress(row["evidence_segment_id"], row["evidence_pts"])
                    self._evidence[row["event_id"]] = address
            while len(self._evidence) > MOST_EVIDENCE:
                self._evidence.popitem(last=False)
        return self._evidence.get(alert.event_id)

    async def _of_segment(
        self, access: Access, use: str, segment: Segment, instant: datetime, width_px: int | None
    ) -> Still:
        """Return the picture that stands at an instant inside a segment, or its last one."""
        table = self._tables.get(segment.segment_id)
        if table is None:
            path = await self._threads.ask(self._archive.path, segment)
            table = self._tables[segment.segment_id] = await self._threads.decode(frame_pts, path)
            while len(self._tables) > MOST_TABLES:
                self._tables.popitem(last=False)
        # The picture that stands at an instant is the last one taken before it.
        row = max(int(np.searchsorted(table, segment.pts_at(to_us(instant)), side="right")) - 1, 0)
        return await self._frame(access, use, segment, int(table[row]), width_px)

    async def _frame(self, access: Access, use: str, segment: Segment, pts: int, width_px: int | None) -> Still:
        seen_at = from_us(segment.seen_at_us(pts))
        span = Span(seen_at, seen_at)
        descriptor = await self._threads.ask(self._archive.open, access, use, segment, span)
        os.close(descriptor)
        path = self._archive.home.footage_path(segment.uri)

        def decoded() -> Jpeg:
            content = jpeg_of(frame_at(path, segment, pts), width_px)
            return Jpeg(content, seen_at, f"{segment.segment_id}.{pts}")

        key = (segment.segment_id, pts, width_px)
        return Still(await self._made.get(key, lambda: self._threads.decode(decoded)), exact=True)

    async def _shot(self, access: Access, use: str, shot: Shot, width_px: int | None) -> Still:
        """Return a picture out of a recording that is not in the catalog yet."""
        ask, camera_id = self._threads.ask, shot.recording.note.camera_id
        await ask(self._archive.permit, access, camera_id, Span(shot.seen_at, shot.seen_at))
        source = f"recording {iso(from_us(shot.recording.start_us))} pts {shot.pts}"

        def decoded() -> Jpeg:
            return Jpeg(jpeg_of(picture_of_shot(shot), width_px), shot.seen_at, source)

        key = (camera_id, shot.recording.start_us, shot.pts, width_px)
        jpeg = await self._made.get(key, lambda: self._threads.decode(decoded))
        said = f"camera_id={camera_id} {source} start_at={iso(shot.seen_at)} end_at={iso(shot.seen_at)}"
        await ask(self._archive.record, access, use, said)
        return Still(jpeg, shot.exact)

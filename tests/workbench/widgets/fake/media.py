"""Made-up pictures: taps, stills, playlists and segments, all from loops."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.workbench.widgets.fake.desk import Desk
from tests.workbench.widgets.fake.video import Loop


@dataclass
class Media:
    """Pictures of every camera, and how they fail."""

    loops: list[Loop]
    desk: Desk | None = None
    frozen: set[str] = field(default_factory=set)
    """Cameras whose taps stay open and give nothing."""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Camera → the code and words with which its tap is closed."""
    broken: set[str] = field(default_factory=set)
    """Cameras whose frames cannot be decoded."""
    unrecorded: set[str] = field(default_factory=set)
    recorded_since_s: float = 0.0
    """When recording began, seconds since 1970."""
    opened: list[tuple[str, str]] = field(default_factory=list)
    """Camera and query of every tap that was opened."""
    kept: list[tuple[str, str]] = field(default_factory=list)
    """Camera and reason of every watch that was renewed."""

    def loop_of(self, camera_id: str) -> Loop:
        return self.loops[sum(camera_id.encode()) % len(self.loops)]

    async def tap(self, page: WebSocket) -> None:
        """Hand out one camera's frames as they come."""
        camera_id = page.path_params["camera_id"]
        self.opened.append((camera_id, page.url.query))
        await page.accept()
        listening = asyncio.create_task(self._listen(page, camera_id))
        try:
            await self._send(page, camera_id)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            listening.cancel()

    async def _listen(self, page: WebSocket, camera_id: str) -> None:
        try:
            while True:
                told = json.loads(await page.receive_text())
                self.kept.append((camera_id, told.get("reason", "")))
        except (WebSocketDisconnect, RuntimeError):
            return

    async def _send(self, page: WebSocket, camera_id: str) -> None:
        loop = self.loop_of(camera_id)
        await page.send_text(json.dumps({"mime": loop.mime, "camera_id": camera_id}))
        await page.send_bytes(bytes(8) + loop.head)
        started, number = time.monotonic(), 0
        while True:
            if camera_id in self.refused:
                code, message = self.refused[camera_id]
                await page.send_text(json.dumps({"error": "Refused", "message": message}))
                await page.close(code)
                return
            if camera_id not in self.frozen:
                data = loop.fragment(number)
                if camera_id in self.broken:
                    data = data[:40] + bytes(len(data) - 40)
                await page.send_bytes((time.time_ns() // 1000).to_bytes(8, "big") + data)
                number += 1
            else:
                started += 1 / loop.fps
            await asyncio.sleep(max(0.0, started + number / loop.fps - time.monotonic()))

    def knows(self, path: str) -> bool:
        return path.endswith((".jpg", ".m3u8")) or path.startswith("segments/")

    async def answer(self, request: Request, path: str) -> Response:
        if path.endswith(".jpg"):
            loop = self.loop_of(path.split("/")[1])
            return Response(loop.stills[len(path) % len(loop.stills)], media_type="image/jpeg")
        if path.endswith(".m3u8"):
            return self._playlist(path.split("/")[1], request.query_params)
        camera_id, number = path.removeprefix("segments/").removesuffix(".mp4").rsplit("-", 1)
        return part_of(request, self.loop_of(camera_id).group(int(number)), "video/mp4")

    def _playlist(self, camera_id: str, asked: Any) -> Response:
        if camera_id in self.unrecorded:
            return JSONResponse({"error": "FootageGap", "message": "Nothing was recorded."}, 404)
        loop = self.loop_of(camera_id)
        now = time.time()
        since = max(_seconds(asked.get("since"), now - 12), self.recorded_since_s)
        until = min(now, _seconds(asked.get("until"), now))
        first, last = int(since // loop.group_s), int(until // loop.group_s)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{int(loop.group_s + 0.999)}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
        ]
        lines += ["#EXT-X-PLAYLIST-TYPE:VOD"] if asked.get("until") else []
        for number in range(first, last):
            begun_at = datetime.fromtimestamp(number * loop.group_s, UTC).isoformat(timespec="milliseconds")
            if number % 40 in (11, 12):  # now and then a few seconds are missing
                continue
            lines += [
                "#EXT-X-DISCONTINUITY",
                f'#EXT-X-MAP:URI="/v1/segments/{camera_id}-{number}.mp4",BYTERANGE="{len(loop.head)}@0"',
                f"#EXT-X-PROGRAM-DATE-TIME:{begun_at}",
                f"#EXTINF:{loop.group_s:.3f},",
                f"#EXT-X-BYTERANGE:{len(loop.group(number)) - len(loop.head)}@{len(loop.head)}",
                f"/v1/segments/{camera_id}-{number}.mp4",
            ]
        lines += ["#EXT-X-ENDLIST"] if asked.get("until") else []
        return Response("\n".join(lines), media_type="application/vnd.apple.mpegurl")


def part_of(request: Request, data: bytes, kind: str) -> Response:
    """Return the part of a file that a request's Range asks for, else the whole."""
    wanted = request.headers.get("range", "")
    if not wanted.startswith("bytes="):
        return Response(data, media_type=kind)
    first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
    last = min(last, len(data) - 1)
    headers = {"Content-Range": f"bytes {first}-{last}/{len(data)}", "Accept-Ranges": "bytes"}
    return Response(data[first : last + 1], 206, headers, media_type=kind)


def _seconds(iso: str | None, otherwise: float) -> float:
    return datetime.fromisoformat(iso).timestamp() if iso else otherwise

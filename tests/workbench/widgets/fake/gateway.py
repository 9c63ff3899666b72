"""The made-up gateway: a server in a thread of the test, which the test makes misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.workbench.widgets.fake import city
from tests.workbench.widgets.fake.desk import Conflict, Desk
from tests.workbench.widgets.fake.media import Media, part_of
from tests.workbench.widgets.fake.studies import PublishedStudies
from tests.workbench.widgets.fake.supervision import supervision
from tests.workbench.widgets.fake.tiles import archive
from workbench.widgets.bundle import STATIC
from workbench.widgets.mounting import loader

TYPES = {".mjs": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".json": "application/json"}

SHELL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{page}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"></head>
<body style="margin:0;background:#0a0f15"><div id="here"></div><script type="module">
import load from "/esm/{page}.mjs";
const traits = {{ height: "100vh", alert_id: "{alert_id}" }};
const model = {{ get: (name) => traits[name] }};
window.unmount = (await load()).render({{ model, el: document.getElementById("here") }});
</script></body></html>"""


class FakeGateway:
    """Serve the pages and what they ask for; the test holds the strings."""

    def __init__(self, media: Media, *, cameras: int = 640, alerts: int = 12) -> None:
        self.desk = Desk(cameras=cameras, alerts=alerts)
        self.media = media
        media.desk = self.desk
        self.studies = PublishedStudies()
        self.asked: list[tuple[str, str]] = []
        """Method and path of every request."""
        self.signed_out = False
        self.silent = False
        """Keep connections open and say nothing: a half-open link."""
        self.refusing = False
        """Take no connection: a gateway that is down."""
        self._seq = 0
        self._tasks: set[asyncio.Future[None]] = set()
        self._pages: dict[WebSocket, asyncio.Queue[str | int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FakeGateway:
        config = uvicorn.Config(
            self._app(), "127.0.0.1", self.port, log_level="critical", ws_ping_interval=None, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)

    # What a test may do

    def tell(self, message: dict[str, Any]) -> None:
        """Send a change to every page."""
        self._call(self._tell(message))

    def raise_alert(self, alert: dict[str, Any]) -> dict[str, Any]:
        self.desk.keep(alert)
        self.tell({"type": "alert", "alert": alert})
        return alert

    def set_camera(self, camera_id: str, **changes: Any) -> None:
        self.desk.cameras[camera_id] |= changes
        self.tell({"type": "cameras", "cameras": [self.desk.cameras[camera_id]]})

    def order_wall(self, alert_id: str, camera_ids: list[str]) -> None:
        order = {"alert_id": alert_id, "camera_ids": camera_ids, "reason": "panic"}
        self.desk.wall = [order]
        self.tell({"type": "wall", **order})

    def drop_links(self, code: int = 1012) -> None:
        """Close every page's connection."""
        self._call(self._drop(code))

    def skip(self) -> None:
        """Lose a message on the way."""
        self._seq += 2

    def step_as(self, actor: str, alert_id: str, *, tell: bool = True, **wanted: Any) -> None:
        """Let somebody else take a step; pages may not have heard of it yet."""
        told = self.desk.step(alert_id, {"version": self.desk.alerts[alert_id]["version"], **wanted}, actor)
        if tell:
            self.tell({"type": "alert", "alert": told["alert"]})

    # How it answers

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "no page has come yet"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _stamped(self, message: dict[str, Any]) -> str:
        self._seq += 1
        return json.dumps({**message, "seq": self._seq, "sent_us": time.time_ns() // 1000})

    async def _tell(self, message: dict[str, Any]) -> None:
        text = self._stamped(message)
        for queue in self._pages.values():
            queue.put_nowait(text)

    async def _drop(self, code: int) -> None:
        for queue in self._pages.values():
            queue.put_nowait(code)

    async def _stream(self, page: WebSocket) -> None:
        self._loop = asyncio.get_running_loop()
        if self.refusing:
            await page.close(1011)
            return
        await page.accept()
        if self.signed_out:
            await page.close(4401)
            return
        queue: asyncio.Queue[str | int] = asyncio.Queue()
        await page.send_text(
            json.dumps({**self.desk.snapshot(), "seq": self._seq, "sent_us": time.time_ns() // 1000})
        )
        self._pages[page] = queue
        try:
            await self._serve(page, queue)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._pages.pop(page, None)

    async def _serve(self, page: WebSocket, queue: asyncio.Queue[str | int]) -> None:
        listening = asyncio.create_task(self._listen(page))
        beat_at = time.monotonic() + 1
        while not listening.done():
            try:
                text = await asyncio.wait_for(queue.get(), max(0.01, beat_at - time.monotonic()))
            except TimeoutError:
                beat_at += 1
                text = self._beat()
            if isinstance(text, int):
                await page.close(text)
                break
            if not self.silent:
                await page.send_text(text)
        listening.cancel()

    async def _listen(self, page: WebSocket) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await page.receive_text()

    def _beat(self) -> str:
        message = {"type": "kpi", "kpi": self.desk.kpi(), "seq": self._seq, "sent_us": time.time_ns() // 1000}
        return json.dumps(message)

    async def _api(self, request: Request) -> Response:
        self._loop = asyncio.get_running_loop()
        path = request.path_params["rest"]
        self.asked.append((request.method, f"/v1/{path}"))
        if self.signed_out:
            return JSONResponse({"error": "NotSignedIn", "message": "Sign in first."}, 401)
        if request.method != "GET" and request.headers.get("X-RTCC") != "1":
            return JSONResponse({"error": "NotPermitted", "message": "X-RTCC is missing."}, 403)
        if self.media.knows(path):
            return await self.media.answer(request, path)
        if self.studies.knows(path):
            return self.studies.answer(path)
        body = await request.json() if request.method != "GET" else {}
        return self._answer(request, path.split("/"), body)

    def _answer(self, request: Request, parts: list[str], body: dict[str, Any]) -> Response:
        asked = " ".join([request.method, *(part if part in WORDS else "ID" for part in parts)])
        if asked not in ANSWERS:
            return JSONResponse({"error": "NotFound", "message": "There is no such thing."}, 404)
        told = ANSWERS[asked](self, request, parts, body)
        return told if isinstance(told, Response) else JSONResponse(told, 201 if asked in MAKING else 200)

    def settle(self, settings: dict[str, Any]) -> dict[str, Any]:
        self.desk.settings = settings
        return settings

    def alert_shown(self, alert_id: str) -> dict[str, Any]:
        return {"alert": self.desk.alerts[alert_id], "steps": self.desk.steps[alert_id]}

    def by_hand(self, report: dict[str, Any]) -> dict[str, Any]:
        made = {
            "kind": "person",
            "rule": None,
            "confidence": None,
            "plate": None,
            "rank": int(report["priority"][1]),
        }
        alert = city.alert(len(self.desk.alerts) + 900, None, datetime.now(UTC), **made, **report)
        return {"alert": self._kept(alert)}

    def note(self, note: dict[str, Any]) -> dict[str, Any]:
        now = city.iso(datetime.now(UTC))
        written = {"note_id": str(len(self.desk.notes)), "written_at": now, "actor": self.desk.me, **note}
        self.desk.notes.insert(0, written)
        return written

    def near(self, asked: Any) -> dict[str, Any]:
        return {"cameras": self._near(float(asked["lon"]), float(asked["lat"]))}

    def _kept(self, alert: dict[str, Any]) -> dict[str, Any]:
        self.desk.keep(alert)
        self._later(self._tell({"type": "alert", "alert": alert}))
        return alert

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def take_step(self, alert_id: str, body: dict[str, Any]) -> Response:
        try:
            told = self.desk.step(alert_id, body)
        except Conflict as error:
            alert = self.desk.alerts[alert_id]
            return JSONResponse({"error": "AlertConflict", "message": str(error), "alert": alert}, 409)
        self._later(self._tell({"type": "alert", "alert": told["alert"]}))
        return JSONResponse(told)

    def _near(self, lon: float, lat: float, count: int = 6) -> list[dict[str, Any]]:
        def far(camera: dict[str, Any]) -> float:
            return (
                float(
                    ((camera["lon_deg"] - lon) / city.KM_LON) ** 2 + ((camera["lat_deg"] - lat) / city.KM_LAT) ** 2
                )
                ** 0.5
            )

        viewable = [camera for camera in self.desk.cameras.values() if camera["viewable"]]
        return [{**camera, "distance_m": round(far(camera) * 1000)} for camera in sorted(viewable, key=far)[:count]]

    def _app(self) -> Starlette:
        async def page(request: Request) -> Response:
            name = request.path_params["page"]
            return HTMLResponse(SHELL.format(page=name, alert_id=request.path_params.get("alert_id", "")))

        async def esm(request: Request) -> Response:
            return Response(loader(request.path_params["page"]), media_type="text/javascript")

        async def asset(request: Request) -> Response:
            path = STATIC / request.path_params["file"]
            return Response(
                path.read_bytes(),
                media_type=TYPES[path.suffix],
                headers={"Cache-Control": "public, max-age=31536000, immutable"},
            )

        async def login(request: Request) -> Response:
            self.signed_out = False
            return RedirectResponse(request.query_params.get("next", "/"), 303)

        return Starlette(
            routes=[
                WebSocketRoute("/v1/stream", self._stream),
                WebSocketRoute("/v1/cameras/{camera_id}/tap", self.media.tap),
                Route("/v1/{rest:path}", self._api, methods=["GET", "POST", "PUT"]),
                Route("/esm/{page}.mjs", esm),
                Route("/assets/{file}", asset),
                Route("/login", login),
                Route("/{page:str}", page),
                Route("/{page:str}/{alert_id:str}", page),
            ]
        )


Answer = Callable[[FakeGateway, Request, list[str], dict[str, Any]], Any]
ANSWERS: dict[str, Answer] = {
    "GET me": lambda gateway, *_: gateway.desk.me_shown(),
    "PUT me settings": lambda gateway, _, __, body: gateway.settle(body),
    "GET alerts ID": lambda gateway, _, parts, __: gateway.alert_shown(parts[1]),
    "POST alerts by-hand": lambda gateway, _, __, body: gateway.by_hand(body),
    "POST alerts ID steps": lambda gateway, _, parts, body: gateway.take_step(parts[1], body),
    "GET cameras near": lambda gateway, request, *_: gateway.near(request.query_params),
    "GET handover": lambda gateway, *_: gateway.desk.handover(),
    "POST handover": lambda gateway, _, __, body: gateway.note(body),
    "GET supervisor": lambda gateway, *_: supervision(gateway.desk),
    "GET basemap.geojson": lambda *_: city.basemap(),
    "GET basemap.pmtiles": lambda _, request, *__: part_of(request, archive(), "application/octet-stream"),
}
MAKING = ("POST alerts by-hand", "POST handover")
WORDS = {word for asked in ANSWERS for word in asked.split()[1:]} - {"ID"}

"""The gateway as one app: its routes, its room, and what belongs to every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI

from apps.edge import now as present
from apps.gateway import (
    alerts,
    assets,
    cameras,
    cap_routes,
    handover,
    health,
    impact,
    login,
    me,
    media,
    openapi,
    proxy,
    refusals,
    reports,
    stream,
    supervisor,
)
from apps.gateway.doorway import Doorway
from apps.gateway.room import Room
from apps.gateway.settings import Policy
from catalog.home import Home
from catalog.writes import WriteDoor

ROUTERS = (
    # The stream before the alerts: "stream" is no alert's id.
    stream.router, alerts.router, reports.router, cap_routes.router, me.router, cameras.router, handover.router,
    supervisor.router, impact.router, health.router, assets.router, media.router, login.router,
)  # fmt: skip


def create_app(
    home: Home,
    *,
    door: WriteDoor | None = None,
    clock: Callable[[], datetime] = present,
    policy: Policy | None = None,
    spawn: bool = True,
    voila: str | None = None,
    lab: str | None = None,
) -> FastAPI:
    """Return the gateway of a home.

    Parameters
    ----------
    door
        The write door; `None` for the home's keeper, found or started.
    clock
        Says what now is.
    spawn
        Start a keeper where none runs; `False` where somebody supervises it.
    voila, lab
        Addresses on loopback of the Voila and JupyterLab behind it, e.g. `http://127.0.0.1:8866`; `None` where
        there is none.
    """
    room = Room(home, door=door, clock=clock, policy=policy, spawn=spawn)
    app = FastAPI(title=openapi.TITLE, version=openapi.VERSION, lifespan=_life, docs_url=None, redoc_url=None)
    app.state.room = room
    app.add_middleware(Doorway, most_body_bytes=room.policy.most_body_bytes)
    refusals.speak(app)
    for router in ROUTERS:
        app.include_router(router)
    proxy.mount(app, room, voila=voila, lab=lab)
    openapi.publish(app)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    room: Room = app.state.room
    await room.open()
    try:
        yield
    finally:
        await room.close()

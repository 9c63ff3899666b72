"""Cameras: which are near a place, and the map they are drawn on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel

from apps.gateway.basemap import generated, geojson_path, pmtiles_path
from apps.gateway.envelopes import Latitude, Longitude
from apps.gateway.people import SignedIn, TheRoom
from apps.gateway.places import place_of
from apps.gateway.shown import NearCamera
from catalog.errors import NotFound

router = APIRouter(tags=["cameras"])


class Near(BaseModel):
    """Cameras near a place, the nearest first."""

    cameras: list[NearCamera]


@router.get("/v1/cameras/near")
async def near(
    room: TheRoom,
    person: SignedIn,
    lon: Annotated[Longitude, Query()],
    lat: Annotated[Latitude, Query()],
    count: Annotated[int, Query(ge=1, le=64)] = 6,
) -> Near:
    """Return the nearest cameras that whoever asks may look through."""
    room.limits.person.take(person.actor)
    return Near(cameras=room.state.near((lon, lat), count, person.access.purpose))


class GeoJson(JSONResponse):
    """An answer in GeoJSON."""

    media_type = "application/geo+json"


@router.get("/v1/basemap.geojson", response_class=GeoJson)
async def geojson(room: TheRoom, person: SignedIn) -> Response:
    """Return the city's own GeoJSON, else a plain grid around the cameras."""
    path = geojson_path(room.home)
    if path.exists():
        return FileResponse(path, media_type=GeoJson.media_type, headers={"Cache-Control": "no-cache"})
    state = room.state
    places = [
        (camera.name, place)
        for camera in sorted(state.cameras.values(), key=lambda one: one.camera_id)
        if (place := place_of(state.mountings.get(camera.camera_id))) is not None
    ]
    drawn: dict[str, Any] = generated(places)
    return GeoJson(drawn, headers={"Cache-Control": "no-cache"})


@router.get("/v1/basemap.pmtiles", response_class=FileResponse, responses={
    206: {"description": "The bytes of the range"}, 404: {"description": "The city has supplied none"},
    416: {"description": "The range lies outside the file"},
})  # fmt: skip
async def pmtiles(request: Request, room: TheRoom, person: SignedIn) -> Response:
    """Return the city's PMTiles, or a range of its bytes."""
    path = pmtiles_path(room.home)
    if not path.exists():
        raise NotFound(f"there is no basemap.pmtiles in the data home; put the city's file at {path.name}")
    return FileResponse(path, media_type="application/vnd.pmtiles", headers={"Cache-Control": "no-cache"})

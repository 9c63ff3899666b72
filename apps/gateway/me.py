"""Who I am, what I may do, and how I want the pages."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from apps.accounts import Settings
from apps.gateway.people import Acting, SignedIn, TheRoom
from apps.gateway.persons import Person
from apps.gateway.room import Room
from apps.gateway.shown import Me, ShownSettings
from catalog.response import allowed_steps

router = APIRouter(tags=["people"])


class WantedSettings(BaseModel):
    """How a person wants the pages."""

    model_config = ConfigDict(extra="forbid")

    sound: bool
    volume: Annotated[float, Field(ge=0, le=1)]
    palette: Literal["standard", "high_contrast", "colour_safe"]
    reduced_motion: bool


@router.get("/v1/me")
async def me(room: TheRoom, person: SignedIn) -> Me:
    """Return who is signed in."""
    return me_of(room, person)


@router.put("/v1/me/settings")
async def settings(room: TheRoom, person: Acting, wanted: WantedSettings) -> ShownSettings:
    """Keep how I want the pages."""
    kept = await room.read(room.accounts.set_settings, person.actor, Settings(**wanted.model_dump()))
    return _shown(kept.settings)


def me_of(room: Room, person: Person) -> Me:
    """Return somebody who is signed in as the pages show them."""
    return Me(
        actor=person.actor, display=person.session.display, role=person.role,
        settings=_shown(room.accounts.get(person.actor).settings), actions=list(allowed_steps(person.role)),
    )  # fmt: skip


def _shown(settings: Settings) -> ShownSettings:
    return ShownSettings(
        sound=settings.sound,
        volume=settings.volume,
        palette=settings.palette,
        reduced_motion=settings.reduced_motion,
    )

"""Signing in and out, and where each role begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from apps.gateway.pages import HOME_OF, login_page, own_path
from apps.gateway.people import TheRoom, check_origin, person_of
from apps.gateway.room import Room
from apps.sessions import COOKIE, issue
from catalog.spans import iso

router = APIRouter(include_in_schema=False)

HOURS = 12
"""How long a session lasts, hours: a shift, and the time it takes to hand over."""

DASHBOARDS = "/voila/render"
"""Where Voila serves its pages."""


@router.get("/login")
async def form(request: Request, room: TheRoom, next: Annotated[str, Query()] = "/") -> Response:
    """Show the page where people sign in; who is signed in goes on."""
    if person_of(request, room) is not None:
        return RedirectResponse(own_path(next), 303)
    return HTMLResponse(login_page(room.home.site, own_path(next)))


@router.post("/login")
async def sign_in(
    request: Request,
    room: TheRoom,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=1024)],
    next: Annotated[str, Form(max_length=2048)] = "/",
) -> Response:
    """Sign somebody in, and let them go on where they wanted to."""
    check_origin(request)
    room.limits.login.take(request.client.host if request.client else "")
    account = await room.read(room.accounts.check, name, password)  # Argon2id: it takes its time
    if account is None:
        return _refused(room, name, next)
    text = issue(room.home, account, room.clock(), HOURS)
    response = RedirectResponse(own_path(next), 303)
    response.set_cookie(
        COOKIE, text, max_age=HOURS * 3600, httponly=True, samesite="strict", path="/",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


def _refused(room: Room, name: str, next_path: str) -> Response:
    locked_until = room.accounts.locked_until(name)
    message = "Name or password is wrong."
    if locked_until is not None:
        message = f"Too many tries. Try again after {iso(locked_until.replace(microsecond=0))}."
    page = login_page(room.home.site, own_path(next_path), name=name, message=message)
    return HTMLResponse(page, status_code=401 if locked_until is None else 429)


@router.post("/logout")
async def sign_out(request: Request) -> Response:
    """Sign out: this browser forgets its session."""
    check_origin(request)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/")
async def begin(request: Request, room: TheRoom) -> Response:
    """Lead everybody to the page of their role."""
    person = person_of(request, room)
    return RedirectResponse("/login" if person is None else HOME_OF.get(person.role, "/login"), 303)


@router.get("/operations")
async def operations(request: Request, room: TheRoom) -> Response:
    """Lead to the operations page."""
    return _dashboard(request, room, "operations.ipynb")


@router.get("/supervisor")
async def supervisor(request: Request, room: TheRoom) -> Response:
    """Lead to the supervisor's page."""
    return _dashboard(request, room, "supervisor.ipynb")


@router.get("/impact")
async def impact(request: Request, room: TheRoom) -> Response:
    """Lead to the page of the impact lab."""
    return _dashboard(request, room, "impact.ipynb")


@router.get("/impact/{slug}")
async def study(request: Request, room: TheRoom, slug: str) -> Response:
    """Lead to one study."""
    safe = _safe(slug)
    return _dashboard(request, room, f"impact.ipynb?study={safe}", f"/impact/{safe}")


@router.get("/phone/{alert_id}")
async def phone(request: Request, room: TheRoom, alert_id: str) -> Response:
    """Lead to one alert's page for the phone."""
    safe = _safe(alert_id)
    return _dashboard(request, room, f"phone.ipynb?alert_id={safe}", f"/phone/{safe}")


def _safe(name: str) -> str:
    """Return the letters of a name that mean nothing in an address."""
    return "".join(character for character in name if character.isalnum() or character in "_-")


def _dashboard(request: Request, room: Room, page: str, path: str | None = None) -> Response:
    if person_of(request, room) is None:
        return RedirectResponse(f"/login?next={path or request.url.path}", 303)
    return RedirectResponse(f"{DASHBOARDS}/{page}", 303)

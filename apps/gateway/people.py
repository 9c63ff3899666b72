"""Who is signed in: the session's cookie becomes a person with an access, for requests and for sockets."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection

from apps.gateway.persons import PURPOSES, Person
from apps.gateway.refusals import NotSignedIn, OutOfScope, WrongOrigin
from apps.gateway.room import Room, room_of
from apps.sessions import COOKIE, verify
from catalog.access import Access

ACTION_HEADER = "x-rtcc"
"""What our pages send with every change: no other site's page can, without being asked first."""


def person_of(connection: HTTPConnection, room: Room) -> Person | None:
    """Return who is signed in; `None` where nobody is."""
    text = connection.cookies.get(COOKIE, "")
    session = verify(room.home, text, room.clock()) if text else None
    if session is None:
        return None
    return Person(session, Access(session.actor, session.role, PURPOSES[session.role]))


def signed_in(connection: HTTPConnection) -> Person:
    """Return who asks.

    Raises
    ------
    NotSignedIn
        When nobody is signed in.
    OutOfScope
        When it is a kernel's session: those mount pages and nothing else.
    """
    person = person_of(connection, room_of(connection))
    if person is None:
        raise NotSignedIn("nobody is signed in here, or the session has ended; sign in at /login")
    if person.session.kind != "person":
        raise OutOfScope(f"this session is for {person.session.scope!r} alone; people sign in at /login")
    return person


def acting(connection: HTTPConnection, person: Annotated[Person, Depends(signed_in)]) -> Person:
    """Return who asks for a change, which must come from a page of ours.

    Raises
    ------
    WrongOrigin
        When the header is missing, or another origin's page asks.
    """
    if connection.headers.get(ACTION_HEADER) != "1":
        raise WrongOrigin("a change needs the header X-RTCC: 1")
    check_origin(connection)
    return person


def check_origin(connection: HTTPConnection) -> None:
    """Return if the page that asks is of this origin, or nobody says which it is.

    Raises
    ------
    WrongOrigin
        When it is another's.
    """
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise WrongOrigin(f"a page of {origin} may not ask here")


SignedIn = Annotated[Person, Depends(signed_in)]
"""A route's parameter: who asks."""

Acting = Annotated[Person, Depends(acting)]
"""A route's parameter: who asks for a change."""

TheRoom = Annotated[Room, Depends(room_of)]
"""A route's parameter: what all routes share."""

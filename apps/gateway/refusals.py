"""What the gateway refuses, and how every error becomes an answer: one shape, one status each."""

from __future__ import annotations

import logging
import math

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from catalog import errors
from catalog.errors import RtccError

log = logging.getLogger(__name__)


class NotSignedIn(RtccError):
    """Nobody is signed in here, or not any more."""


class WrongOrigin(RtccError):
    """A change that was asked for from another site's page, or without the header our pages send."""


class OutOfScope(RtccError):
    """A session that was given for one thing is used for another."""


class BadSignature(RtccError):
    """A device's request that is not signed with its secret, or not signed at all."""


class StaleTimestamp(RtccError):
    """A device's request from too long ago, or from the future."""


class ReplayedNonce(RtccError):
    """A device's request that was sent before, word for word."""


class BadEnvelope(RtccError):
    """A device's report that is no CloudEvent, or no CAP message."""


class UnknownType(RtccError):
    """A report of a kind that this address does not take."""


class TooLarge(RtccError):
    """A request whose body is larger than any of ours."""


class TooMany(RtccError):
    """Somebody asks more often than they may."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Busy(TooMany):
    """More writes wait for the keeper than may wait."""


STATUS: dict[type[RtccError], int] = {
    NotSignedIn: 401, BadSignature: 401, StaleTimestamp: 401, ReplayedNonce: 401,
    WrongOrigin: 403, OutOfScope: 403, errors.NotPermitted: 403,
    errors.NotFound: 404, errors.UnknownCamera: 404, errors.AlertConflict: 409, errors.FootageChanged: 409,
    TooLarge: 413, BadEnvelope: 422, UnknownType: 422, errors.BadInput: 422, TooMany: 429,
    Busy: 503, errors.KeeperUnavailable: 503, errors.StorageFailed: 503, errors.CatalogConflict: 503,
}  # fmt: skip
"""HTTP status of each error; of one that is not named here, that of the nearest class above it, else 500."""

RETRY_AFTER_S = 2.0
"""When to come back after a 503, seconds: a keeper that died answers again within so long."""


def status_of(error: RtccError) -> int:
    """Return the HTTP status of an error."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def refusal(error: RtccError) -> JSONResponse:
    """Return the answer that says what went wrong."""
    status = status_of(error)
    if status >= 500:
        log.warning("%s: %s", type(error).__name__, error)
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = str(math.ceil(getattr(error, "retry_after_s", RETRY_AFTER_S)))
    return answer(status, type(error).__name__, str(error), headers)


def answer(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error's answer."""
    return JSONResponse({"error": kind, "message": message}, status_code=status, headers=headers)


def speak(app: FastAPI) -> None:
    """Let every error of this app be told in the one shape."""

    @app.exception_handler(RtccError)
    async def ours(_: Request, error: RtccError) -> JSONResponse:
        return refusal(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, "BadInput", said(error))

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        names = {404: "NotFound", 405: "NotAllowed"}
        kind = names.get(error.status_code, "Refused")
        return answer(error.status_code, kind, str(error.detail), dict(error.headers or {}))


def said(error: RequestValidationError) -> str:
    """Return what was wrong with a request, without what it carried: that may be a plate or a password."""
    parts = [f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in error.errors()[:5]]
    return "; ".join(parts) or "the request cannot be used"

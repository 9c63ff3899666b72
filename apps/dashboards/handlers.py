"""What the pages' server answers: a page, its files, its kernel's socket, and that it is here; nothing else."""

from __future__ import annotations

import json
import logging
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import allow_unauthenticated, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError, authenticated
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from apps.dashboards.assets import Assets
from apps.dashboards.identity import Person
from apps.dashboards.kernels import PageKernels
from apps.dashboards.messages import MessageRefused, checked
from apps.dashboards.pages import Page
from apps.dashboards.rendering import Pages

log = logging.getLogger(__name__)

PROTOCOL = "v1.kernel.websocket.jupyter.org"
"""The one form of messages that is spoken with browsers."""

MOST_REFUSED = 20
"""Refused messages after which a connection is closed."""

POLICY_VIOLATION = 1008
"""Close code of a connection whose messages were refused."""

NOT_PERMITTED = 4403
"""Close code of a connection whose person may not be here any more."""

FOR_EVER = "private, max-age=31536000, immutable"
"""Files lie under a name that changes with their contents."""

WORDS = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="dark">
<title>Real-time command center</title><body style="margin:0;height:100vh;display:grid;place-items:center;
background:#0a0f15;color:#e6edf5;font:15px/1.5 system-ui,sans-serif"><p>{words}</p>"""


class Ours(JupyterHandler):
    """What all of them share: nobody comes in unknown, and a refusal says little."""

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Refuse who is not signed in."""
        await super().prepare(_redirect_to_login=_redirect_to_login)

    @property
    def kernels(self) -> PageKernels:
        """Return the kernels of pages."""
        found: PageKernels = self.settings["kernel_manager"]
        return found

    @property
    def person(self) -> Person:
        """Return who is signed in."""
        if not isinstance(self.current_user, Person):
            raise HTTPError(403)
        return self.current_user

    def own_kernel(self, kernel_id: str) -> str:
        """Return the kernel's id if it is this person's; another's and one that is not there look alike."""
        if not self.kernels.belongs(kernel_id, self.person.username):
            raise HTTPError(403)
        return kernel_id

    def write_error(self, status_code: int, **named: Any) -> None:
        """Answer with a line of plain words."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(WORDS.format(words=REFUSALS.get(status_code, "This cannot be done now; try again.")))


REFUSALS = {
    403: "This is not for your account.",
    404: "There is nothing here.",
    405: "There is nothing here.",
    503: "All places are taken; try again in a minute.",
}


class PageHandler(Ours):
    """A page, with a kernel for this viewer alone."""

    def initialize(self, pages: dict[str, Page], rendered: Pages) -> None:
        """Take what there is to show."""
        self.pages, self.rendered = pages, rendered

    async def prepare(self) -> None:
        """Lead who is not signed in to where people sign in."""
        await super().prepare(_redirect_to_login=True)

    @authenticated
    async def get(self, name: str) -> None:
        """Write a page, its head before its kernel is there."""
        page = self.pages.get(name)
        if page is None:
            raise HTTPError(404)
        if self.person.role not in page.roles:
            raise HTTPError(403)
        session = self.settings["identity_provider"].session_of(self)
        if session is None:
            raise HTTPError(403)
        if self.kernels.full:
            raise HTTPError(503)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.xsrf_token  # noqa: B018 sets the cookie that the page sends back when it goes
        async for piece in self.rendered.opened(page, session):
            self.write(piece)
            await self.flush()


class AssetHandler(Ours):
    """A file that pages load."""

    def initialize(self, assets: Assets) -> None:
        """Take what there is to send."""
        self.assets = assets

    def get(self, area: str, path: str) -> None:
        """Write a file, zipped where the browser takes that."""
        asset = self.assets.find(area, path)
        if asset is None:
            raise HTTPError(404)
        self.set_header("Content-Type", asset.type)
        self.set_header("Cache-Control", FOR_EVER)
        self.set_header("Vary", "Accept-Encoding")
        if asset.zipped is not None and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(asset.zipped)
        else:
            self.finish(asset.plain)

    def compute_etag(self) -> None:
        """Return none: the name says which contents they are."""
        return


class KernelHandler(Ours):
    """What a page asks of its kernel before it connects."""

    async def get(self, kernel_id: str) -> None:
        """Write the kernel's model."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.kernels.kernel_model(self.own_kernel(kernel_id)), default=str))


class LeavingHandler(Ours):
    """What a page says when it goes."""

    async def post(self, kernel_id: str) -> None:
        """End the page's kernel."""
        await ensure_async(self.kernels.shutdown_kernel(self.own_kernel(kernel_id), now=True))
        self.set_status(204)
        self.finish()


class KernelSocket(VoilaKernelWebsocketHandler):
    """The connection of a page to its own kernel, through which widgets are mounted."""

    refused = 0

    @ws_authenticated
    async def get(self, kernel_id: str) -> None:
        """Connect, if the kernel is this person's."""
        self.kernel_id = kernel_id
        person = self.current_user
        if not isinstance(person, Person) or not self.settings["kernel_manager"].belongs(
            kernel_id, person.username
        ):
            log.warning("%s may not connect to the kernel %s", getattr(person, "username", "nobody"), kernel_id)
            raise HTTPError(403)
        if PROTOCOL not in self.request.headers.get("Sec-WebSocket-Protocol", ""):
            raise HTTPError(400)
        await super().get(kernel_id=kernel_id)

    async def open(self, kernel_id: str) -> None:  # type: ignore[override]
        """Remember the connection, so that it can be closed when its person may not be here any more."""
        self.settings["sockets"].add(self)
        await super().open(kernel_id)

    def on_message(self, ws_message: bytes | str) -> None:
        """Hand on what mounting widgets takes; anything else does not reach the kernel."""
        try:
            checked(ws_message)
        except MessageRefused as error:
            self.refused += 1
            log.warning(
                "not taken from %s for the kernel %s: %s", self.current_user.username, self.kernel_id, error
            )
            if self.refused >= MOST_REFUSED:
                self.close(POLICY_VIOLATION, "messages that are not taken here")
            return
        super().on_message(ws_message)

    def still_permitted(self) -> bool:
        """Tell whether the session that the connection was opened with still holds."""
        return self.settings["identity_provider"].session_of(self) is not None

    def on_close(self) -> None:
        """Forget the connection."""
        self.settings["sockets"].discard(self)
        if self.connection is not None:
            super().on_close()


class HealthHandler(Ours):
    """Whether the server is here, for who supervises it."""

    @allow_unauthenticated
    def get(self) -> None:
        """Say so, and nothing more."""
        self.finish({"status": "ok"})


class NothingHandler(Ours):
    """Everything else: there is nothing."""

    def _nothing(self, *_: Any) -> None:
        raise HTTPError(404)

    get = head = post = put = delete = patch = options = _nothing  # type: ignore[assignment]

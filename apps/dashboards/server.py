"""The pages' server: Voila on its own, on loopback, with every way to run code taken out.

`python -m apps.dashboards.server HOME --port P`. It is never an extension of a Jupyter server: there, whoever may
see a page has a shell.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tornado.web
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.services.config.manager import ConfigManager
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from nbformat.sign import MemorySignatureStore, NotebookNotary
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from traitlets import Instance
from traitlets.config import Config
from voila.app import Voila
from voila.configuration import VoilaConfiguration
from voila.utils import get_page_config

from apps.accounts import accounts_path, read_accounts
from apps.dashboards.assets import EXTENSIONS, Assets
from apps.dashboards.environment import page_environment
from apps.dashboards.handlers import (
    NOT_PERMITTED,
    AssetHandler,
    HealthHandler,
    KernelHandler,
    KernelSocket,
    LeavingHandler,
    NothingHandler,
    PageHandler,
)
from apps.dashboards.identity import RoleAuthorizer, SessionIdentity
from apps.dashboards.kernels import PageKernels
from apps.dashboards.messages import MOST_BYTES
from apps.dashboards.mounting import PageRenderer
from apps.dashboards.pages import PAGES, PEOPLE, Page
from apps.dashboards.provisioning import KernelSource
from apps.dashboards.rendering import Pages
from apps.sessions import derived_key
from catalog.errors import RtccError, StorageFailed
from catalog.home import Home

log = logging.getLogger(__name__)

BASE = "/voila/"
"""Where the gateway shows this server."""

PORT = 8866
HOST = "127.0.0.1"

MANIFEST = Path(__file__).resolve().parents[2] / "workbench" / "widgets" / "static" / "manifest.json"
"""Names the bundled files that pages load; another bundle has others."""

SWEEP_S = 15.0
"""Between two looks for kernels whose people have gone, and for people who may not be here any more, seconds."""

PING_MS = 30_000
"""Between two pings of a page's connection, and how long an answer may take, milliseconds."""

MOST_BODY_BYTES = 64 * 1024
"""Largest body of a request: nothing is uploaded here."""

POLICY = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "media-src 'self' blob:",
    "connect-src 'self' blob: data:", "worker-src 'self' blob:", "font-src 'self' data:", "frame-ancestors 'none'",
    "form-action 'self'", "base-uri 'none'", "object-src 'none'",
))  # fmt: skip
"""Nothing comes from elsewhere. Voila's loader evaluates code, and a widget's module is a blob."""

KERNEL_ID = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"


class Dashboards(Voila):
    """Voila with our people, our pages and our kernels; of its own routes none is left."""

    home = Instance(Home)

    def __init__(self, pages: dict[str, Page] | None = None, **named: Any) -> None:
        super().__init__(**named)
        self.pages = PAGES if pages is None else pages
        self.open_browser = False
        self.ip, self.base_url, self.server_url = HOST, BASE, BASE
        self.config_file_paths = []  # nobody's settings of a Voila of their own
        self.sockets: set[KernelSocket] = set()

    def initialize(self, argv: Sequence[str] | None = None) -> None:
        """Set up what a command line and settings files otherwise would; they are not read."""
        self.voila_configuration = VoilaConfiguration(
            parent=self, template="base", theme="dark", file_allowlist=["a^"], file_denylist=[".*"],
            allow_template_override="NO", allow_theme_override="NO", extension_allowlist=list(EXTENSIONS),
            show_tracebacks=False, strip_sources=True,
        )  # fmt: skip
        self.setup_template_dirs()

    def setup_template_dirs(self) -> None:
        """Find our one template."""
        self.template_paths = [str(Path(__file__).parent / "page")]
        self.static_paths = []

    def init_settings(self) -> dict[str, Any]:
        """Return the settings of all routes."""
        self.scratch = Path(tempfile.mkdtemp(prefix="rtcc-pages-"))
        self.connection_dir = str(self.scratch / "connections")
        os.mkdir(self.connection_dir, 0o700)
        self.kernel_spec_manager = KernelSpecManager(parent=self)
        self.config_manager = ConfigManager(parent=self, read_config_path=[])
        self.contents_manager = LargeFileManager(
            parent=self, root_dir=self.root_dir,
            notary=NotebookNotary(secret=os.urandom(32), store_factory=MemorySignatureStore),
        )  # fmt: skip
        self.kernel_manager = PageKernels(
            parent=self, home=self.home, scratch_root=self.scratch, source=KernelSource(self._bare_environment()),
            connection_dir=self.connection_dir,
            kernel_spec_manager=self.kernel_spec_manager,
            config=Config({"KernelManager": {"autorestart": False, "transport": "ipc"}}),
        )  # fmt: skip
        self.identity_provider = SessionIdentity(
            parent=self, log=self.log, home=self.home, login_handler_class=LoginFormHandler
        )
        self.authorizer = RoleAuthorizer(
            parent=self, log=self.log, identity_provider=self.identity_provider, roles=list(PEOPLE)
        )
        return {
            "base_url": BASE, "server_url": BASE, "login_url": "/login", "allow_remote_access": True,
            "kernel_manager": self.kernel_manager, "identity_provider": self.identity_provider,
            "authorizer": self.authorizer, "sockets": self.sockets,
            "kernel_websocket_connection_class": self.kernel_websocket_connection_class,
            "cookie_secret": derived_key(self.home, "cookies of the pages"), "xsrf_cookies": True,
            "xsrf_cookie_kwargs": {"path": BASE, "samesite": "Strict"},
            "websocket_max_message_size": MOST_BYTES, "allow_unauthenticated_access": False,
            "ws_ping_interval": PING_MS, "ws_ping_timeout": PING_MS, "log_function": _log_request,
            "headers": {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"},
            "default_handler_class": NothingHandler,
        }  # fmt: skip

    def _bare_environment(self) -> dict[str, str]:
        outer: Mapping[str, str] = os.environ  # noqa: TID251 what of it is handed on is chosen there
        return page_environment(outer, self.scratch)

    def init_handlers(self) -> list[Any]:
        """Return our routes; none of Voila's own, which run, list, serve and shut down for anybody."""
        self.assets = Assets()
        cores = len(os.sched_getaffinity(0))
        self.rendered = Pages(self._present(), self.kernel_manager, self.renderer, self.made_from, cores)
        version = re.escape(self.assets.version)
        page = {"pages": self._present(), "rendered": self.rendered}
        return [
            (rf"{BASE}render/([a-z_]+)\.ipynb", PageHandler, page),
            (rf"{BASE}{version}/(static|labextensions|page)/(.+)", AssetHandler, {"assets": self.assets}),
            (rf"{BASE}api/kernels/{KERNEL_ID}", KernelHandler),
            (rf"{BASE}api/kernels/{KERNEL_ID}/channels", KernelSocket),
            (rf"{BASE}voila/api/shutdown/{KERNEL_ID}", LeavingHandler),
            (rf"{BASE}healthz", HealthHandler),
        ]

    def _present(self) -> dict[str, Page]:
        """Return the pages whose notebook is there."""
        folder = Path(self.root_dir)
        return {name: page for name, page in self.pages.items() if (folder / f"{name}.ipynb").is_file()}

    def renderer(self, page: Page) -> PageRenderer:
        """Return what renders a page's notebook, from the beginning."""
        return PageRenderer(
            voila_configuration=self.voila_configuration, traitlet_config=self.config,
            notebook_path=f"{page.name}.ipynb", template_paths=self.template_paths,
            config_manager=self.config_manager, contents_manager=self.contents_manager, base_url=BASE,
            kernel_spec_manager=self.kernel_spec_manager, page_config=self._page_config(page),
        )  # fmt: skip

    def made_from(self, page: Page) -> object:
        """Return what tells a page's notebook and the widgets' bundle, as they are now, from others."""
        files = (Path(self.root_dir) / f"{page.name}.ipynb", MANIFEST)
        return tuple(file.stat().st_mtime_ns if file.exists() else None for file in files)

    def _page_config(self, page: Page) -> dict[str, Any]:
        """Return what Voila's scripts look up: where their files are, and which extensions to load."""
        found: dict[str, Any] = get_page_config(
            base_url=BASE, settings={"mathjax_url": None, "mathjax_config": None}, log=self.log,
            voila_configuration=self.voila_configuration,
        )  # fmt: skip
        files = f"{BASE}{self.assets.version}"
        return found | {
            "fullStaticUrl": f"{files}/static", "fullLabextensionsUrl": f"{files}/labextensions",
            "themesUrl": f"{files}/themes", "ownUrl": f"{files}/page", "pageTitle": page.title,
        }  # fmt: skip

    def start(self) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
        self.app = tornado.web.Application(**self.init_settings())
        self.app.add_handlers(".*$", self.init_handlers())
        server = HTTPServer(self.app, max_body_size=MOST_BODY_BYTES)
        try:
            server.add_sockets(self._bound())
            self.rendered.keep_ready()
            log.info("pages on %s:%d: %s", HOST, self.port, ", ".join(self._present()) or "none")
            await self._watch(stop)
        finally:
            server.stop()
            await self._end()

    def _bound(self) -> list[Any]:
        try:
            return bind_sockets(self.port, HOST)
        except OSError as error:
            raise StorageFailed(f"port {self.port} cannot be used: {error.strerror}; name another") from error

    async def _watch(self, stop: asyncio.Event) -> None:
        """Wait for the end; look after kernels and people meanwhile."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), SWEEP_S)
            await self.sweep()

    async def sweep(self) -> None:
        """End what belongs to people who have gone, and replace what died."""
        for socket in tuple(self.sockets):
            if not socket.still_permitted():
                socket.close(NOT_PERMITTED, "signed out")
        accounts = read_accounts(accounts_path(self.home)).values()
        signed_in = {account.name for account in accounts if not account.disabled}
        for kernel_id in self.kernel_manager.vanished(time.monotonic(), signed_in):
            if kernel_id in self.kernel_manager:
                await self.kernel_manager.shutdown_kernel(kernel_id, now=True)
        await self.rendered.look_after()

    async def _end(self) -> None:
        await self.rendered.close()
        for socket in tuple(self.sockets):
            socket.close(1012, "the server restarts")
        await self.kernel_manager.shutdown_all(now=True)
        await self.kernel_manager.source.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def _log_request(handler: tornado.web.RequestHandler) -> None:
    """Note a request, without what it asked for: files that are there and health are not worth a line."""
    status = handler.get_status()
    if isinstance(handler, AssetHandler | HealthHandler) and status < 400:
        return
    log.info("%d %s %s", status, handler.request.method, handler.request.path)


def main(arguments: list[str] | None = None) -> int:
    """Serve the pages of a home; the exit code is the error's."""
    parser = argparse.ArgumentParser(prog="python -m apps.dashboards.server", description=__doc__)
    parser.add_argument("home", type=Path, help="the data home whose people may come in")
    parser.add_argument("--port", type=int, default=PORT, help=f"port on loopback, {PORT} if left out")
    parser.add_argument(
        "--pages", type=Path, default=Path(__file__).resolve().parents[1], help="folder of the notebooks"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        server = Dashboards(home=Home.open(given.home), port=given.port, root_dir=str(given.pages))
        server.initialize()
        server.start()
    except RtccError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

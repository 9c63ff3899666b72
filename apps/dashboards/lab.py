"""JupyterLab for investigators, on loopback: `python -m apps.dashboards.lab HOME --port P`.

People come in with the session that the gateway gave them. Nothing is asked of the world outside: no news, no
extensions from elsewhere, no terminals. Settings of a Jupyter of somebody's own are not read: they might bring
extensions along, and Voila as an extension would give whoever may see a page a shell.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import RtccError, StorageFailed
from catalog.home import Home

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

BASE = "/lab/"
"""Where the gateway shows this server."""

PORT = 8867
HOST = "127.0.0.1"

DATA_RATE_LIMIT = 50_000_000
"""Bytes a second a notebook may show: a contact sheet of noisy pictures has 6 MB."""

CULLED_AFTER_S = 8 * 3600
"""A kernel that nobody is connected to and that does nothing is ended after so long, seconds: a shift."""

MOST_BODY_BYTES = 64 << 20
"""Largest body of a request, bytes: a notebook with pictures in it."""

POLICY = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "media-src 'self' blob: data:",
    "connect-src 'self' blob: data:", "worker-src 'self' blob:", "font-src 'self' data:", "frame-ancestors 'self'",
    "form-action 'self'", "base-uri 'self'", "object-src 'none'",
))  # fmt: skip


def examples() -> Path | None:
    """Return the project's notebooks, `None` where it was installed without them."""
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    return folder if any(folder.glob("*.ipynb")) else None


def settings_of(home: Home, port: int) -> dict[str, dict[str, Any]]:
    """Return the settings of the server, by class."""
    from apps.dashboards.lab_rights import LabIdentity, LabKernels, LabRights, LabSessions, folders_of
    from apps.dashboards.pages import LAB_ROLES
    from apps.sessions import derived_key

    folders_of(home).mkdir(mode=0o700, exist_ok=True)
    kept = home.root / "lab"
    xsrf = {"path": BASE, "samesite": "Strict"}
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
    return {
        "ServerApp": {
            "ip": HOST, "port": port, "port_retries": 0, "base_url": BASE, "open_browser": False,
            "allow_root": True, "allow_remote_access": True, "root_dir": str(folders_of(home)),
            "terminals_enabled": False,
            "jpserver_extensions": {"jupyterlab": True}, "identity_provider_class": LabIdentity,
            "authorizer_class": LabRights, "kernel_manager_class": LabKernels, "session_manager_class": LabSessions,
            "cookie_secret": derived_key(home, "cookies of the lab"), "quit_button": False, "answer_yes": True,
            "max_body_size": MOST_BODY_BYTES, "allow_unauthenticated_access": False,
            "reraise_server_extension_failures": True,
            "tornado_settings": {"login_url": "/login", "headers": headers, "xsrf_cookie_kwargs": xsrf},
        },
        "LabIdentity": {"home": home, "examples": examples(), "roles": list(LAB_ROLES)},
        "LabRights": {"roles": list(LAB_ROLES)},
        "LabKernels": {"cull_idle_timeout": CULLED_AFTER_S, "cull_interval": 300},
        "KernelManager": {"transport": "ipc"},
        "ZMQChannelsWebsocketConnection": {"iopub_data_rate_limit": DATA_RATE_LIMIT},
        "LabApp": {
            "user_settings_dir": str(kept / "settings"), "workspaces_dir": str(kept / "workspaces"),
            "news_url": None, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly", "collaborative": False,
        },
    }  # fmt: skip


def make(home: Home, port: int) -> ServerApp:
    """Return the server, ready to be started.

    Raises
    ------
    StorageFailed
        When its port is taken.
    """
    import asyncio

    from jupyter_server.serverapp import ServerApp
    from traitlets.config import Config

    asyncio.set_event_loop(asyncio.new_event_loop())
    app = ServerApp.instance(config=Config(settings_of(home, port)))
    try:
        app.initialize(argv=[])
    except SystemExit as error:
        raise StorageFailed(f"JupyterLab cannot listen on port {port} of {HOST}; name another") from error
    app.web_app.add_handlers(".*$", [(BASE.rstrip("/") + r"/?(?:lab/?)?", beginning())])
    return app


def beginning() -> type[Any]:
    """Return what leads people to their own folder."""
    from jupyter_server.base.handlers import JupyterHandler
    from tornado.web import authenticated

    from apps.dashboards.lab_rights import own_home

    class Beginning(JupyterHandler):
        """Where people come in."""

        @authenticated
        def get(self) -> None:
            """Lead to one's own folder."""
            self.redirect(BASE + own_home(self.current_user.username))

    return Beginning


def main(arguments: list[str] | None = None) -> int:
    """Serve the lab of a home until SIGTERM; the exit code is the error's."""
    parser = argparse.ArgumentParser(prog="python -m apps.dashboards.lab", description=__doc__)
    parser.add_argument("home", type=Path, help="the data home whose investigators may come in")
    parser.add_argument("--port", type=int, default=PORT, help=f"port on loopback, {PORT} if left out")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    scratch = tempfile.mkdtemp(prefix="rtcc-lab-")
    # before anything of Jupyter's is loaded: it reads them then
    ours = {"JUPYTER_NO_CONFIG": "1", "JUPYTER_RUNTIME_DIR": scratch, "RTCC_HOME": str(given.home.resolve())}
    os.environ.update(ours)  # noqa: TID251 Jupyter takes these settings from nowhere else
    try:
        make(Home.open(given.home), given.port).start()
    except RtccError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

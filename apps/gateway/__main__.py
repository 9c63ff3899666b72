"""The gateway as a process: `python -m apps.gateway HOME --port P`."""

from __future__ import annotations

import argparse
import logging
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from apps.gateway.app import create_app
from catalog.errors import RtccError
from catalog.home import Home

PORT = 8750
HOST = "127.0.0.1"

END_S = 3
"""How long open streams get to end when the gateway leaves, seconds."""

SEND_BUFFER_BYTES = 256 * 1024
"""What may lie in the kernel on its way to one page, bytes. It would grow to megabytes: 16 s of video that a slow
page has to see before it is up to date again, and that nobody can call back."""


def main(arguments: list[str] | None = None) -> int:
    """Serve the home named on the command line until SIGTERM or Ctrl-C; the exit code is the error's."""
    parser = argparse.ArgumentParser(prog="python -m apps.gateway", description=__doc__)
    parser.add_argument("home", type=Path, help="the data home to serve")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"port on the loopback interface, {PORT} if left out"
    )
    parser.add_argument("--voila", metavar="URL", help="address of the Voila behind it")
    parser.add_argument("--lab", metavar="URL", help="address of the JupyterLab behind it")
    parser.add_argument("--supervised", action="store_true", help="somebody else starts the keeper: wait for it")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        home = Home.open(given.home)
        app = create_app(home, spawn=not given.supervised, voila=given.voila, lab=given.lab)
    except RtccError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    Server(app, given.port).run()
    return 0


class Server(uvicorn.Server):
    """Serves the gateway on loopback, in one process; before it ends, open streams are told to."""

    def __init__(self, app: FastAPI, port: int) -> None:
        super().__init__(uvicorn.Config(
            app, host=HOST, port=port, access_log=False, log_config=None, server_header=False, ws_max_size=1 << 20,
            timeout_graceful_shutdown=END_S, timeout_keep_alive=30,
            ws_per_message_deflate=False,  # video grows no smaller, and trying takes 30 times what sending does
        ))  # fmt: skip
        self._leaving = app.state.room.leaving

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to end."""
        if sockets is None:
            sockets = [self.config.bind_socket()]
            for listening in sockets:  # accepted sockets have it from here
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().run(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the streams end, then everything else."""
        self._leaving.set()
        await super().shutdown(sockets)


if __name__ == "__main__":
    sys.exit(main())

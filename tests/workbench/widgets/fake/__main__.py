"""Serve the pages against the made-up gateway: `python -m tests.workbench.widgets.fake [PORT] [FOOTAGE …]`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from apps.studies import publish
from catalog.home import Home
from tests.made_report import write_report
from tests.workbench.widgets.fake.gateway import FakeGateway
from tests.workbench.widgets.fake.media import Media
from tests.workbench.widgets.fake.video import cut_loop, made_loop


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8760
    loops = [cut_loop(Path(path)) for path in sys.argv[2:]] or [made_loop(0), made_loop(1)]
    gateway = FakeGateway(Media(loops))
    with TemporaryDirectory() as folder:
        gateway.studies.home = Home.create(Path(folder) / "home")
        publish(write_report(Path(folder) / "report"), gateway.studies.home)
        uvicorn.run(gateway._app(), host="127.0.0.1", port=port, log_level="warning", ws_ping_interval=None)


if __name__ == "__main__":
    main()

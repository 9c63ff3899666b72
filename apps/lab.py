"""JupyterLab on the project's notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from catalog.errors import NotFound, RtccError
from catalog.home import Home

DATA_RATE_LIMIT = 50_000_000
"""Bytes a second a notebook may show: a contact sheet of noisy pictures has 6 MB, and Jupyter's own limit of 1 MB
would cut it off."""


def notebooks_folder() -> Path:
    """Return where the notebooks are.

    Raises
    ------
    NotFound
        When the workbench was installed without them.
    """
    folder = Path(__file__).resolve().parent.parent / "notebooks"
    if not any(folder.glob("*.ipynb")):
        raise NotFound(f"there are no notebooks in {folder}; run `rtcc lab` from a checkout of the project")
    return folder


def lab_command(port: int, *, browser: bool) -> list[str]:
    """Return the command line: this machine only; Jupyter makes a token of its own."""
    folder = notebooks_folder()
    command = [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", f"--ServerApp.iopub_data_rate_limit={DATA_RATE_LIMIT}",
    ]  # fmt: skip
    if os.getuid() == 0:
        command.append("--allow-root")
    return command if browser else [*command, "--no-browser"]


def open_lab(home: Home, port: int, *, browser: bool) -> None:
    """Run JupyterLab until it is stopped; its notebooks find this home."""
    environment = os.environ | {"RTCC_HOME": str(home.root)}  # noqa: TID251 the kernels read it there
    done = subprocess.run(lab_command(port, browser=browser), env=environment, check=False)
    if done.returncode not in (0, -2):
        raise RtccError(f"JupyterLab left with code {done.returncode}; what it said above tells why")

"""Where pages' kernels come from: one process that has loaded what they need, and forks for each.

A kernel started from nothing takes a core for 1.2 s and holds 40 MB of its own; one that is forked takes a fifth of
both, and twenty viewers who come at once are not made to wait for each other. `python -m apps.dashboards.forking`
reads orders from its standard input, one JSON object a line, and answers each with the process it has made. It ends
with its standard input, and its kernels with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

LOADED = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipywidgets", "anywidget", "workbench.widgets.operations",
    "workbench.widgets.supervisor", "workbench.widgets.phone",
)  # fmt: skip
"""What every page's kernel loads."""


WIDGETS = "__import__('ipywidgets').register_comm_target()"
"""What ipywidgets does when it is loaded by a kernel; here it was loaded before there was one."""


@dataclass(frozen=True)
class Order:
    """One kernel that is wanted."""

    arguments: tuple[str, ...]
    """Of the kernel's own command line."""
    environment: dict[str, str]
    """All it will find there."""
    folder: str
    """Where it works."""

    def as_json(self) -> str:
        """Return it as a line."""
        return json.dumps(asdict(self)) + "\n"


def main() -> None:
    """Fork a kernel for every order."""
    for name in LOADED:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("a process with threads is not forked: what they hold stays held")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel sees to those that have ended
    gc.collect()
    gc.freeze()  # what is shared stays shared: nothing is written into it
    print("ready", flush=True)
    for line in sys.stdin:
        order = Order(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            _become(order)
        _lead_a_group(pid)
        print(pid, flush=True)


def _lead_a_group(pid: int) -> None:
    """Give a process a group of its own; both sides of the fork do so, whichever comes first."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or has done so itself
        os.setpgid(pid, pid)


def _become(order: Order) -> NoReturn:
    """Be that kernel, to its end."""
    code = 1
    try:
        parent = os.getppid()
        _lead_a_group(os.getpid())
        for sign in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)  # answers to orders are not its to give
        os.environ.clear()  # noqa: TID251 a kernel's environment is what it was ordered with
        os.environ.update(order.environment)  # noqa: TID251
        os.chdir(Path(order.folder))
        time.tzset()
        random.seed()
        from ipykernel.kernelapp import IPKernelApp

        sys.argv = ["ipykernel_launcher", *order.arguments]
        own = (f"--IPKernelApp.parent_handle={parent}", f"--IPKernelApp.exec_lines={WIDGETS}")
        IPKernelApp.launch_instance([*order.arguments, *own])
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()

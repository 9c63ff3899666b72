"""A Ray that starts no more than it needs here.

Left out of a head are the API server, the autoscaler and the reader of logs. Each would be a process that imports
all of Ray, a second of a core at every start and 80 to 140 MB for as long as it runs; the first two open ports of
their own. What remains is what runs actors and tasks.

Left out of every process is a grammar for international addresses. Ray imports a checker of JSON schemas, and that
builds the grammar at once, 1.7 s of a core, three quarters of what importing Ray takes; nothing here has such an
address to check, and the checker does without where the grammar's package cannot be had.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LEFT_OUT = Path(__file__).with_name("left_out")
"""Folder whose modules stand before those that Ray's processes are to do without."""


def python_path(given: str) -> str:
    """Return `PYTHONPATH` for Ray's processes: what was given, behind the modules that they do without."""
    rest = [name for name in given.split(os.pathsep) if name and name != str(LEFT_OUT)]
    return os.pathsep.join([str(LEFT_OUT), *rest])


def lean_node() -> Any:
    """Return Ray's class of nodes, but for what is left out."""
    from ray._private.node import Node

    class LeanNode(Node):
        """A node that starts none of these."""

        def start_api_server(self, **_: Any) -> None:
            """Start none: it serves the dashboard, and jobs from outside."""

        def start_monitor(self) -> None:
            """Start none: nobody adds nodes to a cluster of one."""

        def start_log_monitor(self) -> None:
            """Start none: what workers print stays in their files."""

    return LeanNode


@contextmanager
def lean_heads() -> Iterator[None]:
    """Let every head that `ray.init` starts meanwhile be lean; it has no option for this."""
    from ray._private import node

    usual, node.Node = node.Node, lean_node()
    try:
        yield
    finally:
        node.Node = usual

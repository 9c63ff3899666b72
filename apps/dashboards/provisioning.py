"""Pages' kernels as forked processes, in the form in which Jupyter looks after kernels."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
from collections.abc import Mapping
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from traitlets import Instance

from apps.dashboards.forking import Order
from catalog.errors import RtccError

ANSWER_S = 60.0
"""Longest wait for the source to be ready, or for a fork, seconds; a busy machine takes ten to load it."""

END_S = 5.0
"""Longest wait for the source to end, seconds."""


class SourceBroke(RtccError):
    """The process that kernels are forked from does not answer; another is started for the next kernel."""


class ForkedProcess:
    """A process that is not a child of this one, told from any later one of its number."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle, self.returncode = -1, 1

    def poll(self) -> int | None:
        """Return `None` while it runs."""
        return self.wait(0.0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end, seconds; its exit code is its parent's to know."""
        if self.returncode is None and select.select([self._handle], [], [], timeout)[0]:
            os.close(self._handle)
            self.returncode = 0
        return self.returncode

    def send_signal(self, sign: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, sign)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class KernelSource:
    """The process that kernels are forked from; started when it is first needed, and again where it broke."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def fork(self, order: Order) -> ForkedProcess:
        """Return a new kernel's process; a source that died since the last one is replaced.

        Raises
        ------
        SourceBroke
            When a source that was started for it broke, too; asking again starts another.
        """
        async with self._turn:
            if self._process is not None:
                with contextlib.suppress(SourceBroke):
                    return await self._forked(order)
            return await self._forked(order)

    async def _forked(self, order: Order) -> ForkedProcess:
        try:
            process = await self._running()
            assert process.stdin is not None
            process.stdin.write(order.as_json().encode())
            await process.stdin.drain()
            return ForkedProcess(int(await self._line(process)))
        except (OSError, ValueError, TimeoutError) as error:
            self._abandon()
            raise SourceBroke(f"no kernel can be forked: {error or type(error).__name__}") from error

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "apps.dashboards.forking", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, env=self._environment,
        )  # fmt: skip
        if await self._line(self._process) != b"ready\n":
            raise ValueError("the source of kernels did not come up")
        return self._process

    @staticmethod
    async def _line(process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None
        return await asyncio.wait_for(process.stdout.readline(), ANSWER_S)

    def _abandon(self) -> None:
        """Kill the source, if it has not ended by itself, and let the next kernel have another."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def close(self) -> None:
        """End the source, and with it what was forked from it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


class ForkedProvisioner(LocalProvisioner):
    """Gets a kernel's process from the source, and looks after it as after any other."""

    source = Instance(KernelSource)

    async def launch_kernel(self, cmd: list[str], **named: Any) -> Any:
        """Fork a kernel; of its command, what follows the name of ipykernel's module is its own."""
        arguments = tuple(cmd[cmd.index("ipykernel_launcher") + 1 :])
        self.process = await self.source.fork(Order(arguments, dict(named["env"]), str(named["cwd"])))
        self.pid = self.pgid = self.process.pid  # it leads a group of its own
        self.cwd = named["cwd"]
        return self.connection_info


class ForkedKernelManager(ServerKernelManager):
    """Looks after one forked kernel."""

    async def _async_pre_start_kernel(self, **named: Any) -> Any:
        if self.provisioner is None:
            self.provisioner = ForkedProvisioner(
                kernel_id=named.get("kernel_id", ""), kernel_spec=self.kernel_spec, parent=self,
                source=self.parent.source,
            )  # fmt: skip
        return await super()._async_pre_start_kernel(**named)

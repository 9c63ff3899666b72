"""Kernels of pages: each belongs to the person for whom its page was rendered, and goes when they have gone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Instance, TraitType

from apps.dashboards.environment import page_environment
from apps.dashboards.provisioning import KernelSource
from apps.edge import now
from apps.sessions import Session, kernel_token
from catalog.errors import NotFound
from catalog.home import Home

VANISHED_AFTER_S = 120.0
"""A kernel nobody has been connected to for so long is ended, seconds: a laptop's short sleep and a restart of the
gateway take less, and a page that finds its kernel gone goes on without."""

MOST_OF_ONE = 8
"""Kernels one person may have; the one longest alone, or else the oldest, goes for a new one."""

MOST_OF_ALL = 64
"""Kernels of all people together."""

LEAN = ("--HistoryManager.enabled=False", "--Completer.use_jedi=False")
"""A kernel that nobody types to keeps no history of what was typed."""


@dataclass
class Seat:
    """One kernel: whose it is, and whether their page is connected to it."""

    kernel_id: str
    scratch: Path
    """Its home folder, gone with it."""
    owner: str | None = None
    """Account of the person; `None` while it waits, ready, for one."""
    connections: int = 0
    alone_since_s: float = field(default_factory=time.monotonic)
    """Since when nobody is connected, on the steady clock."""


class PageKernels(AsyncMappingKernelManager):
    """Starts, gives away and ends the kernels of pages."""

    home = Instance(Home)
    scratch_root: TraitType[Path, Path] = Instance(Path)
    """Folder of the kernels' home folders."""
    source = Instance(KernelSource)
    """What kernels are forked from."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.kernel_manager_class = "apps.dashboards.provisioning.ForkedKernelManager"
        self.seats: dict[str, Seat] = {}
        self.allowed_message_types = []  # looked at more closely before it comes here
        self.allow_tracebacks = False
        self.buffer_offline_messages = False

    async def start_kernel(self, *, kernel_id: str | None = None, **named: Any) -> str:
        """Start a kernel in a home folder of its own, with next to nothing in its environment."""
        kernel_id = kernel_id or self.new_kernel_id()
        seat = Seat(kernel_id, self.scratch_root / kernel_id)
        seat.scratch.mkdir(mode=0o700)
        self.seats[kernel_id] = seat
        outer: Mapping[str, str] = os.environ  # noqa: TID251 what of it is handed on is chosen there
        named |= {"env": page_environment(outer, seat.scratch), "cwd": str(seat.scratch)}
        try:
            started: str = await super().start_kernel(
                kernel_id=kernel_id, extra_arguments=list(LEAN), **{**named, "path": None}
            )
        except BaseException:
            self._forget(kernel_id)
            raise
        return started

    def give(self, kernel_id: str, session: Session) -> None:
        """Let a kernel be this person's from now on; it finds a short-lived token of theirs.

        Raises
        ------
        NotFound
            When the kernel or the person's account has gone meanwhile.
        """
        seat = self.seats.get(kernel_id)
        if seat is None or seat.owner is not None:
            raise NotFound("the kernel of this page has gone; load the page again")
        token = kernel_token(self.home, session, now())
        path = seat.scratch / "token"
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(token)
        seat.owner, seat.alone_since_s = session.actor, time.monotonic()

    def belongs(self, kernel_id: str, actor: str) -> bool:
        """Tell whether a kernel is this person's."""
        seat = self.seats.get(kernel_id)
        return seat is not None and seat.owner == actor

    def notify_connect(self, kernel_id: str) -> None:
        """Notice that a page has connected."""
        super().notify_connect(kernel_id)
        if kernel_id in self.seats:
            self.seats[kernel_id].connections += 1

    def notify_disconnect(self, kernel_id: str) -> None:
        """Notice that a page has gone."""
        super().notify_disconnect(kernel_id)
        if kernel_id in self.seats:
            seat = self.seats[kernel_id]
            seat.connections, seat.alone_since_s = max(0, seat.connections - 1), time.monotonic()

    async def shutdown_kernel(self, kernel_id: str, *given: Any, **named: Any) -> None:
        """End a kernel and remove its home folder."""
        try:
            await ensure_async(super().shutdown_kernel(kernel_id, *given, **named))
        finally:
            self._forget(kernel_id)

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended."""
        self._forget(kernel_id)
        return super().remove_kernel(kernel_id)

    def _forget(self, kernel_id: str) -> None:
        seat = self.seats.pop(kernel_id, None)
        if seat is not None:
            shutil.rmtree(seat.scratch, ignore_errors=True)

    def too_many(self, actor: str) -> tuple[str, ...]:
        """Return the kernels that go before this person gets another: of their own, those least missed."""
        owned = [seat for seat in self.seats.values() if seat.owner is not None]
        own = sorted((seat for seat in owned if seat.owner == actor), key=_missed)
        excess = len(own) + 1 - MOST_OF_ONE
        return tuple(seat.kernel_id for seat in own[: max(0, excess)])

    @property
    def full(self) -> bool:
        """Tell that no more people fit in."""
        return sum(seat.owner is not None for seat in self.seats.values()) >= MOST_OF_ALL

    def vanished(self, now_s: float, signed_in: set[str]) -> Iterator[str]:
        """Yield the kernels whose people have gone: their page, or their right to be here.

        Parameters
        ----------
        now_s
            Now, on the steady clock.
        signed_in
            People whose account stands.
        """
        for seat in tuple(self.seats.values()):
            alone = not seat.connections and now_s - seat.alone_since_s > VANISHED_AFTER_S
            if seat.owner is not None and (alone or seat.owner not in signed_in):
                yield seat.kernel_id


def _missed(seat: Seat) -> tuple[bool, float]:
    """Return how much a kernel would be missed, for sorting: little where nobody is connected, and for long."""
    return seat.connections > 0, seat.alone_since_s

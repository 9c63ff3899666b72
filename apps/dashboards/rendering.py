"""Pages as HTML, each with a kernel of its own that has run its notebook: kept ready, or made on demand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from apps.dashboards.kernels import PageKernels
from apps.dashboards.mounting import PageRenderer
from apps.dashboards.pages import Page
from apps.sessions import Session

log = logging.getLogger(__name__)

REFILL_AFTER_S = 2.0
"""How long after a page was given away the next is made ready, seconds: the page that was given is loading."""

AGAIN_AFTER_S = 10.0
"""How long after a page could not be made ready it is tried again, seconds."""


@dataclass(frozen=True)
class Ready:
    """A page whose kernel has run; nobody's yet."""

    kernel_id: str
    html: str
    made_from: object
    """What tells the files it was made from, from later ones."""


class Pages:
    """Gives people their pages.

    Parameters
    ----------
    make
        Returns the renderer of a page's notebook.
    made_from
        Returns what tells the files of a page, as they are now, from others: a page made from earlier ones would
        ask for scripts that are not there any more.
    at_once
        Kernels that are started at the same time: more would only make each other wait.
    """

    def __init__(
        self,
        pages: dict[str, Page],
        kernels: PageKernels,
        make: Callable[[Page], PageRenderer],
        made_from: Callable[[Page], object],
        at_once: int,
    ) -> None:
        self._pages, self._kernels, self._make, self._made_from = pages, kernels, make, made_from
        self._ready: dict[str, list[Ready]] = {name: [] for name in pages}
        self._filling: dict[str, asyncio.Task[None]] = {}
        self._starting = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def keep_ready(self) -> None:
        """Begin to keep pages ready."""
        for page in self._pages.values():
            self._fill(page, 0.0)

    def ready(self) -> dict[str, int]:
        """Return how many of each page are ready."""
        return {name: len(ready) for name, ready in self._ready.items()}

    async def opened(self, page: Page, session: Session) -> AsyncIterator[str]:
        """Yield a page's HTML piece by piece; its kernel is the person's before they learn of it.

        Raises
        ------
        NotFound
            When the person's account has gone meanwhile.
        """
        for kernel_id in self._kernels.too_many(session.actor):
            self._later(self._end(kernel_id))
        while self._ready[page.name]:
            ready = self._ready[page.name].pop(0)
            if ready.made_from == self._made_from(page) and await self._alive(ready.kernel_id):
                self._kernels.give(ready.kernel_id, session)
                self._fill(page, REFILL_AFTER_S)
                yield ready.html
                return
            self._later(self._end(ready.kernel_id))
        self._fill(page, REFILL_AFTER_S)
        async for piece in self._made_now(page, session):
            yield piece

    async def _made_now(self, page: Page, session: Session) -> AsyncIterator[str]:
        """Yield a page while its kernel starts: the head is there at once."""
        renderer = self._make(page)
        await renderer.initialize()
        kernel_id = self._kernels.new_kernel_id()

        async def started() -> Any:
            async with self._starting:
                await self._kernels.start_kernel(
                    kernel_id=kernel_id, kernel_name=renderer.notebook.metadata.kernelspec.name
                )
            self._kernels.give(kernel_id, session)
            return self._kernels.get_kernel(kernel_id)

        async for piece, _ in renderer.generate_content_generator(kernel_id, started()):
            yield piece

    def _fill(self, page: Page, after_s: float) -> None:
        if page.name not in self._filling and page.ready:
            task = asyncio.get_running_loop().create_task(self._filled(page, after_s))
            self._filling[page.name] = task

    async def _filled(self, page: Page, after_s: float) -> None:
        try:
            while len(self._ready[page.name]) < page.ready:
                await asyncio.sleep(after_s)
                try:
                    self._ready[page.name].append(await self._made_ready(page))
                except Exception:  # whatever broke in a notebook is noted, and the page tried again
                    log.exception("the page %s could not be made ready", page.name)
                    after_s = AGAIN_AFTER_S
        finally:
            del self._filling[page.name]

    async def _made_ready(self, page: Page) -> Ready:
        made_from, renderer = self._made_from(page), self._make(page)
        await renderer.initialize()
        async with self._starting:
            kernel_id = await self._kernels.start_kernel(kernel_name=renderer.notebook.metadata.kernelspec.name)
            try:
                html = await renderer.generate_content_str(kernel_id, self._kernels.get_kernel(kernel_id))
            except BaseException:
                await self._end(kernel_id)
                raise
        return Ready(kernel_id, html, made_from)

    async def look_after(self) -> None:
        """Replace ready pages whose kernel has died, or whose files have changed."""
        for name, ready in self._ready.items():
            for one in tuple(ready):
                stale = one.made_from != self._made_from(self._pages[name])
                if (stale or not await self._alive(one.kernel_id)) and one in ready:
                    ready.remove(one)
                    self._later(self._end(one.kernel_id))
            self._fill(self._pages[name], 0.0)

    async def _alive(self, kernel_id: str) -> bool:
        if kernel_id not in self._kernels:
            return False
        return bool(await self._kernels.get_kernel(kernel_id).is_alive())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, kernel_id: str) -> None:
        if kernel_id in self._kernels:
            await self._kernels.shutdown_kernel(kernel_id, now=True)

    async def close(self) -> None:
        """Stop making pages ready."""
        tasks = [*self._filling.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

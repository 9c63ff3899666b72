"""Leave to read a live feed, for two seconds at a time: what the keeper grants, and what a reader of feeds holds.

Whoever reads frames of a private camera asks `LeaseBook.why_closed` for every batch, which costs no call and no
lock. Behind it one thread renews the leases. When the keeper refuses, or does not answer, the camera closes by
itself at the latest `LEASE_S` after the last granting question was sent, wherever the reader runs.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.consent import Consent, live_consent_for, may_open, why_never
from catalog.errors import RtccError
from catalog.registry import Camera

log = logging.getLogger(__name__)

LEASE_S = 2.0
"""How long a private camera stays open after the question that was granted was sent, seconds."""

RENEW_EVERY_S = 0.5
"""Time from one round of questions to the next, seconds: three may go unanswered before anything closes."""

NOT_WANTED = "nobody has asked the keeper for leave to read this feed; call LeaseBook.want first"
NOT_TOLD = "the keeper has not answered yet whether this feed may be read"
NOT_LOGGED = "leave to read this feed is given, but not in the audit yet"
RAN_OUT = f"leave to read this feed ran out: the keeper has not renewed it for {LEASE_S:g} s"


@dataclass(frozen=True)
class Lease:
    """What the keeper says about one camera's feed, now."""

    camera_id: str
    private: bool
    """True where leave holds for `LEASE_S` only."""
    refusal: str | None
    """Why it may not be read; `None` where it may."""


@dataclass(frozen=True)
class Granting:
    """The registry as leases are granted from it: never changed, so any thread may read it."""

    cameras: Mapping[str, Camera]
    consents: Mapping[str, tuple[Consent, ...]]
    """By camera."""
    opened: Collection[str] = ()
    """Cameras shared `on_incident` that have an open incident near them."""

    @classmethod
    def of(
        cls, cameras: Iterable[Camera], consents: Iterable[Consent], opened: Collection[str] = ()
    ) -> Granting:  # fmt: skip
        """Return it for this registry, and what incidents have opened."""
        by_camera: dict[str, list[Consent]] = defaultdict(list)
        for consent in consents:
            for camera_id in dict.fromkeys(consent.camera_ids):
                by_camera[camera_id].append(consent)
        return cls(
            {camera.camera_id: camera for camera in cameras},
            {camera_id: tuple(given) for camera_id, given in by_camera.items()},
            frozenset(opened),
        )

    def leases(self, access: Access, camera_ids: Sequence[str], asked_at: datetime) -> tuple[Lease, ...]:
        """Return a lease or a refusal for each camera, in the order asked."""
        return tuple(self._lease(access, camera_id, asked_at) for camera_id in camera_ids)

    def _lease(self, access: Access, camera_id: str, asked_at: datetime) -> Lease:
        camera = self.cameras.get(camera_id)
        if camera is None:
            return Lease(camera_id, True, f"camera {camera_id!r} is not in the registry")
        if not camera.private:
            return Lease(camera_id, False, None)
        incident, given = camera_id in self.opened, self.consents.get(camera_id, ())
        if live_consent_for(camera, access.purpose, asked_at, given, incident=incident) is not None:
            return Lease(camera_id, True, None)
        open_at_all = may_open(camera, access.purpose, incident=incident)
        why = "no consent in force lets it be watched now" if open_at_all else why_never(camera, incident=incident)
        return Lease(
            camera_id, True,
            f"the feed of {camera_id!r} is closed for {access.purpose}: it is a {camera.legal_basis} camera and "
            f"{why}; ask its owner {camera.owner_id!r}",
        )  # fmt: skip


class LeaseDoor(Protocol):
    """What leases are asked of; a `Keeper` or a `KeeperClient`."""

    def lease(self, access: Access, camera_ids: Sequence[str]) -> tuple[Lease, ...]:
        """Return what may be read now, soon or not at all."""
        ...

    def record(self, access: Access, line: AuditLine) -> str:
        """Add a line to the audit."""
        ...


Told = Literal["granted", "refused"]


@dataclass(eq=False)
class _Page:
    """One camera for one access."""

    access: Access
    camera_id: str
    word: tuple[float, str] = (-math.inf, NOT_TOLD)
    """Open until, on the steady clock, and why it is closed from then on; replaced as one, read without a lock."""
    told: Told | None = None
    """What the keeper said last; `None` before its first answer."""
    refusal: str = ""
    open_until_s: float = -math.inf
    """Until when the last lease holds, on the steady clock, whether it is in the audit or not."""
    private: bool = True
    logged: bool = False
    """True once the audit says that this leave was given."""
    unwritten: list[Told] = field(default_factory=list)
    """Changes the audit does not know yet, oldest first; never more than a refusal and the leave after it."""


class LeaseBook:
    """The leases that this process holds; may be asked from any thread.

    A private camera is open while its lease holds and the audit says that leave was given. A city camera, once
    told to be one, stays open while the keeper cannot be asked: nobody's consent can have ended.

    Parameters
    ----------
    door
        Whom to ask, and where changes are recorded.
    monotonic
        A steady clock, seconds.
    background
        Renew, and record changes, in threads of its own; else only where `renew` and `write_down` are called.
    """

    def __init__(
        self, door: LeaseDoor, *, monotonic: Callable[[], float] = time.monotonic, background: bool = True
    ) -> None:
        self._door, self._monotonic, self._background = door, monotonic, background
        self._pages: dict[tuple[Access, str], _Page] = {}
        self._changed = threading.Condition()
        self._untold = self._closed = False
        self._unwritten: list[_Page] = []
        self._threads: list[threading.Thread] = []

    def want(self, access: Access, camera_id: str) -> None:
        """Ask for this camera from now on; asking for it twice is asking once."""
        with self._changed:
            if self._closed or (access, camera_id) in self._pages:
                return
            self._pages[access, camera_id] = _Page(access, camera_id)
            self._untold = True
            self._changed.notify_all()
            if self._background and not self._threads:
                self._start()

    def drop(self, access: Access, camera_id: str) -> None:
        """Ask for this camera no more; it is closed at once."""
        with self._changed:
            self._pages.pop((access, camera_id), None)

    def why_closed(self, access: Access, camera_id: str) -> str | None:
        """Return why this feed may not be read at this moment; `None` where it may."""
        page = self._pages.get((access, camera_id))
        if page is None:
            return NOT_WANTED
        until_s, reason = page.word
        return None if self._monotonic() < until_s else reason

    def wait_until_told(self, access: Access, camera_id: str, timeout_s: float) -> str | None:
        """Wait until it is open or refused, no longer than `timeout_s`; return what `why_closed` says then."""

        def decided() -> bool:
            page = self._pages.get((access, camera_id))
            return page is None or page.told == "refused" or self.why_closed(access, camera_id) is None

        with self._changed:
            self._changed.wait_for(decided, timeout_s)
        return self.why_closed(access, camera_id)

    def renew(self) -> None:
        """Ask for every wanted camera once: what the background does every `RENEW_EVERY_S`."""
        with self._changed:
            pages = list(self._pages.values())
        wanted: dict[Access, list[_Page]] = defaultdict(list)
        for page in pages:
            wanted[page.access].append(page)
        for access, asked in wanted.items():
            # Taken before the question leaves: however long the answer travels, the lease is not longer for it.
            sent_s = self._monotonic()
            try:
                leases = self._door.lease(access, [page.camera_id for page in asked])
            except RtccError as error:
                log.debug("leases were not renewed: %s", error)
                continue
            self._take(asked, leases, sent_s)

    def write_down(self) -> None:
        """Record the changes that the audit does not know yet.

        Raises
        ------
        RtccError
            When the audit cannot be written now; what it does not know stays to be written.
        """
        for access, told, pages in self._to_write():
            if told == "granted":
                cameras = ",".join(page.camera_id for page in pages)
                self._door.record(access, AuditLine("lease", "give leave", f"cameras={cameras}", len(pages)))
            else:
                (page,) = pages
                self._door.record(
                    access, AuditLine("lease", page.camera_id, outcome=f"refused: {page.refusal}")
                )  # fmt: skip
            self._written(told, pages)

    def close(self) -> None:
        """Hold nothing any more: every private and every city camera is closed here."""
        with self._changed:
            self._closed = True
            self._pages.clear()
            self._changed.notify_all()

    def __enter__(self) -> LeaseBook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, asked: Sequence[_Page], leases: Sequence[Lease], sent_s: float) -> None:
        with self._changed:
            for page, lease in zip(asked, leases, strict=True):
                self._tell(page, lease, sent_s)
            self._changed.notify_all()

    def _tell(self, page: _Page, lease: Lease, sent_s: float) -> None:
        told: Told = "granted" if lease.refusal is None else "refused"
        before, page.told, page.private = page.told, told, lease.private
        page.refusal = lease.refusal or ""
        page.open_until_s = sent_s + LEASE_S if lease.private else math.inf
        if told == "refused":
            page.logged = False
        # The city's own cameras need no leave: there, only its return after a refusal is a change.
        changed = told != before and (told == "refused" or before is not None)
        unlogged = told == "granted" and lease.private and not page.logged
        if changed or unlogged:
            self._note(page, told)
        self._say(page)

    def _say(self, page: _Page) -> None:
        if page.told == "refused":
            page.word = (-math.inf, page.refusal)
        elif page.private and not page.logged:
            page.word = (-math.inf, NOT_LOGGED)
        else:
            page.word = (page.open_until_s, RAN_OUT)

    def _note(self, page: _Page, told: Told) -> None:
        if told == "refused" and page.unwritten[-1:] == ["granted"]:
            page.unwritten.pop()  # leave that was taken back before anybody could use it
        if page.unwritten[-1:] != [told]:
            page.unwritten.append(told)
        if page not in self._unwritten:
            self._unwritten.append(page)

    def _to_write(self) -> list[tuple[Access, Told, list[_Page]]]:
        """Return the oldest change of each page: leave together by access, each refusal by itself."""
        with self._changed:
            given: dict[Access, list[_Page]] = defaultdict(list)
            refused = []
            for page in self._unwritten:
                if page.unwritten[:1] == ["granted"]:
                    given[page.access].append(page)
                elif page.unwritten:
                    refused.append(page)
        lines: list[tuple[Access, Told, list[_Page]]] = [
            (access, "granted", pages) for access, pages in given.items()
        ]
        return lines + [(page.access, "refused", [page]) for page in refused]

    def _written(self, told: Told, pages: Sequence[_Page]) -> None:
        with self._changed:
            for page in pages:
                if page.unwritten[:1] == [told]:
                    page.unwritten.pop(0)
                if not page.unwritten:
                    self._unwritten.remove(page)
                if told == "granted" and page.told == "granted":
                    page.logged = True
                    self._say(page)
            self._changed.notify_all()

    def _start(self) -> None:
        # Recording has a thread of its own: it waits for commits, and a lease may not wait for them.
        for name, work in (("leases", self._renewing), ("lease-audit", self._writing)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _renewing(self) -> None:
        started_s = -math.inf
        while True:
            left_s = max(0.0, started_s + RENEW_EVERY_S - time.monotonic())
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._untold, left_s)
                if self._closed:
                    return
                self._untold = False
            started_s = time.monotonic()
            self._survive(self.renew)

    def _writing(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._unwritten)
                if self._closed:
                    return
            if not self._survive(self.write_down):
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, RENEW_EVERY_S)

    def _survive(self, work: Callable[[], None]) -> bool:
        """Do it, and outlive whatever goes wrong: a thread that ended would keep city cameras open for good."""
        try:
            work()
        except RtccError as error:
            log.warning("leases: %s", error)
            return False
        except Exception:
            log.exception("leases: something failed in a way nobody foresaw; it is tried again")
            return False
        return True

"""Kernels of pages: whose they are, when they go, and that they leave nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from apps.accounts import Accounts
from apps.dashboards.environment import page_environment
from apps.dashboards.forking import Order
from apps.dashboards.kernels import MOST_OF_ALL, MOST_OF_ONE, VANISHED_AFTER_S, PageKernels, Seat
from apps.dashboards.provisioning import KernelSource
from apps.edge import now
from apps.sessions import Session, issue, verify
from catalog.errors import NotFound
from catalog.home import Home
from tests.apps.dashboards.serving import Serving, notebook, people, serving
from tests.waiting import eventually


@pytest.fixture
def kernels(tmp_path: Path) -> PageKernels:
    home = Home.create(tmp_path / "home")
    people(home, ("mlee", "officer"), ("rosa", "officer"))
    (tmp_path / "scratch").mkdir()
    return PageKernels(home=home, scratch_root=tmp_path / "scratch")


def seated(kernels: PageKernels, number: int, owner: str | None, *, alone_since_s: float = 0.0) -> Seat:
    """Seat somebody without a process: what is decided here is decided by its record alone."""
    seat = Seat(f"kernel-{number}", kernels.scratch_root / str(number), owner, alone_since_s=alone_since_s)
    seat.scratch.mkdir()
    kernels.seats[seat.kernel_id] = seat
    return seat


def session(kernels: PageKernels, name: str) -> Session:
    found = verify(kernels.home, issue(kernels.home, Accounts(kernels.home).get(name), now()), now())
    assert found is not None
    return found


def test_a_kernel_is_given_once_and_is_that_persons(kernels: PageKernels):
    seat = seated(kernels, 1, None)
    kernels.give(seat.kernel_id, session(kernels, "mlee"))
    assert kernels.belongs(seat.kernel_id, "mlee")
    assert not kernels.belongs(seat.kernel_id, "rosa")
    assert not kernels.belongs("kernel-2", "mlee")
    with pytest.raises(NotFound):
        kernels.give(seat.kernel_id, session(kernels, "rosa"))
    with pytest.raises(NotFound):
        kernels.give("kernel-2", session(kernels, "mlee"))


def test_a_kernel_whose_person_has_gone_meanwhile_stays_nobodys(kernels: PageKernels):
    seat = seated(kernels, 1, None)
    with pytest.raises(NotFound):
        kernels.give(seat.kernel_id, replace(session(kernels, "mlee"), actor="ghost"))
    assert seat.owner is None


def test_a_kernel_nobody_is_connected_to_goes_after_a_while_and_a_waiting_one_stays(kernels: PageKernels):
    alone, waiting, watched = (seated(kernels, 1, "mlee"), seated(kernels, 2, None), seated(kernels, 3, "mlee"))
    watched.connections = 1
    signed_in = {"mlee"}
    assert list(kernels.vanished(VANISHED_AFTER_S - 1, signed_in)) == []
    assert list(kernels.vanished(VANISHED_AFTER_S + 1, signed_in)) == [alone.kernel_id]
    assert list(kernels.vanished(1e9, signed_in)) == [alone.kernel_id]
    assert waiting.owner is None


def test_a_cut_connection_counts_from_the_cut(kernels: PageKernels, monkeypatch: pytest.MonkeyPatch):
    seat = seated(kernels, 1, "mlee")
    kernels.notify_connect(seat.kernel_id)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    kernels.notify_disconnect(seat.kernel_id)
    assert list(kernels.vanished(1000.0 + VANISHED_AFTER_S - 1, {"mlee"})) == []
    assert list(kernels.vanished(1000.0 + VANISHED_AFTER_S + 1, {"mlee"})) == [seat.kernel_id]


def test_a_person_who_may_not_be_here_any_more_takes_their_kernels_along(kernels: PageKernels):
    seat = seated(kernels, 1, "mlee")
    seat.connections = 1
    seated(kernels, 2, "rosa")
    assert list(kernels.vanished(0.0, {"rosa"})) == [seat.kernel_id]


def test_the_kernel_least_missed_goes_for_a_new_one(kernels: PageKernels):
    for number in range(MOST_OF_ONE):
        seated(kernels, number, "mlee", alone_since_s=float(number)).connections = int(number != 3)
    seated(kernels, 99, "rosa")
    assert kernels.too_many("mlee") == ("kernel-3",)
    assert kernels.too_many("rosa") == ()


def test_there_is_an_end_to_how_many_fit_in(kernels: PageKernels):
    for number in range(MOST_OF_ALL):
        assert not kernels.full
        seated(kernels, number, f"person-{number}")
    assert kernels.full


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    home = Home.create(tmp_path / "home")
    people(home, ("mlee", "officer"))
    pages = tmp_path / "pages"
    pages.mkdir()
    notebook(pages / "phone.ipynb", "1")
    with serving(home, pages, tmp_path / "server.log") as running:
        yield running


def kernels_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the kernels of a server, which are its source's children."""
    return [kernel for source in process.children() for kernel in source.children()]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["asked to end", "killed"])
def test_the_end_of_the_server_is_the_end_of_its_kernels(server: Serving, how: signal.Signals):
    server.opened("mlee", "phone")
    process = psutil.Process(server.process.pid)
    eventually(lambda: len(kernels_of(process)) == 2, "the page that was given has a successor")
    found = kernels_of(process)
    scratch = Path(found[0].cwd()).parent
    assert scratch.is_dir()
    server.process.send_signal(how)
    server.process.wait(20)
    _, alive = psutil.wait_procs(found, timeout=20)
    assert alive == []
    if how is signal.SIGTERM:
        assert server.process.returncode == 0
        assert not scratch.exists()


def test_a_ready_kernel_that_died_is_not_given(server: Serving):
    process = psutil.Process(server.process.pid)
    with server.as_("mlee") as client:
        eventually(lambda: kernels_of(process), "a kernel is ready")
        killed = kernels_of(process)
        for kernel in killed:
            kernel.kill()
        psutil.wait_procs(killed, timeout=10)
        answer = client.get("/voila/render/phone.ipynb")
        assert answer.status_code == 200
        found = re.search(r'"kernelId": "([0-9a-f-]{36})"', answer.text)
        assert found is not None
        assert client.get(f"/voila/api/kernels/{found[1]}").status_code == 200


def test_a_session_outlives_its_kernels_token(kernels: PageKernels):
    seat = seated(kernels, 1, None)
    kernels.give(seat.kernel_id, session(kernels, "mlee"))
    token = (seat.scratch / "token").read_text()
    assert verify(kernels.home, token, now()) is not None
    assert verify(kernels.home, token, now() + timedelta(minutes=16)) is None


def test_a_source_of_kernels_that_died_is_replaced(server: Serving):
    server.opened("mlee", "phone")
    (source,) = psutil.Process(server.process.pid).children()
    orphans = source.children()
    source.kill()
    _, alive = psutil.wait_procs([source, *orphans], timeout=20)
    assert alive == []
    kernel_id = server.opened("mlee", "phone")
    with server.connected("mlee", kernel_id) as talk:
        assert talk.answer("kernel_info_reply", talk.say("kernel_info_request", {}))["status"] == "ok"


def test_a_source_that_has_just_died_costs_nobody_a_kernel(tmp_path: Path):
    order = Order(("--version",), {}, str(tmp_path))

    async def forked_around_a_death() -> tuple[int, int]:
        source = KernelSource(page_environment(os.environ, tmp_path))
        others = set(psutil.Process().children())
        first = await source.fork(order)
        (process,) = set(psutil.Process().children()) - others
        process.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            while process.status() != psutil.STATUS_ZOMBIE:  # nothing is awaited: nobody is told that it has ended
                time.sleep(0.01)
        second = await source.fork(order)
        await source.close()
        return first.pid, second.pid

    first, second = asyncio.run(forked_around_a_death())
    assert first != second

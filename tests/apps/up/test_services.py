"""A server that is supervised: asked whether it answers, started again when it dies, told from any other."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.up.record import (
    AlreadyUp,
    PartRecord,
    UpRecord,
    end_leftovers,
    is_up,
    only_one,
    read_record,
    write_record,
)
from apps.up.services import HOST, Service, Watched, answers, free_port, require_free
from catalog.errors import BadInput
from catalog.home import Home
from ray_jobs.processes import boot_id, started_ticks


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


@pytest.fixture
def watched(home: Home) -> Iterator[Watched]:
    """A small server of files, watched."""
    port = free_port()
    command = (sys.executable, "-S", "-m", "http.server", str(port), "--bind", HOST, "--directory", str(home.root))
    made = Watched(home, Service("files", command, f"http://{HOST}:{port}/"))
    yield made
    made.stop()


def look_until_up(watched: Watched) -> None:
    until_s = time.monotonic() + 20
    while not watched.up and time.monotonic() < until_s:
        watched.look(time.monotonic())
        time.sleep(0.02)
    assert watched.up, watched.detail


def test_a_server_is_up_when_it_answers_and_not_before(watched: Watched):
    watched.look(time.monotonic())
    assert watched.pid is not None
    assert not watched.up
    look_until_up(watched)
    assert answers(watched.service.probe_url)


def test_a_server_that_was_killed_is_started_again_on_its_port(watched: Watched):
    look_until_up(watched)
    first = watched.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    watched.part.running.process.wait()  # type: ignore[union-attr]
    watched.look(time.monotonic())
    assert not watched.up
    assert "has died" in watched.detail
    look_until_up(watched)
    assert watched.pid != first
    assert watched.restarts == 1
    assert watched.detail == ""


def test_a_server_that_is_stopped_is_gone(watched: Watched):
    look_until_up(watched)
    watched.stop()
    assert not answers(watched.service.probe_url)
    require_free(watched.service.port)


def test_a_port_that_is_taken_is_named_with_who_has_it():
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen()
        port = listening.getsockname()[1]
        with pytest.raises(BadInput, match=rf"port {port} is taken.*process {os.getpid()}.*--port"):
            require_free(port)


def test_only_one_supervises_and_the_second_is_told_where_the_first_is(home: Home):
    assert not is_up(home)
    with only_one(home):
        write_record(home, UpRecord(4711, boot_id(), "http://127.0.0.1:8750", "2026-01-01T00:00:00Z", False, ()))
        # a lock belongs to an open file: asking again from this process is as good as from another
        with pytest.raises(AlreadyUp, match=r"http://127.0.0.1:8750 \(process 4711"), only_one(home):
            pass
    assert not is_up(home)


def a_sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], start_new_session=True)


def part_of(process: subprocess.Popen[Any], ticks: int | None) -> PartRecord:
    return PartRecord("gateway", True, process.pid, ticks, 8750, None, 0)


@pytest.mark.parametrize("shift", [0, 1], ids=["the process that was recorded", "a later one of the same number"])
def test_what_a_killed_supervisor_left_is_ended_and_nobody_elses_process(home: Home, shift: int):
    process = a_sleeper()
    try:
        ticks = started_ticks(process.pid)
        assert ticks is not None
        part = part_of(process, ticks - shift)
        write_record(
            home, UpRecord(4711, boot_id(), "http://127.0.0.1:8750", "2026-01-01T00:00:00Z", False, (part,))
        )
        assert end_leftovers(home) == (() if shift else ("gateway",))
        if shift:
            assert process.poll() is None
        else:
            assert process.wait(10) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def test_what_was_left_has_gone_and_its_port_is_free_even_where_it_does_not_listen(home: Home):
    deaf = (
        "import signal, socket, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); s = socket.socket(); "
        f"s.bind(('{HOST}', 0)); s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        part = part_of(process, started_ticks(process.pid))
        write_record(
            home, UpRecord(4711, boot_id(), "http://127.0.0.1:8750", "2026-01-01T00:00:00Z", False, (part,))
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("apps.up.record.LEAVE_S", 0.2)
            assert end_leftovers(home) == ("gateway",)
        assert process.wait(10) == -signal.SIGKILL
        require_free(port)


def test_a_record_of_another_start_of_the_machine_ends_nothing(home: Home):
    process = a_sleeper()
    try:
        part = part_of(process, started_ticks(process.pid))
        write_record(
            home, UpRecord(4711, "another", "http://127.0.0.1:8750", "2026-01-01T00:00:00Z", False, (part,))
        )
        assert end_leftovers(home) == ()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_record_comes_back_as_it_was_and_rubbish_is_none(home: Home):
    record = UpRecord(1, "boot", "http://127.0.0.1:1", "2026-01-01T00:00:00Z", True,
                      (PartRecord("lab", False, None, None, 2, None, 3, "it has died"),))  # fmt: skip
    write_record(home, record)
    assert read_record(home) == record
    (home.run_dir / "up.json").write_text('{"supervisor": 1}')
    assert read_record(home) is None

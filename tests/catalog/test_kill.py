"""The keeper is killed, again and again, while writers append: what was acknowledged is there, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.audit import verify_chain
from catalog.client import open_door
from catalog.home import Home
from catalog.lake import connect
from tests.catalog.made_rows import begin

WRITERS = 3
KILLS = 10
BATCHES_BETWEEN_KILLS = 4
"""Acknowledged batches, over all writers, from one kill to the next: kills fall into commits under way."""
COMMIT_S = 0.1
"""About how long a group takes from the first request to the acknowledgements, seconds."""

WRITER = """
import sys
from catalog.audit import AuditLine
from catalog.client import open_door
from catalog.home import Home
from tests.catalog.made_rows import OFFICER, rows_of
door = open_door(Home.open(sys.argv[1]), wait_s=240)
writer, number = int(sys.argv[2]), 0
while sys.stdin.readline().strip() == "go":
    minute = writer * 1000 + number
    door.append(OFFICER, rows_of("run_farish-1", "farish-1", minute, boxes=40))
    print("appended", minute, flush=True)
    print("recorded", door.record(OFFICER, AuditLine("ask", f"question {minute}")), flush=True)
    number += 1
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_kills_lose_nothing_and_double_nothing(kept_home: Home) -> None:
    with open_door(kept_home, wait_s=120) as door:
        begin(door)
        writers = [start_writer(kept_home, number) for number in range(WRITERS)]
        appended: list[str] = []
        recorded: list[str] = []
        for kill in range(KILLS):
            for turn in range(BATCHES_BETWEEN_KILLS):
                for writer in writers:
                    tell(writer, "go")
                if turn == BATCHES_BETWEEN_KILLS - 1:
                    # All writers have a request on its way; the kills spread over what a commit takes.
                    time.sleep(kill * COMMIT_S / KILLS)
                    os.kill(door.connect().pid, signal.SIGKILL)
                    door.close()
                for writer in writers:
                    appended.append(answer(writer, "appended"))
                    recorded.append(answer(writer, "recorded"))
        for writer in writers:
            tell(writer, "stop")
            assert writer.wait(timeout=60) == 0
        check(kept_home, appended, recorded)
        os.kill(door.connect().pid, signal.SIGTERM)


def check(home: Home, appended: list[str], recorded: list[str]) -> None:
    with connect(home, read_only=True) as lake:
        rows = lake.execute("select segment_id, count(*) from lake.detections group by 1").fetchall()
        assert dict(rows) == {f"seg_farish-1_{minute}": 40 for minute in appended}
        for table in ("analyses", "memories"):
            kept = lake.execute(f"select segment_id from lake.{table} order by 1").fetchall()
            assert kept == sorted((f"seg_farish-1_{minute}",) for minute in appended)
        assert lake.execute("select sum(detections) from lake.minute_counts").fetchone() == (40 * len(appended),)
        questions = lake.execute("select sha256 from lake.audit where action = 'ask'").fetchall()
        assert sorted(questions) == sorted((digest,) for digest in recorded)
        lines = lake.execute("select * from lake.audit").to_arrow_table()
    assert verify_chain(lines).line == lines.num_rows
    assert len(set(appended)) == len(appended) == KILLS * BATCHES_BETWEEN_KILLS * WRITERS


def start_writer(home: Home, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home.root), str(number)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)


def tell(writer: subprocess.Popen[str], word: str) -> None:
    assert writer.stdin is not None
    writer.stdin.write(word + "\n")
    writer.stdin.flush()


def answer(writer: subprocess.Popen[str], word: str) -> str:
    assert writer.stdout is not None
    said, _, value = writer.stdout.readline().strip().partition(" ")
    assert said == word, f"a writer ended with {writer.poll()}"
    return value

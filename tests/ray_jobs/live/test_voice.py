"""What one camera says to the catalog, and what follows once it is acknowledged or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.casework import Alert
from catalog.errors import BadInput, NotPermitted, RtccError
from catalog.footage import Gap
from catalog.home import Home
from catalog.spans import Span, from_us
from ray_jobs.live.voice import ADOPTED_WELL_S
from tests.ray_jobs.live.made_line import MadeLine
from tests.ray_jobs.live.made_live import segment_of
from tests.strategies import SECOND, START_AT
from workbench.feeds.unfinished import Note, write_note

LOST = Alert("alr_new", "camera_health", None, "made-1", "P2", from_us(START_AT), from_us(START_AT), "camera_lost")


def adopting(*alerts: tuple[str, str]) -> MadeLine:
    return MadeLine(open_health=alerts)


def closed(line: MadeLine) -> list[tuple[str, str]]:
    return [(closing.alert_id, closing.outcome) for closing in line.said.closed]


@pytest.fixture
def kept(home: Home) -> tuple[MadeLine, Note]:
    """A line whose segment is on disk, with its note."""
    line, segment = MadeLine(home=home), segment_of("made-1", 0)
    folder = home.footage_dir / "made-1"
    folder.mkdir()
    home.footage_path(segment.uri).write_bytes(b"footage")
    note = Note("made-1", segment.mounting_id, START_AT, "arrival", 1.0, "made", segment)
    write_note(folder, note)
    return line, note


def left(line: MadeLine) -> list[str]:
    return sorted(path.suffix for path in (line.home.footage_dir / "made-1").iterdir())


def test_a_segments_note_is_forgotten_once_the_catalog_holds_it(kept: tuple[MadeLine, Note]) -> None:
    line, note = kept
    assert note.segment is not None
    line.voice.segment(note.segment, note)
    assert left(line) == [".mp4"]
    assert line.voice.counts.unwritten == 0


def test_a_segment_that_is_not_permitted_any_more_is_removed_and_a_gap_says_so(kept: tuple[MadeLine, Note]) -> None:
    line, note = kept
    assert note.segment is not None
    line.said.refusal = NotPermitted("consent was withdrawn")
    line.voice.segment(note.segment, note)
    assert left(line) == []
    (gap,) = line.said.gaps
    assert (gap.reason, gap.span, gap.detail) == ("not_permitted", note.segment.span, "consent was withdrawn")


@pytest.mark.parametrize("refusal", [BadInput("no such mounting"), RtccError("something")], ids=str)
def test_a_segment_that_is_refused_otherwise_stays_with_its_note(
    kept: tuple[MadeLine, Note], refusal: RtccError
) -> None:
    line, note = kept
    assert note.segment is not None
    line.said.refusal = refusal
    line.voice.segment(note.segment, note)
    assert left(line) == [".json", ".mp4"]


def test_latency_counts_from_the_frame_to_the_acknowledgement_and_not_for_what_was_refused() -> None:
    line = MadeLine()
    line.now_us = START_AT + 250_000
    line.voice.raise_alert(LOST, START_AT)
    line.voice.raise_alert(replace(LOST, alert_id="alr_2"))
    line.said.refusal = NotPermitted("closed")
    line.voice.raise_alert(replace(LOST, alert_id="alr_3"), START_AT)
    assert line.latencies.ms == [250.0]
    assert line.voice.counts.alerts == 3


def test_only_gaps_that_have_ended_are_counted() -> None:
    line = MadeLine()
    gap = Gap("made-1", Span(from_us(START_AT)), "no_feed", "hung up", source_name="made")
    line.voice.gap(gap)
    assert line.voice.counts.gaps == 0
    line.voice.gap(replace(gap, span=Span(gap.span.start_at, from_us(START_AT + SECOND))))
    assert line.voice.counts.gaps == 1


def test_an_alert_of_an_earlier_process_stands_for_the_one_that_is_raised_again() -> None:
    line = adopting(("alr_old", "camera_lost"))
    line.voice.raise_alert(LOST)
    assert line.said.raised == []
    line.voice.well_for(10 * ADOPTED_WELL_S)
    assert closed(line) == [], "it has been taken over, and lasts as long as what it is about"
    line.voice.close_alert("alr_new", "recovered")
    assert closed(line) == [("alr_old", "recovered")]
    line.voice.raise_alert(replace(LOST, alert_id="alr_newer"))
    assert [alert.alert_id for alert in line.said.raised] == ["alr_newer"]


def test_an_alert_of_another_rule_is_raised_all_the_same() -> None:
    line = adopting(("alr_old", "camera_slow"))
    line.voice.raise_alert(LOST)
    seen = replace(LOST, alert_id="alr_seen", kind="rule", rule="camera_slow")
    line.voice.raise_alert(seen)
    assert line.said.raised == [LOST, seen]


def test_an_alert_that_nobody_repeats_is_closed_after_a_while_of_footage() -> None:
    line = adopting(("alr_1", "camera_lost"), ("alr_2", "camera_lost"), ("alr_3", "camera_dark"))
    line.voice.well_for(ADOPTED_WELL_S - 1)
    assert closed(line) == []
    line.voice.well_for(ADOPTED_WELL_S)
    line.voice.well_for(ADOPTED_WELL_S + 1)
    # whether it is still dark cannot be told from packets
    assert closed(line) == [("alr_1", "recovered"), ("alr_2", "recovered"), ("alr_3", "footage ended")]


def test_an_adopted_alert_that_was_closed_stands_for_nothing() -> None:
    line = adopting(("alr_old", "camera_dark"))
    line.voice.close_alert("alr_old", "footage ended")
    dark_again = replace(LOST, rule="camera_dark")
    line.voice.raise_alert(dark_again)
    assert line.said.raised == [dark_again]
    line.voice.well_for(ADOPTED_WELL_S)
    assert closed(line) == [("alr_old", "footage ended")]


def test_a_level_ends_where_the_next_begins_and_the_last_one_with_the_line() -> None:
    line = MadeLine()
    assert line.voice.level_reason == ""
    line.voice.level("full", "active rules")
    line.now_us += 5 * SECOND
    line.voice.level("keyframes", "behind by 3.1 s")
    assert line.voice.level_reason == "behind by 3.1 s"
    line.now_us -= 9 * SECOND  # a clock that is set back makes no level that ends before it begins
    line.voice.end_level()
    line.voice.end_level()
    spans = {level.level_id: level for footage in line.said.footage_said for level in footage.levels}
    assert [(level.level, level.span.duration_s) for level in spans.values()] == [("full", 5.0), ("keyframes", 0.0)]
    assert len(line.said.footage_said) == 4

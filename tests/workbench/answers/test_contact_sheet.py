"""A contact sheet is one self-contained piece of HTML that says what it rests on, to everyone who reads it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from catalog.spans import to_us
from workbench.analysis.coverage import CameraCoverage, Coverage, GapSeen, stretches
from workbench.answers.contact_sheet import Tile, contact_sheet
from workbench.answers.hits import Hit
from workbench.answers.tiles import tile

JACKSON = ZoneInfo("America/Chicago")
AT = datetime(2026, 3, 1, 16, tzinfo=UTC)
VOID = {"img", "input", "br", "meta"}


def hit(number: int, **changes: object) -> Hit:
    start = AT + timedelta(seconds=number)
    fields: dict[str, object] = {
        "track_id": f"trk_{number}", "run_id": "run_1", "camera_id": "farish-1", "camera_name": "Farish <script>",
        "label": "car", "confidence": 0.9, "colour": "red", "colour_confidence": 0.8, "lower_colour": None,
        "start_at": start, "last_seen_at": start + timedelta(seconds=3), "closed_by": "left",
        "best_segment_id": "seg_1", "best_pts": 1, "best_x1_px": 10.0, "best_y1_px": 20.0, "best_x2_px": 60.0,
        "best_y2_px": 70.0, "best_seen_at": start,
    }  # fmt: skip
    return Hit(**(fields | changes))  # type: ignore[arg-type]


def coverage(*gaps: GapSeen) -> Coverage:
    whole = stretches([(to_us(AT), to_us(AT) + 60_000_000)])
    return Coverage((CameraCoverage("farish-1", "Farish <script>", whole, whole, gaps, ("2 fps",)),))


def tiles(count: int) -> list[Tile]:
    rgb = np.random.default_rng(0).integers(0, 255, (180, 320, 3)).astype(np.uint8)
    return [tile(rgb, (10.0, 20.0, 60.0, 70.0)) for _ in range(count)]


class Nesting(HTMLParser):
    """Holds the tags that are open, and what every tag said of itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_sheet_is_well_formed_and_fetches_nothing() -> None:
    html = contact_sheet("red car", [hit(n) for n in range(5)], tiles(5), coverage(), JACKSON)
    parsed = Nesting(html)
    assert parsed.open == []
    assert all(str(image["src"]).startswith("data:image/jpeg;base64,") for image in parsed.all("img"))
    outside_pictures = re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    assert "http" not in outside_pictures
    assert "<script" not in outside_pictures


def test_words_from_the_catalog_are_escaped() -> None:
    html = contact_sheet("<b>car</b>", [hit(0)], tiles(1), coverage(), JACKSON)
    assert "Farish &lt;script&gt;" in html
    assert "<b>car</b>" not in html


def test_every_hit_is_a_radio_button_with_a_name_that_says_all() -> None:
    parsed = Nesting(contact_sheet("car", [hit(n) for n in range(3)], tiles(3), coverage(), JACKSON))
    buttons = parsed.all("input")
    assert [button["aria-label"] for button in buttons] == [
        f"{n}: red car on farish-1 at 2026-03-01 10:00:0{n} CST, confidence 0.90" for n in range(3)
    ]
    assert len({button["name"] for button in buttons}) == 1
    assert [button for button in buttons if "checked" in button] == buttons[:1]
    ids = Counter(str(attributes["id"]) for _, attributes in parsed.tags if "id" in attributes)
    marks = [label["for"] for label in parsed.all("label") if "for" in label]
    assert max(ids.values()) == 1
    assert set(marks) <= set(ids), "a mark on a row chooses a hit that is there"


def test_the_whole_frame_says_in_words_what_it_shows() -> None:
    parsed = Nesting(contact_sheet("car", [hit(0)], tiles(1), coverage(), JACKSON))
    assert [image["alt"] for image in parsed.all("img")] == [
        "Whole frame: red car on farish-1 at 2026-03-01 10:00:00 CST, confidence 0.90", "",
    ]  # fmt: skip


def test_more_hits_than_pictures_are_counted_and_marked_all_the_same() -> None:
    html = contact_sheet("car", [hit(n) for n in range(30)], tiles(24), coverage(), JACKSON)
    parsed = Nesting(html)
    assert "30 tracks found" in html
    assert "hits[24:]" in html
    assert len(parsed.all("input")) == 24
    assert sum("tick" in str(attributes.get("class")) for _, attributes in parsed.tags) >= 30


@pytest.mark.parametrize("hits", [0, 1], ids=["nothing found", "something found"])
def test_what_was_looked_at_stands_on_every_sheet(hits: int) -> None:
    gap = GapSeen(to_us(AT) + 60_000_000, to_us(AT) + 90_000_000, "no_feed", "power <cut>")
    html = contact_sheet("car", [hit(n) for n in range(hits)], tiles(hits), coverage(gap), JACKSON)
    assert "Looked at all 1 min of footage, on 1 camera at 2 fps." in html
    assert "1 gap (no feed, 30 s): farish-1." in html
    assert "power &lt;cut&gt;" in html
    assert ("Not seen is not the same as not there." in html) == (hits == 0)


def test_a_hit_whose_picture_cannot_be_had_says_why_and_keeps_its_place() -> None:
    html = contact_sheet("car", [hit(0), hit(1)], [Tile(problem="gone <x>"), *tiles(1)], coverage(), JACKSON)
    assert html.count("gone &lt;x&gt;") == 2
    assert len(Nesting(html).all("img")) == 2


def test_two_sheets_on_one_page_do_not_choose_each_others_hits() -> None:
    names = [
        Nesting(contact_sheet("car", [hit(0)], tiles(1), coverage(), JACKSON)).all("input")[0]["name"] for _ in "ab"
    ]
    assert names[0] != names[1]


def test_a_full_sheet_stays_small_enough_for_jupyter_even_over_the_noisiest_footage() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3)).astype(np.uint8)
    sheet = contact_sheet(
        "car", [hit(n) for n in range(24)], [tile(noise, (10, 20, 600, 700))] * 24, coverage(), JACKSON
    )
    assert len(sheet) < 6_000_000


@pytest.mark.parametrize(
    ("closed_by", "said"),
    [("left", "left the picture"), ("gap", "cut short"), (None, "still in view when last looked at")],
)
def test_how_a_track_ended_is_said_and_an_unseen_end_stays_open(closed_by: str | None, said: str) -> None:
    assert said in contact_sheet("car", [hit(0, closed_by=closed_by)], tiles(1), coverage(), JACKSON)

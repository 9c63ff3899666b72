"""The bench asks, shows and cuts: behind consent, in the audit, and never saying `not there` for `not seen`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from catalog.access import Access, Purpose
from catalog.errors import (
    BadInput,
    FootageChanged,
    FootageGap,
    FootageMissing,
    NotFound,
    NotPermitted,
    UnknownCamera,
)
from catalog.home import Home
from catalog.keeper import Keeper
from tests.made_home import MADE_AT, Made, make_home
from tests.synthetic import read_number
from workbench.bench import Bench, open_bench


@pytest.fixture(scope="module")
def made(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Made, Keeper]]:
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(empty_home, folder / "home")
    home = Home.open(folder / "home")
    with Keeper(home, commit_every_s=0.01) as keeper:
        yield make_home(home, keeper, folder), keeper


def bench_for(made: tuple[Made, Keeper], purpose: Purpose = "investigation") -> Bench:
    place, keeper = made
    return Bench(place.home, Access("ann", purpose=purpose, case_id="case_7"), keeper, lent_door=True)


@pytest.fixture(scope="module")
def bench(made: tuple[Made, Keeper]) -> Iterator[Bench]:
    with bench_for(made) as opened:
        yield opened


def last_audit(bench: Bench, action: str) -> dict[str, object]:
    rows = bench.sql(f"select * from audit where action = '{action}' order by line desc limit 1").to_arrow()
    return dict(rows.to_pylist()[0])


def test_a_search_finds_by_label_and_colour_the_surest_first(bench: Bench) -> None:
    cars = bench.search("car")
    assert [hit.thing() for hit in cars] == ["red car", "blue car"]
    assert [hit.thing() for hit in bench.search("vehicle", colour="white")] == ["white truck"]
    assert [hit.thing() for hit in bench.search(colour="black")] == ["person in green and black"]


def test_several_labels_and_colours_mean_any_of_them_and_no_hit_comes_twice(bench: Bench) -> None:
    found = bench.search(["vehicle", "car", "person"], colour=["red", "green", "black"])
    assert [hit.thing() for hit in found] == ["red car", "person in green and black"]


def test_a_limit_that_was_reached_is_said(bench: Bench) -> None:
    found = bench.search(limit=2)
    assert len(found) == 2
    assert "stopped at the limit of 2" in found.to_html()


def test_a_search_in_a_zone_finds_what_a_rule_saw_there(bench: Bench) -> None:
    assert [hit.thing() for hit in bench.search(zone="crossing")] == ["red car"]


def test_near_a_place_only_cameras_in_the_circle_count_as_looked_at(bench: Bench) -> None:
    near = bench.search("car", near=(-90.1848, 32.2990), radius_m=100)
    assert len(near) == 2
    assert [camera.camera_id for camera in near.coverage.cameras] == ["farish-1", "store-3"]
    far = bench.search("car", near=(-90.1700, 32.3100), radius_m=100)
    assert len(far) == 0
    assert "No footage: dock-2." in repr(far)


def test_an_empty_answer_says_what_it_rests_on(bench: Bench) -> None:
    nothing = bench.search("train", camera="farish-1")
    assert len(nothing) == 0
    for shown in (repr(nothing), nothing.to_html()):
        assert "Looked at 10 s of 20 s of footage, on 1 camera at 2 fps." in shown
        assert "10 s of footage not yet indexed: farish-1." in shown
        assert "1 gap (no feed, 30 s): farish-1." in shown
    assert "Not seen is not the same as not there." in nothing.to_html()


def test_a_span_is_read_on_the_homes_wall_clock(bench: Bench) -> None:
    assert len(bench.search("car", span="2026-03-01 10:00/10:01")) == 2
    assert len(bench.search("car", span="2026-03-01 16:00/16:01")) == 0
    assert len(bench.search("car", until="2026-03-01 10:00:04")) == 1


def test_an_unknown_camera_or_question_is_answered_with_the_closest(bench: Bench) -> None:
    with pytest.raises(UnknownCamera, match="did you mean 'farish-1'"):
        bench.search(camera="farish")
    with pytest.raises(BadInput, match="did you mean 'crossing'"):
        bench.search(zone="crosing")
    with pytest.raises(BadInput, match="did you mean tracks"):
        bench.ask("trackz")


def test_a_camera_registered_after_the_bench_was_opened_is_known(bench: Bench, made: tuple[Made, Keeper]) -> None:
    from catalog.registry import Camera

    bench.search("car")
    made[1].register(Access("maker", "admin"), cameras=[Camera("new-1", "New")])
    assert len(bench.search(camera="new-1")) == 0


def test_a_private_cameras_footage_and_rows_stay_shut_without_a_consent_for_the_purpose(bench: Bench) -> None:
    assert "No footage that consent opens to this purpose: store-3." in repr(bench.coverage("store-3"))
    with pytest.raises(NotPermitted):
        bench.still("store-3", "2026-03-01 10:00:03")
    with pytest.raises(NotPermitted):
        bench.clip("store-3", "2026-03-01 10:00:03", "2026-03-01 10:00:05")
    assert str(last_audit(bench, "footage")["outcome"]).startswith("refused")


def test_the_same_camera_opens_for_the_purpose_its_owner_agreed_to(made: tuple[Made, Keeper]) -> None:
    with bench_for(made, "demonstration") as bench:
        assert bench.coverage("store-3").coverage.footage_s == 20
        assert bench.still("store-3", "2026-03-01 10:00:03").size_px == (320, 180)


def test_a_still_of_a_hit_is_its_best_frame_with_its_box(bench: Bench) -> None:
    hit = bench.search("car", colour="red")[0]
    still = bench.still(hit)
    assert still.seen_at == hit.best_seen_at
    assert read_number(still.rgb) == round((still.seen_at - MADE_AT).total_seconds() * 10)
    assert [box.words for box in still.boxes] == ["red car 0.95"]
    left, top, right, bottom = (round(side) for side in still.boxes[0].xyxy_px)
    inside = still.rgb[top:bottom, left:right].reshape(-1, 3).astype(int)
    assert np.median(inside[:, 0] - inside[:, 2]) > 100, "the box holds the red car"


def test_a_picture_of_a_hit_has_every_box_of_its_frame(bench: Bench) -> None:
    hit = bench.search("car", colour="blue")[0]
    words = {box.words for box in bench.picture(hit).boxes}
    assert {"blue car 0.90", "person in green 0.90"} <= words


def test_a_still_at_an_instant_is_the_picture_that_stood_then(bench: Bench) -> None:
    still = bench.still("farish-1", "2026-03-01T10:00:12.345-06:00")
    assert read_number(still.rgb) == 123
    assert still.address.segment_id == bench.still("farish-1", MADE_AT + timedelta(seconds=19)).address.segment_id


def test_a_still_outside_all_footage_names_the_nearest(bench: Bench) -> None:
    with pytest.raises(FootageGap, match=r"nearest segment seg_\w+ is 2026-03-01 10:00:10–10:00:20 CST, 40 s away"):
        bench.still("farish-1", "2026-03-01 10:01")
    with pytest.raises(FootageGap, match="none of this camera at all"):
        bench.still("dock-2", "2026-03-01 10:01")


def test_a_still_saves_with_or_without_boxes(bench: Bench, tmp_path: Path) -> None:
    from PIL import Image

    still = bench.still(bench.search("car")[0])
    drawn = Image.open(still.save(tmp_path / "drawn.png", width_px=960))
    plain = Image.open(still.save(tmp_path / "new" / "plain.png", boxes=False))
    assert drawn.size == (960, 540)
    assert np.array_equal(np.asarray(plain), still.rgb)


def test_a_clip_of_a_hit_reaches_two_seconds_around_it_where_there_is_footage(bench: Bench) -> None:
    hit = bench.search("car", colour="red")[0]
    clip = bench.clip(hit)
    assert clip.span.start_at == MADE_AT, "the camera had no footage two seconds earlier: that is not a gap"
    assert clip.span.end_at == hit.last_seen_at + timedelta(seconds=2)
    assert clip.gaps == ()
    assert clip.path.exists()
    assert "<video" in clip._repr_html_()


def test_a_clip_says_its_gaps_and_is_written_where_it_was_asked(bench: Bench, tmp_path: Path) -> None:
    clip = bench.clip("farish-1", "2026-03-01 10:00:18", "2026-03-01 10:00:25", to=tmp_path / "cut.mp4")
    assert clip.path == tmp_path / "cut.mp4"
    assert sum(gap.span.duration_s or 0 for gap in clip.gaps) == 5
    assert "5 s without footage inside" in repr(clip)
    with pytest.raises(BadInput, match=r"ends in \.mp4"):
        bench.clip("farish-1", "2026-03-01 10:00:01", "2026-03-01 10:00:02", to=tmp_path / "cut.avi")


def test_a_clip_where_there_is_no_footage_is_refused(bench: Bench) -> None:
    with pytest.raises(FootageGap, match="no footage from 'dock-2'"):
        bench.clip("dock-2", "2026-03-01 10:00", "2026-03-01 10:01")
    with pytest.raises(BadInput, match="needs a start and an end"):
        bench.clip("dock-2")


def test_opened_footage_is_in_the_audit_with_segment_span_and_viewer(bench: Bench) -> None:
    still = bench.still("farish-1", "2026-03-01 10:00:03")
    line = last_audit(bench, "footage")
    assert (line["actor"], line["purpose"], line["case_id"]) == ("ann", "investigation", "case_7")
    assert (line["question"], line["outcome"]) == ("still", "done")
    assert still.address.segment_id in str(line["parameters"])
    assert "start_at=2026-03-01T16:00:03Z" in str(line["parameters"])


def test_a_contact_sheet_is_one_audit_line_over_all_it_shows_and_none_before_it_is_shown(bench: Bench) -> None:
    bench.still("farish-1", "2026-03-01 10:00:03")
    before = last_audit(bench, "footage")["line"]
    found = bench.search()
    repr(found)
    assert last_audit(bench, "footage")["line"] == before
    found.to_html()
    line = last_audit(bench, "footage")
    assert (line["question"], line["row_count"]) == ("contact sheet", len(found))


@pytest.fixture
def damaged(made: tuple[Made, Keeper]) -> Iterator[Path]:
    """Lend the looked-at segment's file for a test to spoil, and put it back afterwards."""
    path = made[0].home.footage_path(made[0].segments["farish-1"][0].uri)
    kept = path.with_suffix(".kept")
    shutil.copy2(path, kept)
    yield path
    kept.replace(path)


def test_a_file_that_is_gone_is_its_own_error_and_the_sheet_says_so(bench: Bench, damaged: Path) -> None:
    found = bench.search("car")
    damaged.unlink()
    with pytest.raises(FootageMissing, match="cannot be read"):
        bench.still(found[0])
    assert last_audit(bench, "footage")["outcome"] == "failed: FootageMissing"
    assert "file is missing from disk" in found.to_html()


def test_a_file_that_was_changed_is_its_own_error_and_is_not_shown(bench: Bench, damaged: Path) -> None:
    found = bench.search("car")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with pytest.raises(FootageChanged, match="do not use it as evidence"):
        bench.clip(found[0])
    sheet = found.to_html()
    assert "was changed since it was indexed" in sheet
    assert "data:image/jpeg" not in sheet


def test_questions_take_a_camera_and_a_span_and_local_times(bench: Bench) -> None:
    assert len(bench.ask("tracks", camera="farish-1", span="2026-03-01 10:00/10:01")) == 4
    assert len(bench.ask("tracks", camera="farish-1", start_at="2026-03-01 10:00:08")) == 3
    with pytest.raises(UnknownCamera):
        bench.ask("tracks", camera="nowhere")


def test_answers_go_to_pandas_and_arrow_and_are_rows(bench: Bench) -> None:
    cameras = bench.cameras()
    assert list(cameras.to_pandas()["camera_id"][:2]) == ["dock-2", "farish-1"]
    assert cameras.to_arrow().num_rows == len(cameras)
    assert cameras[1].name == "Farish & Amite"
    assert [row.camera_id for row in cameras][:2] == ["dock-2", "farish-1"]


def test_a_timeline_counts_what_passed_and_says_what_nobody_looked_at(bench: Bench) -> None:
    passed = bench.timeline(bin_s=5)
    assert passed.to_pandas().groupby("label")["begun"].sum().to_dict() == {"car": 2, "person": 1, "truck": 1}
    assert "10 s of footage not yet indexed" in passed._repr_html_()
    assert passed.figure().axes
    with pytest.raises(NotFound, match="no footage to count in"):
        bench.timeline(camera="dock-2")


def test_sql_of_ones_own_goes_through_the_same_door(bench: Bench) -> None:
    assert bench.sql("select count(*) as n from segments where camera_id = 'store-3'")[0].n == 0
    assert last_audit(bench, "sql")["case_id"] == "case_7"


def test_a_bench_finds_the_home_that_the_environment_names(
    made: tuple[Made, Keeper], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RTCC_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(NotFound, match="rtcc init"):
        open_bench(purpose="analysis")
    with pytest.raises(BadInput, match="purpose 'fun' is unknown"):
        open_bench(made[0].home, purpose="fun")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="is an address"):
        open_bench("grpc://elsewhere:7000", purpose="analysis")


def test_as_of_an_earlier_snapshot_the_bench_shows_what_was_known_then(made: tuple[Made, Keeper]) -> None:
    place, keeper = made
    access = Access("ann", purpose="investigation")
    with Bench(place.home, access, keeper, as_of=place.before_rows, lent_door=True) as then:
        assert len(then.search("car")) == 0
        assert "20 s of footage not yet indexed: farish-1." in repr(then.coverage("farish-1"))

"""What the planner of retention would delete, said as laws."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.casework import Alert
from catalog.registry import Camera
from catalog.retention import Hold, KeptSegment, Removal, held_by, plan_retention
from catalog.spans import Span

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
CAMERAS = ("a", "b", "c")
HOUR = timedelta(hours=1)


def kept(camera_id: str, age_h: int, size_bytes: int = 10, number: int = 0) -> KeptSegment:
    start_at = NOW - age_h * HOUR
    return KeptSegment(
        f"seg_{camera_id}_{age_h}_{number}", camera_id, Span(start_at, start_at + HOUR), size_bytes, ""
    )


@st.composite
def footage(draw: st.DrawFn) -> list[KeptSegment]:
    drawn = st.tuples(st.sampled_from((*CAMERAS, "unknown")), st.integers(1, 200), st.integers(0, 50))
    return [kept(*one, number) for number, one in enumerate(draw(st.lists(drawn, max_size=30)))]


cameras = st.tuples(
    *(
        st.builds(
            Camera, st.just(name), st.just(name),
            keep_days=st.sampled_from([None, 0.5, 3.0, 30.0]), quota_bytes=st.sampled_from([None, 1, 60, 200]),
        )
        for name in CAMERAS
    )
)  # fmt: skip
holds = st.lists(
    st.builds(
        lambda camera_id, age_h, hours, released: Hold(
            "hld", camera_id, Span(NOW - age_h * HOUR, hours and NOW - age_h * HOUR + hours * HOUR), "case", "doe",
            NOW, NOW if released else None,
        ),
        st.sampled_from((*CAMERAS, "unknown")), st.integers(1, 200), st.sampled_from([None, 1, 5, 50]),
        st.booleans(),
    ),
    max_size=4,
)  # fmt: skip
sizes = st.sampled_from([0, 1, 50, 300, 5000])


def is_held(one: KeptSegment, standing: list[Hold]) -> bool:
    return any(
        hold.camera_id == one.camera_id and hold.released_at is None and hold.span.overlaps(one.span)
        for hold in standing
    )


def planned(
    some: list[KeptSegment], registry: tuple[Camera, ...], standing: list[Hold], quota: int = 0, free: int = 0
) -> tuple[Removal, ...]:
    return plan_retention(some, registry, standing, NOW, keep_days=7, total_quota_bytes=quota, must_free_bytes=free)


@given(footage(), cameras, holds, sizes, sizes)
def test_what_is_held_never_goes_and_nothing_goes_twice(some, registry, standing, quota, free) -> None:
    going = [removal.segment for removal in planned(some, registry, standing, quota, free)]
    assert not [one for one in going if is_held(one, standing)]
    assert len({one.segment_id for one in going}) == len(going)


@given(footage(), cameras, holds, sizes, sizes)
def test_every_limit_is_met_or_only_held_footage_is_left(some, registry, standing, quota, free) -> None:
    going = {removal.segment.segment_id for removal in planned(some, registry, standing, quota, free)}
    left = [one for one in some if one.segment_id not in going]
    unheld = [one for one in left if not is_held(one, standing)]
    for camera in registry:
        days = 7 if camera.keep_days is None else camera.keep_days
        own = [one for one in unheld if one.camera_id == camera.camera_id]
        assert all(one.span.end_at + timedelta(days=days) > NOW for one in own if one.span.end_at)
        size = sum(one.size_bytes for one in left if one.camera_id == camera.camera_id)
        assert camera.quota_bytes is None or size <= camera.quota_bytes or not own
    assert quota == 0 or sum(one.size_bytes for one in left) <= quota or not unheld
    assert sum(one.size_bytes for one in some if one.segment_id in going) >= free or not unheld


@given(footage(), cameras, holds, sizes, sizes)
def test_each_rule_takes_the_oldest_first(some, registry, standing, quota, free) -> None:
    plan = planned(some, registry, standing, quota, free)
    going = {removal.segment.segment_id for removal in plan}
    starts = defaultdict(list)
    for removal in plan:
        own = removal.segment.camera_id if removal.rule == "camera quota" else ""
        starts[removal.rule if "retention" not in removal.rule else "retention", own].append(
            removal.segment.span.start_at
        )
    assert all(taken == sorted(taken) for taken in starts.values())
    unheld = [one for one in some if one.segment_id not in going and not is_held(one, standing)]
    for rule in ("total quota", "disk full"):
        if unheld and starts[rule, ""]:
            assert max(starts[rule, ""]) <= min(one.span.start_at for one in unheld)


@given(footage(), cameras, holds)
def test_nothing_goes_that_no_limit_asks_for(some, registry, standing) -> None:
    for removal in planned(some, tuple(replace(one, quota_bytes=None) for one in registry), standing):
        camera = next((one for one in registry if one.camera_id == removal.segment.camera_id), None)
        days = 7 if camera is None or camera.keep_days is None else camera.keep_days
        assert removal.segment.span.end_at is not None
        assert removal.segment.span.end_at + timedelta(days=days) <= NOW
        assert removal.rule == f"retention {days:g} d"


def test_too_old_goes_first_then_the_cameras_own_quota_then_the_oldest_of_all() -> None:
    some = [kept("a", 3), kept("a", 2), kept("a", 1), kept("b", 200), kept("b", 5), kept("c", 4)]
    registry = (Camera("a", "a", quota_bytes=20), Camera("b", "b"), Camera("c", "c"))
    plan = planned(some, registry, [], quota=30, free=45)
    assert [(removal.segment.camera_id, removal.rule) for removal in plan] == [
        ("b", "retention 7 d"), ("a", "camera quota"), ("b", "total quota"), ("c", "disk full"), ("a", "disk full"),
    ]  # fmt: skip


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_what_an_open_alert_rests_on_counts_as_held(closed: bool) -> None:
    alert = Alert(
        "alr_1", "panic", None, "a", "P1", NOW, NOW - 200 * HOUR, closed_at=NOW if closed else None
    )  # fmt: skip
    unseen = replace(alert, camera_id=None)
    plan = planned([kept("a", 200)], (), list(held_by([alert, unseen])))
    assert len(plan) == int(closed)

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from catalog.errors import FootageGap
from catalog.footage import Segment
from catalog.spans import Span
from tests.synthetic import Encoding, flip_bytes, read_number, render, street
from tests.workbench.media.conftest import START_AT
from workbench.media.clip import cut_clip, still, still_jpeg
from workbench.media.decode import frame_pts


def shown(path: Path) -> list[tuple[float, int | None]]:
    with av.open(str(path)) as container:
        return [
            (round(float(frame.time), 3), read_number(frame.to_ndarray(format="rgb24")))
            for frame in container.decode(video=0)
        ]


def span(start_s: float, end_s: float) -> Span:
    return Span(START_AT + timedelta(seconds=start_s), START_AT + timedelta(seconds=end_s))


@pytest.fixture
def path_of(home_root: Path) -> Callable[[Segment], Path]:
    return lambda segment: home_root / segment.uri


def test_a_clip_holds_exactly_the_frames_of_its_span(tmp_path: Path, bring_in: Callable, path_of: Callable) -> None:
    segments = bring_in(render(street(), tmp_path / "a.mp4", Encoding(b_frames=2)), max_segment_s=4.0).segments
    clip = cut_clip(segments, path_of, span(3.05, 8.35), tmp_path / "clip.mp4")
    assert [number for _, number in shown(clip.path)] == list(range(31, 84))
    assert [at for at, _ in shown(clip.path)] == pytest.approx([0.05 + k / 10 for k in range(53)], abs=2e-3)
    assert (clip.frame_count, clip.gaps) == (53, ())
    assert clip.segment_ids == tuple(segment.segment_id for segment in segments)
    assert [path.name for path in tmp_path.glob(".*part")] == []


def test_a_gap_between_segments_is_said_and_never_bridged(
    tmp_path: Path, bring_in: Callable, path_of: Callable
) -> None:
    segments = bring_in(render(street(12.0), tmp_path / "a.mp4"), max_segment_s=4.0).segments
    clip = cut_clip([segments[0], segments[2]], path_of, span(2.0, 14.0), tmp_path / "clip.mp4")
    assert [gap.span for gap in clip.gaps] == [span(4.0, 8.0), span(12.0, 14.0)]
    frames = shown(clip.path)
    assert [number for _, number in frames] == [*range(20, 40), None, None, *range(80, 120), None, None]
    assert [frames[at][0] for at in (20, 21, 62, 63)] == pytest.approx([2.0, 5.96, 10.0, 11.96], abs=1e-3)
    assert clip.frame_count == 60


def test_damage_inside_a_segment_is_said_too(tmp_path: Path, bring_in: Callable, path_of: Callable) -> None:
    whole = render(street(20.0), tmp_path / "a.mp4", Encoding(movflags="faststart"))
    segments = bring_in(flip_bytes(whole, tmp_path / "d.mp4", places=2, run=400, between=(0.5, 0.6))).segments
    clip = cut_clip(segments, path_of, span(1.0, 19.0), tmp_path / "clip.mp4")
    assert clip.gaps
    numbers = [number for _, number in shown(clip.path)]
    assert numbers.count(None) == 2 * len(clip.gaps)
    lost = round(sum(gap.span.duration_s or 0 for gap in clip.gaps) * 10)
    assert clip.frame_count == 180 - lost


def test_a_span_without_footage_is_a_gap(tmp_path: Path, bring_in: Callable, path_of: Callable) -> None:
    segments = bring_in(render(street(2.0), tmp_path / "a.mp4")).segments
    with pytest.raises(FootageGap, match="no footage"):
        cut_clip(segments, path_of, span(60, 70), tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_a_still_is_the_frame_at_its_address(tmp_path: Path, bring_in: Callable, home_root: Path) -> None:
    (segment,) = bring_in(render(street(2.0), tmp_path / "a.mp4")).segments
    path = home_root / segment.uri
    pts = int(frame_pts(path)[13])
    assert read_number(still(path, segment, pts)) == 13
    assert read_number(np.asarray(Image.open(io.BytesIO(still_jpeg(path, segment, pts))))) == 13

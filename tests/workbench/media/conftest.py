"""Made footage for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.footage import Gap, Segment
from tests.synthetic import read_number
from workbench.media.decode import SegmentDecoder
from workbench.media.frames import Sampling
from workbench.media.importing import Imported, import_footage

START_AT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)


@pytest.fixture
def home_root(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    (root / "footage").mkdir(parents=True)
    return root


@pytest.fixture
def bring_in(home_root: Path) -> Callable[..., Imported]:
    """Import a file as camera `cam` from START_AT on."""

    def bring(path: Path, **options: object) -> Imported:
        told: dict[str, object] = {"start_at": START_AT, **options}
        return import_footage(
            path,
            camera_id="cam",
            mounting_id="mnt_1",
            home_root=home_root,
            footage_dir=home_root / "footage",
            **told,
        )  # type: ignore[arg-type]

    return bring


@pytest.fixture
def look(home_root: Path) -> Callable[..., tuple[list[int | None], NDArray[np.int64], list[Gap]]]:
    """Decode segments and return the burnt-in numbers, the instants and the gaps."""

    def looked(
        segments: tuple[Segment, ...], sampling: str = "all", **options: object
    ) -> tuple[list[int | None], NDArray[np.int64], list[Gap]]:
        seen: list[int | None] = []
        gaps: list[Gap] = []
        instants: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        for segment in segments:
            decoder = SegmentDecoder(home_root / segment.uri, segment, Sampling.parse(sampling), **options)  # type: ignore[arg-type]
            for batch in decoder:
                seen += [read_number(picture) for picture in batch.rgb]
                instants.append(batch.seen_at)
            gaps += decoder.gaps
        return seen, np.concatenate(instants), gaps

    return looked

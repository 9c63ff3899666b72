"""Figures on Prometheus: gauges as they would be set, without Ray."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ray_jobs.live.figures import DetectorFigures
from ray_jobs.live.metrics import GAUGES, DetectorMetrics, ShardMetrics
from tests.ray_jobs.live.made_status import RECORDING, camera, shard

Told = dict[tuple[str, ...], float]
TOLD: Told = {}


class Gauge:
    """Stands for Ray's."""

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...]) -> None:
        assert name.startswith("rtcc_")
        assert description.endswith(".")
        self._name, self._tags = name, tag_keys

    def set(self, value: float, tags: Mapping[str, str]) -> None:
        assert set(tags) == set(self._tags)
        TOLD[self._name, *tags.values()] = value


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    TOLD.clear()
    monkeypatch.setattr("ray.util.metrics.Gauge", Gauge)
    return TOLD


def test_every_figure_of_a_camera_is_told(told: Told) -> None:
    ShardMetrics(3).tell(
        shard(3, [camera("a"), camera("b", "lost", level="record")], alert_latencies_ms=(5.0, 7.0))
    )
    for name, (_, figure) in GAUGES.items():
        assert told[name, "a", "3"] == getattr(RECORDING, figure)
    assert (told["rtcc_camera_recording", "a", "3"], told["rtcc_camera_recording", "b", "3"]) == (1, 0)
    assert (told["rtcc_camera_level", "a", "3"], told["rtcc_camera_level", "b", "3"]) == (3, 0)
    assert (told["rtcc_cameras", "recording", "3"], told["rtcc_cameras", "lost", "3"]) == (1, 1)
    assert told["rtcc_alert_latency_ms", "3"] == 7.0


def test_what_is_no_more_is_taken_back(told: Told) -> None:
    """A gauge keeps its last value: a camera that went to another shard would seem to be recorded twice."""
    metrics = ShardMetrics(0)
    metrics.tell(shard(0, [camera("a"), camera("b", "lost")]))
    metrics.tell(shard(0, [camera("a")]))
    assert told["rtcc_cameras", "lost", "0"] == 0
    assert told["rtcc_camera_recording", "b", "0"] == told["rtcc_camera_fps", "b", "0"] == 0
    assert told["rtcc_camera_recording", "a", "0"] == 1


def test_a_detector_tells_how_busy_it_is(told: Told) -> None:
    DetectorMetrics().tell(DetectorFigures(7, "node", 300.0, 50.0, 1000, 200, 20.5))
    assert told == {("rtcc_detector_frames", "7"): 1000, ("rtcc_detector_busy_seconds", "7"): 20.5}

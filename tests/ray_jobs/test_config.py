"""The digest that makes the same work the same run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.registry import Mounting, Zone
from catalog.spans import EPOCH, Span
from ray_jobs.config import IndexConfig, code_version
from workbench.media.frames import Sampling
from workbench.vision.detector_config import DetectorConfig

MOUNTING = Mounting("mnt_1", "cam-1", Span(EPOCH), -90.1, 32.3)
LINE = Zone("zon_1", "mnt_1", "cam-1", "line", "kerb", ((0, 0), (10, 10)))
CONFIG = IndexConfig(DetectorConfig())


def test_equal_settings_have_equal_digests_in_whatever_order_zones_come():
    other = replace(LINE, zone_id="zon_2", name="door")
    again = IndexConfig(DetectorConfig())
    assert CONFIG.digest([MOUNTING], [LINE, other]) == again.digest([MOUNTING], [other, LINE])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(CONFIG, sampling=Sampling("fps", 4.0)), id="sampling"),
        pytest.param(replace(CONFIG, gate_threshold=None), id="gate"),
        pytest.param(replace(CONFIG, detector=DetectorConfig(min_confidence=0.2)), id="detector"),
        pytest.param(replace(CONFIG, follow=replace(CONFIG.follow, gap_after_s=3.0)), id="tracker and rules"),
    ],
)
def test_any_setting_makes_it_another_run(changed: IndexConfig):
    assert changed.digest([MOUNTING], [LINE]) != CONFIG.digest([MOUNTING], [LINE])


def test_a_moved_line_makes_it_another_run():
    moved = replace(LINE, points_px=((0, 0), (10, 11)))
    assert CONFIG.digest([MOUNTING], [moved]) != CONFIG.digest([MOUNTING], [LINE])


def test_a_corrected_address_changes_nothing_but_a_calibration_does():
    corrected = replace(MOUNTING, lon_deg=-90.2)
    calibrated = replace(MOUNTING, m_from_px=(1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    assert CONFIG.digest([corrected], [LINE]) == CONFIG.digest([MOUNTING], [LINE])
    assert CONFIG.digest([calibrated], [LINE]) != CONFIG.digest([MOUNTING], [LINE])


def test_the_code_version_names_release_and_sources():
    release, _, digest = code_version().partition("+")
    assert release.count(".") == 2
    assert len(digest) == 12

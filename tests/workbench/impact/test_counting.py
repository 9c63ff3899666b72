"""Counts are of incidents by place and period, each once; and what is not counted is accounted for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from shapely.geometry import Point

from catalog.errors import BadInput
from tests.workbench.impact.small_study import (
    CENTRE,
    city,
    even_incidents,
    files,
    incidents_at,
    polygon,
    site,
)
from workbench.impact.areas import Area
from workbench.impact.counting import (
    count_outcome,
    count_study,
    ring_counts,
    rings_of,
    selection_window,
    without_window,
)


def test_every_incident_counts_in_its_cell_and_month() -> None:
    counted = count_study(files(incidents=even_incidents(2)))
    panel = counted.primary
    assert panel.counts.shape == (64, 36)
    assert (panel.counts == 2).all()
    assert panel.periods_per_year == 12
    assert panel.xy_m is not None
    assert panel.before.sum() == 24
    assert counted.quality.used == counted.quality.incidents == 64 * 36 * 2
    assert counted.quality.by_year == ((2021, 1536), (2022, 1536), (2023, 1536))


def test_what_is_not_counted_is_accounted_for() -> None:
    at = ["2020-06-01", "2021-06-01", "2021-06-01", "2021-06-01"]
    incidents = incidents_at(np.asarray([[0, 1], [9000, 0], [0, 1], [0, 1]]), at)
    incidents = replace(incidents, types=("arson", "robbery"), type_index=np.asarray([1, 1, 0, 1]))
    quality = count_study(files(incidents=incidents, left_out=(("no time can be read", 3),))).quality
    assert quality.incidents == 7
    assert quality.used == 1
    assert quality.left_out == (
        ("no time can be read", 3), ("outside the study's days", 1), ("outside the study's places", 1),
        ("of no outcome's type", 1),
    )  # fmt: skip
    assert quality.used + sum(count for _, count in quality.left_out) == quality.incidents


def test_inexact_incidents_count_in_parts() -> None:
    incidents = incidents_at(np.asarray([[250, 250]]), ["2021-01-30"], length_s=4 * 86_400)
    counted = count_study(files(incidents=incidents))
    assert counted.primary.counts.sum(axis=0)[:3].tolist() == [0.5, 0.5, 0]
    assert counted.quality.inexact_time_ratio == 1


def test_an_outcome_may_count_only_what_was_reported() -> None:
    incidents = incidents_at(np.asarray([[250, 250]]), ["2021-06-01"], proactive=True)
    assert count_study(files(incidents=incidents)).primary.counts.sum() == 1
    only = files(("primary = true", "primary = true\nreported_only = true"), incidents=incidents)
    assert count_study(only).primary.counts.sum() == 0


def test_polygons_may_be_the_places() -> None:
    halves = [
        Area("west", polygon(-2000, -2000, 0, 2000), "study"),
        Area("east", polygon(300, -2000, 2000, 2000), "control"),
    ]
    study = files(("[study]", '[study]\nplace = "area"'), areas=halves, sites=[site(-1000, 0)])
    panel = count_study(study).primary
    assert panel.place_ids == ("west", "east")
    assert panel.roles == ("treated", "control")
    assert panel.counts[0, 0] == 64


def test_places_without_people_are_excluded_and_counted() -> None:
    half = Area("west", polygon(-2000, -2000, 10, 2000), None, 500.0)
    named = ('file = "areas.geojson"', 'file = "areas.geojson"\nexposure = "people"')
    counted = count_study(files(named, areas=[city(), half]))
    panel = counted.primary
    assert panel.exposure is not None
    assert (panel.exposure > 0).all()
    assert counted.layout.unknown_places == 24
    assert panel.roles.count("excluded") == 24


def test_counting_anew_with_fewer_incidents_needs_no_new_layout() -> None:
    counted = count_study(files())
    outcome = counted.files.specification.primary
    half = np.arange(len(counted.files.incidents)) % 2 == 0
    panel = count_outcome(counted.layout, counted.located, counted.files.incidents, outcome, half)
    anew = count_study(files(incidents=counted.files.incidents.of(half))).primary
    assert np.array_equal(panel.counts, anew.counts)


def test_an_outcome_nobody_asked_for_is_refused() -> None:
    with pytest.raises(BadInput, match="no outcome 'arson'; there are robbery"):
        count_study(files()).panel("arson")


def test_rings_are_bands_of_distance_from_what_is_seen() -> None:
    zones = np.asarray([Point(0, 0).buffer(100, quad_segs=64), Point(1000, 0).buffer(100, quad_segs=64)], object)
    xy_m = np.asarray([[0, 0], [99, 0], [150, 0], [250, 0], [500, 0], [850, 0], [-10_000, 0]], float)
    assert rings_of(xy_m, zones, [100, 200]).tolist() == [0, 0, 1, 2, 3, 1, 3]
    assert rings_of(xy_m[:0], zones, [100]).tolist() == []
    assert rings_of(xy_m, zones[:0], [100]).tolist() == [2] * 7


def test_every_incident_is_in_sight_in_a_ring_or_in_a_control_or_touched() -> None:
    rng = np.random.default_rng(5)
    xy_m = rng.uniform(-2000, 2000, (4000, 2))
    incidents = incidents_at(xy_m, np.full(4000, "2022-03-05", "datetime64[us]"))
    counted = count_study(files(incidents=incidents))
    rings = ring_counts(counted, "robbery")
    assert rings.counts.shape == (4, 36)
    distance_m = np.hypot(*(xy_m - 250).T) - 150
    expected = [(distance_m <= 0).sum(), ((distance_m > 0) & (distance_m <= 100)).sum(),
                ((distance_m > 100) & (distance_m <= 200)).sum()]  # fmt: skip
    # A circle is drawn with corners, so a point right on its edge may fall to either side.
    assert rings.counts.sum(axis=1)[:3] == pytest.approx(expected, abs=2)
    assert rings.counts.sum(axis=1)[3] == counted.primary.counts[counted.primary.control].sum()


def test_rings_may_have_other_radii() -> None:
    assert ring_counts(count_study(files()), "robbery", [100, 200, 400]).counts.shape == (5, 36)


def test_the_window_places_were_chosen_on_is_left_out_of_before() -> None:
    counted = count_study(files())
    window = (date(2022, 6, 15), date(2023, 3, 1))
    rest = without_window(counted.primary, counted.layout.periods, window)
    assert len(rest.starts) == 36 - 7
    assert rest.before.sum() == 24 - 7
    assert rest.active.sum() == 12
    assert rest.counts.sum() == counted.primary.counts[:, [*range(17), *range(24, 36)]].sum()
    assert counted.compared == counted.panels
    assert selection_window([site()]) is None
    chosen = [site(chosen_on=(date(2022, 1, 1), date(2022, 7, 1))), site(chosen_on=window)]
    assert selection_window(chosen) == (date(2022, 1, 1), date(2023, 3, 1))


def test_smaller_cells_count_the_same_incidents() -> None:
    large = count_study(files()).primary
    small = count_study(files(("[study]", "[study]\ncell_m = 250"))).primary
    assert large.counts.sum() == small.counts.sum()
    assert len(small.place_ids) == 4 * len(large.place_ids)


def test_the_plane_of_a_study_lies_where_the_city_is() -> None:
    plane = count_study(files()).layout.places.plane
    assert plane == CENTRE

"""The map shows places and sites in degrees, with as many periods before as after."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import MultiPolygon, Polygon

from tests.workbench.impact.small_study import files, polygon, site
from workbench.impact.counting import count_study
from workbench.impact.roles import seen_zones
from workbench.impact.study_map import even_spans, ring_outlines_deg, study_map


def test_the_map_has_every_place_with_its_role_and_counts() -> None:
    shown = study_map(count_study(files()), donor_weights={"cell_0_0": 0.5})
    assert len(shown.places) == 64
    assert shown.ring_radii_m == (100, 200)
    place = next(place for place in shown.places if place.role == "treated")
    assert place.place_id == "cell_0_0"
    assert place.donor_weight == 0.5
    assert place.before_count == place.after_count == 24
    corners = Polygon(place.outline)
    assert len(place.outline) == 4
    assert corners.centroid.x == pytest.approx(place.lon_deg, abs=1e-5)


def test_a_site_shows_what_it_sees_the_largest_part_of_several() -> None:
    parts = MultiPolygon([polygon(0, 0, 100, 100), polygon(200, 200, 500, 500)])
    seen = study_map(count_study(files(sites=[site(viewshed=parts)]))).sites[0]
    assert Polygon(seen.viewshed).area == pytest.approx(parts.geoms[1].area)
    assert study_map(count_study(files())).sites[0].viewshed == ()


def test_plain_comparisons_take_whole_years() -> None:
    panel = count_study(files()).primary
    assert even_spans(panel) == (slice(12, 24), slice(24, 36))
    short = count_study(files(("2024-01-01", "2023-07-01"))).primary
    assert even_spans(short) == (slice(18, 24), slice(24, 30))


def test_rings_are_drawn_around_what_is_seen_and_joined_where_they_meet() -> None:
    counted = count_study(files(sites=[site(), site(600, 250, site_id="s2")]))
    plane = counted.layout.places.plane
    zones = seen_zones(plane, counted.files.sites, 150.0)
    assert len(ring_outlines_deg(plane, zones, 0)) == 2
    joined = ring_outlines_deg(plane, zones, 100)
    assert len(joined) == 1
    xy_m = plane.to_m(*np.asarray(joined[0]).T)
    assert xy_m[:, 0].max() == pytest.approx(850, abs=1)

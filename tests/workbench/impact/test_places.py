"""Places lie on a plane in metres; every point lies in one at most, and people are shared by surface."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from tests.workbench.impact.small_study import CENTRE, HALF_M, city, polygon
from workbench.impact.areas import Area
from workbench.impact.places import lay_areas, lay_cells, spread

NOWHERE = np.empty(0)


def test_the_plane_measures_metres() -> None:
    # One minute of latitude is a nautical mile on average, 1 849 m at 32° on this ellipsoid.
    xy_m = CENTRE.to_m(np.asarray([CENTRE.lon_deg]), np.asarray([CENTRE.lat_deg + 1 / 60]))
    assert xy_m[0, 0] == pytest.approx(0, abs=1e-6)
    assert xy_m[0, 1] == pytest.approx(1848.3, abs=1.0)


@given(st.floats(-50_000, 50_000), st.floats(-50_000, 50_000))
@settings(max_examples=15, deadline=None)
def test_there_and_back_is_where_one_was(east_m: float, north_m: float) -> None:
    lon_lat = CENTRE.to_deg(np.asarray([[east_m, north_m]]))
    assert CENTRE.to_m(lon_lat[:, 0], lon_lat[:, 1])[0] == pytest.approx([east_m, north_m], abs=1e-3)


def test_cells_cover_the_polygons_with_a_role() -> None:
    places = lay_cells(500.0, [city(), Area("tract", polygon(0, 0, 9000, 9000), None, 1.0)], NOWHERE, NOWHERE)
    assert len(places) == 64
    assert set(places.area_ids) == {"city"}
    assert np.abs(places.xy_m).max() < HALF_M


def test_without_polygons_cells_are_where_incidents_are() -> None:
    lon_lat = CENTRE.to_deg(np.asarray([[0.0, 0.0], [1250.0, 1250.0], [1251.0, 1251.0], [-1250.0, -1250.0]]))
    places = lay_cells(500.0, [], lon_lat[:, 0], lon_lat[:, 1])
    assert len(places) == 3
    with pytest.raises(BadInput, match="no cells can be laid"):
        lay_cells(500.0, [], NOWHERE, NOWHERE)


def test_cells_too_large_or_too_small_are_refused() -> None:
    with pytest.raises(BadInput, match="take smaller cells"):
        lay_cells(20_000.0, [city()], NOWHERE, NOWHERE)
    with pytest.raises(BadInput, match="take larger ones"):
        lay_cells(2.0, [city()], NOWHERE, NOWHERE)


MM = st.integers(-2_500_000, 2_500_000).map(lambda whole: whole / 1000)
"""Metres, to the millimetre: what is smaller than a division can tell from nothing lies in no cell for certain."""


@given(st.lists(st.tuples(MM, MM), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None)
def test_a_point_lies_in_the_cell_whose_outline_it_lies_in(points: list[tuple[float, float]]) -> None:
    import shapely

    places = lay_cells(500.0, [city()], NOWHERE, NOWHERE)
    xy_m = np.asarray(points)
    for found, point in zip(places.locate(xy_m), xy_m, strict=True):
        touching = np.flatnonzero(shapely.intersects_xy(places.outlines, *point))
        assert found in touching if len(touching) == 1 or found >= 0 else len(touching) != 1


def test_where_polygons_overlap_the_buffer_comes_before_the_control() -> None:
    areas = [
        Area("far", polygon(0, 0, 1000, 1000), "control"), Area("near", polygon(500, 0, 1500, 1000), "buffer"),
        Area("tract", polygon(0, 0, 9000, 9000), None),
    ]  # fmt: skip
    places = lay_areas(areas)
    assert places.place_ids == ("far", "near")
    lon_lat = CENTRE.to_deg(np.asarray([[250.0, 500.0], [750.0, 500.0], [1250.0, 500.0], [1250.0, 1500.0]]))
    assert places.locate(places.plane.to_m(lon_lat[:, 0], lon_lat[:, 1])).tolist() == [0, 1, 1, -1]
    with pytest.raises(BadInput, match="write study, buffer or control"):
        lay_areas(areas[2:])


def test_people_are_shared_by_surface_and_covariates_are_means() -> None:
    tracts = [
        Area("west", polygon(-HALF_M, -HALF_M, 0, HALF_M), None, 320.0, (1.0,)),
        Area("east", polygon(0, -HALF_M, HALF_M, HALF_M), None, 640.0, (3.0,)),
    ]
    places = lay_cells(1000.0, [city()], NOWHERE, NOWHERE)
    exposure, covariates = spread(tracts, places, 1)
    west = places.xy_m[:, 0] < 0
    assert exposure[west] == pytest.approx(40.0, rel=0.01)
    assert exposure[~west] == pytest.approx(80.0, rel=0.01)
    assert exposure.sum() == pytest.approx(960.0, rel=1e-3)
    assert covariates[west, 0] == pytest.approx(1.0, abs=0.01)


def test_a_place_nothing_is_known_of_stays_unknown() -> None:
    places = lay_cells(1000.0, [city()], NOWHERE, NOWHERE)
    exposure, covariates = spread([Area("w", polygon(-1999, -1999, -1, 1999), None, 1.0, (2.0,))], places, 1)
    assert np.isnan(exposure[places.xy_m[:, 0] > 0]).all()
    assert np.isnan(covariates[places.xy_m[:, 0] > 0]).all()

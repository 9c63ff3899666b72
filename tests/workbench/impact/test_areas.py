"""Areas are polygons with a role, people in them, or both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from tests.workbench.impact.small_study import polygon
from workbench.impact.areas import Area, overlaps, read_areas
from workbench.impact.specification import AreasSpecification

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
BOW = [[0, 0], [2, 2], [2, 0], [0, 2.5], [0, 0]]


def _write(folder: Path, *properties: dict[str, Any], corners: list[list[float]] | None = None) -> Path:
    geometry = {"type": "Polygon", "coordinates": [corners or SQUARE]}
    features = [{"properties": one, "geometry": geometry} for one in properties]
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_a_polygon_carries_a_role_people_and_covariates(tmp_path: Path) -> None:
    specification = AreasSpecification(Path("a"), "people", ("renters",))
    path = _write(tmp_path, {"id": "city", "role": "study"}, {"id": "t1", "people": 100, "renters": 0.4})
    city, tract = read_areas(path, specification).areas
    assert city.role == "study"
    assert city.exposure is None
    assert tract.role is None
    assert tract.exposure == 100
    assert tract.covariates == (0.4,)


@pytest.mark.parametrize(
    ("properties", "corners", "says"),
    [
        ({"id": "", "people": 1}, SQUARE, "row 1, id: the id is missing"),
        ({"id": "a", "role": "target", "people": 1}, SQUARE, "row 1, role: it must be one of excluded, study"),
        ({"id": "a", "people": None}, SQUARE, "row 1, people: a polygon without a role must have it"),
        ({"id": "a", "people": -1}, SQUARE, "row 1, people: it is below 0"),
        ({"id": "a", "people": 1}, BOW, "row 1, geometry: the polygon crosses itself"),
        ({"id": "a", "residents": 1}, SQUARE, "no column 'people'"),
    ],
)
def test_a_wrong_polygon_refuses_the_file_by_name(
    tmp_path: Path, properties: dict[str, Any], corners: list[list[float]], says: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read_areas(_write(tmp_path, properties, corners=corners), AreasSpecification(Path("a"), "people"))
    assert says in str(refused.value)


def test_two_polygons_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="row 2, id: the id stands twice"):
        read_areas(_write(tmp_path, {"id": "a"}, {"id": "a"}), AreasSpecification(Path("a")))


def test_overlaps_are_shares_of_the_smaller_polygon_and_touching_is_none() -> None:
    west = Area("west", polygon(0, 0, 100, 100), "buffer")
    across = Area("across", polygon(50, 0, 300, 100), "control")
    beside = Area("beside", polygon(100, 0, 200, 100), "control")
    found = overlaps([west, across, beside], "buffer", "control")
    assert [(one, two) for one, two, _ in found] == [("west", "across")]
    assert found[0][2] == pytest.approx(0.5, abs=0.01)

"""A study's files are read together, each with the digest of its bytes; a name that fits nothing is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import shapely

from catalog.errors import BadInput
from tests.workbench.impact.small_study import TOML, polygon
from workbench.impact.counting import count_study
from workbench.impact.study_files import read_study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    city = shapely.geometry.mapping(polygon(-1999, -1999, 1999, 1999))
    feature = {"properties": {"id": "city", "role": "study"}, "geometry": city}
    areas = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "STUDY.toml").write_text(TOML)
    (tmp_path / "incidents.csv").write_text(
        "incident_id,start_at,type,lon_deg,lat_deg\n"
        "1,2021-05-01T10:00Z,robbery,-90.1848,32.3\n2,2023-05-01T10:00Z,assault,-90.19,32.29\n"
    )
    (tmp_path / "sites.csv").write_text("id,lon,lat,activated_on\ns1,-90.18,32.3,2023-01-01\n")
    (tmp_path / "areas.geojson").write_text(json.dumps(areas))
    return tmp_path


def test_everything_is_read_with_its_digest(folder: Path) -> None:
    files = read_study(folder / "STUDY.toml")
    assert files.toml == TOML
    assert len(files.incidents) == 2
    assert [site.site_id for site in files.sites] == ["s1"]
    for name, sha256 in files.sha256:
        assert sha256 == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert count_study(files).primary.counts.sum() == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["robbery"]', '["robery"]', "outcome 1.types: no incident is of type 'robery'; did you mean 'robbery'?"),
        ('["robbery"]', '["xyz"]', "there are assault, robbery"),
        (
            "[rings]",
            "[[co_intervention]]\nname = 'x'\nstart = 2022-01-01\narea = 'cty'\n[rings]",
            "there is no area 'cty'; did you mean 'city'?",
        ),
        ("incidents.csv", "incident.csv", "looked for beside the specification"),
    ],
)
def test_what_a_study_names_must_be_there(folder: Path, old: str, new: str, says: str) -> None:
    (folder / "STUDY.toml").write_text(TOML.replace(old, new))
    with pytest.raises(BadInput) as refused:
        read_study(folder / "STUDY.toml")
    assert says in str(refused.value)


def test_a_study_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="give the path of a STUDY"):
        read_study(tmp_path)

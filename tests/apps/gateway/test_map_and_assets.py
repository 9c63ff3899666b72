"""The map's ground, the pages' bundle and how the parts are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway import assets
from apps.gateway.basemap import MOST_LINES, generated
from apps.gateway.places import distance_m
from tests.apps.gateway.conftest import Serve, run

places = st.lists(
    st.tuples(st.text(max_size=8), st.tuples(st.floats(-180, 180), st.floats(-85, 85))), max_size=12
)  # fmt: skip


@given(places)
def test_the_generated_ground_holds_every_camera_and_invents_nothing(
    named: list[tuple[str, tuple[float, float]]],
) -> None:
    drawn = generated(named)
    west, south, east, north = drawn["bbox"]
    kinds = [feature["properties"]["kind"] for feature in drawn["features"]]
    assert set(kinds) <= {"ground", "grid", "site"}
    assert kinds.count("ground") == 1
    assert kinds.count("grid") <= 4 * MOST_LINES + 4
    sites = [feature for feature in drawn["features"] if feature["properties"]["kind"] == "site"]
    names = {name for name, _ in named}
    assert {site["properties"]["name"] for site in sites} <= names
    for _, (lon, lat) in named:
        assert west - 1e-9 <= lon <= east + 1e-9
        assert south - 1e-9 <= lat <= north + 1e-9
    json.dumps(drawn, allow_nan=False)


def test_a_square_of_the_grid_is_as_wide_as_it_says() -> None:
    drawn = generated([("a", (-90.18, 32.30)), ("b", (-90.16, 32.31))])
    lines = [feature["geometry"]["coordinates"] for feature in drawn["features"]
             if feature["properties"]["kind"] == "grid"]  # fmt: skip
    upright = sorted(line[0][0] for line in lines if line[0][0] == line[1][0])
    level = sorted(line[0][1] for line in lines if line[0][1] == line[1][1])
    middle = (drawn["bbox"][1] + drawn["bbox"][3]) / 2
    wide = distance_m((upright[0], middle), (upright[1], middle))
    high = distance_m((upright[0], level[0]), (upright[0], level[1]))
    assert (wide, high) == (pytest.approx(drawn["grid_m"], rel=1e-3), pytest.approx(drawn["grid_m"], rel=1e-3))


def test_the_city_s_own_files_win(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as page:
            drawn = (await page.get("/v1/basemap.geojson")).json()
            assert drawn["generated"] is True
            names = {one["properties"].get("name") for one in drawn["features"]}
            assert "Farish & Amite" in names
            assert (await page.get("/v1/basemap.pmtiles")).status_code == 404
            own = served.home.root / "basemap.geojson"
            own.write_text('{"type": "FeatureCollection", "features": []}')
            assert (await page.get("/v1/basemap.geojson")).json() == {"type": "FeatureCollection", "features": []}
            tiles = served.home.root / "basemap.pmtiles"
            tiles.write_bytes(bytes(range(200)))
            state = (await page.get("/v1/state")).json()
            assert state["basemap"] == {"kind": "pmtiles", "url": "/v1/basemap.pmtiles"}
            part = await page.get("/v1/basemap.pmtiles", headers={"Range": "bytes=10-19"})
            assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
            assert part.headers["content-range"] == "bytes 10-19/200"
            assert (await page.get("/v1/basemap.pmtiles", headers={"Range": "bytes=900-"})).status_code == 416
            own.unlink()
            tiles.unlink()

    run(work)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "operations-3f9a0c1d.js").write_text("export default 1")
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "secret.key").write_text("x")
    (tmp_path / ".hidden.js").write_text("x")
    monkeypatch.setattr(assets, "bundle_folder", lambda: tmp_path)
    return tmp_path


def test_the_bundle_is_kept_for_good_and_nothing_beside_it_is_handed_out(serve: Serve, bundle: Path) -> None:
    async def work() -> None:
        async with serve() as served, served.client() as anybody:
            script = await anybody.get("/assets/operations-3f9a0c1d.js")
            assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert script.headers["content-type"].startswith("text/javascript")
            assert (await anybody.get("/assets/manifest.json")).headers["cache-control"] == "no-cache"
            for name in ("secret.key", ".hidden.js", "..%2fmanifest.json", "%2e%2e/manifest.json", "gone.js", ""):
                assert (await anybody.get(f"/assets/{name}")).status_code in (404, 405)

    run(work)


def test_health_tells_of_every_part_to_people_and_of_nothing_to_others(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            async with served.client() as anybody:
                assert (await anybody.get("/healthz")).json() == {"status": "ok"}
                assert (await anybody.get("/v1/health")).status_code == 401
            async with served.client("moss") as page:
                parts = {one["name"]: one for one in (await page.get("/v1/health")).json()["parts"]}
                assert (parts["gateway"]["up"], parts["keeper"]["up"], parts["live"]["up"]) == (True, True, False)
                assert parts["live"]["detail"] == "live work has never run here"

    run(work)

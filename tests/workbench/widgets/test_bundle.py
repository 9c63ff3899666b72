"""The bundle: built from its sources and nothing else, small at first, and clear about what it lacks."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from catalog.errors import AssetError
from workbench.widgets import bundle

PAGES = ("operations", "supervisor", "phone", "impact")
FIRST_LOAD_BYTES = 160_000
"""What is loaded before the first paint, before compression: a second of a slow line."""


def parts_of(name: str) -> set[str]:
    """Return a bundled module and the parts it imports at once; those imported later are not among them."""
    found, waiting = set(), [name]
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting += re.findall(r'(?:from|import)"\./([^"]+\.mjs)"', (bundle.STATIC / part).read_text())
    return found


def test_it_is_not_built_again_while_its_sources_stay_the_same():
    assert bundle.build() is False


def test_any_change_of_its_sources_changes_their_digest(tmp_path: Path):
    shutil.copytree(bundle.SOURCES, tmp_path / "src")
    before = bundle.sources_digest(tmp_path / "src")
    assert before == bundle.sources_digest()
    with (tmp_path / "src" / "css" / "base.css").open("a") as sheet:
        sheet.write("\n")
    assert bundle.sources_digest(tmp_path / "src") != before


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_in_it_under_names_that_tell_their_content(page: str):
    files = bundle.page_files(page)
    for name in (files.js, files.css):
        assert re.fullmatch(rf"{page}\.[0-9A-Za-z]{{8,10}}\.(mjs|css)", name)
        assert (bundle.STATIC / name).is_file()


@pytest.mark.parametrize("page", PAGES)
def test_what_is_loaded_first_is_small(page: str):
    assert (
        sum((bundle.STATIC / part).stat().st_size for part in parts_of(bundle.page_files(page).js))
        < FIRST_LOAD_BYTES
    )


def test_an_unknown_page_is_named():
    with pytest.raises(AssetError, match="no page 'radar'"):
        bundle.page_files("radar")


def test_a_bundle_that_was_never_built_says_what_to_do(tmp_path: Path):
    with pytest.raises(AssetError, match="make venv"):
        bundle.page_files("operations", tmp_path)


def test_without_a_registry_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "npm"
    broken.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(bundle, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(bundle, "_npm", lambda: [str(broken)])
    with pytest.raises(AssetError, match=r"(?s)Is there a network.*ENOTFOUND"):
        bundle.third_parties()


def test_its_sources_are_as_wide_and_as_long_as_ours_elsewhere():
    for path in bundle.SOURCES.rglob("*.*"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 400, path
        assert max(map(len, lines)) <= 116, path


def test_third_parties_have_exact_versions_and_their_licences_travel_along():
    told = json.loads((bundle.SOURCES / "package.json").read_text())
    for versions in (told["dependencies"], told["devDependencies"], told["overrides"]):
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
    licences = (bundle.STATIC / "THIRD_PARTIES.txt").read_text()
    for name in ("preact", "@preact/signals", "maplibre-gl", "hls.js", "pmtiles", "@fontsource-variable/inter"):
        assert f"{name} {told['dependencies'][name]}" in licences

"""Published studies by address: for some roles, in the audit, as files that can do nothing in a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apps.studies import publish
from catalog.access import Access
from catalog.home import Home
from catalog.reader import Reader
from tests.apps.gateway.conftest import Serve, Served, run
from tests.made_report import FIGURES, SLUG, TITLE, as_json, made_findings, write_report

STUDIES = "/v1/impact/studies"
STUDY = f"{STUDIES}/{SLUG}"
EVERYTHING = (STUDIES, STUDY, f"{STUDY}/figures", f"{STUDY}/methods", f"{STUDY}/figures/map.svg",
              f"{STUDY}/figures/map.png", f"{STUDY}/figures/map.csv", f"{STUDY}/report.html",
              f"{STUDY}/report.pdf")  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _published(kept_home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    publish(write_report(tmp_path_factory.mktemp("impact") / "report"), kept_home)


def asked(served: Served) -> list[tuple[str, str, str, int | None]]:
    """Return who asked for which study, as the audit holds it."""
    reader = Reader(served.home, Access("moss", "auditor", "audit"), served.keeper)
    try:
        rows = reader.sql(
            "select actor, question, parameters, row_count from audit where question like 'impact%' order by line"
        ).to_pylist()
    finally:
        reader.close()
    return [(row["actor"], row["question"], row["parameters"], row["row_count"]) for row in rows]


@pytest.mark.parametrize(
    ("name", "status"), [("vale", 200), ("ortiz", 200), ("moss", 200), ("reed", 403), ("cole", 403), (None, 401)]
)
def test_those_who_answer_for_cameras_and_those_who_count_read_studies(
    serve: Serve, name: str | None, status: int
) -> None:
    async def work() -> None:
        async with serve() as served, served.client(name) as page:
            assert {(await page.get(path)).status_code for path in EVERYTHING} == {status}

    run(work)


def test_the_list_says_what_was_claimed_and_what_may_be_said(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("vale") as page:
            told = (await page.get(STUDIES)).json()
            (study,) = told["studies"]
            assert told["unreadable"] == []
            assert (study["slug"], study["title"], study["made_at"]) == (SLUG, TITLE, "2026-02-11T09:30:00Z")
            assert (study["primary_outcome"], study["rung"]) == ("burglary", "contradicts claim")
            assert study["sentence"].startswith("The claimed fall of 51 %")
            assert (study["claim"]["change_ratio"], study["range_ratio"]) == (-0.51, [-0.262, 0.088])

    run(work)


def test_a_study_is_told_as_it_was_found(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("ortiz") as page:
            assert (await page.get(STUDY)).json() == as_json(made_findings())
            listed = (await page.get(f"{STUDY}/figures")).json()
            assert [(one["name"], one["title"]) for one in listed["figures"]] == list(FIGURES)
            assert all(one["alt"] and one["caption"] for one in listed["figures"])
            assert listed["version"] == (await page.get(STUDIES)).json()["studies"][0]["version"]
            named = (await page.get(f"{STUDY}/methods")).json()["methods"]
            sources = {one["method"]: one["source"] for one in named}
            assert set(sources) == {one.method for one in made_findings().estimates}
            assert sources["callaway_santanna"].startswith("Callaway and Sant’Anna 2021")

    run(work)


def test_what_is_told_is_what_the_description_says(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("vale") as page:
            described = served.app.openapi()
            for path in ("", "/{slug}", "/{slug}/figures", "/{slug}/methods"):
                answers = described["paths"][STUDIES + path]["get"]["responses"]
                schema = answers["200"]["content"]["application/json"]["schema"]
                told = (await page.get(STUDIES + path.replace("{slug}", SLUG))).json()
                validator = Draft202012Validator({**schema, "components": described["components"]})
                assert [error.message for error in validator.iter_errors(told)] == []

    run(work)


FILES = {
    "figures/map.svg": ("image/svg+xml", "inline"), "figures/map.png": ("image/png", "inline"),
    "figures/map.csv": ("text/csv; charset=utf-8", "attachment"),
    "report.html": ("text/html; charset=utf-8", "inline"), "report.pdf": ("application/pdf", "attachment"),
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_a_file_says_what_it_is_and_can_run_nothing(serve: Serve, kept_home: Home, file: str) -> None:
    async def work() -> None:
        kind, manner = FILES[file]
        async with serve() as served, served.client("vale") as page:
            got = await page.get(f"{STUDY}/{file}")
            assert got.content == (kept_home.root / "impact" / SLUG / file).read_bytes()
            assert got.headers["content-type"] == kind
            assert got.headers["x-content-type-options"] == "nosniff"
            policy = got.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "sandbox" in policy
            assert "script" not in policy
            assert got.headers["content-disposition"] == f'{manner}; filename="{SLUG}-{Path(file).name}"'
            saved = await page.get(f"{STUDY}/{file}?download=true")
            assert saved.headers["content-disposition"].startswith("attachment; ")

    run(work)


@pytest.mark.parametrize("path", [STUDY, f"{STUDY}/figures/map.svg", f"{STUDY}/report.pdf"])
def test_what_a_browser_has_kept_is_not_sent_again_and_asked_for_again(serve: Serve, path: str) -> None:
    async def work() -> None:
        async with serve() as served, served.client("vale") as page:
            first = await page.get(path)
            assert first.headers["cache-control"] == "private, no-cache"
            again = await page.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
            other = await page.get(path, headers={"If-None-Match": '"of another day"'})
            assert (other.status_code, other.content) == (200, first.content)
        async with serve() as served, served.client("reed") as page:
            assert (await page.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 403

    run(work)


def test_every_look_is_in_the_audit(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("moss") as page:
            before = len(asked(served))
            for path in (STUDIES, STUDY, f"{STUDY}/figures/map.svg", f"{STUDY}/figures/nothing.svg"):
                await page.get(path)
            version = (await page.get(f"{STUDY}/figures")).json()["version"][:16]
            told = f"slug={SLUG} version={version}"
            assert asked(served)[before:] == [
                ("moss", "impact studies", "", 1), ("moss", "impact study", told, None),
                ("moss", "impact file", f"{told} file=figures/map.svg", None),
                ("moss", "impact figures", told, len(FIGURES)),
            ]  # fmt: skip

    run(work)


ELSEWHERE = (
    f"{STUDIES}/nothing", f"{STUDIES}/nothing/figures", f"{STUDY}/figures/nothing.svg",
    f"{STUDY}/figures/report.svg",
    f"{STUDY}/figures/..%2freport.svg", f"{STUDY}/figures/%2e%2e%2f%2e%2e%2ffindings.csv", f"{STUDY}/report.json",
    f"{STUDY}/figures/map.svg.exe", f"{STUDY}/figures/map.html", f"{STUDY}/figures/map.svg%00.png",
    f"{STUDIES}/%2e%2e/figures/map.svg", f"{STUDIES}/..%2f..%2fusers", f"{STUDIES}/.kept", f"{STUDY}/findings.json",
    f"{STUDY}/figures/.svg", f"{STUDY}/figures/%252e%252e%252fmap.svg",
)  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_other_paths_lead_nowhere(serve: Serve, path: str) -> None:
    async def work() -> None:
        async with serve() as served, served.client("vale") as page:
            answer = await page.get(path)
            assert answer.status_code in (404, 422)
            assert set(answer.json()) == {"error", "message"}

    run(work)


def test_a_report_published_anew_is_told_at_once(serve: Serve, kept_home: Home, tmp_path: Path) -> None:
    async def versions(page: Any) -> tuple[str, str]:
        listed = (await page.get(STUDIES)).json()["studies"]
        study = next(one for one in listed if one["slug"] == "another")
        return study["version"], (await page.get(f"{STUDIES}/another")).json()["primary_outcome"]

    async def work() -> None:
        findings = made_findings("Another")
        publish(write_report(tmp_path / "one", findings), kept_home)
        async with serve() as served, served.client("vale") as page:
            first, outcome = await versions(page)
            assert outcome == "burglary"
            publish(write_report(tmp_path / "two", replace(findings, primary_outcome="robbery")), kept_home)
            second, outcome = await versions(page)
            assert (outcome, second != first) == ("robbery", True)

    run(work)


def test_a_study_that_broke_is_named_and_asked_for_anew(serve: Serve, kept_home: Home, tmp_path: Path) -> None:
    async def work() -> None:
        publish(write_report(tmp_path / "r", made_findings("Broken")), kept_home)
        (kept_home.root / "impact" / "broken" / "figures.json").unlink()
        async with serve() as served, served.client("vale") as page:
            told = (await page.get(STUDIES)).json()
            assert [one["slug"] for one in told["unreadable"]] == ["broken"]
            assert SLUG in [one["slug"] for one in told["studies"]]
            answer = await page.get(f"{STUDIES}/broken")
            assert (answer.status_code, answer.json()["error"]) == (503, "StorageFailed")

    run(work)


def test_the_page_has_an_address_of_its_own(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("vale") as page, served.client() as nobody:
            assert (await page.get("/impact")).headers["location"] == "/voila/render/impact.ipynb"
            led = (await page.get(f"/impact/{SLUG}")).headers["location"]
            assert led == f"/voila/render/impact.ipynb?study={SLUG}"
            assert (await nobody.get(f"/impact/{SLUG}")).headers["location"] == f"/login?next=/impact/{SLUG}"

    run(work)

"""Studies of the impact lab as they were published: what was found, the figures, the whole report.

What a file of a report may do in a browser is nothing: it brings its own policy, without scripts, and is shown, not
trusted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi import Path as InPath
from pydantic import BaseModel, TypeAdapter

from apps.gateway.people import SignedIn, TheRoom
from apps.gateway.persons import Person
from apps.gateway.room import Room
from apps.gateway.shown import Instant
from apps.studies import (
    FIGURE_NAME,
    LONGEST_NAME,
    SLUG,
    FigureKind,
    ReportKind,
    Study,
    Unreadable,
    published,
    study_of,
)
from catalog.access import Role
from catalog.audit import AuditLine
from catalog.errors import BadInput, NotPermitted, StorageFailed
from workbench.designs.findings import Claim, Findings, Rung
from workbench.impact_report.method_words import method_words
from workbench.impact_report.words import DESIGN_WORDS

router = APIRouter(tags=["impact"])

MAY_READ: tuple[Role, ...] = ("analyst", "supervisor", "admin", "auditor")
"""Who may read what a study found: who answers for cameras, who counts, and who checks both."""

TYPES: dict[FigureKind | ReportKind, str] = {
    "svg": "image/svg+xml", "png": "image/png", "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8", "pdf": "application/pdf",
}  # fmt: skip

SAVED: tuple[FigureKind | ReportKind, ...] = ("csv", "pdf")
"""Kinds that are always saved, never shown in the window."""

POLICY = "; ".join((
    "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "font-src data:", "form-action 'none'",
    "base-uri 'none'", "frame-ancestors 'self'", "sandbox allow-popups",
))  # fmt: skip
"""Policy of a report's files: they hold their styles, pictures and letters themselves, and run nothing."""

AGAIN = "private, no-cache"
"""Kept by the reader's own browser, which asks each time whether it is still the same."""

Slug = Annotated[str, InPath(max_length=LONGEST_NAME, pattern=SLUG, examples=["cameras-on-main-street"])]
Name = Annotated[str, InPath(max_length=LONGEST_NAME, pattern=FIGURE_NAME, examples=["forest_burglary"])]
Kept = Annotated[str | None, Header(alias="If-None-Match", max_length=1024)]
"""What the reader's browser has kept already."""

ToSave = Annotated[bool, Query(description="Save it as a file, rather than show it")]


class ListedStudy(BaseModel):
    """A study in the list: its answer, and what it was asked about."""

    slug: str
    """Its name in addresses."""
    title: str
    made_at: Instant
    version: str
    """Digest of what was found; another one was published anew."""
    primary_outcome: str
    rung: Rung | None
    """Of the primary outcome; `None` where the study says nothing about it."""
    sentence: str
    range_ratio: tuple[float, float] | None
    claim: Claim


class UnreadableStudy(BaseModel):
    """A folder among the published that is no report any more."""

    slug: str
    why: str


class Studies(BaseModel):
    """The published studies, made last first."""

    studies: list[ListedStudy]
    unreadable: list[UnreadableStudy]


class ShownFigure(BaseModel):
    """A figure and its words; its files are `figures/NAME.svg`, `.png` and `.csv`."""

    name: str
    title: str
    alt: str
    caption: str
    aspect_ratio: float | None
    """Width over height, so that a page can keep room for it; `None` where it does not say."""


class Figures(BaseModel):
    """The figures of a study, in the report's order."""

    version: str
    figures: list[ShownFigure]


class MethodName(BaseModel):
    """What a method is called, where it comes from and on what it leans."""

    method: str
    title: str
    source: str
    """Author, year and journal; empty where none is known."""
    counterfactual: str
    """What would have been without cameras, it takes from: `one comparison area`, `trends of other places`, …"""


class Methods(BaseModel):
    """The methods of a study, refused ones too."""

    methods: list[MethodName]


def reader(room: TheRoom, person: SignedIn) -> Person:
    """Return who reads a study.

    Raises
    ------
    NotPermitted
        When the role reads none.
    """
    room.limits.person.take(person.actor)
    if person.role not in MAY_READ:
        raise NotPermitted(f"read what studies found: the role {person.role} may not; {', '.join(MAY_READ)} may")
    return person


Reader = Annotated[Person, Depends(reader)]
"""A route's parameter: who reads a study."""


@router.get("/v1/impact/studies")
async def studies(room: TheRoom, person: Reader) -> Studies:
    """Return the published studies with their verdicts, made last first."""
    found, broken = await room.read(published, room.home)
    await _note(room, person, "impact studies", rows=len(found))
    return listed(found, broken)


def listed(found: Sequence[Study], broken: Sequence[Unreadable]) -> Studies:
    """Return the list as pages show it."""
    return Studies(
        studies=[_listed(study) for study in found],
        unreadable=[UnreadableStudy(slug=one.slug, why=one.why) for one in broken],
    )


def _listed(study: Study) -> ListedStudy:
    findings = study.findings
    verdict = next((one for one in findings.verdicts if one.outcome == findings.primary_outcome), None)
    return ListedStudy(
        slug=study.slug, title=findings.title, made_at=study.made_at, version=study.version,
        primary_outcome=findings.primary_outcome, claim=findings.claim,
        rung=None if verdict is None else verdict.rung, sentence="" if verdict is None else verdict.sentence,
        range_ratio=None if verdict is None else verdict.range_ratio,
    )  # fmt: skip


@router.get(
    "/v1/impact/studies/{slug}", response_model=Findings, responses={304: {"description": "As it was"}}
)  # fmt: skip
async def findings(room: TheRoom, person: Reader, slug: Slug, kept: Kept = None) -> Response:
    """Return everything a study found."""
    study = await _study(room, slug)
    await _note(room, person, "impact study", study)
    content = await room.read(findings_of, study)
    return _answer(content, "application/json", kept)


def findings_of(study: Study) -> bytes:
    """Return everything a study found as JSON; a figure that is not finite is null."""
    return _FINDINGS.dump_json(study.findings)


_FINDINGS: TypeAdapter[Any] = TypeAdapter(Findings)


@router.get("/v1/impact/studies/{slug}/figures")
async def figures(room: TheRoom, person: Reader, slug: Slug) -> Figures:
    """Return the figures of a study with their titles, captions and text alternatives."""
    study = await _study(room, slug)
    await _note(room, person, "impact figures", study, rows=len(study.figures))
    try:
        return await room.read(figures_of, study)
    except OSError as error:
        raise _unreadable(study, error) from error


def figures_of(study: Study) -> Figures:
    """Return a study's figures with their words and proportions. Blocks."""
    shown = [
        ShownFigure(
            name=one.name, title=one.title, alt=one.alt, caption=one.caption,
            aspect_ratio=study.aspect_ratio(one.name),
        )
        for one in study.figures
    ]  # fmt: skip
    return Figures(version=study.version, figures=shown)


@router.get("/v1/impact/studies/{slug}/methods")
async def methods(room: TheRoom, person: Reader, slug: Slug) -> Methods:
    """Return what the methods of a study are called, and where they come from."""
    study = await _study(room, slug)
    await _note(room, person, "impact methods", study)
    return methods_of(study)


def methods_of(study: Study) -> Methods:
    """Return the names of a study's methods, each once."""
    designs = {estimate.method: estimate.design for estimate in study.findings.estimates}
    named = [(key, method_words(key), DESIGN_WORDS[design]) for key, design in designs.items()]
    return Methods(
        methods=[
            MethodName(method=key, title=one.title, source=one.source, counterfactual=design)
            for key, one, design in named
        ]
    )


def _files(*kinds: FigureKind | ReportKind) -> dict[int | str, dict[str, Any]]:
    """Return how an answer with a file is described."""
    texts = {"schema": {"type": "string"}}
    content = {TYPES[kind].partition(";")[0]: texts for kind in kinds}
    return {200: {"description": "The file", "content": content}, 304: {"description": "As it was"}}


@router.get(
    "/v1/impact/studies/{slug}/figures/{name}.{kind}",
    response_class=Response,
    responses=_files("svg", "png", "csv"),
)
async def figure(
    room: TheRoom,
    person: Reader,
    slug: Slug,
    name: Name,
    kind: FigureKind,
    download: ToSave = False,
    kept: Kept = None,
) -> Response:
    """Return a figure as SVG or PNG, or the numbers it shows as CSV."""
    study = await _study(room, slug)
    path = study.figure(name, kind)
    return await _file(room, person, study, path, kind, download or kind in SAVED, kept)


@router.get(
    "/v1/impact/studies/{slug}/report.{kind}", response_class=Response, responses=_files("html", "pdf")
)  # fmt: skip
async def report(
    room: TheRoom, person: Reader, slug: Slug, kind: ReportKind, download: ToSave = False, kept: Kept = None
) -> Response:
    """Return the whole report, to be read without this server."""
    study = await _study(room, slug)
    return await _file(room, person, study, study.report(kind), kind, download or kind in SAVED, kept)


async def _study(room: Room, slug: str) -> Study:
    try:
        return await room.read(study_of, room.home, slug)
    except BadInput as error:
        # Nothing is wrong with what was asked.
        raise StorageFailed(str(error)) from error


async def _note(room: Room, person: Person, what: str, study: Study | None = None, **more: Any) -> None:
    """Write into the audit that somebody reads a study; no line, no reading."""
    rows, file = more.get("rows"), more.get("file")
    told = "" if study is None else f"slug={study.slug} version={study.version[:16]}"
    line = AuditLine("ask", what, told if file is None else f"{told} file={file}", rows)
    await room.write(room.door.record, person.access, line)


async def _file(
    room: Room,
    person: Person,
    study: Study,
    path: Path,
    kind: FigureKind | ReportKind,
    save: bool,
    kept: str | None,
) -> Response:
    """Return a report's file; it is in the audit by then."""
    name = str(path.relative_to(study.folder))
    try:
        content = await room.read(path.read_bytes)
    except OSError as error:
        raise _unreadable(study, error) from error
    await _note(room, person, "impact file", study, file=name)
    answer = _answer(content, TYPES[kind], kept)
    answer.headers["Content-Security-Policy"] = POLICY
    manner = "attachment" if save else "inline"
    answer.headers["Content-Disposition"] = f'{manner}; filename="{study.slug}-{path.name}"'
    return answer


def _unreadable(study: Study, error: OSError) -> StorageFailed:
    name = Path(str(error.filename)).name
    return StorageFailed(f"{name} of the study {study.slug!r} cannot be read ({error.strerror}); publish it anew")


def _answer(content: bytes, media_type: str, kept: str | None) -> Response:
    """Return the content, or word that whoever asks has it already."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": AGAIN, "Vary": "Cookie"}
    if kept is not None and etag in kept:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)

"""Studies that were published: reports of the impact lab that lie in a data home, where its page finds them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from catalog.errors import BadInput, NotFound, StorageFailed
from catalog.home import Home
from workbench.designs.findings import Findings
from workbench.impact_report.records import findings_of_json

FigureKind = Literal["svg", "png", "csv"]
ReportKind = Literal["html", "pdf"]

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
FIGURE_NAME = r"^[a-z0-9][a-z0-9_-]*$"
LONGEST_NAME = 80

MOST_BYTES = 64 << 20
"""Largest file of a report, bytes: the whole page with its figures has a few megabytes."""

_VIEW_BOX = re.compile(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"')
_HEAD = 4096
"""Characters within which an SVG says how large it is."""

MOST_READ = 16
"""Studies whose findings stay in memory; a city's places with their outlines take a few megabytes each."""


@dataclass(frozen=True)
class Figure:
    """One figure of a report, as `figures.json` lists it."""

    name: Annotated[str, Field(pattern=FIGURE_NAME, max_length=LONGEST_NAME)]
    """Its file's name without the ending."""
    title: str
    alt: str
    """What it shows, in words with the figures."""
    caption: str
    """What to look at in it."""


@dataclass(frozen=True)
class Study:
    """A report that lies in a folder, its findings read."""

    slug: str
    """Its name in addresses."""
    folder: Path
    version: str
    """Digest of its findings and of its list of figures, hex: another one was made anew."""
    made_at: datetime
    findings: Findings
    figures: tuple[Figure, ...]

    def figure(self, name: str, kind: FigureKind) -> Path:
        """Return a figure's file.

        Raises
        ------
        NotFound
            When the report lists no figure of this name.
        """
        if name not in {figure.name for figure in self.figures}:
            raise NotFound(f"the study {self.slug!r} has no figure {name!r}; its `figures` lists those there are")
        return self.folder / "figures" / f"{name}.{kind}"

    def aspect_ratio(self, name: str) -> float | None:
        """Return a figure's width over its height; `None` where its SVG does not say. Raises as `figure`."""
        with self.figure(name, "svg").open(encoding="utf-8", errors="replace") as file:
            found = _VIEW_BOX.search(file.read(_HEAD))
        return float(found[1]) / float(found[2]) if found and float(found[2]) else None

    def report(self, kind: ReportKind) -> Path:
        """Return the whole report's file."""
        return self.folder / f"report.{kind}"


@dataclass(frozen=True)
class Unreadable:
    """A published folder that is no report any more."""

    slug: str
    why: str


def publish(report: Path, home: Home) -> str:
    """Put a report where the impact page finds it, and return its name in addresses.

    The name comes from the study's title: a later report of a study of that title takes the place of the earlier
    one, in one step. Nothing but what a report consists of is copied.

    Raises
    ------
    BadInput
        When the folder holds no whole report.
    StorageFailed
        When the home cannot be written to.
    """
    study = read_report(report, report.name)
    _check_files(study)
    slug, room = slug_of(study.findings.title), folder_of(home)
    kept = room / ".kept" / f"{slug}.{_digest_of_all(study)[:16]}"
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            _copy(study, kept)
        _point(room / slug, kept)
    except OSError as error:
        raise StorageFailed(f"the report {report} cannot be published in {room}: {error.strerror}") from error
    return slug


def published(home: Home) -> tuple[tuple[Study, ...], tuple[Unreadable, ...]]:
    """Return the studies in a home, made last first, and the folders among them that cannot be read."""
    found, broken = [], []
    room = folder_of(home)
    for name in sorted(os.listdir(room)) if room.is_dir() else ():
        if not re.fullmatch(SLUG, name) or not (room / name).is_dir():
            continue
        try:
            found.append(study_of(home, name))
        except (BadInput, NotFound) as error:
            broken.append(Unreadable(name, str(error)))
    return tuple(sorted(found, key=lambda study: (study.made_at, study.slug), reverse=True)), tuple(broken)


def study_of(home: Home, slug: str) -> Study:
    """Return a published study.

    Raises
    ------
    NotFound
        When none was published under this name.
    BadInput
        When what lies there is no report any more.
    """
    known = re.fullmatch(SLUG, slug) and (folder_of(home) / slug / "findings.json").is_file()
    if not known:
        raise NotFound(f"no study {slug[:LONGEST_NAME]!r} has been published here; `rtcc impact run` publishes one")
    # Resolved once, so that a report published meanwhile does not mix with the one that is read.
    return read_report((folder_of(home) / slug).resolve(), slug)


def folder_of(home: Home) -> Path:
    """Return where a home keeps what was published."""
    return home.root / "impact"


def slug_of(title: str) -> str:
    """Return the name in addresses of a study of this title.

    >>> slug_of("Cámaras on Main St: −51 %?")
    'camaras-on-main-st-51'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:LONGEST_NAME].strip("-") or "study"


def read_report(folder: Path, slug: str) -> Study:
    """Return the report in a folder, its findings and its list of figures checked.

    Raises
    ------
    BadInput
        When either is missing or is not what a report holds.
    """
    try:
        drawn = tuple((folder / name).stat() for name in ("findings.json", "figures.json"))
    except OSError as error:
        raise BadInput(f"{folder} is no report: it has no {Path(error.filename).name}; {_MAKE_ONE}") from error
    return _read(folder, slug, tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in drawn))


_MAKE_ONE = "`rtcc impact run STUDY.toml -o FOLDER` makes one"


@lru_cache(maxsize=MOST_READ)
def _read(folder: Path, slug: str, _drawn: tuple[tuple[int, int, int], ...]) -> Study:
    texts = [(folder / name).read_bytes() for name in ("findings.json", "figures.json")]
    try:
        findings = findings_of_json(texts[0].decode(), "findings.json")
        figures: tuple[Figure, ...] = _FIGURES.validate_json(texts[1])
        made_at = datetime.fromisoformat(findings.provenance.made_at)
    except (BadInput, ValueError) as error:
        raise BadInput(f"{folder} is no report: {_told(error)}; {_MAKE_ONE}") from error
    if made_at.tzinfo is None:
        raise BadInput(f"{folder} is no report: it was made at {made_at.isoformat()}, which names no time zone")
    version = hashlib.sha256(b"\n".join(texts)).hexdigest()
    return Study(slug, folder, version, made_at, findings, figures)


_FIGURES: TypeAdapter[Any] = TypeAdapter(tuple[Figure, ...])


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"figures.json{f' at {place}' if place else ''}: {first['msg']}"


def _files(study: Study) -> list[Path]:
    """Return every file of a report."""
    figures = [study.figure(figure.name, kind) for figure in study.figures for kind in get_args(FigureKind)]
    reports = [study.report(kind) for kind in get_args(ReportKind)]
    return [study.folder / "findings.json", study.folder / "figures.json", *reports, *figures]


def _check_files(study: Study) -> None:
    for path in _files(study):
        if not path.is_file():
            raise BadInput(f"{study.folder} is no whole report: {path.name} is missing; {_MAKE_ONE}")
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path} has {path.stat().st_size} bytes; a file of a report has at most {MOST_BYTES}")


def _digest_of_all(study: Study) -> str:
    digest = hashlib.sha256()
    for path in _files(study):
        digest.update(f"{path.relative_to(study.folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _copy(study: Study, kept: Path) -> None:
    """Copy a report; it has its final name only when all of it is there."""
    with tempfile.TemporaryDirectory(prefix=".part-", dir=kept.parent) as part:
        made = Path(part) / "report"
        for path in _files(study):
            target = made / path.relative_to(study.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        made.rename(kept)


def _point(link: Path, kept: Path) -> None:
    """Let a published name lead to a report from now on, and forget the one it led to."""
    before = link.resolve() if link.is_symlink() else None
    part = link.with_name(f".{link.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(kept.relative_to(link.parent))
    if link.is_dir() and not link.is_symlink():
        # Put there by hand: a folder does not give way to a link.
        shutil.rmtree(link)
    os.replace(part, link)
    if before is not None and before != kept.resolve() and before.parent == kept.parent.resolve():
        shutil.rmtree(before, ignore_errors=True)

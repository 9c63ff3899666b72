"""A study's files, read: its specification, incidents, sites and areas, and the digests of their bytes."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import BadInput
from workbench.impact.areas import Area, AreaFile, read_areas
from workbench.impact.incidents import IncidentFile, Incidents, read_incidents
from workbench.impact.sites import Site, read_sites
from workbench.impact.specification import StudySpecification, parse_specification


@dataclass(frozen=True)
class StudyFiles:
    """Everything a study starts from."""

    specification: StudySpecification
    toml: str
    """The specification as it was read."""
    incident_file: IncidentFile
    sites: tuple[Site, ...]
    areas: tuple[Area, ...] = ()
    covariate_names: tuple[str, ...] = ()
    sha256: tuple[tuple[str, str], ...] = ()
    """(file name, digest of its bytes), the specification first."""

    @property
    def incidents(self) -> Incidents:
        """Return the incidents that could be used."""
        return self.incident_file.incidents


def read_study(path: Path) -> StudyFiles:
    """Return a study's files from the path of its `STUDY.toml`; the others are named there, relative to it.

    Raises
    ------
    BadInput
        When any cannot be used; the message names the file, row and column or key.
    """
    try:
        content = path.read_bytes()
        toml = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"no study can be read from {path}: {error}; give the path of a STUDY.toml") from error
    specification = parse_specification(toml, path.name)
    folder = path.parent
    incidents = read_incidents(
        folder / specification.incidents.file, specification.incidents, specification.study.zone
    )
    _check_types(specification, incidents.incidents)
    sites = read_sites(folder / specification.sites.file)
    digests = [
        (path.name, hashlib.sha256(content).hexdigest()),
        (specification.incidents.file.name, incidents.sha256),
        (specification.sites.file.name, sites.sha256),
    ]
    areas = AreaFile((), (), "")
    if specification.areas is not None:
        areas = read_areas(folder / specification.areas.file, specification.areas)
        digests.append((specification.areas.file.name, areas.sha256))
    _check_areas(specification, areas)
    return StudyFiles(
        specification, toml, incidents, sites.sites, areas.areas, areas.covariate_names, tuple(digests)
    )


def _check_types(specification: StudySpecification, incidents: Incidents) -> None:
    """Refuse an outcome that counts a type nobody recorded: a misspelt one would silently count nothing."""
    for number, outcome in enumerate(specification.outcomes, start=1):
        for unknown in (one for one in outcome.types if one not in incidents.types):
            near = difflib.get_close_matches(unknown, incidents.types, n=1, cutoff=0.5)
            there = ", ".join(incidents.types[:20])
            hint = f"did you mean {near[0]!r}?" if near else f"there are {there}"
            raise BadInput(f"outcome {number}.types: no incident is of type {unknown!r}; {hint}")


def _check_areas(specification: StudySpecification, areas: AreaFile) -> None:
    known = [area.area_id for area in areas.areas]
    for one in specification.co_interventions:
        if one.area is not None and one.area not in known:
            near = difflib.get_close_matches(one.area, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise BadInput(f"co_intervention {one.name!r}: there is no area {one.area!r}; {hint}")

"""The bench: what an investigator holds. Purpose and case come first; then questions, stills, clips."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from catalog.access import Access, Purpose, Role
from catalog.client import open_door
from catalog.errors import BadInput, NotFound
from catalog.home import Home
from catalog.questions import questions
from catalog.reader import Reader
from catalog.spans import from_us, to_us
from catalog.writes import WriteDoor
from workbench.analysis.coverage import CameraInReach, Coverage, coverage_of
from workbench.analysis.local_time import When, WhenSpan, read_instant, read_span
from workbench.analysis.search import SEARCH_LIMIT, SearchQuery, known_camera, search_query
from workbench.analysis.timeline import timeline
from workbench.answers.answer import Answer
from workbench.answers.found import CoverageAnswer, SearchAnswer, TimelineAnswer
from workbench.answers.hits import Hit
from workbench.answers.stills import Clip, Still
from workbench.answers.tiles import tiles_of
from workbench.answers.viewing import Viewing
from workbench.media.kept import KeptFootage

DEFAULT_HOME = "~/.rtcc"
"""Where the data home is when neither the caller nor `RTCC_HOME` says."""


def open_bench(
    home: Home | Path | str | None = None,
    *,
    purpose: Purpose,
    case_id: str | None = None,
    actor: str | None = None,
    role: Role = "investigator",
    as_of: int | datetime | None = None,
) -> Bench:
    """Return a bench on a data home.

    Parameters
    ----------
    home
        Folder of the data home; `None` takes the one that `RTCC_HOME` names, or `~/.rtcc`.
    purpose
        Why questions will be asked: it decides which rows and footage are open, and is in every audit line.
    case_id
        The case they belong to; `None` outside casework.
    actor
        Who asks; `None` takes the account's name.
    as_of
        A snapshot number or an instant: rows as they were then.

    Raises
    ------
    NotFound
        When there is no data home there.
    BadInput
        When purpose or role is none that is known.
    """
    if not isinstance(home, Home):
        named = home or os.environ.get("RTCC_HOME") or DEFAULT_HOME  # noqa: TID251  the bench is where people come in
        if str(named).startswith("grpc"):
            raise BadInput(f"{named} is an address; name the folder of a data home on this machine")
        home = Home.open(named)
    access = Access(actor or getpass.getuser(), role, purpose, case_id)
    return Bench(home, access, open_door(home), as_of=as_of)


class Bench:
    """Questions, stills and clips for one person, one purpose and one case; `open_bench` gives one.

    Parameters
    ----------
    lent_door
        True where the door stays open for others when this bench is closed.
    """

    def __init__(
        self,
        home: Home,
        access: Access,
        door: WriteDoor,
        *,
        as_of: int | datetime | None = None,
        lent_door: bool = False,
    ) -> None:
        self.home = home
        self.access = access
        self.zone = ZoneInfo(home.time_zone)
        """The time zone in which instants are read and shown."""
        self._door, self._lent_door = door, lent_door
        self._reader = Reader(home, access, door, as_of=as_of)
        self._viewing = Viewing(home, self._reader, KeptFootage(home, access, door), self._name)
        self._registry: dict[str, CameraInReach] = {}

    def __repr__(self) -> str:
        case = f" for case {self.access.case_id}" if self.access.case_id else ""
        return (
            f"Bench({self.access.actor}, {self.access.purpose}{case}, {self.home.site}, times in {self.zone.key})"
        )

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the catalog."""
        self._reader.close()
        if not self._lent_door:
            self._door.close()

    def questions(self) -> Answer:
        """Return the named questions there are: what `ask` takes."""
        known = questions()
        table = pa.table(
            {
                "question": [question.name for question in known],
                "parameters": [", ".join(question.parameters) for question in known],
                "description": [question.description for question in known],
            }
        )
        return Answer(table, "named questions", self.zone)

    def ask(self, question: str, **parameters: Any) -> Answer:
        """Return the answer to a named question.

        Parameters
        ----------
        parameters
            What the question takes. `camera` may stand for `camera_id`, and `span` for `start_at` and `end_at`;
            instants without a zone are read on the wall clock of the home.

        Raises
        ------
        BadInput
            When there is no such question or it does not take these parameters; the message names the closest.
        """
        given = dict(parameters)
        if "camera" in given:
            given["camera_id"] = self._known(str(given.pop("camera")))
        if "span" in given:
            span = read_span(given.pop("span"), self.zone)
            given |= {"start_at": span.start_at, "end_at": span.end_at}
        for name, value in given.items():
            if name.endswith("_at") and value is not None:
                given[name] = read_instant(value, self.zone, day_end=name == "end_at")
        said = " · ".join(
            [question, *(f"{name} {value}" for name, value in parameters.items() if value is not None)]
        )
        return Answer(self._reader.ask(question, **given), said, self.zone)

    def sql(self, text: str) -> Answer:
        """Return the rows of a SELECT of your own, behind the same filters and in the same audit."""
        return Answer(self._reader.sql(text), " ".join(text.split()), self.zone)

    def cameras(self) -> Answer:
        """Return the cameras of the registry, and how much footage of each is open to you."""
        return Answer(self._reader.ask("cameras"), "cameras", self.zone)

    def search(
        self,
        label: str | Sequence[str] | None = None,
        colour: str | Sequence[str] | None = None,
        camera: str | Sequence[str] | None = None,
        *,
        near: tuple[float, float] | None = None,
        radius_m: float | None = None,
        zone: str | None = None,
        span: WhenSpan | None = None,
        since: When | None = None,
        until: When | None = None,
        min_confidence: float | None = None,
        limit: int = SEARCH_LIMIT,
    ) -> SearchAnswer:
        """Return the tracks that fit, the surest first, as an answer that shows itself as a contact sheet.

        Parameters
        ----------
        label
            `person`, `car`, …, or `vehicle` for car, truck and bus; several mean any of them.
        colour
            Of a vehicle's body, or of a person's upper or lower clothing.
        near
            (longitude, latitude), degrees WGS 84; cameras within `radius_m` metres.
        zone
            Name of a zone in which a rule saw it.
        span, since, until
            When; text without a zone is read on the wall clock of the home.
        min_confidence
            Least raw score, 0..1.

        Raises
        ------
        UnknownCamera
            When there is no such camera; the message names the closest.
        BadInput
            When a label, colour, zone, place or time cannot be right.
        """
        zones = [] if zone is None else self._reader.ask("zones").column("name").to_pylist()
        query = search_query(
            cameras=self._cameras(camera), zones=sorted(set(zones)), time_zone=self.zone,
            label=label, colour=colour, camera=camera, near=near, radius_m=radius_m, zone=zone,
            span=span, since=since, until=until,
            min_confidence=min_confidence, limit=limit,
        )  # fmt: skip
        table = self._found(query)
        segments = self._viewing.segments(table.column("best_segment_id").to_pylist())
        seen_at = [
            segments[segment_id].seen_at_us(pts) if segment_id in segments else None
            for segment_id, pts in zip(
                table.column("best_segment_id").to_pylist(), table.column("best_pts").to_pylist(), strict=True
            )
        ]
        table = table.append_column("best_seen_at", pa.array(seen_at, pa.timestamp("us", "UTC")))
        return SearchAnswer(
            table, query.words(self.zone), self.zone, self._coverage_of(query), limit,
            lambda hits: tiles_of(hits, segments, self._viewing.footage),
        )  # fmt: skip

    def coverage(self, camera: str | Sequence[str] | None = None, span: WhenSpan | None = None) -> CoverageAnswer:
        """Return how much of each camera's footage was looked at, where the gaps are, and what nobody looked at."""
        query = search_query(cameras=self._cameras(camera), zones=(), time_zone=self.zone, camera=camera, span=span)
        said = query.words(self.zone).replace("anything", "coverage", 1)
        return CoverageAnswer(self._coverage_of(query), said, self.zone)

    def timeline(
        self,
        label: str | None = None,
        camera: str | None = None,
        *,
        span: WhenSpan | None = None,
        bin_s: int | None = None,
    ) -> TimelineAnswer:
        """Return how many tracks were in view over time, as an answer that shows itself as a plot.

        Parameters
        ----------
        bin_s
            Length of a bin, seconds; `None` picks one by the length of the span.

        Raises
        ------
        NotFound
            When there is no footage in the span.
        """
        query = search_query(
            cameras=self._cameras(camera), zones=(), time_zone=self.zone, label=label, camera=camera, span=span
        )
        coverage = self._coverage_of(query)
        start, end = _reach(coverage)
        tracks = self._reader.ask(
            "tracks", label=label, camera_id=camera, start_at=from_us(start), end_at=from_us(end)
        )
        first, last = (tracks.column(name).cast(pa.int64()).to_numpy() for name in ("start_at", "last_seen_at"))
        passed = timeline(tracks.column("label").to_pylist(), first, last, start=start, end=end, bin_s=bin_s)
        said = query.words(self.zone).replace("anything", "everything that passed", 1)
        return TimelineAnswer(passed, coverage, said, self.zone)

    def still(self, what: Hit | str, seen_at: When | None = None) -> Still:
        """Return the best frame of a hit with its box, or a camera's frame at an instant with all its boxes.

        Raises
        ------
        FootageGap
            When the camera has no footage then; the message names the nearest.
        NotPermitted
            When no consent opens it to this purpose now.
        FootageMissing, FootageChanged
            When the segment's file is gone, or is not the one that was indexed.
        """
        if isinstance(what, Hit):
            return self._viewing.best_frame(what)
        if seen_at is None:
            raise BadInput(f"a still of camera {what!r} needs an instant; add one, or give a hit of a search")
        return self._viewing.standing_frame(self._known(what), read_instant(seen_at, self.zone))

    def picture(self, what: Hit | str, seen_at: When | None = None) -> Still:
        """Return the same frame as `still`, with every box a run found in it: `picture(hit).save("seen.jpg")`."""
        still = self.still(what, seen_at)
        return self._viewing.with_all_boxes(still) if isinstance(what, Hit) else still

    def clip(
        self,
        what: Hit | str,
        start: When | None = None,
        end: When | None = None,
        *,
        to: Path | str | None = None,
    ) -> Clip:
        """Return the footage of a hit, or of a camera between two instants, cut exactly into one file.

        Parameters
        ----------
        to
            The file to write; `None` puts it into the folder `clips` of the home.

        Raises
        ------
        FootageGap
            When there is no footage at all in the span. A gap inside it is told by the clip.
        NotPermitted, FootageMissing, FootageChanged
            As for a still.
        """
        if isinstance(what, Hit):
            return self._viewing.clip_of_hit(what, to)
        if start is None or end is None:
            raise BadInput(
                f"a clip of camera {what!r} needs a start and an end; add both, or give a hit of a search"
            )
        return self._viewing.clip(self._known(what), read_span((start, end), self.zone), to)

    def _cameras(self, asked: str | Sequence[str] | None = None) -> list[str]:
        """Return the ids of the registry; it is read again when a camera is asked for that it does not hold yet."""
        wanted = {asked} if isinstance(asked, str) else set(asked or ())
        if not self._registry or not wanted <= self._registry.keys():
            table = self._reader.ask("cameras")
            names = (table.column(name).to_pylist() for name in ("camera_id", "name", "legal_basis"))
            self._registry = {
                camera_id: CameraInReach(camera_id, name, legal_basis != "city")
                for camera_id, name, legal_basis in zip(*names, strict=True)
            }
        return list(self._registry)

    def _name(self, camera_id: str) -> str:
        self._cameras(camera_id)
        return self._registry[camera_id].name

    def _known(self, camera_id: str) -> str:
        return known_camera(camera_id, self._cameras(camera_id))

    def _found(self, query: SearchQuery) -> pa.Table:
        """Return the hits of a query; the named question takes one label and one colour at a time."""
        answers = [
            self._reader.ask(
                "search", label=label, colour=colour, camera_ids=list(query.camera_ids) or None,
                lon_deg=query.lon_deg, lat_deg=query.lat_deg, radius_m=query.radius_m, zone=query.zone,
                start_at=query.start_at, end_at=query.end_at, min_confidence=query.min_confidence,
                limit=query.limit,
            )
            for label in query.labels or (None,)
            for colour in query.colours or (None,)
        ]  # fmt: skip
        if len(answers) == 1:
            return answers[0]
        together = pa.concat_tables(answers)
        keys = zip(together.column("run_id").to_pylist(), together.column("track_id").to_pylist(), strict=True)
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        order = [("confidence", "descending"), ("start_at", "ascending"), ("track_id", "ascending")]
        return together.take(sorted(first.values())).sort_by(order).slice(0, query.limit)

    def _in_reach(self, query: SearchQuery) -> list[CameraInReach]:
        """Return the cameras a query is about."""
        ids = set(query.camera_ids or self._cameras())
        if query.radius_m is not None:
            near = self._reader.ask(
                "cameras_near", lon_deg=query.lon_deg, lat_deg=query.lat_deg, radius_m=query.radius_m
            )
            ids &= set(near.column("camera_id").to_pylist())
        if query.zone is not None:
            zones = self._reader.ask("zones")
            names = zip(zones.column("name").to_pylist(), zones.column("camera_id").to_pylist(), strict=True)
            ids &= {camera_id for name, camera_id in names if name == query.zone}
        return [self._registry[camera_id] for camera_id in sorted(ids)]

    def _coverage_of(self, query: SearchQuery) -> Coverage:
        cameras = self._in_reach(query)
        rows = self._reader.ask(
            "looked_at",
            camera_ids=[camera.camera_id for camera in cameras],
            start_at=query.start_at,
            end_at=query.end_at,
        )
        return coverage_of(rows, cameras, to_us(query.start_at), to_us(query.end_at))


def _reach(coverage: Coverage) -> tuple[int, int]:
    """Return the span asked for, or where it is open, how far the footage reaches; µs since 1970 UTC."""
    footage = [camera.footage for camera in coverage.cameras if len(camera.footage)]
    if not footage:
        raise NotFound(f"no footage to count in. {coverage.words()}")
    start = min(int(stretch[0, 0]) for stretch in footage) if coverage.start is None else coverage.start
    end = max(int(stretch[-1, 1]) for stretch in footage) if coverage.end is None else coverage.end
    return start, end

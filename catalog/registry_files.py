"""Cameras and zones as cities keep them: CSV tables, GeoJSON and JSON files, taken whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast

from catalog.errors import BadInput
from catalog.observations import LABELS, VEHICLES
from catalog.registry import VIEW, Camera, LegalBasis, Mounting, PlaceKind, Sharing, Zone, ZoneKind
from catalog.spans import EPOCH, Span, parse_instant

CAMERA_COLUMNS = (
    "camera_id", "name", "lon_deg", "lat_deg", "height_m", "bearing_deg", "frame_width_px", "frame_height_px",
    "start_at", "site_id", "owner_id", "legal_basis", "sharing", "place_kind", "stream_uri", "sub_stream_uri",
    "keep_days", "quota_bytes",
)  # fmt: skip
"""Columns a camera file may have; only `camera_id` must be there."""

ZONE_COLUMNS = ("camera_id", "name", "kind", "points_px", "min_dwell_s", "labels")
"""Columns a zone file may have; the first four must be there."""

ALIASES = {
    "id": "camera_id", "lon": "lon_deg", "lng": "lon_deg", "longitude": "lon_deg", "lat": "lat_deg",
    "latitude": "lat_deg", "height": "height_m", "bearing": "bearing_deg", "heading": "bearing_deg",
    "owner": "owner_id", "site": "site_id", "installed_at": "start_at", "stream": "stream_uri", "url": "stream_uri",
    "sub_stream": "sub_stream_uri",
    "camera": "camera_id", "points": "points_px", "dwell_s": "min_dwell_s", "label": "labels",
}  # fmt: skip
"""Other names under which such columns are met in cities' own files."""

CITY = "city"
"""How the city itself is written as an owner."""

LARGEST_FILE_BYTES = 256 * 1024 * 1024
"""A registry larger than this is some other file named by mistake, bytes."""

REPORTED = 20
"""How many bad lines one message names: more are seldom of another kind."""

VEHICLE_LABELS = tuple(label for label in LABELS if label in VEHICLES)
"""What `vehicle` stands for among a zone's labels."""

Entry = tuple[str, dict[str, Any]]
"""Where something stands in the file, and what stands there, by column."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class CameraFile:
    """What a camera file holds."""

    cameras: tuple[Camera, ...]
    mountings: tuple[Mounting, ...]


def city_camera(camera_id: str, *, name: str | None = None, **pose: Any) -> tuple[Camera, Mounting]:
    """Return a camera of the city's own, with one mounting from the beginning of time on."""
    return Camera(camera_id, name or camera_id), _mounting(camera_id, Span(EPOCH), pose)


def read_cameras(path: Path) -> CameraFile:
    """Read a `.csv` or `.geojson` file of cameras.

    Without a `legal_basis`, a camera of the city's own is `city`; one of another owner's is `voluntary` and
    shared `registry_only` until the file, and then a consent, say more.

    Raises
    ------
    BadInput
        When the file or any of its lines cannot be used; the message names each and what to do.
    """
    entries = list(_entries(path, CAMERA_COLUMNS, ("camera_id",)))
    if not entries:
        raise BadInput(f"{path} names no camera; give one line or feature a camera")
    pairs = _all_or_nothing(path, entries, _camera, lambda pair: pair[0].camera_id)
    return CameraFile(tuple(camera for camera, _ in pairs), tuple(mounting for _, mounting in pairs))


def read_zones(path: Path, mountings: Sequence[Mounting]) -> tuple[Zone, ...]:
    """Read a `.csv` or `.json` file of zones, drawn in native pixels on the pictures of registered cameras.

    In a CSV, `points_px` is `x,y x,y …` in quotes and `labels` are words with spaces between. In a JSON list,
    or a list under `zones`, they may also be lists. A zone belongs to the camera's latest mounting.

    Raises
    ------
    BadInput
        When the file or any of its zones cannot be used; the message names each and what to do.
    """
    latest: dict[str, Mounting] = {}
    for mounting in sorted(mountings, key=lambda one: one.span.start_at):
        latest[mounting.camera_id] = mounting
    entries = list(_entries(path, ZONE_COLUMNS, ZONE_COLUMNS[:4]))
    if not entries:
        raise BadInput(f"{path} holds no zones; give one line a zone with {', '.join(ZONE_COLUMNS[:4])}")
    zones = _all_or_nothing(path, entries, lambda entry: _zone(entry, latest), lambda zone: zone.zone_id)
    return tuple(zones)


def _all_or_nothing(
    path: Path, entries: Iterable[Entry], make: Callable[[dict[str, Any]], Made], identity: Callable[[Made], str]
) -> list[Made]:
    made: list[Made] = []
    bad: list[str] = []
    first_seen: dict[str, str] = {}
    for where, entry in entries:
        try:
            one = make(entry)
        except ValueError as error:
            bad.append(f"{where}: {error}")
        except BadInput as error:
            bad.append(f"{where}: {error}")
        else:
            earlier = first_seen.setdefault(identity(one), where)
            if earlier != where:
                bad.append(f"{where}: {entry.get('name') or identity(one)!r} stands in {earlier} already; keep one")
            made.append(one)
    if bad:
        more = f"\nand {len(bad) - REPORTED} more" if len(bad) > REPORTED else ""
        raise BadInput(f"{path}: nothing was taken, mend this first\n" + "\n".join(bad[:REPORTED]) + more)
    return made


def _entries(path: Path, columns: Sequence[str], needed: Sequence[str]) -> Iterator[Entry]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        yield from _csv_entries(path, columns, needed)
    elif suffix in (".geojson", ".json"):
        yield from _json_entries(path)
    else:
        raise BadInput(f"{path} is neither .csv nor .geojson nor .json; those can be read")


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise BadInput(f"{path} has {path.stat().st_size / 1e6:.0f} MB; that is no registry file")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; name an existing file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _csv_entries(path: Path, columns: Sequence[str], needed: Sequence[str]) -> Iterator[Entry]:
    text = _read(path)
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        _check_columns(path, rows.fieldnames or (), columns, needed)
        for row in rows:
            where = f"line {rows.line_num}"
            if None in row:
                raise BadInput(f"{path}: {where} has more fields than the header; check its commas and quotes")
            entry = {_column(name): (value or "").strip() or None for name, value in row.items()}
            if any(value is not None for value in entry.values()):
                yield where, entry
    except csv.Error as error:
        raise BadInput(f"{path} is not CSV: {error}; save it as comma-separated text") from error


def _json_entries(path: Path) -> Iterator[Entry]:
    try:
        document = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} is not JSON: {error.msg} in line {error.lineno}; mend it there") from error
    except RecursionError as error:
        raise BadInput(f"{path} is nested too deeply to be a registry file") from error
    parts = document.get("features", document.get("zones")) if isinstance(document, dict) else document
    if not isinstance(parts, list):
        raise BadInput(f"{path} has neither a list of features (GeoJSON) nor a list of zones")
    for number, part in enumerate(parts, 1):
        yield f"feature {number}" if _is_feature(part) else f"entry {number}", _json_entry(path, number, part)


def _is_feature(part: Any) -> bool:
    return isinstance(part, dict) and ("geometry" in part or "properties" in part)


def _json_entry(path: Path, number: int, part: Any) -> dict[str, Any]:
    if not _is_feature(part):
        if not isinstance(part, dict):
            raise BadInput(f"{path}: entry {number} is no object with names and values")
        return {_column(str(name)): value for name, value in part.items()}
    properties = part.get("properties")
    if not isinstance(properties, dict):
        raise BadInput(f"{path}: feature {number} has no properties; give it at least camera_id")
    return {**{_column(name): value for name, value in properties.items()}, "geometry": part.get("geometry")}


def _column(name: str) -> str:
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    return ALIASES.get(key, key)


def _check_columns(path: Path, names: Sequence[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    given = [_column(name) for name in names]
    for name, column in zip(names, given, strict=True):
        if column not in columns:
            near = get_close_matches(column, columns, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(columns)}"
            raise BadInput(f"{path} has an unknown column {name!r}; {hint}")
        if given.count(column) > 1:
            raise BadInput(f"{path} has the column {column} twice; keep one")
    missing = [column for column in needed if column not in given]
    if missing:
        raise BadInput(f"{path} has no column {', '.join(missing)}; its first line must name the columns")


def _camera(entry: dict[str, Any]) -> tuple[Camera, Mounting]:
    camera_id = _text(entry, "camera_id") or ""
    owner_id = _text(entry, "owner_id") or CITY
    own = owner_id.lower() == CITY
    legal_basis = _text(entry, "legal_basis") or ("city" if own else "voluntary")
    sharing = _text(entry, "sharing") or ("continuous" if legal_basis == "city" else "registry_only")
    camera = Camera(
        camera_id,
        _text(entry, "name") or camera_id,
        site_id=_text(entry, "site_id") or "city",
        owner_id=CITY if own else owner_id,
        legal_basis=cast(LegalBasis, legal_basis),
        sharing=cast(Sharing, sharing),
        place_kind=cast(PlaceKind, _text(entry, "place_kind") or "street"),
        stream_uri=_text(entry, "stream_uri"),
        sub_stream_uri=_text(entry, "sub_stream_uri"),
        keep_days=_number(entry, "keep_days"),
        quota_bytes=_whole(entry, "quota_bytes", "bytes"),
    )
    start_at = _text(entry, "start_at")
    span = Span(parse_instant(start_at) if start_at else EPOCH)
    return camera, _mounting(camera_id, span, {**entry, **_place(entry.get("geometry"))})


def _text(entry: Mapping[str, Any], column: str) -> str | None:
    value = entry.get(column)
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        raise ValueError(f"{column} is a list or an object; give a plain text")
    return str(value).strip() or None


def _place(geometry: Any) -> dict[str, Any]:
    if geometry is None:
        return {}
    point = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(point, list) or geometry.get("type") != "Point" or len(point) < 2:
        raise ValueError("its geometry is no Point; a camera is in one place: [longitude, latitude]")
    return {"lon_deg": point[0], "lat_deg": point[1]}


def _mounting(camera_id: str, span: Span, entry: Mapping[str, Any]) -> Mounting:
    return Mounting(
        Mounting.identify(camera_id, span),  # a corrected place is the same mounting; a new start_at is a new one
        camera_id,
        span,
        _number(entry, "lon_deg"),
        _number(entry, "lat_deg"),
        _number(entry, "height_m"),
        _number(entry, "bearing_deg"),
        _whole(entry, "frame_width_px", "pixels"),
        _whole(entry, "frame_height_px", "pixels"),
    )


def _number(entry: Mapping[str, Any], column: str) -> float | None:
    value = entry.get(column)
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{column} {value!r} is not a number; write it with a point, e.g. 32.2988")
    return number


def _whole(entry: Mapping[str, Any], column: str, what: str) -> int | None:
    number = _number(entry, column)
    if number is None:
        return None
    if number < 1 or number != int(number):
        raise ValueError(f"{column} {entry[column]!r} is no whole number of {what}")
    return int(number)


def _zone(entry: dict[str, Any], latest: Mapping[str, Mounting]) -> Zone:
    missing = [column for column in ZONE_COLUMNS[:4] if not entry.get(column)]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}; give each zone {', '.join(ZONE_COLUMNS[:4])}")
    camera_id, name = _text(entry, "camera_id") or "", _text(entry, "name") or ""
    if name == VIEW:
        raise ValueError(f"{VIEW!r} is what stands in where nothing is drawn; call the zone something else")
    mounting = latest.get(camera_id)
    if mounting is None:
        near = get_close_matches(camera_id, latest, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "import its camera first (`rtcc cameras import`)"
        raise ValueError(f"camera {camera_id!r} is not in the registry; {hint}")
    min_dwell_s = _number(entry, "min_dwell_s")
    if min_dwell_s is not None and min_dwell_s <= 0:
        raise ValueError(f"min_dwell_s {min_dwell_s:g} is no stay; give seconds above 0, or nothing")
    return Zone(
        Zone.identify(mounting.mounting_id, name),
        mounting.mounting_id,
        camera_id,
        cast(ZoneKind, (_text(entry, "kind") or "").lower()),
        name,
        _points(entry["points_px"]),
        min_dwell_s,
        _labels(entry.get("labels")),
    )


def _points(value: Any) -> tuple[tuple[float, float], ...]:
    pairs = [part.split(",") for part in value.split()] if isinstance(value, str) else value
    if not isinstance(pairs, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise ValueError(f'points_px {value!r} is not "x,y x,y …" in pixels')
    points = [(_number({"x": x}, "x"), _number({"y": y}, "y")) for x, y in pairs]
    if any(x is None or y is None for x, y in points):
        raise ValueError(f"points_px {value!r} holds an empty coordinate")
    return tuple((float(x or 0), float(y or 0)) for x, y in points)


def _labels(value: Any) -> tuple[str, ...]:
    words = value.replace(",", " ").replace(";", " ").split() if isinstance(value, str) else (value or [])
    known = (*LABELS, "vehicle")
    if not isinstance(words, list):
        raise ValueError(f"labels {value!r} are no words with spaces between")
    for word in words:
        if word not in known:
            near = get_close_matches(str(word), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"label {word!r} is unknown; {hint}")
    return tuple(
        dict.fromkeys(label for word in words for label in (VEHICLE_LABELS if word == "vehicle" else (word,)))
    )

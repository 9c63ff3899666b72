"""The cameras of the city: devices, how they hang, and what is drawn on their pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from catalog.errors import BadInput
from catalog.ids import content_id
from catalog.spans import Span, to_us

Sharing = Literal["registry_only", "on_request", "on_incident", "continuous"]
PlaceKind = Literal["street", "park", "business", "hospital", "school", "worship", "residence"]
LegalBasis = Literal["city", "voluntary", "ordinance", "warrant"]
ZoneKind = Literal["area", "line", "mask"]

VIEW = "view"
"""Name of the area that stands in on a picture where nobody has drawn anything; no drawn zone may be called so."""

CREDENTIALS = re.compile(
    r"^([^/?#]*://)?[^/?#]*@"
    r"|://[^/?#@:\[]+:[^/?#@]*[^/?#@0-9][^@]*@"
    r"|[?&;](pass|passwd|password|passphrase|pwd|psw|secret|token|access_token|auth_token|api_?key)="
)
"""What gives a user, a password or a key away in a URI in lower case: a part before `@`, also where its password
holds a `/`, or a word for a secret in the query. DuckDB reads it too, in the schema."""


def carries_credentials(uri: str) -> bool:
    """Tell whether whoever reads this URI could open the feed with it."""
    return CREDENTIALS.search(uri.lower()) is not None


def _one_of(value: str, words: tuple[str, ...], what: str, camera_id: str) -> None:
    if value not in words:
        raise BadInput(f"camera {camera_id!r}: {what} {value!r} is unknown; use one of {', '.join(words)}")


@dataclass(frozen=True)
class Camera:
    """A device that makes footage."""

    camera_id: str
    """Short name, unique in the city: letters, digits, `-`, `_` and `.`."""
    name: str
    """What people call it, e.g. the crossing it looks at."""
    site_id: str = "city"
    owner_id: str = "city"
    """Who owns the device; `city` for the city's own."""
    legal_basis: LegalBasis = "city"
    """Why its footage may be held at all; anything but `city` needs a consent in force."""
    sharing: Sharing = "continuous"
    """How far the owner lets the room look."""
    place_kind: PlaceKind = "street"
    stream_uri: str | None = None
    """Where its live feed is, without credentials; `None` for archive footage."""
    sub_stream_uri: str | None = None
    """Where a smaller feed of the same picture is, without credentials; `None` where there is none."""
    keep_days: float | None = None
    """How long its footage is kept, days; `None` for the home's own."""
    quota_bytes: int | None = None
    """How much of its footage is kept, bytes; `None` without a limit of its own."""

    def __post_init__(self) -> None:
        allowed = set("-_.")
        in_alphabet = all(c.isalnum() or c in allowed for c in self.camera_id)
        if not self.camera_id or self.camera_id.startswith(".") or not in_alphabet:
            raise BadInput(
                f"camera id {self.camera_id!r} will not do: use letters, digits, '-', '_' and '.', "
                "not '.' first, e.g. farish-1"
            )
        _one_of(self.sharing, get_args(Sharing), "sharing", self.camera_id)
        _one_of(self.place_kind, get_args(PlaceKind), "place kind", self.camera_id)
        _one_of(self.legal_basis, get_args(LegalBasis), "legal basis", self.camera_id)
        for name, uri in (("stream_uri", self.stream_uri), ("sub_stream_uri", self.sub_stream_uri)):
            if uri is not None and carries_credentials(uri):  # the URI itself stays out of the message, and the log
                raise BadInput(
                    f"camera {self.camera_id!r}: {name} carries a user, a password or a key; leave them out and "
                    f"hand them over with `rtcc cameras credential set {self.camera_id} --user NAME`"
                )
        if self.keep_days is not None and not self.keep_days > 0:
            raise BadInput(f"camera {self.camera_id!r}: keep_days {self.keep_days:g} is no time; give days above 0")
        if self.quota_bytes is not None and self.quota_bytes < 1:
            raise BadInput(
                f"camera {self.camera_id!r}: quota_bytes {self.quota_bytes} holds nothing; give bytes above 0"
            )

    @property
    def private(self) -> bool:
        """True where only a consent in force opens it."""
        return self.legal_basis != "city"


@dataclass(frozen=True)
class Mounting:
    """One camera in one pose through one lens for a span of time."""

    mounting_id: str
    camera_id: str
    span: Span
    lon_deg: float | None = None
    """WGS 84 longitude; `None` while nobody has said where it hangs."""
    lat_deg: float | None = None
    """WGS 84 latitude."""
    height_m: float | None = None
    """Lens above ground."""
    bearing_deg: float | None = None
    """Direction it looks, clockwise from north."""
    frame_width_px: int | None = None
    frame_height_px: int | None = None
    m_from_px: tuple[float, ...] | None = None
    """Homography to ground metres, 9 numbers row by row; `None` while uncalibrated."""
    fit_error_m: float | None = None
    """Root mean square error of the calibration points, metres."""

    def __post_init__(self) -> None:
        if (self.lon_deg is None) != (self.lat_deg is None):
            raise BadInput(f"camera {self.camera_id!r}: give both lon_deg and lat_deg, or neither")
        if self.lon_deg is not None and not -180 <= self.lon_deg <= 180:
            raise BadInput(f"camera {self.camera_id!r}: lon_deg {self.lon_deg} is not between -180 and 180")
        if self.lat_deg is not None and not -90 <= self.lat_deg <= 90:
            raise BadInput(f"camera {self.camera_id!r}: lat_deg {self.lat_deg} is not between -90 and 90")

    @staticmethod
    def identify(camera_id: str, span: Span, *pose: object) -> str:
        """Return the id of this camera in this pose from this instant on."""
        return content_id("mnt", camera_id, to_us(span.start_at), *pose)


@dataclass(frozen=True)
class Zone:
    """A polygon or a directed line drawn on the picture of one mounting."""

    zone_id: str
    mounting_id: str
    camera_id: str
    kind: ZoneKind
    name: str
    points_px: tuple[tuple[float, float], ...]
    """(K, 2) in native frame pixels, origin top left; K ≥ 3 for areas and masks, K = 2 for lines."""
    min_dwell_s: float | None = None
    """Stay that makes a `zone_dwell` event, seconds; `None` for no dwell rule."""
    labels: tuple[str, ...] = ()
    """Labels that count; empty for all."""

    def __post_init__(self) -> None:
        needed = 2 if self.kind == "line" else 3
        if self.kind not in get_args(ZoneKind):
            raise BadInput(f"zone {self.name!r}: kind {self.kind!r} is unknown; use area, line or mask")
        if len(self.points_px) < needed or (self.kind == "line" and len(self.points_px) != needed):
            raise BadInput(
                f"zone {self.name!r} on {self.camera_id!r}: {self.kind} needs "
                f"{'exactly 2' if self.kind == 'line' else 'at least 3'} points, got {len(self.points_px)}"
            )

    @staticmethod
    def identify(mounting_id: str, name: str) -> str:
        """Return the id of the zone so named on this mounting."""
        return content_id("zon", mounting_id, name)

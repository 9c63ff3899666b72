"""The demo's cameras: which clip each one plays, where it pretends to hang, and what is drawn on its picture.

The clips were filmed elsewhere; places and times are made up, so that the map and the clock have something to
show. Zones and lines were drawn by hand on stills of the clips, in native pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.registry import Camera, Mounting, PlaceKind, Zone, ZoneKind
from catalog.spans import EPOCH, Span, parse_instant

MORNING = parse_instant("2026-03-02T08:00:00-06:00")
"""When the demo's footage pretends to begin."""


@dataclass(frozen=True)
class Drawn:
    """A zone or line of a scene."""

    kind: ZoneKind
    name: str
    points_px: tuple[tuple[float, float], ...]
    min_dwell_s: float | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """One clip as one camera of the city."""

    asset: str
    """Name of the clip among the assets."""
    camera_id: str
    name: str
    place_kind: PlaceKind
    lon_deg: float
    lat_deg: float
    bearing_deg: float
    frame_wh_px: tuple[int, int]
    drawn: tuple[Drawn, ...]

    def registered(self) -> tuple[Camera, Mounting, tuple[Zone, ...]]:
        """Return the camera, how it hangs, and its zones."""
        span = Span(EPOCH)
        mounting_id = Mounting.identify(self.camera_id, span)
        mounting = Mounting(
            mounting_id, self.camera_id, span, self.lon_deg, self.lat_deg, 6.0, self.bearing_deg, *self.frame_wh_px
        )
        camera = Camera(self.camera_id, self.name, place_kind=self.place_kind)
        return camera, mounting, self.zones_on(self.camera_id, mounting_id)

    def zones_on(self, camera_id: str, mounting_id: str) -> tuple[Zone, ...]:
        """Return what is drawn on its picture, for a camera that shows it."""
        return tuple(
            Zone(
                Zone.identify(mounting_id, one.name), mounting_id, camera_id, one.kind, one.name, one.points_px,
                one.min_dwell_s, one.labels,
            )
            for one in self.drawn
        )  # fmt: skip


SCENES = (
    Scene(
        "bikes", "farish-amite", "Farish St at Amite St", "street", -90.1869, 32.3031, 20.0, (640, 272),
        (
            # the clip changes its view; road and centre line fit the longest one, the street behind the railing
            Drawn("area", "roadway", ((0, 95), (640, 80), (640, 215), (0, 215))),
            Drawn("line", "centre line", ((330, 60), (330, 265))),
            Drawn("area", "kerb", ((180, 150), (640, 150), (640, 272), (180, 272)), 1.5, ("person", "bicycle")),
        ),
    ),
    Scene(
        "vtest", "smith-park", "Smith Park, assembly point", "park", -90.1824, 32.3006, 210.0, (768, 576),
        (
            Drawn(
                "area", "assembly point",
                ((352, 180), (470, 170), (560, 190), (560, 300), (470, 320), (352, 270)), 5.0, ("person",),
            ),
            Drawn("area", "lawn", ((0, 262), (170, 278), (330, 330), (560, 400), (745, 490), (768, 576), (0, 576))),
            Drawn("line", "lane mouth", ((520, 150), (700, 245))),
            Drawn("line", "walkway", ((250, 160), (250, 300))),
        ),
    ),
    Scene(
        "car-detection", "capitol-lot", "Capitol St parking lot", "business", -90.1893, 32.2997, 90.0, (768, 432),
        (
            Drawn("area", "lot", ((60, 60), (720, 60), (720, 420), (60, 420)), 3.0),
            Drawn("line", "aisle", ((0, 216), (768, 216))),
        ),
    ),
    Scene(
        "one-by-one-person", "union-hall", "Union Station, waiting hall", "business", -90.1912, 32.3009, 0.0,
        (768, 432),
        (
            Drawn("area", "table", ((340, 260), (560, 260), (560, 430), (340, 430)), 3.0, ("person",)),
            Drawn("line", "hall door", ((230, 200), (230, 432))),
        ),
    ),
)  # fmt: skip

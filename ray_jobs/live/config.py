"""The settings of live work, and what each camera is to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from catalog.access import Access
from catalog.home import Home
from catalog.observations import Run
from catalog.registry import Mounting, Zone
from ray_jobs.known import Site
from workbench.feeds.levels import Need
from workbench.feeds.sampler import SamplerConfig
from workbench.rules.follow import FollowConfig
from workbench.vision.detector_config import DetectorConfig

JOB = "live"
"""Name of the job in the catalog's runs."""

LIVE = Access("live", role="service", purpose="response")
"""On whose behalf feeds are recorded and watched."""


@dataclass(frozen=True)
class LiveConfig:
    """Everything that decides what is recorded and found."""

    detector: DetectorConfig = field(default_factory=DetectorConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    follow: FollowConfig = field(default_factory=FollowConfig)
    alert_rules: tuple[str, ...] = ("zone_dwell", "left_object", "line_cross")
    """Rules whose events someone must answer."""
    segment_s: float = 10.0
    """Least length of a segment, seconds; it ends at the next key frame."""
    top_level: str = ""
    """Highest level of looking; empty for what each camera needs. Benchmarks hold it down."""

    @classmethod
    def of(cls, home: Home) -> LiveConfig:
        """Return what the home's settings say."""
        return cls(
            DetectorConfig(device=home.device), SamplerConfig(full_fps=home.full_fps),
            alert_rules=tuple(home.alert_rules), segment_s=home.segment_s,
        )  # fmt: skip

    def digest(self, mountings: Sequence[Mounting], zones: Sequence[Zone]) -> str:
        """Return the hex SHA-256 over all that changes what is found, zones included."""
        drawn = [asdict(zone) for zone in sorted(zones, key=lambda zone: zone.zone_id)]
        hung = sorted((mounting.mounting_id, mounting.m_from_px) for mounting in mountings if mounting.m_from_px)
        parts = [asdict(self.detector), asdict(self.sampler), asdict(self.follow), hung, drawn]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class CameraPlan:
    """One camera, and what it is to do."""

    site: Site
    run: Run

    @property
    def camera_id(self) -> str:
        """The camera."""
        return self.site.camera.camera_id

    def same_feed(self, other: CameraPlan) -> bool:
        """Tell whether both read the same streams, so that recording need not stop for the change."""
        one, two = self.site.camera, other.site.camera
        return (one.stream_uri, one.sub_stream_uri) == (two.stream_uri, two.sub_stream_uri)

    @property
    def small_uri(self) -> str | None:
        """Where its small stream is; an ONVIF device says so itself. `None` where it has none."""
        camera = self.site.camera
        if camera.sub_stream_uri is None and (camera.stream_uri or "").startswith("onvif:"):
            return camera.stream_uri
        return camera.sub_stream_uri

    def need(self, *, open_incident: bool, small_comes: bool = True) -> Need:
        """Return what asks for this camera to be looked at.

        Parameters
        ----------
        small_comes
            False while its small stream was tried and does not come.
        """
        return Need(bool(self.site.drawn), open_incident, self.small_uri is not None and small_comes)

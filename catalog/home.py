"""Where everything lives: the data home and its settings."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from catalog.errors import BadInput, CatalogConflict, NotFound
from catalog.observations import RuleName

SETTINGS = """\
# Settings of this RTCC Workbench. Every line is optional; what stands here is the default.
# site = "Jackson, Mississippi"
# time_zone = "America/Chicago"       # for hours of consent and for what people read
# catalog = "sqlite"                  # or "postgres:dbname=rtcc host=db user=rtcc"
# data_path = "lake"                  # Parquet: a folder here, a shared path, or s3://bucket/lake
# commit_every_s = 0.25               # group commit of the keeper
# keep_snapshots_days = 30.0          # how far back `--as-of` reaches
# device = "cpu"                      # or "cuda": where the detector runs
# ray_address = ""                    # empty: a local Ray for each job
# keep_days = 30.0                    # how long footage is kept, where a camera says nothing else
# footage_quota_gb = 0.0              # how much footage is kept in all; 0: no limit
# disk_reserve_gb = 2.0               # free space below which the oldest footage that nobody holds goes
# segment_s = 10.0                    # length of a recorded segment, up to the next key frame
# full_fps = 5.0                      # frames a second that are looked at where a camera is looked at in full
# alert_rules = ["zone_dwell", "left_object", "line_cross"]  # rules whose events someone must answer
# incident_radius_m = 500.0           # how near a panic or P1 alert opens cameras that are shared on_incident
# live_shards = 0                     # processes that record and decode; 0: by what the cameras cost
"""

ABOVE_ZERO = ("keep_days", "segment_s", "full_fps")
FROM_ZERO = ("footage_quota_gb", "disk_reserve_gb", "live_shards", "incident_radius_m")


@dataclass(frozen=True)
class Home:
    """One data home: a folder with settings, catalog, footage and assets."""

    root: Path
    site: str = "Jackson, Mississippi"
    time_zone: str = "America/Chicago"
    """IANA name of the zone people here read the clock in."""
    catalog: str = "sqlite"
    """`sqlite`, or `postgres:` and a libpq connection string."""
    data_path: str = "lake"
    """Folder of the Parquet files, relative to the root, absolute, or an object store's URI."""
    commit_every_s: float = 0.25
    """Longest wait of a write for its group commit, seconds."""
    keep_snapshots_days: float = 30.0
    """How far back the catalog can be read as it was, days."""
    device: str = "cpu"
    ray_address: str = ""
    keep_days: float = 30.0
    """How long footage is kept of cameras that say nothing else, days."""
    footage_quota_gb: float = 0.0
    """How much footage is kept of all cameras, 10⁹ bytes; 0 without a limit."""
    disk_reserve_gb: float = 2.0
    """Free space below which the oldest footage that nobody holds is deleted, 10⁹ bytes."""
    segment_s: float = 10.0
    """Length of a recorded segment, up to the next key frame, seconds."""
    full_fps: float = 5.0
    """Frames a second that are looked at where a camera is looked at in full."""
    alert_rules: tuple[str, ...] = ("zone_dwell", "left_object", "line_cross")
    """Rules whose events someone must answer."""
    incident_radius_m: float = 500.0
    """How near a panic or P1 alert must be to open cameras that are shared `on_incident`, metres."""
    live_shards: int = 0
    """Processes that record and decode live feeds; 0 for as many as the cameras cost."""

    def __post_init__(self) -> None:
        unknown = [rule for rule in self.alert_rules if rule not in get_args(RuleName)]
        if unknown:
            raise BadInput(f"alert_rules names no rule {unknown[0]!r}; there are {', '.join(get_args(RuleName))}")
        for name in (*ABOVE_ZERO, *FROM_ZERO):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or value < 0 or (value == 0 and name in ABOVE_ZERO):
                least = "above 0" if name in ABOVE_ZERO else "from 0 on"
                raise BadInput(f"the setting {name} = {value!r} will not do; give a number {least}")

    @classmethod
    def open(cls, root: Path | str) -> Home:
        """Return the home at this folder.

        Raises
        ------
        NotFound
            When there is none.
        BadInput
            When its settings cannot be read.
        """
        folder = Path(root).expanduser().resolve()
        path = folder / "config.toml"
        if not path.exists():
            raise NotFound(f"{folder} is no data home; make one with `rtcc init`, or set RTCC_HOME to one")
        try:
            settings = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise BadInput(f"{path} cannot be read: {error}; mend that line") from error
        unknown = set(settings) - (set(cls.__dataclass_fields__) - {"root"})
        if unknown:
            raise BadInput(f"{path} has unknown settings {', '.join(sorted(unknown))}; see `rtcc init --help`")
        # What TOML has as a list is a tuple here, so that a home stays a value.
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
        return cls(folder, **values)

    @classmethod
    def create(cls, root: Path | str) -> Home:
        """Make the home's folders and settings where they are missing, and return it."""
        folder = Path(root).expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise CatalogConflict(f"{folder} is a file; name a folder for the data home")
        for name in ("footage", "run", "lake"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "run").chmod(0o700)
        path = folder / "config.toml"
        if not path.exists():
            path.write_text(SETTINGS)
        return cls.open(folder)

    @property
    def footage_dir(self) -> Path:
        """Where segments are kept, one folder a camera."""
        return self.root / "footage"

    @property
    def assets_dir(self) -> Path:
        """Where weights and demo footage are kept, each verified by its digest."""
        return self.root / "assets"

    @property
    def run_dir(self) -> Path:
        """Locks, addresses and tokens of running processes; readable by the owner only."""
        return self.root / "run"

    @property
    def lake_path(self) -> str:
        """Where the Parquet files are, with a trailing slash."""
        path = self.data_path if "://" in self.data_path else str(self.root / self.data_path)
        return path.rstrip("/") + "/"

    @property
    def metadata(self) -> str:
        """What DuckLake attaches to: `sqlite:FILE` or `postgres:DSN`."""
        return f"sqlite:{self.root / 'catalog.sqlite'}" if self.catalog == "sqlite" else self.catalog

    def footage_path(self, uri: str) -> Path:
        """Return where the segment with this `uri` lies on disk."""
        return self.root / uri

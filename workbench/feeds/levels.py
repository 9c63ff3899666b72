"""How closely one camera is looked at: as its need asks for, as far as the load allows.

Recording never waits for looking. So when answers fall behind the pictures, a camera looks less closely, one level
at a time, and looks closer again when there is room. Cameras that share a detector see the same lag; three habits
keep them from jumping all at once and back again:

- each waits for its own turn, a share of `turn_s`, and drops only while the lag does not fall by itself;
- a camera that has just risen goes first, for it is the likeliest cause, and waits twice as long before it tries
  again; one with an open incident, or with nothing left to give but its key frames, goes last;
- turns differ between cameras, so they do not try to rise in the same instant either.

Simulated, 12 to 24 cameras on a detector for a quarter to nearly all of them come to ask for 64 to 98 % of what it
can give; without turns, for as little as a fifth.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.footage import LEVELS, Level
from catalog.ids import DIGEST_CHARACTERS, content_id

CAUGHT_UP = "caught up"


@dataclass(frozen=True)
class Need:
    """What asks for a camera to be looked at."""

    has_rules: bool
    """Zones are drawn on it: their events need every sampled frame."""
    open_incident: bool
    """Someone is answering something that happens here."""
    has_sub_stream: bool
    """The camera also sends a small stream."""
    permitted: bool = True
    """False where consent does not let anyone look: it is recorded at most."""


@dataclass(frozen=True)
class LevelChange:
    """A camera looks more or less closely from now on."""

    level: Level
    reason: str
    """Why, as it is written to the catalog."""


@dataclass(frozen=True)
class LevelConfig:
    """When a camera is behind, when it has caught up, and how long to wait between changes."""

    gop_floor_s: float = 1.0
    """A camera is behind when its lag exceeds its group of pictures, but never for less than this: with key frames
    only (MJPEG), one frame in the detector would be too much."""
    gop_cap_s: float = 10.0
    """The same, upwards: a camera without key frames is behind all the same."""
    calm_ratio: float = 0.25
    """Share of the group of pictures below which lag is calm."""
    rise_after_s: float = 10.0
    """Calm that lets a camera rise by one level, seconds."""
    rise_cap_s: float = 300.0
    """Longest such calm, after relapses."""
    relapse_within_s: float = 60.0
    """A drop so soon after a rise is a relapse: it doubles the calm asked for before the next rise."""
    forgive_after_s: float = 600.0
    """So long without a drop halves the calm asked for. Twice `rise_cap_s`: waiting to rise is no merit."""
    settle_cap_s: float = 30.0
    """Longest wait for a drop to show before the next one, and what falling lag may still take."""
    turn_s: float = 4.0
    """Time over which the turns of cameras spread, seconds: enough to see what a drop elsewhere did."""
    pace_s: float = 1.0
    """Lag is compared with that of one to two times so long ago, to see whether it falls."""


def wanted(need: Need) -> Level:
    """Return the level a camera would be looked at if load were no matter."""
    if not need.permitted:
        return "record"
    return "full" if need.has_rules or need.open_incident else "keyframes"


def ladder(need: Need) -> tuple[Level, ...]:
    """Return the levels open to a camera, from least to the wanted one."""
    top = LEVELS.index(wanted(need))
    return tuple(level for level in LEVELS[: top + 1] if level != "substream" or need.has_sub_stream)


def turn_of(camera_id: str) -> float:
    """Return a camera's turn, 0..1: the same on every machine, spread evenly over cameras."""
    digest = content_id("turn", camera_id).removeprefix("turn_")
    return float(int(digest, 16) / 16**DIGEST_CHARACTERS)


@dataclass
class _Pace:
    """How lag changes, measured over one to two times `every_s` seconds."""

    every_s: float
    older: tuple[float, float] | None = None
    newer: tuple[float, float] | None = None
    """When, and the lag then, seconds."""

    def note(self, now_s: float, lag_s: float) -> None:
        if self.newer is None or now_s - self.newer[0] >= self.every_s:
            self.older, self.newer = self.newer, (now_s, lag_s)

    def drains(self, now_s: float, lag_s: float, to_s: float, within_s: float) -> bool:
        """Tell whether lag, falling as it does, will be down to `to_s` within `within_s` seconds."""
        then = self.older or self.newer
        if then is None or now_s <= then[0]:
            return False
        fall = (then[1] - lag_s) / (now_s - then[0])
        return fall > 0 and lag_s - fall * within_s <= to_s


@dataclass
class _Patience:
    """How much calm a camera must see before it rises: more after each relapse, less after long peace."""

    config: LevelConfig
    calm_s: float
    risen_at_s: float | None = None
    eased_at_s: float = 0.0
    """When it was last changed, or the camera last dropped."""

    def fresh(self, now_s: float) -> float | None:
        """Return how long ago the camera rose, as a share of `relapse_within_s`; `None` if longer."""
        if self.risen_at_s is None:
            return None
        share = (now_s - self.risen_at_s) / self.config.relapse_within_s
        return share if share <= 1 else None

    def dropped(self, now_s: float) -> None:
        if self.fresh(now_s) is not None:
            self.calm_s = min(self.calm_s * 2, self.config.rise_cap_s)
        self.risen_at_s, self.eased_at_s = None, now_s

    def pass_time(self, now_s: float) -> None:
        if now_s - self.eased_at_s >= self.config.forgive_after_s:
            self.calm_s, self.eased_at_s = max(self.calm_s / 2, self.config.rise_after_s), now_s

    def forget(self, now_s: float) -> None:
        self.calm_s, self.eased_at_s = self.config.rise_after_s, now_s


class LevelChooser:
    """The level of one camera, told at every step how far its answers are behind.

    Parameters
    ----------
    turn
        Where among the cameras that share a detector this one acts, 0..1, from `turn_of`; `None` for a camera that
        has its detector to itself and waits for nobody.
    """

    def __init__(self, config: LevelConfig | None = None, turn: float | None = None) -> None:
        self.config = config or LevelConfig()
        self.turn = turn
        self.level: Level = "record"
        """Where it is now; `record` before the first step."""
        self._need: Need | None = None
        self._shed = ""
        self._because = CAUGHT_UP
        self._calm_since_s: float | None = None
        self._behind_since_s: float | None = None
        self._started_at_s = self._settled_at_s = float("-inf")
        self._patience = _Patience(self.config, self.config.rise_after_s)
        self._pace = _Pace(self.config.pace_s)

    def step(self, now_s: float, need: Need, lag_s: float, gop_s: float, shed: str = "") -> LevelChange | None:
        """Return the change to make now, if any. To be called about once a second or oftener.

        Parameters
        ----------
        now_s
            Seconds on a clock that never jumps.
        lag_s
            Age of the oldest sampled frame that has not been answered; 0 where all are.
        gop_s
            Time between the camera's key frames; 0 while unknown.
        shed
            Why nothing may be looked at now, e.g. "disk full"; empty while it may.
        """
        before, self._need = self._need, need
        was_shed, self._shed = self._shed, shed
        if before is None:
            self._started_at_s = self._patience.eased_at_s = now_s
            return self._move("record", shed) if shed else self._move(wanted(need), "start")
        if shed:
            self._calm_since_s = None
            return None if self.level == "record" else self._move("record", shed)
        change = self._follow_need(now_s, before, need, was_shed)
        limit_s = min(max(gop_s, self.config.gop_floor_s), self.config.gop_cap_s)
        return change or self._follow_load(now_s, need, lag_s, limit_s)

    def _follow_need(self, now_s: float, before: Need, need: Need, was_shed: str) -> LevelChange | None:
        """Act on what is asked for, where it differs from what was."""
        if _incident(need) and (was_shed or not _incident(before)):
            # someone waits for this camera: patience is for traffic
            self._patience.forget(now_s)
            return None if self.level == "full" else self._rise(now_s, "full", "open incident")
        if was_shed:
            self._because = f"{was_shed} no more"
        elif LEVELS.index(wanted(need)) > LEVELS.index(wanted(before)):
            self._because = "rules drawn" if need.has_rules else "permitted"
        open_levels = ladder(need)
        if self.level in open_levels:
            return None
        self._because = CAUGHT_UP
        lower = [level for level in open_levels if LEVELS.index(level) < LEVELS.index(self.level)]
        return self._move(lower[-1], _why_less(before, need))

    def _follow_load(self, now_s: float, need: Need, lag_s: float, limit_s: float) -> LevelChange | None:
        """Drop when behind, rise after calm, and in between stay."""
        self._pace.note(now_s, lag_s)
        self._patience.pass_time(now_s)
        behind, calm = lag_s > limit_s, lag_s < limit_s * self.config.calm_ratio
        self._behind_since_s = _since(self._behind_since_s, now_s, behind)
        self._calm_since_s = _since(self._calm_since_s, now_s, calm)
        open_levels = ladder(need)
        rung = open_levels.index(self.level)
        if rung > 0 and self._must_drop(now_s, need, lag_s, limit_s):
            return self._drop(now_s, open_levels[rung - 1], lag_s)
        if rung + 1 < len(open_levels) and self._may_rise(now_s):
            return self._rise(now_s, open_levels[rung + 1], self._because)
        return None

    def _must_drop(self, now_s: float, need: Need, lag_s: float, limit_s: float) -> bool:
        if self._behind_since_s is None or now_s < self._settled_at_s:
            return False
        if now_s - self._behind_since_s < self._grace_s(now_s, need, limit_s):
            return False
        return not self._pace.drains(now_s, lag_s, limit_s, self.config.settle_cap_s)

    def _grace_s(self, now_s: float, need: Need, limit_s: float) -> float:
        """Return how long others may act before this one drops: the likely cause first, the dearest loss last."""
        if self.turn is None:
            return 0.0
        config, fresh = self.config, self._patience.fresh(now_s)
        dear = _incident(need) or self.level == "keyframes"
        if fresh is not None:
            return self._settle_s(limit_s) * (fresh + dear)
        # at the start all are as likely the cause
        later = now_s - self._started_at_s > config.relapse_within_s
        return self._settle_s(limit_s) * (later + dear) + config.turn_s * self.turn

    def _settle_s(self, lag_s: float) -> float:
        """Return how long it takes until a drop shows in lag, seconds.

        The queue holds what came in `lag_s` and is answered slower than it came: half as fast is allowed for.
        """
        return min(2 * (lag_s + self.config.pace_s), self.config.settle_cap_s)

    def _may_rise(self, now_s: float) -> bool:
        if self._calm_since_s is None:
            return False
        return now_s - self._calm_since_s >= self._patience.calm_s * (1 + (self.turn or 0.0))

    def _drop(self, now_s: float, level: Level, lag_s: float) -> LevelChange:
        self._patience.dropped(now_s)
        self._settled_at_s = now_s + self._settle_s(lag_s)
        self._because = CAUGHT_UP
        return self._move(level, f"behind by {lag_s:.1f} s")

    def _rise(self, now_s: float, level: Level, reason: str) -> LevelChange:
        self._patience.risen_at_s = now_s
        return self._move(level, reason)

    def _move(self, level: Level, reason: str) -> LevelChange:
        self.level = level
        self._behind_since_s = self._calm_since_s = None
        return LevelChange(level, reason)


def _since(since_s: float | None, now_s: float, holds: bool) -> float | None:
    """Return from when something has held without a break; `None` where it does not."""
    if not holds:
        return None
    return now_s if since_s is None else since_s


def _incident(need: Need) -> bool:
    return need.open_incident and need.permitted


def _why_less(before: Need, need: Need) -> str:
    if not need.permitted:
        return "not permitted"
    if before.has_sub_stream and not need.has_sub_stream and wanted(need) == wanted(before):
        return "no sub-stream"
    return "incident closed" if before.open_incident and not need.open_incident else "rules removed"

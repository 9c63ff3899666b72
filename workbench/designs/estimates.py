"""What one method says about one outcome, in the same words for all methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Design = Literal["none", "areas", "series", "differences", "synthetic", "structural"]
"""Where the counterfactual comes from; two estimates are independent when their designs differ.

`none`: nothing stands for what would have happened; `areas`: the change in one comparison area; `series`: the
place's own past; `differences`: trends of places not (yet) treated; `synthetic`: a weighting of untreated places;
`structural`: a state-space model of the place's past and of untreated series.
"""

PERCENT_FLOOR = 20
"""Below so many incidents before the cameras no percentage is stated: one incident more or less is over 5 %."""


@dataclass(frozen=True)
class Check:
    """One thing a method looked at to see whether it may be believed."""

    name: str
    """What was looked at, e.g. `pre-trend p`, `effective donors`, `root mean squared error before`."""
    found: float
    """What was found, in the unit `name` says."""
    passed: bool
    says: str
    """The finding in a sentence."""


@dataclass(frozen=True)
class Estimate:
    """What one method says about one outcome.

    A method that cannot answer says why in `refused` and leaves every figure `None`.
    """

    method: str
    """Its key in the registry of methods, e.g. `calibration_synthetic_control`."""
    outcome: str
    """Which kind of incident."""
    design: Design
    change_ratio: float | None = None
    """Change against what would have been, share of it: −0.2 is a fifth fewer; None where the method gives none."""
    change_interval: tuple[float, float] | None = None
    """Interval of `change_ratio` at `level`; −1 is the least possible."""
    change_count: float | None = None
    """Incidents more (or, negative, fewer) than would have been, over all treated places and periods after."""
    count_interval: tuple[float, float] | None = None
    """Interval of `change_count` at `level`."""
    level: float = 0.95
    """Nominal coverage of both intervals, share."""
    p_value: float | None = None
    """Two-sided, of no change at all."""
    dispersion: float | None = None
    """Variance of the counts over their mean as the method found it; 1 is Poisson."""
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know beside the figures."""
    refused: str | None = None
    """Why there is no answer, in a sentence that says what to do; None when there is one."""

    def __post_init__(self) -> None:
        for what, interval in (("change", self.change_interval), ("count", self.count_interval)):
            if interval is not None and not interval[0] <= interval[1]:
                raise ValueError(f"{self.method}: the {what} interval {interval} is upside down")
        if not 0 < self.level < 1:
            raise ValueError(f"{self.method}: a level of {self.level}; it is a share between 0 and 1")
        if self.refused is not None and self.change_ratio is not None:
            raise ValueError(f"{self.method}: refused, and yet an answer of {self.change_ratio}")

    @property
    def causal(self) -> bool:
        """Whether something stands for what would have happened without cameras, and an answer was given."""
        return self.design != "none" and self.refused is None


def refusal(method: str, outcome: str, design: Design, why: str, checks: tuple[Check, ...] = ()) -> Estimate:
    """Return the estimate of a method that cannot answer."""
    return Estimate(method, outcome, design, checks=checks, refused=why)

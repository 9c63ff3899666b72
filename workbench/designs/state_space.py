"""A structural time series: a level that wanders, seasons, a regression; and draws of all of it given the data.

The model of Scott and Varian (2014, Int J Math Modelling Num Optimisation 5, 4–23) and Brodersen, Gallusser,
Koehler, Remy and Scott (2015, Ann Appl Stat 9, 247–274): y = level + season + x'β + noise, with a spike at 0 and a
slab for each coefficient. The Gibbs sampler draws regression and noise given the states, the states given these,
and how much they move.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack

from catalog.errors import BadInput
from workbench.designs.panel import Bools, Floats

MOST_REMEMBERED = 20_000
"""Choices of columns whose matrices are kept: with fifty columns there are more than memory holds."""


@dataclass(frozen=True)
class Priors:
    """What is believed before the data, for series standardised to mean 0 and standard deviation 1.

    Defaults are those of the R packages CausalImpact and bsts.
    """

    level_sd: float = 0.01
    """Guess of how far the level wanders in a period."""
    level_weight: float = 32.0
    """How many periods that guess is worth."""
    slope_sd: float = 0.01
    slope_weight: float = 0.01
    season_sd: float = 0.01
    season_weight: float = 0.01
    expected_size: float = 3.0
    """How many coefficients are expected to be other than 0, the intercept among them."""
    inclusion_ratio: float | None = None
    """Chance of each coefficient to be other than 0; None for expected size over number of columns."""
    expected_r2: float = 0.8
    """Share of the variance that the regression is expected to explain."""
    noise_weight: float = 50.0
    """How many periods that expectation is worth."""
    slab_weight: float = 0.01
    """How many periods the slab is worth (prior information weight)."""
    diagonal_ratio: float = 0.5
    """How much of the slab's precision is of its diagonal alone (diagonal shrinkage)."""


@dataclass(frozen=True)
class Draws:
    """Draws given the data, D of them; standardised as the data were."""

    fitted: Floats
    """(D, T) level + season + regression in each period observed."""
    ahead: Floats
    """(D, H) the same in each period to come."""
    noise_sd: Floats
    """(D,)"""
    level_sd: Floats
    """(D,)"""
    coefficients: Floats
    """(D, K) 0 where a column is not in."""


class Structure:
    """The states of T periods, and how each draw of them is made.

    Everything believed of the states says that a sum of a few of them is normal: a value seen, a step of the
    level, a round of seasons, the first of each. So all T · m of them are normal with a banded precision matrix,
    and a draw is one banded solve with noise of that precision added to the right-hand side (Rue 2001, J R Stat Soc
    B 63, 325–338; Chan and Jeliazkov 2009, Int J Math Modelling Num Optimisation 1, 101–120). Its distribution is
    that of forward filtering and backward sampling, at a fraction of the steps in Python.

    Parameters
    ----------
    observed
        (T,) periods with a value.
    first
        First value, standardised: the level is believed to begin there, to within one standard deviation.
    trend
        Whether the level has a slope that wanders too.
    seasons
        How many periods until seasons repeat; 1 for none.
    """

    def __init__(self, observed: Bools, first: float, *, trend: bool = False, seasons: int = 1) -> None:
        periods, self.width = len(observed), 1 + trend + (seasons > 1)
        if seasons > 1 and periods <= seasons:
            raise BadInput(f"{periods} periods before hold no whole round of {seasons} seasons; leave seasons out")
        each = sparse.eye_array(periods * self.width, format="csr")
        level, slope, season = each[0 :: self.width], each[1 :: self.width], each[self.width - 1 :: self.width]
        sums, starts = [level, level[1:] - level[:-1]], [level[:1]]
        if trend:
            sums[1:] = [sums[1] - slope[:-1], slope[1:] - slope[:-1]]
            starts.append(slope[:1])
        if seasons > 1:
            rounds = periods - seasons + 1
            sums[0] = level + season
            sums.append(sum((season[back : back + rounds] for back in range(1, seasons)), season[:rounds]))
            starts.append(season[: seasons - 1])
        sums.append(sparse.vstack(starts))
        self._sums = sparse.csr_array(sparse.vstack(sums))
        self._turned = sparse.csr_array(self._sums.T)
        ends = np.cumsum([rows.shape[0] for rows in sums])
        self._parts = tuple(slice(low, high) for low, high in pairwise([0, *ends.tolist()]))
        self._belief = np.repeat(np.arange(len(sums)), [rows.shape[0] for rows in sums])
        self._weights = np.ones(len(self._belief))
        self._weights[:periods] = observed
        self._means = np.zeros(len(self._belief))
        self._means[ends[-2]] = first
        sums[0] = sums[0][observed]
        depth = max(_depth(rows) for rows in sums)
        self._flat_bands = np.stack([_lower_band(rows, depth).ravel() for rows in sums])

    def draw(self, seen: Floats, noise_sd: float, sds: Floats, rng: np.random.Generator) -> Floats:
        """Return (T · m,) states given the values less the regression (T,; 0 where none) and all scales."""
        precisions = np.concatenate([[noise_sd], sds, [1.0]]) ** -2.0
        own = precisions[self._belief]
        self._means[: len(seen)] = seen
        noise = rng.standard_normal(len(own)) * np.sqrt(own)
        right = np.asarray(self._turned @ ((self._means * own + noise) * self._weights))
        band = (precisions @ self._flat_bands).reshape(-1, self._turned.shape[0])
        # LAPACK itself: the checks around it take longer than the solving.
        _, states, wrong = lapack.dpbsv(band, right, lower=1, overwrite_ab=1, overwrite_b=1)
        if wrong:
            raise BadInput("a scale of the structural series has run to 0 or beyond all bounds; use more periods")
        return np.asarray(states)

    def read(self, states: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        """Return level + season (T,), and the steps each scale is of."""
        sums = np.asarray(self._sums @ states)
        return sums[self._parts[0]], tuple(sums[part] for part in self._parts[1:-1])


def _depth(rows: sparse.csr_array) -> int:
    """Return how far apart the states of one row stand, at most."""
    spans = [np.ptp(rows.indices[low:high]) for low, high in pairwise(rows.indptr) if high > low]
    return int(max(spans, default=0))


def _lower_band(rows: sparse.csr_array, depth: int) -> Floats:
    """Return (depth + 1, states) the lower diagonals of rows' · rows."""
    square = sparse.csr_array(rows.T @ rows)
    band = np.zeros((depth + 1, square.shape[0]))
    for below in range(depth + 1):
        diagonal = square.diagonal(-below)
        band[below, : len(diagonal)] = diagonal
    return band


class SpikeAndSlab:
    """A regression of which only some columns count, and its draws.

    Given which columns are in, coefficients and noise are conjugate, so that both integrate out when a column is
    flipped in or out (George and McCulloch 1997, Statistica Sinica 7, 339–373).

    Parameters
    ----------
    columns
        (N, K) standardised, of the periods with a value; K may be 0.
    """

    def __init__(self, columns: Floats, priors: Priors) -> None:
        periods, width = columns.shape
        self._columns, self._gram = columns, columns.T @ columns
        shrunk = (1 - priors.diagonal_ratio) * self._gram + priors.diagonal_ratio * np.diag(np.diag(self._gram))
        self._slab = shrunk * priors.slab_weight / max(periods, 1)
        chance = (
            priors.inclusion_ratio if priors.inclusion_ratio is not None else priors.expected_size / max(width, 1)
        )
        self._flips = chance < 1
        self._log_odds = float(np.log(chance / (1 - chance))) if self._flips else 0.0
        # Without a regression bsts believes nothing of the noise but that it is of the size of the series.
        self._weight, guess = (priors.noise_weight, 1 - priors.expected_r2) if width else (0.01, 1.0)
        self._squares, self._degrees = self._weight * guess, self._weight + periods
        self._known: dict[bytes, tuple[NDArray[np.intp], float, Floats, Floats]] = {}
        self.included = np.ones(width, bool)

    def draw(self, rest: Floats, rng: np.random.Generator) -> tuple[Floats, float]:
        """Return coefficients (K,) and the noise's standard deviation given what the states leave (N,)."""
        cross, squares = self._columns.T @ rest, self._squares + float(rest @ rest)
        if self._flips:
            self._flip(cross, squares, rng)
        kept, _, covariance, root = self._of(self.included)
        mean = covariance @ cross[kept]
        noise_sd = _scale(self._degrees, squares - float(cross[kept] @ mean), 1.2, rng)
        coefficients = np.zeros(len(cross))
        coefficients[kept] = mean + noise_sd * (root @ rng.standard_normal(len(kept)))
        return coefficients, noise_sd

    def _flip(self, cross: Floats, squares: float, rng: np.random.Generator) -> None:
        now, chances = self._log_density(cross, squares), np.log(rng.random(len(cross)))
        for chance, column in zip(chances, rng.permutation(len(cross)), strict=True):
            self.included[column] = not self.included[column]
            flipped = self._log_density(cross, squares)
            # Accept with p(flipped) / (p(flipped) + p(now)).
            if chance < -np.logaddexp(0.0, now - flipped):
                now = flipped
            else:
                self.included[column] = not self.included[column]

    def _log_density(self, cross: Floats, squares: float) -> float:
        kept, log_volume, covariance, _ = self._of(self.included)
        inner = cross[kept]
        rest = squares - float(inner @ covariance @ inner)
        return float(self._log_odds * len(kept) + log_volume - 0.5 * self._degrees * np.log(rest))

    def _of(self, included: Bools) -> tuple[NDArray[np.intp], float, Floats, Floats]:
        """Return columns, log volume, covariance and its root of one choice of columns, whatever the values."""
        key = included.tobytes()
        if key not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            kept = np.flatnonzero(included)
            slab = self._slab[np.ix_(kept, kept)]
            precision = slab + self._gram[np.ix_(kept, kept)]
            covariance: Floats = np.linalg.inv(precision)
            volume = 0.5 * (np.linalg.slogdet(slab)[1] - np.linalg.slogdet(precision)[1])
            root = np.asarray(np.linalg.cholesky((covariance + covariance.T) / 2), float)
            self._known[key] = (kept, float(volume), covariance, root)
        return self._known[key]


def _scale(degrees: float, squares: float, most: float, rng: np.random.Generator) -> float:
    """Draw a standard deviation below `most`; its inverse square is gamma of so many degrees and sum of squares."""
    lowest = squares / most**2 / 2
    shape = degrees / 2
    for _ in range(20):
        precision = float(rng.standard_gamma(shape))
        if precision > lowest:
            return float(np.sqrt(squares / 2 / precision))
    return most


def sample(
    values: Floats, columns: Floats, columns_ahead: Floats, rng: np.random.Generator, *, priors: Priors,
    draws: int, burn: int, trend: bool = False, seasons: int = 1,
) -> Draws:  # fmt: skip
    """Draw states, regression and scales given the values.

    Parameters
    ----------
    values
        (T,) standardised; NaN where a period has none.
    columns, columns_ahead
        (T, K) and (H, K) standardised columns of the regression in the periods seen and to come; K may be 0.
    draws, burn
        How many are kept, and how many before them are not.
    """
    observed = np.isfinite(values)
    seen = np.where(observed, values, 0.0)
    structure = Structure(observed, float(seen[observed][0]), trend=trend, seasons=seasons)
    regression = SpikeAndSlab(columns[observed], priors)
    weights, guesses = _scale_priors(priors, trend, seasons)
    sds, drawn = np.sqrt(guesses / weights), np.zeros(len(values))
    all_states, all_sds = np.empty((draws, len(values) * structure.width)), np.empty((draws, len(sds)))
    fitted, coefficients, noise_sds = (
        np.empty((draws, len(values))),
        np.empty((draws, columns.shape[1])),
        np.empty(draws),
    )
    for number in range(-burn, draws):
        beta, noise_sd = regression.draw((seen - drawn)[observed], rng)
        explained = columns @ beta
        states = structure.draw((seen - explained) * observed, noise_sd, sds, rng)
        drawn, steps = structure.read(states)
        for place, moved in enumerate(steps):
            sds[place] = _scale(weights[place] + len(moved), guesses[place] + float(moved @ moved), 1.0, rng)
        if number >= 0:
            all_states[number], all_sds[number], fitted[number] = states, sds, drawn + explained
            coefficients[number], noise_sds[number] = beta, noise_sd
    by_period = all_states.reshape(draws, len(values), structure.width)
    ahead = _ahead(by_period, all_sds, len(columns_ahead), trend, seasons, rng) + coefficients @ columns_ahead.T
    return Draws(fitted, ahead, noise_sds, all_sds[:, 0], coefficients)


def _scale_priors(priors: Priors, trend: bool, seasons: int) -> tuple[Floats, Floats]:
    """Return prior weights and sums of squares of the level's, slope's and seasons' standard deviations."""
    pairs = [(priors.level_weight, priors.level_sd)]
    if trend:
        # As bsts: the level of a local linear trend is believed as little as its slope.
        pairs = [(priors.slope_weight, priors.level_sd), (priors.slope_weight, priors.slope_sd)]
    if seasons > 1:
        pairs.append((priors.season_weight, priors.season_sd))
    weights, guesses = np.asarray(pairs).T
    return weights, weights * guesses**2


def _ahead(
    states: Floats, sds: Floats, periods: int, trend: bool, seasons: int, rng: np.random.Generator
) -> Floats:
    """Return (D, H) level + season of the periods to come, of states (D, T, m) and their scales (D, m)."""
    draws = len(states)
    steps = rng.standard_normal((draws, periods)) * sds[:, :1]
    if trend:
        # A level moves by the slope before the slope's own step of that period.
        slopes = np.cumsum(rng.standard_normal((draws, periods)) * sds[:, 1:2], axis=1)
        steps[:, 1:] += slopes[:, :-1]
        steps += states[:, -1, 1:2]
    ahead = states[:, -1, :1] + np.cumsum(steps, axis=1)
    if seasons > 1:
        recent = states[:, -(seasons - 1) :, -1].copy()
        moves = rng.standard_normal((draws, periods)) * sds[:, -1:]
        for period in range(periods):
            season = moves[:, period] - recent.sum(axis=1)
            recent = np.column_stack([recent[:, 1:], season])
            ahead[:, period] += season
    return np.asarray(ahead)

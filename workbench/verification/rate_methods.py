"""Methods of two Poisson rates that cases may name."""

from __future__ import annotations

from catalog.errors import BadInput
from workbench.designs.poisson_tests import Alternative, RateTest, Variance, c_test, e_test
from workbench.verification.area_inputs import gathered, pair_of
from workbench.verification.method import Inputs, Method, Parameter, Result, Results


def _rate_pairs(inputs: Inputs) -> list[tuple[int, int, float, float]]:
    """Return (first count, second count, first exposure, second exposure) of each comparison."""
    settings = inputs.settings
    first: tuple[float, ...]
    second: tuple[float, ...]
    if settings.has("counts"):
        first, second = ((figure,) for figure in pair_of(inputs, "counts"))
    elif inputs.rows is not None:
        rows = inputs.frame()
        first, second = (tuple(rows[inputs.column(f"{name}_column")].astype(float)) for name in ("first", "second"))
    elif settings.has("first") and settings.has("second"):
        first, second = settings.numbers("first"), settings.numbers("second")
    else:
        raise BadInput(f"case {inputs.case_id!r}: give counts = [first, second], or lists first and second")
    exposed = [
        settings.numbers(name) if settings.has(name) else (pair,) * len(first)
        for name, pair in zip(("first_exposures", "second_exposures"), pair_of(inputs, "exposures"), strict=True)
    ]
    if len({len(column) for column in (first, second, *exposed)}) != 1:
        raise BadInput(f"case {inputs.case_id!r}: first, second and their exposures must be as many")
    if any(count != int(count) for count in (*first, *second)):
        raise BadInput(f"case {inputs.case_id!r}: counts must be whole; rates are counts with exposures")
    return [(int(a), int(b), m, n) for a, b, m, n in zip(first, second, *exposed, strict=True)]


def _alternative(inputs: Inputs) -> Alternative:
    asked = inputs.settings.text("alternative")
    if asked == "greater":
        return "greater"
    if asked == "less":
        return "less"
    if asked == "two-sided":
        return "two-sided"
    raise BadInput(f"case {inputs.case_id!r}: alternative is {asked!r}; it is two-sided, greater or less")


def _e_test(inputs: Inputs) -> Results:
    asked = inputs.settings.text("variance")
    if asked not in {"unpooled", "pooled"}:
        raise BadInput(f"case {inputs.case_id!r}: variance is {asked!r}; it is unpooled or pooled")
    variance: Variance = "pooled" if asked == "pooled" else "unpooled"
    difference, alternative = inputs.settings.number("difference"), _alternative(inputs)
    return gathered([
        _told(e_test(*pair, difference=difference, alternative=alternative, variance=variance))
        for pair in _rate_pairs(inputs)
    ])  # fmt: skip


def _c_test(inputs: Inputs) -> Results:
    ratio, alternative = inputs.settings.number("ratio"), _alternative(inputs)
    return gathered([_told(c_test(*pair, ratio=ratio, alternative=alternative)) for pair in _rate_pairs(inputs)])


def _told(found: RateTest) -> dict[str, Result]:
    ratio = found.first_rate / found.second_rate if found.second_rate else float("inf")
    return {
        "p": found.p_value, "statistic": found.statistic, "first_rate": found.first_rate,
        "second_rate": found.second_rate, "difference": found.first_rate - found.second_rate, "ratio": ratio,
    }  # fmt: skip


_RATES = (
    Parameter("counts", "numbers", "[first, second] counts of one comparison", optional=True),
    Parameter("exposures", "numbers", "[first, second] what the counts are divided by for a rate", (1, 1)),
    Parameter("first", "numbers", "first counts of several comparisons", optional=True),
    Parameter("second", "numbers", "second counts of several comparisons", optional=True),
    Parameter("first_exposures", "numbers", "exposures of `first`, one each", optional=True),
    Parameter("second_exposures", "numbers", "exposures of `second`, one each", optional=True),
    Parameter("first_column", "text", "where the case has data, the column of first counts", "first"),
    Parameter("second_column", "text", "where the case has data, the column of second counts", "second"),
    Parameter("alternative", "text", "the first rate is `greater` or `less`, or `two-sided`", "two-sided"),
)  # fmt: skip
_RATE_RESULTS = (
    ("p", "p value; a list where there are several comparisons"),
    ("statistic", "difference of the rates, less the one under test, over its standard error"),
    ("first_rate", "count over exposure"), ("second_rate", "count over exposure"),
    ("difference", "first rate less second"), ("ratio", "first rate over second"),
)  # fmt: skip

METHODS = (
    Method(
        "e_test",
        "E-test of two Poisson means or rates (Krishnamoorthy & Thomson 2004, Journal of Statistical Planning and "
        "Inference 119).",
        (
            *_RATES,
            Parameter("difference", "number", "first rate less second rate under the null", 0.0),
            Parameter(
                "variance", "text", "`unpooled`, as in the article, or `pooled`, as in a score test", "unpooled"
            ),
        ),
        _RATE_RESULTS,
        _e_test,
    ),
    Method(
        "c_test",
        "Conditional test of two Poisson means or rates (Przyborowski & Wilenski 1940, Biometrika 31).",
        (*_RATES, Parameter("ratio", "number", "first rate over second rate under the null", 1.0)),
        _RATE_RESULTS,
        _c_test,
    ),
)

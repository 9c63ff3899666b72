import math

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.impact_report.drawing import Mark
from workbench.impact_report.intervals import Row, Scale, limits
from workbench.impact_report.words import percent

ends = st.floats(-1, 8) | st.sampled_from([-1.0, 8.0, math.inf, -math.inf, math.nan])
rows = st.lists(
    st.builds(
        Row, st.just("row"), st.none() | ends, st.none() | ends, st.none() | ends, st.just(Mark()), st.just(())
    )
)


@settings(max_examples=40)
@given(rows, st.floats(-0.9, 0.9))
def test_the_axis_holds_zero_and_the_claim_and_never_less_than_is_possible(made, claimed):
    low, high = limits(made, Scale("change", percent, ((claimed, Mark()),), least=-1.0))
    assert -1.0 <= low <= min(0.0, claimed)
    assert max(0.0, claimed) <= high < math.inf
    assert low < high


def test_one_wild_interval_does_not_squeeze_the_others():
    tame = [Row("tame", -0.1, -0.2, 0.0, Mark(), ()) for _ in range(5)]
    low, high = limits([*tame, Row("wild", -0.1, -1.0, 8.0, Mark(), ())], Scale("change", percent, least=-1.0))
    assert high - low < 0.7

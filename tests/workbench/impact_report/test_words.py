import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbench.impact_report.made_findings import made_findings
from workbench.impact_report import words


@pytest.mark.parametrize(
    ("share", "said"),
    [(-0.51, "−51 %"), (-0.499, "−49.9 %"), (0.08, "+8 %"), (0.0, "0 %"), (-0.0001, "0 %"), (8.0, "+800 %"),
     (12.345, "+1,234 %"), (None, "not stated"), (math.nan, "not stated"), (math.inf, "+∞"), (-math.inf, "−∞")],
)  # fmt: skip
def test_a_share_reads_as_a_percentage(share, said):
    assert words.percent(share).replace(words.NBSP, " ") == said


@settings(max_examples=50)
@given(st.floats(-5, 5))
def test_a_percentage_says_the_share_to_a_tenth_and_never_minus_nothing(share):
    said = words.percent(share)
    number = float(said.replace(words.NBSP + "%", "").replace("−", "-").replace(",", ""))
    assert abs(number / 100 - share) <= 0.0005 + 1e-12
    assert number != 0 or said == f"0{words.NBSP}%"


@pytest.mark.parametrize(
    ("p_value", "said"),
    [(0.00002, "< 0.001"), (0.0314, "0.031"), (0.0999, "0.10"), (0.42, "0.42"), (1.0, "1.00"), (None, "–")],
)  # fmt: skip
def test_a_p_value_reads_as_in_a_journal(p_value, said):
    assert words.p_words(p_value).replace(words.NBSP, " ") == said


def test_twenty_incidents_before_make_a_percentage_and_fourteen_do_not():
    assert words.percentages_stated(made_findings(), "burglary")
    assert not words.percentages_stated(made_findings(), "purse snatching")


def test_what_can_be_found_is_what_the_most_sensitive_method_finds():
    assert words.least_detectable(made_findings(), "street robbery") == -0.19
    assert words.least_detectable(made_findings(), "purse snatching") is None


@settings(max_examples=50)
@given(st.text())
def test_a_slug_stands_in_any_address_and_file_name(outcome):
    assert re.fullmatch(r"[a-z0-9_]{1,48}", words.slug(outcome))

import csv
import io
import math
import re
from dataclasses import replace
from itertools import combinations

import pytest
from lxml import etree
from matplotlib.text import Text
from PIL import Image

from tests.workbench.impact_report.made_findings import crowded_findings, empty_findings
from workbench.designs.estimates import Estimate
from workbench.impact_report import drawing as drawing_module
from workbench.impact_report import words
from workbench.impact_report.drawing import Drawing, Sheet
from workbench.impact_report.figures import draw_all
from workbench.impact_report.forest import draw_forest
from workbench.impact_report.story import draw_claim_card, draw_ladder

SVG = "{http://www.w3.org/2000/svg}"


def _named(drawings, name) -> Drawing:
    return next(drawing for drawing in drawings if drawing.name == name)


def _rows(drawing):
    return list(csv.DictReader(io.StringIO(drawing.csv)))


def _number(field):
    return None if field == "" else float(field)


def test_every_kind_of_figure_is_drawn(drawings):
    assert [drawing.name for drawing in drawings] == [
        "claim_card", "verdict_ladder", "power-street_robbery", "power-burglary", "data_quality",
        "forest-street_robbery", "forest-burglary", "forest-purse_snatching", "series-street_robbery",
        "event_study-street_robbery", "placebos-street_robbery", "displacement-street_robbery",
        "sensitivity-street_robbery", "map", "donors",
    ]  # fmt: skip


def test_every_figure_says_in_words_what_it_shows(drawings):
    for drawing in drawings:
        assert len(drawing.alt) > 60, drawing.name
        assert re.search(r"\d", drawing.alt) or drawing.name == "verdict_ladder"
        assert drawing.caption.endswith("."), drawing.name


def test_a_drawing_is_one_element_that_needs_nothing_from_outside(drawings):
    for drawing in drawings:
        root = etree.fromstring(drawing.svg)
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert all(name.startswith(f"{drawing.name}-") for name in ids)
        assert root.findtext(f"{SVG}desc") == drawing.alt
        assert root.findtext(f"{SVG}title") == drawing.title
        links = re.findall(r'href="([^"]*)"', drawing.svg) + re.findall(r"url\(([^)]*)\)", drawing.svg)
        assert all(link.startswith((f"#{drawing.name}-", "data:image/png;")) for link in links)
        assert set(links) <= {f"#{name}" for name in ids} | {link for link in links if link.startswith("data:")}


def test_writing_in_a_drawing_is_text(drawings):
    said = "".join(etree.fromstring(_named(drawings, "forest-street_robbery").svg).itertext())
    assert "Calibration synthetic control" in said
    assert f"−12{words.NBSP}%" in said
    assert "No weighting of control places" in said


def test_a_drawing_in_pixels_is_sharp_enough_to_print(monkeypatch):
    monkeypatch.setattr(drawing_module, "PNG_DPI", 200)
    with Image.open(io.BytesIO(draw_ladder(empty_findings()).png)) as picture:
        assert picture.width == 1680
        assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_the_forest_s_table_holds_every_estimate_to_the_last_digit(findings, drawings):
    for outcome in ("street robbery", "burglary"):
        found = [estimate for estimate in findings.estimates if estimate.outcome == outcome]
        rows = _rows(_named(drawings, f"forest-{words.slug(outcome)}"))
        assert [row["method"] for row in rows] == [estimate.method for estimate in found]
        for row, estimate in zip(rows, found, strict=True):
            low, high = estimate.change_interval or (None, None)
            fewer, more = estimate.count_interval or (None, None)
            told = [_number(row[name]) for name in ("change_ratio", "change_low_ratio", "change_high_ratio",
                    "change_count", "count_low", "count_high", "level", "p_value", "dispersion")]  # fmt: skip
            assert told == [estimate.change_ratio, low, high, estimate.change_count, fewer, more, estimate.level,
                            estimate.p_value, estimate.dispersion]  # fmt: skip
            assert row["refused"] == (estimate.refused or "")


def test_tables_of_the_other_figures_hold_the_findings(findings, drawings):
    study = findings.event_studies[0]
    rows = _rows(_named(drawings, "event_study-street_robbery"))
    assert [float(row["change_ratio"]) for row in rows] == list(study.change_ratio)
    assert [float(row["low_ratio"]) for row in rows] == list(study.low)
    series = findings.series[0]
    rows = _rows(_named(drawings, "series-street_robbery"))
    assert [_number(row["counted"]) for row in rows] == list(series.treated)
    assert [_number(row["would_have_been"]) for row in rows] == list(series.counterfactual)
    rows = _rows(_named(drawings, "placebos-street_robbery"))
    draws = [float(row["change_ratio"]) for row in rows if row["what"] == "placebo"]
    assert draws == [draw for placebos in findings.placebos for draw in placebos.draws_ratio]
    rows = _rows(_named(drawings, "displacement-street_robbery"))
    rings = findings.displacement[0].rings
    assert [(float(row["difference"]), float(row["low"]), float(row["high"])) for row in rows] == [
        (ring.difference, ring.low, ring.high) for ring in rings
    ]
    rows = _rows(_named(drawings, "map"))
    assert [row["place_id"] for row in rows] == [place.place_id for place in findings.study_map.places]
    assert [_number(row["donor_weight"]) for row in rows] == [
        place.donor_weight for place in findings.study_map.places
    ]  # fmt: skip


def test_the_claim_card_tells_claim_raw_range_and_what_could_be_found(drawings):
    alt = _named(drawings, "claim_card").alt.replace(words.NBSP, " ")
    assert "Claimed: −51 %" in alt
    assert "Raw, not causal: −49.9 %" in alt
    assert "Adjusted: −28 % to +8 %" in alt
    assert "Detectable: Yes. Falls of 19 % or more would be found" in alt
    assert "Verdict: consistent with no effect" in alt


def test_a_claim_too_small_to_be_found_is_said_to_be(findings):
    small = replace(findings, claim=replace(findings.claim, change_ratio=-0.1))
    assert "Detectable: No. Falls of" in draw_claim_card(small).alt


def test_few_incidents_before_leave_no_percentage_in_the_forest(drawings):
    drawing = _named(drawings, "forest-purse_snatching")
    assert all(row["change_ratio"] == row["change_low_ratio"] == "" for row in _rows(drawing))
    assert _rows(drawing)[0]["change_count"] == "-6.0"
    # What is left is the level of the intervals.
    assert re.findall(rf"[\d.]+{words.NBSP}%", drawing.alt) == []


def test_the_same_findings_are_drawn_the_same(findings, drawings):
    again = draw_forest(findings, "burglary")
    assert again == _named(drawings, "forest-burglary")


def test_outcomes_that_read_alike_have_figures_of_their_own(findings):
    alike = ("street robbery", "Street Robbery", "street-robbery")
    named = {words.figure_name("forest", replace(findings, outcomes=alike), outcome) for outcome in alike}
    assert len(named) == 3


def _three_methods():
    return replace(empty_findings(), estimates=tuple(
        Estimate(name, "street robbery", design, -0.1, (-0.3, high))
        for name, design, high in (("raw", "none", 0.1), ("imputation", "differences", 0.2),
                                   ("structural", "structural", math.inf))))  # fmt: skip


def _written(sheet):
    """Return every piece of writing that is drawn, and where it lies, in pixels."""
    axes = [axis for plot in sheet.figure.axes for axis in (plot.xaxis, plot.yaxis)]
    ticks = {id(label) for axis in axes for tick in axis.get_major_ticks() for label in (tick.label1, tick.label2)}
    drawn = [text for text in sheet.figure.findobj(Text) if id(text) not in ticks]
    for axis in axes:
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                drawn += [label for label in (tick.label1, tick.label2) if label.get_visible()]
    shown = [text for text in drawn if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in shown]


def _assert_legible(name, sheet):
    written, page = _written(sheet), sheet.figure.bbox
    for said, box in written:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1 + 1, (name, said)
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, (name, said)
    for (said, box), (other, near) in combinations(written, 2):
        across = min(box.x1, near.x1) - max(box.x0, near.x0)
        along = min(box.y1, near.y1) - max(box.y0, near.y0)
        assert across < 1 or along < 2, (name, said, other)


def test_no_writing_lies_on_other_writing_or_past_the_edge(drawn):
    for drawing, sheet in drawn:
        _assert_legible(drawing.name, sheet)


@pytest.mark.parametrize("made", [_three_methods, crowded_findings, empty_findings])
def test_no_writing_lies_on_other_writing_however_much_there_is(made, monkeypatch):
    sheets = []

    def kept(sheet, name, *, alt, caption, table):
        sheet._settle()
        sheet.figure.draw_without_rendering()
        sheets.append((name, sheet))
        return Drawing(name, sheet.title, "", b"", table, alt, caption)

    monkeypatch.setattr(Sheet, "finished", kept)
    draw_all(made())
    assert sheets
    for name, sheet in sheets:
        _assert_legible(name, sheet)


def test_writing_on_other_writing_would_be_noticed():
    sheet = Sheet("A title")
    sheet.say(1.0, 0.35, "one thing")
    sheet.say(1.2, 0.38, "another thing")
    sheet._settle()
    with pytest.raises(AssertionError, match="another thing"):
        _assert_legible("made", sheet)

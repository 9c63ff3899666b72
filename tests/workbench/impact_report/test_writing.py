import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from lxml import etree, html

from catalog.errors import BadInput
from tests.workbench.impact_report.made_findings import crowded_findings, empty_findings
from workbench.designs.estimates import refusal
from workbench.designs.findings import Guard
from workbench.impact_report import writing
from workbench.impact_report.document import compose
from workbench.impact_report.html_page import html_of
from workbench.impact_report.pdf_pages import pdf_of
from workbench.impact_report.records import read_findings
from workbench.impact_report.writing import write_report


def test_a_report_is_findings_figures_a_page_and_a_document(report, findings, drawings):
    assert sorted(path.name for path in report.folder.iterdir()) == [
        "figures", "figures.json", "findings.json", "report.html", "report.pdf",
    ]  # fmt: skip
    assert read_findings(report.findings) == findings
    assert {path.name for path in report.figures} == {path.name for path in (report.folder / "figures").iterdir()}
    assert len(report.figures) == 3 * len(drawings)
    assert not [path for path in report.folder.parent.iterdir() if path != report.folder]


def test_the_list_of_figures_says_what_a_page_needs(report, drawings):
    listed = json.loads(report.figures_list.read_text(encoding="utf-8"))
    assert [figure["name"] for figure in listed] == [drawing.name for drawing in drawings]
    for figure, drawing in zip(listed, drawings, strict=True):
        assert set(figure) == {"name", "title", "alt", "caption", "files"}
        assert figure["alt"] == drawing.alt
        assert (report.folder / figure["files"]["svg"]).read_text(encoding="utf-8") == drawing.svg
        assert (report.folder / figure["files"]["png"]).read_bytes() == drawing.png
        assert (report.folder / figure["files"]["csv"]).read_text(encoding="utf-8") == drawing.csv


@pytest.fixture(scope="module")
def page(report):
    return html.document_fromstring(report.page.read_text(encoding="utf-8"))


def test_the_page_fetches_nothing_and_runs_nothing(report, page):
    assert not page.xpath("//script | //link | //iframe | //object | //img | //@onclick | //@onload")
    linked = page.xpath("//@href | //@src")
    assert all(re.match(r"#|figures/[a-z0-9_-]+\.(svg|png|csv)$|data:image/png;", link) for link in linked)
    for link in linked:
        assert link.startswith(("#", "data:")) or (report.folder / link).is_file()
    words = report.page.read_text(encoding="utf-8")
    assert not re.findall(r"@import|url\((?!#)|https?://(?!www\.w3\.org/(2000/svg|1999/xlink))", words)


def test_the_page_s_ids_are_each_there_once_and_every_link_leads_somewhere(page):
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.xpath("//@href") if link.startswith("#")} <= set(ids)


def test_the_page_is_well_formed(report):
    # As XML, which forgives nothing, once the elements that HTML leaves open are closed.
    words = report.page.read_text(encoding="utf-8")
    closed = re.sub(r"<(meta|col)\b([^>]*)>", r"<\1\2/>", words.replace("<!doctype html>", ""))
    closed = re.sub(r"(<\w+[^<>]*?) (class|tabindex)=(\w+)(?=[ >])", r'\1 \2="\3"', closed).replace(" download", "")
    etree.fromstring(closed)


def test_headings_descend_one_step_at_a_time(page):
    levels = [int(heading.tag[1]) for heading in page.xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_verdict_comes_first_and_what_could_be_found_before_what_was(page):
    order = page.xpath("//section/@aria-labelledby")
    assert order[0] == "verdict"
    assert order.index("guards") < order.index("power") < order.index("results") < order.index("provenance")


def test_every_figure_on_the_page_is_named_and_described(page, drawings):
    figures = page.xpath("//figure[@class='drawing']")
    assert [figure.get("id") for figure in figures] == sorted(
        (drawing.name for drawing in drawings), key=[figure.get("id") for figure in figures].index
    )
    for figure in figures:
        (svg,) = figure.xpath(".//svg")
        title, described = svg.get("aria-labelledby").split()
        assert svg.get("role") == "img"
        assert page.get_element_by_id(title).text_content()
        assert len(page.get_element_by_id(described).text_content()) > 60


def test_guards_are_told_by_word_and_sign_the_worst_first(page):
    told = [guard.text_content().split() for guard in page.xpath("//p[@class='severity']")]
    assert told == [["✕", "Blocks"], ["▲", "Warning"], ["▲", "Warning"], ["✓", "Noted"], ["✓", "Noted"]]


def test_the_page_says_why_methods_refused_and_what_would_change_the_verdict(page):
    words = " ".join(page.text_content().split())
    assert "No weighting of control places comes near these counts" in words
    assert "Two more years of counts would let a fall of 12 % be found." in words
    assert "Robbins, Saunders and Kilmer 2017" in words


def test_words_of_a_study_never_become_markup():
    words = html_of(compose(crowded_findings(), ()))
    assert "<script" not in words
    assert "&lt;script&gt;" in words
    assert "<b>not</b>" not in words


def test_the_document_is_a_pdf_of_several_pages_with_fonts_language_and_bookmarks(report):
    document = report.document.read_bytes()
    assert document.startswith(b"%PDF-")
    assert document.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", document)) >= 2
    for part in (rb"/Lang \(en-US\)", rb"/Outlines", rb"/FontFile2", rb"/Title", rb"DejaVuSans-Bold"):
        assert re.search(part, document), part
    # No page is set in a font that a reader's machine would have to have.
    assert b"/BaseFont /Helvetica" not in document or b"/Helvetica Tf" not in document


@pytest.mark.parametrize("made", [crowded_findings, empty_findings])
def test_cruel_and_empty_findings_make_a_page_and_a_document(made):
    report = compose(made(), ())
    assert html.document_fromstring(html_of(report)).xpath("//h1")
    assert pdf_of(report).startswith(b"%PDF-")


def test_words_that_no_page_could_hold_are_cut_not_lost():
    made = empty_findings()
    endless = replace(
        made,
        guards=(Guard("shock", "warns", "much to say " * 900, "and more " * 900),),
        estimates=(refusal("raw", "burglary", "none", "why " * 3000),),
        provenance=replace(made.provenance, specification="x" * 4000 + "\n" * 200),
    )
    assert len(re.findall(rb"/Type /Page\b", pdf_of(compose(endless, ())))) > 4


def test_the_same_findings_make_the_same_document(findings):
    report = compose(findings, ())
    assert pdf_of(report) == pdf_of(report)
    assert html_of(report) == html_of(report)


def test_a_later_report_takes_the_earlier_one_s_place(tmp_path):
    folder = tmp_path / "deep" / "report"
    write_report(empty_findings(), folder)
    (folder / "figures" / "stale.svg").write_text("from before")
    files = write_report(empty_findings(), folder)
    assert not (folder / "figures" / "stale.svg").exists()
    assert all(path.is_file() for path in files.figures)
    assert [path.name for path in folder.parent.iterdir()] == ["report"]


def test_a_report_that_fails_leaves_the_earlier_one_as_it_was(tmp_path, monkeypatch):
    folder = tmp_path / "report"
    write_report(empty_findings(), folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def full(report):
        raise OSError("no space left on device")

    monkeypatch.setattr(writing, "pdf_of", full)
    with pytest.raises(OSError, match="no space"):
        write_report(replace(empty_findings(), title="Another study"), folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_with_something_else_in_it_is_never_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(BadInput, match=r"thesis\.docx"):
        write_report(empty_findings(), tmp_path)
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "report").write_text("a file")
    with pytest.raises(BadInput, match="name a folder"):
        write_report(empty_findings(), tmp_path / "report")

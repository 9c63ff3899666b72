from collections.abc import Iterator

import pytest

from tests.workbench.impact_report.made_findings import made_findings
from workbench.designs.findings import Findings
from workbench.impact_report import drawing, pdf_pages
from workbench.impact_report.drawing import Drawing, Sheet
from workbench.impact_report.figures import draw_all
from workbench.impact_report.writing import ReportFiles, write_drawn


@pytest.fixture(scope="session")
def findings() -> Findings:
    return made_findings()


@pytest.fixture(scope="session", autouse=True)
def coarse() -> Iterator[None]:
    """Draw a quarter of the pixels: nothing but their number depends on it, and they are most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (drawing, pdf_pages):
            patch.setattr(module, "PNG_DPI", 100)
        yield


@pytest.fixture(scope="session")
def drawn(findings: Findings, coarse: None) -> tuple[tuple[Drawing, Sheet], ...]:
    """Return every figure with the sheet it was drawn on; drawn once, for pixels and paths take seconds."""
    sheets = []
    finished = Sheet.finished

    def kept(sheet: Sheet, *named: str, **words: str) -> Drawing:
        sheets.append(sheet)
        return finished(sheet, *named, **words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sheet, "finished", kept)
        drawings = draw_all(findings)
    return tuple(zip(drawings, sheets, strict=True))


@pytest.fixture(scope="session")
def drawings(drawn: tuple[tuple[Drawing, Sheet], ...]) -> tuple[Drawing, ...]:
    return tuple(one for one, _ in drawn)


@pytest.fixture(scope="session")
def report(
    findings: Findings, drawings: tuple[Drawing, ...], tmp_path_factory: pytest.TempPathFactory
) -> ReportFiles:
    return write_drawn(findings, drawings, tmp_path_factory.mktemp("reports") / "riverside")

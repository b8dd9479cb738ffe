"""The report on paper: page one is one sheet of A4 in every language, and so are the drafts."""

import pytest

from studio.evidence.report.catalogue import CATALOGUE
from studio.evidence.report.page import report
from studio.evidence.report.paper import Paper
from tests.evidence.statements import SAMPLES

pytestmark = pytest.mark.browser
_MM = 96 / 25.4  # pixels of CSS
_WIDTH, _HEIGHT = (210 - 2 * 14) * _MM, (297 - 13 - 15) * _MM  # within the report's margins


@pytest.mark.parametrize("language", CATALOGUE)
def test_the_first_page_and_the_drafts_are_a_sheet_each(profile, language):
    sheet = profile.new_page()
    sheet.set_viewport_size({"width": int(_WIDTH), "height": 1000})
    sheet.emulate_media(media="print")
    for sample, made in SAMPLES.items():
        sheet.set_content(report(made(), Paper(language)))
        first, drafts = (each.bounding_box() for each in sheet.locator("section.one").all())
        assert 0.5 * _HEIGHT < first["height"] <= _HEIGHT, sample
        assert drafts["height"] <= _HEIGHT, sample
        assert sheet.evaluate("document.documentElement.scrollWidth <= innerWidth"), sample
    sheet.close()

"""The report's style sheet: it fetches nothing, and knows the classes that the page uses."""

import re

import pytest

from studio.evidence.report.page import report
from studio.evidence.report.style import STYLE
from tests.evidence.statements import SAMPLES


def test_nothing_is_fetched_and_every_block_is_closed():
    assert not re.search(r"url\(|@import|</", STYLE)
    assert STYLE.count("{") == STYLE.count("}")


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_class_of_the_page_has_a_rule(sample):
    page = report(SAMPLES[sample]()).partition("</style>")[2]
    used = {name for names in re.findall(r"class='([^']+)'", page) for name in names.split()}
    assert used >= {"verdict", "bars"}
    ruled = set(re.findall(r"\.([a-z][\w-]*)", STYLE))
    assert used - ruled == set()

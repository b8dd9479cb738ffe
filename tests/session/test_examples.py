"""What a browser looks at, as far as the session's own tests do not say it."""

import pytest

from studio.errors import BadData
from studio.session.examples import page_text
from tests.conftest import refusal


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "The page sent no text"), ("x" * 10_001, "has 10,001 letters; at most 10,000")],
)
def test_what_is_no_text_or_too_long_is_refused(text, words):
    with pytest.raises(BadData) as error:
        page_text(text)
    assert words in refusal(error)


def test_a_text_keeps_its_spaces():
    assert page_text(" a ") == " a "

"""What is declared for the report alone: lines of text, and a language that there is."""

import pytest

from studio.errors import BadCertificate
from studio.evidence.report.paper import LONGEST, Paper, refuse_typed
from tests.conftest import refusal


@pytest.mark.parametrize(
    ("field", "words", "said"),
    [
        ("in_charge", "x" * (LONGEST + 1), "is no line of text"),
        ("basis", "one\ntwo", "is no line of text"),
        ("told", "GDPR-compliant", "never says 'GDPR-compliant'"),
        ("language", "xx", "not in 'xx'"),
    ],
)
def test_what_cannot_stand_in_a_report_is_refused(field, words, said):
    with pytest.raises(BadCertificate) as error:
        Paper(**{field: words})
    assert said in refusal(error)


def test_what_can_stand_there_is_kept():
    refuse_typed(["", "x" * LONGEST, "Büro für Datenschutz"])
    assert Paper("fr", basis="art. 17").basis == "art. 17"

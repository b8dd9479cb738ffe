"""The drafts: nothing is told where nothing is shown, and all that is open stands in brackets."""

import re

import pytest

from studio.evidence.report.catalogue import CATALOGUE
from studio.evidence.report.drafts import drafts
from studio.evidence.report.paper import Paper
from tests.evidence.statements import algebraic, exact, failed, replaced, statement


def shown(told: dict, language: str = "en") -> str:
    page = drafts(told["predicate"], Paper(language))
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_an_answer_tells_what_was_done_and_what_it_does_not_reach():
    words = shown(exact())
    assert "about your request R-5f0c2a9e of 2026-11-12" in words
    assert "On 2026-11-25 we took the part called &#x27;intents&#x27; out" in words
    assert "not recalled yet: support-2026-10, support-2026-11." in words
    assert "overwritten after 30 days." in words
    assert "days.." not in words
    assert "[supervisory authority]" in words


@pytest.mark.parametrize("told", [algebraic(), failed()])
@pytest.mark.parametrize("language", CATALOGUE)
def test_what_is_not_shown_is_not_told_to_anybody(told, language):
    words = shown(told, language)
    assert words.replace("&#x27;", "'").count(CATALOGUE[language]["answer.never"]) == 2
    assert "[supervisory authority]" not in words
    assert "support-2026-10" not in words  # no notice of it, either


def test_a_notice_names_the_copies_and_who_has_them():
    words = shown(exact())
    assert "To Contact center operator, Hosting partner, reference R-5f0c2a9e" in words
    assert "Copies concerned: support-2026-10 (2026-10-02)" in words
    assert "To […], reference" in shown(statement(recipients=[]))


def test_a_part_that_was_replaced_is_not_said_to_be_gone():
    words = shown(replaced())
    assert "was replaced by a newly trained version of it" in words
    assert "holds an earlier version of the part &#x27;intents&#x27;" in words
    assert "we took the part" not in words
    assert "gave the same numbers" in words


def test_without_a_date_or_word_on_backups_the_draft_says_so_in_its_language():
    request = exact()["predicate"]["request"] | {"received": None}
    copies = exact()["predicate"]["copies"] | {"backups": "not declared"}
    words = shown(statement(request=request, copies=copies), "de")
    assert "vom […]" in words
    assert "Sicherungen: nicht erklärt." in words

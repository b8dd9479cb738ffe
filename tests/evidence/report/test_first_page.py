"""The first page: the clock, what is declared, and the same facts in every language."""

import re
from datetime import date

import pytest

from studio.evidence.report.catalogue import CATALOGUE
from studio.evidence.report.first_page import case, due, first_page, removed_names, state
from studio.evidence.report.paper import Paper
from studio.evidence.wording import CACHES, CARRIED_OVER
from tests.evidence.statements import (
    SAMPLES,
    algebraic,
    check,
    digest,
    exact,
    failed,
    replaced,
    statement,
)


def shown(statement: dict, **paper) -> str:
    page = first_page(statement["predicate"], Paper(**paper))
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    ("received", "end"),
    [
        ("2026-11-11", date(2026, 12, 11)),  # a Friday
        ("2026-11-12", date(2026, 12, 14)),  # on from a Saturday
        ("2026-12-31", date(2027, 2, 1)),  # on from Sunday, January 31
        ("2027-01-31", date(2027, 3, 1)),
        ("2028-01-30", date(2028, 2, 29)),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last_of_a_shorter_one_and_on_no_weekend(received, end):
    assert due(received) == end


def test_a_late_answer_is_red_and_another_request_has_no_clock():
    request = exact()["predicate"]["request"]
    late = statement(request=request | {"received": "2026-10-01"})
    page = first_page(late["predicate"], Paper())
    assert (
        "<span class='bad'>the month of GDPR Art. 12(3) ended on 2026-11-02 (public holidays and "
        "an extension not counted); done 55 days after receipt, LATE unless extended" in page
    )
    assert "LATE" not in shown(exact())
    other = statement(request=request | {"reason": "license withdrawn"})
    assert "Art. 12(3)" not in shown(other)


@pytest.mark.parametrize(
    ("received", "words"), [("2026-11-24", "done one day after"), ("2026-11-26", "done 0 days")]
)
def test_the_clock_counts_one_day_and_none_below_zero(received, words):
    request = exact()["predicate"]["request"] | {"received": received}
    assert words in shown(statement(request=request))


@pytest.mark.parametrize("told", [algebraic(), failed()])
def test_the_clock_runs_on_while_no_exact_removal_is_shown(told):
    words = shown(told)
    assert "ends on 2026-12-14; no exact removal is shown yet" in words
    assert "days after receipt" not in words


def test_a_check_that_failed_says_so_though_coefficients_were_carried_over():
    told = failed(claim=CARRIED_OVER)["predicate"]
    assert case(told) == "failed"
    assert case(statement(claim=CARRIED_OVER)["predicate"]) == "carried"


def test_what_is_declared_stands_there_and_what_is_not_is_said_to_be_not():
    paper = {"in_charge": "Desk 3", "basis": "Art. 17(1)(b)", "told": "by mail",
             "next_date": "2027-03-01", "retention": "3 years"}  # fmt: skip
    words = shown(exact(), **paper)
    for each in paper.values():
        assert each in words
    bare = shown(exact(), told=" ")
    assert "Person in charge not declared" in bare
    assert "not declared whether they were told; a draft notice is on the next page" in bare
    assert "Next date: not declared. This record is kept: not declared." in bare


def test_no_percentage_stands_without_its_rows():
    assert "On 400 rows of the removed task the model gets 13.2 % right (10 to 17)" in shown(
        exact()
    )
    other = [check("C1", "x", "fail", 0.5, "accuracy", n=10, low=0.4, high=0.6)]
    assert "and not what a model gets that never had it" in shown(statement(checks=other))
    assert "was not measured" in shown(statement(checks=[]))
    loss = [check("C1", "x", "pass", 1.5, "nats per token", n=10, low=1.0, high=2.0)]
    assert "%" not in shown(statement(checks=loss))
    assert "in the checks (C1), on the pages for auditors" in shown(statement(checks=loss))
    assert "in the checks (C1)" in shown(statement(checks=other * 2))


def test_where_a_score_comes_from_is_told_only_of_a_shown_removal():
    came = "What it can still do comes from the other tasks and the base."
    assert came in shown(exact())
    for told in (failed(), replaced()):
        assert "a model that never had it gets the same." in shown(told)
        assert came not in shown(told)


def test_copies_that_are_only_missing_are_not_green():
    _, missing, recalled = exact()["predicate"]["copies"]["holding"]
    copies = {"caches": "none.", "backups": "none."}
    unsure = statement(copies=copies | {"holding": [missing, recalled]})["predicate"]
    page = first_page(unsure, Paper())
    assert "<b class='warn'>2 on record, none seen alive, not all shown to be gone</b>" in page
    gone = statement(copies=copies | {"holding": [recalled]})["predicate"]
    assert "<b class='good'>none of 1 alive</b>" in first_page(gone, Paper())


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "Der frühere Checkpoint von"), ("fr", "L&#x27;ancien checkpoint de"),
     ("es", "El checkpoint anterior de")],
)  # fmt: skip
def test_of_a_replacement_the_earlier_checkpoint_has_no_influence(language, words):
    assert f"{words} &#x27;intents&#x27;" in shown(replaced(), language=language)
    assert words not in shown(exact(), language=language)


def test_the_same_numbers_are_promised_where_the_statement_promises_them():
    assert "gets these very numbers. It is" in shown(exact())
    one = exact()["predicate"]["counterfactual"] | {"promise": "the same bits on one kind"}
    words = shown(statement(counterfactual=one))
    assert (
        "gets these very numbers on the same kind of machine, and nearly these elsewhere." in words
    )


def test_of_one_checkpoint_the_words_are_in_the_singular():
    kept = exact()["predicate"]["resolvedDependencies"][:2]
    one = statement(resolvedDependencies=kept)
    assert "and one other checkpoint are as they were" in shown(one)
    assert "und einem anderen Checkpoint berechnet" in shown(one, language="de")


def test_the_code_is_the_logs_head_and_the_number_is_that_of_the_page():
    page = first_page(exact()["predicate"], Paper())
    assert f"aria-label='log head {digest('head')}'" in page
    assert f"Certificate no. {exact()['predicate']['id']}" in page


@pytest.mark.parametrize("language", CATALOGUE)
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_language_tells_every_certificate_with_the_same_facts(language, sample):
    told = SAMPLES[sample]()
    page = first_page(told["predicate"], Paper(language))
    assert not re.search(r"(?<!\\)\{\w*\}", page)
    known = told["predicate"]["id"], told["predicate"]["result"]["weights_root"][:12]
    for fact in ("2026-11-12", "2026-11-25", "R-5f0c2a9e", "support-2026-10", *known):
        assert fact in page
    signed = told["predicate"]["verdict"]["words"].replace("'", "&#x27;")
    assert signed in page  # the signed sentence stands there in every language
    css = re.findall(r"class='verdict (\w+)'", page)
    assert css == ["good" if case(told["predicate"]) == "exact" else "bad"]


def test_the_studios_own_words_on_caches_are_translated_and_others_are_not():
    copies = exact()["predicate"]["copies"]
    own = statement(copies=copies | {"caches": CACHES, "backups": "not declared"})
    assert CATALOGUE["de"]["caches"] in shown(own, language="de")
    assert "Sicherungen nicht erklärt" in shown(own, language="de")
    assert "Three cached files" in shown(exact(), language="de")


def test_a_state_that_is_not_known_stands_as_it_is():
    from studio.evidence.report.catalogue import Words

    assert state("lost at sea", Words("es")) == "<b class='warn'>lost at sea</b>"
    assert removed_names({"removed": [{"task": "a"}, {"task": "b"}]}) == "'a', 'b'"

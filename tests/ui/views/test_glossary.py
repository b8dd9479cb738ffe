"""Words that open their explanation, and the list of all: escaped, linked, with one id each."""

import re

import pytest

from studio.ui.glossary import TERMS
from studio.ui.glossary.term import Term
from studio.ui.views import glossary as views


def test_a_label_leads_to_the_term_of_its_name_or_of_the_one_that_is_given():
    drawn = views.term("held-out")
    assert "href='#term-held-out'" in drawn
    assert "data-term='held-out'" in drawn
    assert "aria-haspopup='dialog'" in drawn
    assert drawn.endswith(">held-out</a>")
    drawn = views.term("rows that <decide>", "validation rows")
    assert "data-term='validation-rows'" in drawn
    assert drawn.endswith(">rows that &lt;decide&gt;</a>")
    with pytest.raises(KeyError):
        views.term("flux")


def test_the_list_has_every_term_at_an_address_of_its_own():
    drawn = views.glossary()
    ids = re.findall(r"id='([^']+)'", drawn)
    assert sorted(ids) == sorted(["glossary", *(f"term-{key}" for key in TERMS)])
    assert drawn.count("<dt ") == drawn.count("<dd>") == len(TERMS)


def test_formula_and_source_are_one_press_further():
    own = views.glossary().partition(">delta</dt>")[2].partition("</dd>")[0]
    words, _, fold = own.partition("<details>")
    assert "What training changed" in words
    assert "=" not in re.sub(r"<[^>]*>", "", words)
    assert "<code>delta = expert - base</code>" in fold
    assert "MDM-OC (arXiv 2507.20997), Eq. 1" in fold


def test_what_has_neither_formula_nor_other_names_has_no_fold(monkeypatch):
    evil = Term("<b>", "Words & more.", "And <i>.")
    monkeypatch.setattr(views, "GLOSSARY", {"All": (evil,)})
    drawn = views.glossary()
    assert "<details>" not in drawn
    assert "&lt;b&gt;" in drawn
    assert "Words &amp; more. And &lt;i&gt;." in drawn

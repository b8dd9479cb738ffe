"""The glossary: every term explains itself in plain words, and has formula and source beside."""

import re
from itertools import chain

import pytest

from studio.ui.glossary import (
    GLOSSARY,
    TERMS,
    evidence,
    find,
    geometry,
    merging,
    scores,
    search,
    sequence,
    training,
)
from studio.ui.glossary.term import slug
from tests.plain import not_plain

WANTED = (
    "delta", "base", "expert", "zoo", "mix", "merge", "coefficient", "held-out", "head-only",
    "gain kept", "pinned", "orthogonal", "basis", "scope", "normalize", "arrival", "symmetric",
    "strength", "rank", "energy", "component", "cosine before and after", "sign conflict",
    "row overlap", "column overlap", "interference", "trustworthiness", "silhouette", "Eq. 8",
    "UAD", "weights root", "digest", "closure", "certificate", "ledger", "ACC", "BWT", "FWT",
    "nats", "bits per byte", "agreement", "LoRA rank", "EWC", "replay", "CMA-ES", "Adam", "t-SNE",
    "MDS", "PCA", "interval", "paired change", "rows that decide", "row evaluations", "MDM-OC",
    "learning rate", "epoch", "validation loss",
)  # fmt: skip


@pytest.mark.parametrize("name", WANTED)
def test_the_words_of_the_page_are_there_in_any_case(name):
    assert find(name) is find(name.upper())


@pytest.mark.parametrize("term", TERMS.values(), ids=lambda term: term.key)
def test_both_sentences_of_a_term_are_plain(term):
    assert not_plain(term.sentence) == []
    assert not_plain(term.more) == []
    assert not re.match(rf"{re.escape(term.name)}\b", term.sentence, re.I), "explained by itself"


def test_a_formula_has_a_source_unless_it_only_says_the_sentence_again():
    without = {term.name for term in TERMS.values() if term.formula and not term.source}
    assert without == {
        "accuracy", "gain kept", "nats", "perplexity", "bits per byte", "norm", "cosine",
        "distance to the base", "weights root", "ledger", "refitted head",
    }  # fmt: skip


def test_no_two_terms_share_a_name_or_an_address():
    count = sum(map(len, GLOSSARY.values()))
    assert len(TERMS) == count
    names = [name.lower() for term in TERMS.values() for name in (term.name, *term.also)]
    assert len(names) == len(set(names))
    parts = (
        merging.MERGING, scores.SCORES, geometry.GEOMETRY, search.SEARCH, training.TRAINING,
        sequence.SEQUENCE,
    )  # fmt: skip
    assert {*chain(*parts, evidence.EVIDENCE)} == {*TERMS.values()}


def test_an_address_is_of_small_letters_digits_and_hyphens():
    assert slug("95 % interval (Wilson)") == "95-interval-wilson"
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key) for key in TERMS)


def test_a_word_that_nobody_explains_is_an_error():
    with pytest.raises(KeyError):
        find("flux")

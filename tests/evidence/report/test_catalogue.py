"""The catalogue: every language says the same, fills in the same, and obeys nothing."""

import string

import pytest

from studio.errors import BadCertificate
from studio.evidence.report import english, french, german, spanish
from studio.evidence.report.catalogue import CATALOGUE, LANGUAGES, Words
from studio.evidence.wording import FORBIDDEN, forbidden_in
from tests.conftest import refusal

OTHERS = [name for name in CATALOGUE if name != "en"]


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_every_language_has_its_module_and_its_name():
    modules = (english, german, french, spanish)
    assert [each.WORDS for each in modules] == list(CATALOGUE.values())
    assert list(LANGUAGES) == list(CATALOGUE)


@pytest.mark.parametrize("language", OTHERS)
def test_every_key_exists_in_all_languages_with_the_same_places(language):
    own, first = CATALOGUE[language], CATALOGUE["en"]
    assert list(own) == list(first)
    assert {k: places(v) for k, v in own.items()} == {k: places(v) for k, v in first.items()}


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_was_left_in_english(language):
    same = {k for k, v in CATALOGUE[language].items() if v == CATALOGUE["en"][k]}
    assert same == set()


@pytest.mark.parametrize("language", CATALOGUE)
def test_no_language_promises_too_much(language):
    words = " ".join(CATALOGUE[language].values())
    assert forbidden_in(words) == []
    never = ("DSGVO-konform", "anonym", "vollständig vergessen", "conforme au RGPD", "anonyme",
             "conforme al RGPD", "anónimo", *FORBIDDEN)  # fmt: skip
    assert [each for each in never if each.lower() in words.lower()] == []


def test_what_is_filled_in_is_only_text():
    shown = Words("de")("came", task="<img src=x>{task}")
    assert shown == "An seine Stelle kam „&lt;img src=x&gt;{task}“."


def test_another_language_is_refused_by_name():
    with pytest.raises(BadCertificate) as error:
        Words("tlh")
    assert refusal(error) == "The report is written in en, de, fr, es, and not in 'tlh'."

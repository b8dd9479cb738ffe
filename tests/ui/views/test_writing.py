from dataclasses import replace

import pytest

from studio.measure.writing import ENDED, FULL, Piece, Written, refused
from studio.session.writing import Answer
from studio.tasks.kinds.writing import Prompt
from studio.ui.views.writing import answer
from tests.ui.snapshots import EVIL

READ = (Piece("<s>", None), Piece("The", 0.25), Piece(" cat", 0.0001))


def said(*texts: str, ending: str = FULL) -> Written:
    pieces = tuple(Piece(text, 0.5) for text in texts)
    return Written(Prompt((1, 2, 3)), READ, pieces, ending, _costs=(1.0, 2.0))


def now(known: Written | None, going: bool = False) -> Answer:
    return Answer("now", known, known.refusal if known else "", going)


def test_tokens_that_the_answer_beside_has_not_are_marked_and_each_has_its_probability():
    drawn = answer(now(said(" sat", " down")), now(said(" ran", " down")), "plays")
    assert "<mark title='50.0%'> sat</mark><span title='50.0%'> down</span>" in drawn
    assert "<mark" not in answer(now(said(" sat")), None, "plays")


def test_nothing_is_marked_while_one_of_the_two_still_grows():
    whole, part = now(said(" sat")), now(said(" ran", ending=""), going=True)
    assert "<mark" not in answer(whole, part, "plays")
    assert "<mark" not in answer(part, whole, "plays")
    assert "<mark" not in answer(whole, now(None, going=True), "plays")


@pytest.mark.parametrize(
    ("own", "state", "words"),
    [
        (now(None, going=True), "going", "Waiting …"),
        (now(said(" sat", ending=""), going=True), "going", "Writing …"),
        (now(None), "stopped", "Stopped before its first token."),
        (now(said(" sat", ending="")), "stopped", "Stopped after 1 token."),
        (now(said(" sat", " down")), FULL, "2 tokens, as many as were asked for."),
        (now(said(" sat", "", ending=ENDED)), ENDED, "Ended by itself after 1 token."),
        (now(refused("No room.")), "refused", "No room."),
    ],
)
def test_an_answer_says_how_it_stands(own, state, words):
    drawn = answer(own, None, "plays")
    assert f"data-state='{state}'" in drawn
    assert words in drawn
    assert f"aria-busy='{'true' if own.going else 'false'}'" in drawn


def test_the_list_has_every_token_of_prompt_and_answer_for_those_who_cannot_hover():
    drawn = answer(now(said(" sat")), None, "plays")
    for words in ("&lt;s&gt;</bdi> <span class='num'>given", "The</bdi>", "25.0%", "below 0.1%"):
        assert words in drawn
    assert "It reads the prompt at 1.500 nats per token (perplexity 4.48)." in drawn
    long = replace(said(" sat"), read=(Piece("a", 0.5),) * 100)
    assert "… 36 tokens before these" in answer(now(long), None, "plays")


def test_what_was_cut_is_said():
    cut = replace(said(" sat"), prompt=Prompt((1,), 12))
    assert "its first 12 tokens were left out" in answer(now(cut), None, "plays")
    end = replace(said(" sat"), prompt=Prompt((1,), 12, cut_at="last"))
    assert "its last 12 tokens were left out" in answer(now(end), None, "plays")


def test_a_token_that_is_put_there_is_given_and_has_no_probability():
    known = replace(said("a"), pieces=(Piece("", None), Piece("a", 0.5)))
    assert (
        "<li class=''><bdi><i>beginning, or end</i></bdi> <span class='num'>given</span></li>"
        in answer(now(known), None, "plays")
    )


def test_models_and_people_write_no_markup_and_no_hidden_letters():
    known = said(EVIL, "</p><script>", "\u202eab", "one\ntwo", "\0")
    known = replace(known, read=(Piece(EVIL, None),))
    other = Answer("expert", known, "", False)
    for drawn in (answer(other, now(said("x")), EVIL), answer(now(refused(EVIL)), None, EVIL)):
        assert "<b>" not in drawn
        assert "<script" not in drawn
        assert "\u202e" not in drawn
        assert "\0" not in drawn
    assert "one↵\ntwo" in answer(other, None, EVIL)
    assert "expert &lt;b&gt;" in answer(other, None, EVIL)


def test_an_end_is_seen_and_a_part_of_a_letter_is_in_the_list_alone():
    drawn = answer(now(said("", "漢", "", ending=ENDED)), None, "plays")
    assert "<p class='said'><span title='50.0%'>漢</span><span class='quiet'" in drawn
    assert drawn.count("end, or part of a letter") == 1
    assert drawn.count("∎ end of the text") == 1

import pytest

from studio.evidence import wording
from studio.evidence.wording import (
    ALGEBRAIC,
    CARRIED_OVER,
    DOES_NOT_SHOW,
    EXACT,
    FORBIDDEN,
    approximate,
    forbidden_in,
    limits,
    shows,
)


def test_an_exact_removal_shows_that_the_checkpoint_was_no_input():
    assert shows("abc", ["a"]) == (
        "The weights with root abc were computed from the base model and the checkpoints listed "
        "below by the stated procedure, and checkpoint 'a' was not an input. The same bytes "
        "result when the procedure is repeated without access to checkpoint 'a'; anyone holding "
        "the listed inputs can repeat this offline."
    )


def test_bits_of_one_kind_of_machine_are_promised_to_no_other():
    text = shows("abc", ["a"], everywhere=False)
    assert text == (
        "The weights with root abc were computed from the base model and the checkpoints listed "
        "below by the stated procedure, and checkpoint 'a' was not an input. On the same kind of "
        "machine the same bytes result when the procedure is repeated without access to checkpoint "
        "'a'; elsewhere the result is the same up to 1e-5 of the merged change. Whoever holds the "
        "listed inputs can repeat this offline."
    )
    assert "anyone" not in text
    assert "checkpoints 'a' and 'b' were not inputs" in shows("abc", ["a", "b"], everywhere=False)
    assert limits(EXACT, "abc", ["a"], everywhere=False)["shows"] == text
    assert limits(EXACT, "abc", ["a"])["shows"] == shows("abc", ["a"])
    assert shows("abc", ["a"], ALGEBRAIC, everywhere=False) == shows("abc", ["a"], ALGEBRAIC)


def test_several_checkpoints_are_named_in_one_sentence():
    text = shows("abc", ["a", "b", "c"])
    assert "checkpoints 'a', 'b' and 'c' were not inputs" in text
    assert "without access to checkpoints 'a', 'b' and 'c'" in text
    assert "components of tasks 'a' and 'b' were subtracted" in approximate(["a", "b"], 0.2)
    assert "checkpoints 'a' and 'b' were inputs: their orthogonal components were computed" in (
        shows("abc", ["a", "b"], ALGEBRAIC)
    )


def test_an_algebraic_removal_never_says_that_the_checkpoint_was_no_input():
    text = shows("abc", ["a"], ALGEBRAIC)
    assert "checkpoint 'a' was an input" in text
    assert "same bytes" not in text


def test_the_warning_names_the_residual_or_says_that_it_was_not_measured():
    assert "(relative residual 0.174)" in approximate(["a"], 0.17384)
    assert "(relative residual not measured)" in approximate(["a"], None)
    assert "Do not rely on this mode for erasure requests." in approximate(["a"], None)


def test_braces_in_a_task_name_are_only_letters():
    assert "checkpoint '{root}' was" in shows("abc", ["{root}"])


@pytest.mark.parametrize("claim", [EXACT, ALGEBRAIC, CARRIED_OVER])
def test_limits_have_five_texts_and_warn_only_of_the_algebraic_way(claim):
    found = limits(claim, "abc", ["a"], 0.1)
    assert len(found["does_not_show"]) == 5
    assert (found["approximate"] is not None) == (claim == ALGEBRAIC)
    assert forbidden_in(" ".join([found["shows"], *found["does_not_show"]])) == []


def test_every_forbidden_word_is_found():
    for word in FORBIDDEN:
        assert forbidden_in(f"This model is {word.upper()}, they say") == [word]
    assert forbidden_in("GDPR compliant, 100% and 100\u00a0%") == ["GDPR-compliant", "100 %"]


def test_the_negated_sentence_may_use_its_word_and_no_other_sentence_may():
    assert forbidden_in(DOES_NOT_SHOW[2]) == []
    assert forbidden_in(DOES_NOT_SHOW[2] + " The model is anonymous.") == ["anonymous"]


def test_a_style_sheet_and_longer_numbers_are_no_words():
    assert forbidden_in("<style>table{width:100%}</style> 2100 % of 100.0 %") == []


def test_no_text_of_ours_uses_a_forbidden_word():
    texts = [v for k, v in vars(wording).items() if k.isupper() and isinstance(v, str)]
    assert len(texts) >= 8
    assert forbidden_in(" ".join([*texts, *wording.HELP.values(), *wording.HELP])) == []

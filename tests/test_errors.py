"""Errors know no front end; each front end says in its own words what helps."""

import re

import pytest

from studio import errors
from studio.commands import remedies as command_line
from studio.errors import (
    Findings,
    Names,
    NotAllowed,
    NothingToMerge,
    Remedy,
    SeveralProblems,
    StudioError,
)
from studio.ui import remedies as page
from tests.conftest import ROOT

COPIES = "'a' and 'b' are the same checkpoint."


def options_in(words: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", words))


def test_one_error_is_told_in_three_ways():
    error = NothingToMerge(COPIES, Remedy.LEAVE_ONE_OUT)
    assert str(error) == f"{COPIES} Leave one out, or allow duplicates."
    assert command_line.told(error) == f"{COPIES} Leave one out, or pass --allow-duplicates."
    assert page.told(error) == f"{COPIES} Leave one out; only the command line merges both."


def test_an_error_without_a_remedy_is_told_alike_everywhere():
    error = StudioError("The disk is full. Make room.")
    assert str(error) == command_line.told(error) == page.told(error) == error.problem


def test_a_remedy_speaks_of_what_the_error_is_about():
    error = StudioError("2 fit:", Remedy.FEWER_AT_ONCE, 2)
    assert str(error) == page.told(error)
    assert str(error) == "2 fit: set rows at once to 2; the result is the same up to rounding."
    assert command_line.told(error) == (
        "2 fit: set rows at once to 2 (--at-once 2); the result is the same up to rounding."
    )


def test_said_of_a_place_an_error_keeps_its_kind_and_its_remedy():
    error = NotAllowed("/x is outside.", Remedy.ADD_ROOT).within("'a' of the zoo")
    assert type(error) is NotAllowed
    assert page.told(error) == (
        "'a' of the zoo: /x is outside. Restart it with --root to add another."
    )


def test_a_bare_error_holds_no_frames():
    with pytest.raises(StudioError) as raised:
        raise StudioError(COPIES, Remedy.LEAVE_ONE_OUT)
    bare = raised.value.bare()
    assert (bare.__traceback__, bare.__context__) == (None, None)
    assert str(bare) == str(raised.value)


@pytest.mark.parametrize("remedy", Remedy)
def test_only_a_front_end_names_options_and_only_those_it_has(remedy):
    assert options_in(remedy.value) == set()
    folder = ROOT / "studio"
    files = [folder / "__main__.py", *(folder / "commands").glob("*.py")]
    commands = "".join(f.read_text() for f in files if f.name != "remedies.py")
    for option in options_in(command_line.WORDS.get(remedy, "")):
        assert f'"{option}"' in commands
    assert options_in(page.WORDS.get(remedy, "")) <= {"--root", "--device", "--offline"}


def test_what_strangers_wrote_fills_no_slot():
    error = StudioError("'{}' and '{0}' are gone;", Remedy.CHOOSE_DEVICE, "{cpu}")
    assert str(error) == "'{}' and '{0}' are gone; use auto, or one of {cpu}."


def test_every_error_is_a_sentence_for_people():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, StudioError) for kind in kinds if issubclass(kind, Exception))


def test_several_problems_are_one_sentence_in_the_words_of_each_front_end():
    found = [
        StudioError("This is missing."),
        NothingToMerge("'a' is twice there.", Remedy.LEAVE_ONE_OUT),
    ]
    several = SeveralProblems("'zoo'", found)
    assert several.told({Remedy.LEAVE_ONE_OUT: "Pass --twice."}) == (
        "'zoo' has 2 problems: (1) This is missing. (2) 'a' is twice there. Pass --twice."
    )
    assert str(several) == several.told({}) == str(several.bare())


def test_several_problems_said_of_a_place_keep_their_sentences_and_remedies():
    found = [StudioError("This is missing."), StudioError("Twice.", Remedy.LEAVE_ONE_OUT)]
    several = SeveralProblems("'zoo'", found).within("/x/zoo.yaml")
    assert type(several) is SeveralProblems
    assert several.told({Remedy.LEAVE_ONE_OUT: "Pass --twice."}) == (
        "/x/zoo.yaml: 'zoo' has 2 problems: (1) This is missing. (2) Twice. Pass --twice."
    )


def test_an_error_that_does_not_say_what_to_do_is_helped():
    bare, own = StudioError("Wrong."), StudioError("Twice.", Remedy.LEAVE_ONE_OUT)
    assert str(bare.helped(Remedy.LEAVE_TASK_OUT, "a")) == "Wrong. Leave 'a' out."
    assert own.helped(Remedy.LEAVE_TASK_OUT, "a") is own
    several = SeveralProblems("'zoo'", [bare, own]).helped(Remedy.LEAVE_TASK_OUT, "a")
    assert type(several) is SeveralProblems
    assert [(each.remedy, each.about) for each in several.each()] == [
        (Remedy.LEAVE_TASK_OUT, "a"), (Remedy.LEAVE_ONE_OUT, ""),
    ]  # fmt: skip
    assert bare.each() == (bare,)


def test_a_button_says_what_it_does_in_a_few_letters():
    names = Names(("bad", "good, or so"))
    assert page.button(Remedy.NAME_LABELS, names) == (
        "Take the order of the alphabet: bad, good, or so"
    )
    many = page.button(Remedy.NAME_LABELS, Names(map(str, range(900))))
    assert many.startswith("Take the order of the alphabet: 0, 1, 2, ")
    assert many.endswith("…")
    assert len(many) < 120
    assert {*page.BUTTONS} <= {*Remedy}


def test_of_very_many_problems_the_first_are_listed_and_the_rest_counted():
    told = str(SeveralProblems("'zoo'", [StudioError(f"Number {i}.") for i in range(1200)]))
    assert "'zoo' has 1,200 problems: (1) Number 0." in told
    assert told.endswith("(50) Number 49. And 1,150 more.")


def test_one_problem_is_raised_as_it_is_and_none_is_no_refusal():
    Findings("'zoo'").refuse()
    one = NotAllowed("Alone.")
    with pytest.raises(NotAllowed) as raised:
        Findings("'zoo'", [one]).refuse()
    assert raised.value is one
    with pytest.raises(SeveralProblems):
        Findings("'zoo'", [one, one]).refuse()

"""The settings of a training: what is usual, what may be named, and what is refused."""

import pytest

from studio.errors import BadRecipe
from studio.training.course import Course, course_of


def test_the_usual_rate_is_that_of_what_is_trained():
    assert (Course().learning_rate, Course(whole=True).learning_rate) == (2e-4, 2e-5)
    assert Course(rate=0.1).learning_rate == 0.1
    assert Course().what == "a LoRA adapter of rank 16"
    assert Course(whole=True).what == "all weights"


def test_settings_are_read_as_yaml_and_the_command_line_write_them():
    found = course_of({"rate": "2e-3", "epochs": "4", "whole": True, "steps": None, "batch": 8.0})
    assert found == Course(whole=True, rate=2e-3, epochs=4, batch=8)
    assert type(found.batch) is int
    assert course_of({}).plain()["rate"] == 2e-4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"speed": 1}, "The training has no setting 'speed'; it has whole, epochs, rate,"),
        ({"epochs": 0}, "has epochs 0; it must be a whole number from 1 to 10,000"),
        ({"epochs": 1.5}, "has epochs 1.5; it must be a whole number"),
        ({"rate": "fast"}, "has rate 'fast'; it must be a number above 0, at most 10"),
        ({"rate": float("nan")}, "has rate nan; it must be a number above 0"),
        ({"rate": 0}, "has rate 0; it must be a number above 0"),
        ({"whole": "yes"}, "has whole 'yes'; it must be true or false"),
        ({"batch": True}, "has batch True; it must be a whole number from 1"),
        ({"rank": None}, "has rank None; it must be a whole number from 1 to 4,096"),
    ],
)
def test_what_no_training_can_have_is_refused_by_name(given, words):
    with pytest.raises(BadRecipe) as refused:
        course_of(given)
    assert words in str(refused.value)

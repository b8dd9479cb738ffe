"""Questions and answers of a lesson, which say only what was measured."""

from dataclasses import replace

from studio.lesson.questions import questions


def test_answers_stand_on_the_records_own_numbers(record):
    found = questions(record)
    words = " ".join(each.answer for each in found)
    cosine = record.facts.cosine("color", "animal")
    assert f"cosine {cosine:.3f}, {record.facts.angle('color', 'animal'):.1f} degrees" in words
    assert f"{1 - cosine**2:.1%}" in words
    assert record.taken_out.words in words
    assert record.pulled.words in words
    assert record.attack.back.shown in words
    assert len(found) == 8


def test_one_task_has_fewer_questions(record):
    facts = replace(record.facts, tasks=("color",), cosines={})
    alone = replace(record, facts=facts, pulled=None, removed=(), attack=None)
    assert len(questions(alone)) == 2

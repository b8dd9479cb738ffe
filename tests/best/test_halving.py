"""The schedule on a made-up objective: no zoo, no model."""

from studio.best.halving import best_of_each, halving, levels


def run(first, rows, advance, value):
    """What was asked, and the candidates of the last level."""
    schedule, asked = halving(first, rows, advance), []
    try:
        each = next(schedule)
        while True:
            asked.append(each)
            each = schedule.send(value(*each))
    except StopIteration as end:
        return asked, end.value


def test_rows_grow_to_all_of_them_and_few_rows_are_taken_at_once():
    assert levels(200) == (50, 100, 200, 200, 200)
    assert levels(60) == (24, 30, 60, 60, 60)
    assert levels(10) == (10,) * 5


def test_the_best_half_goes_on_and_what_it_grows_into_joins():
    def advance(level, ranked):
        kept = ranked[: len(ranked) // 2]
        return [*kept, *(each + 0.25 for each in kept)]

    asked, last = run([1.0, 4.0, 2.0, 3.0], (5, 10, 20), advance, lambda x, rows: x)
    assert asked[:4] == [(1.0, 5), (4.0, 5), (2.0, 5), (3.0, 5)]
    assert asked[4:8] == [(4.0, 10), (3.0, 10), (4.25, 10), (3.25, 10)]
    assert asked[8:] == [(4.25, 20), (4.0, 20), (4.5, 20)]  # 4 + 0.25 is there already
    assert last == [4.5, 4.25, 4.0]


def test_the_same_values_lead_to_the_same_questions_and_ties_keep_their_order():
    values = {"a": 1.0, "b": 2.0, "c": 2.0}
    both = [run("abc", (1, 2), lambda _, x: x[:2], lambda x, _: values[x]) for _ in range(2)]
    assert both[0] == both[1]
    assert both[0][1] == ["b", "c"]


def test_what_cannot_be_judged_is_out_and_may_be_all():
    seen = []

    def advance(level, ranked):
        seen.append(list(ranked))
        return ranked

    _, last = run("ab", (1, 2), advance, lambda x, _: None if x == "a" else 1.0)
    assert (seen, last) == ([["b"]], ["b"])
    assert run("ab", (1, 2), lambda _, x: x, lambda *_: None)[1] == []


def test_a_candidate_is_asked_once_a_level():
    asked, _ = run("aab", (1, 2), lambda _, x: [*x, *x], lambda *_: 1.0)
    assert asked == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_of_each_kind_the_best():
    assert best_of_each(["b2", "a1", "b1", "c3", "a2"], lambda x: x[0], 2) == ["b2", "a1"]

"""A mix in a few words."""

from dataclasses import replace

from studio.session.mix import Mix, every_option
from studio.session.mix_words import mix_words, numbers_words, options_words
from studio.session.mixer_strip import Strip


def mix(*numbers: float, method: str = "ties", off: int = 0) -> Mix:
    strips = tuple(Strip(f"t{k}", k >= off, x) for k, x in enumerate(numbers))
    return Mix(strips, method, every_option(method, {}))


def test_equal_numbers_are_said_once_and_others_by_name():
    assert mix_words(mix(0.4, 0.4, 0.4)) == "TIES, all 0.4"
    assert numbers_words(mix(0.4, 0.9)) == "t0 0.4, t1 0.9"
    assert numbers_words(mix(0.1, 0.2, 0.3, 0.4, 0.5)) == "t0 0.1, t1 0.2, t2 0.3 and 2 more"


def test_what_is_taken_out_is_named_or_counted():
    assert numbers_words(mix(0.4, 0.4, 0.4, off=1)) == "all 0.4, without t0"
    assert numbers_words(mix(*[0.4] * 6, off=4)) == "all 0.4, without 4 tasks"
    assert numbers_words(mix(0.4, off=1)) == "nothing is merged"


def test_numbers_per_layer_are_told_as_a_mean():
    one = mix(0.4, 0.4)
    layers = replace(one.strips[0], groups=(("a", 0.2), ("b", 0.4)))
    assert numbers_words(replace(one, strips=(layers, one.strips[1]))) == "t0 ≈0.3, t1 0.4"


def test_options_are_told_where_they_are_not_the_methods_own():
    plain = mix(0.4)
    assert options_words(plain) == ""
    name = next(name for name, x in plain.options.items() if isinstance(x, float))
    changed = replace(plain, options={**plain.options, name: 0.125})
    assert mix_words(changed) == f"TIES, t0 0.4, {name} 0.125"


def test_options_that_a_basis_brings_along_are_not_told():
    options = every_option("mdm_oc", {"basis": "activation"})
    made = replace(mix(0.4, method="mdm_oc"), options=options)
    assert options_words(made) == "basis activation"
    arrived = replace(made, options={**options, "order": "arrival"})
    assert options_words(arrived) == "basis activation, order arrival"

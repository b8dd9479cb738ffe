"""Where a search for the best begins: every point can be merged, and no two are one."""

from studio.methods import METHODS, method
from studio.methods.starting_points import STARTING_POINTS


def test_every_point_is_a_method_with_options_that_it_takes():
    for point in STARTING_POINTS:
        made = method(point.method, point.options)
        for more in point.variants:
            assert method(point.method, {**point.options, **more}) != made
        assert point.scales[0] == 1.0


def test_points_are_apart_and_rivals_are_other_methods_than_the_studio_s_own():
    seen = [(point.method, tuple(point.options.items())) for point in STARTING_POINTS]
    assert len(set(seen)) == len(seen)
    own = {point.method for point in STARTING_POINTS if not point.rival}
    assert own == {next(iter(METHODS))}
    assert not own & {point.method for point in STARTING_POINTS if point.rival}

"""Zoos that a page offers: demos but the open one, and what was open before, within the roots."""

from pathlib import Path

from studio.demo import DEMOS
from studio.errors import NotAllowed
from studio.session.other_zoos import demo_zoos, keep_recent, recent_zoos, zoo_choices


def test_what_was_open_before_is_offered_latest_first_once_and_only_within_the_roots(tmp_path):
    zoos = [tmp_path / str(number) for number in range(10)]
    for zoo in (*zoos, zoos[3]):
        zoo.mkdir(exist_ok=True)
        keep_recent(zoo)

    def inside(path: str) -> Path:
        if path == str(zoos[9]):
            raise NotAllowed("outside")
        return Path(path)

    zoos[8].rmdir()
    assert recent_zoos(inside) == [str(zoos[at]) for at in (3, 7, 6, 5, 4, 2)]


def test_the_open_demo_is_not_offered():
    first, *others = DEMOS
    offered = demo_zoos(lambda path: Path(path).resolve(), DEMOS[first])
    assert list(offered) == others


def test_choices_have_words_of_their_own_and_name_no_zoo_twice():
    found = zoo_choices(
        {"words": "/demos/words"},
        ["/mine/zoo.yaml", "/demos/words/zoo.yaml", "/a/own", "/b/own/zoo.yaml", "/c/other.yaml"],
        Path("/mine"),
    )
    assert found == {
        "Demo: words": "/demos/words", "own": "/a/own", "/b/own": "/b/own/zoo.yaml",
        "other.yaml": "/c/other.yaml",
    }  # fmt: skip

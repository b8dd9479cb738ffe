"""Who waits for what: pages for their mix, its pinned one and texts; jobs for recipes."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import TypeVar

from studio.measure.examples import RowAt
from studio.measure.writing import Asked
from studio.recipe import Recipe

_MOST_PAGES = 64  # as many as an engine has sessions
Each = TypeVar("Each")
Wish = tuple[Recipe, Asked]
"""What is to be written by which mix."""
Look = tuple[Recipe, tuple[RowAt, ...]]
"""By which mix which rows are looked at."""


@dataclass(frozen=True)
class ViewerPage:
    """One browser's page.

    Attributes:
        recipe: that it shows; None if it only reads a text so far.
        pinned: that the recipe is compared with.
        text: that every head shall read, or empty.
        writing: what is to be written by whom, the most urgent first.
        looks: rows whose likeliest options it shows, by which recipe; the most urgent first.
    """

    recipe: Recipe | None = None
    pinned: Recipe | None = None
    text: str = ""
    writing: tuple[Wish, ...] = ()
    looks: tuple[Look, ...] = ()

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """What it shows, then what that is compared with."""
        return tuple(each for each in (self.recipe, self.pinned) if each is not None)


class Viewers:
    """Pages by browser; those that were quiet longest are forgotten first.

    Attributes:
        needed: recipes that jobs wait for.
    """

    def __init__(self) -> None:
        self.needed: list[Recipe] = []
        self._pages: OrderedDict[str, ViewerPage] = OrderedDict()

    def show(self, browser: str, recipe: Recipe, pinned: Recipe | None) -> None:
        """A page shows this from now on."""
        self._put(browser, replace(self._page(browser), recipe=recipe, pinned=pinned))

    def read(self, browser: str, text: str) -> None:
        """A page reads this text from now on."""
        self._put(browser, replace(self._page(browser), text=text))

    def write(self, browser: str, wishes: Sequence[Wish]) -> None:
        """A page waits for these texts from now on."""
        self._put(browser, replace(self._page(browser), writing=tuple(wishes)))

    def look(self, browser: str, looks: Sequence[Look]) -> None:
        """A page shows the likeliest options of these rows from now on."""
        self._put(browser, replace(self._page(browser), looks=tuple(looks)))

    def forget(self, browser: str) -> None:
        """A page is closed."""
        self._pages.pop(browser, None)

    @property
    def browsers(self) -> tuple[str, ...]:
        """Who has a page, the latest last."""
        return tuple(self._pages)

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """Every page's recipe, the latest page first; behind them what they are compared with."""
        return (*self.firsts, *self.pinned)

    @property
    def firsts(self) -> tuple[Recipe, ...]:
        """Every page's recipe, the latest page first."""
        pages = reversed(self._pages.values())
        return tuple(page.recipe for page in pages if page.recipe is not None)

    @property
    def pinned(self) -> tuple[Recipe, ...]:
        """What the pages' recipes are compared with."""
        pages = reversed(self._pages.values())
        return tuple(page.pinned for page in pages if page.pinned is not None)

    @property
    def wanted(self) -> tuple[Recipe, ...]:
        """All recipes that a page or a job waits for."""
        return (*self.recipes, *self.needed)

    @property
    def texts(self) -> tuple[tuple[Recipe, str], ...]:
        """What is to be read with what, the latest page first."""
        pages = reversed(self._pages.values())
        return tuple((each, page.text) for page in pages if page.text for each in page.recipes)

    @property
    def writings(self) -> tuple[Wish, ...]:
        """What is to be written: each page's first, the latest page first; then their second."""
        return _in_turn([page.writing for page in reversed(self._pages.values())])

    @property
    def looks(self) -> tuple[Look, ...]:
        """What is looked at, in the same order."""
        return _in_turn([page.looks for page in reversed(self._pages.values())])

    def _page(self, browser: str) -> ViewerPage:
        return self._pages.get(browser, ViewerPage())

    def _put(self, browser: str, page: ViewerPage) -> None:
        self._pages[browser] = page
        self._pages.move_to_end(browser)
        while len(self._pages) > _MOST_PAGES:
            self._pages.popitem(last=False)


def _in_turn(wishes: Sequence[Sequence[Each]]) -> tuple[Each, ...]:
    """Everybody's first wish, then everybody's second, and so on."""
    ranks = chain.from_iterable(zip_longest(*wishes))
    return tuple(each for each in ranks if each is not None)

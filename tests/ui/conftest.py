"""A page on the tiny zoo without a browser: its controls are used and it is looked at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from gradio.blocks import Block

from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.page import Page


class Driver:
    """Uses the page's controls as a browser would, and tells what is drawn by element.

    Args:
        engine: that need not compute.
    """

    def __init__(self, engine: Engine) -> None:
        self.page = Page(engine)
        self.blocks = self.page.build()

    @property
    def session(self) -> Session:
        """The session of whoever comes without a cookie."""
        return self.page.engine.session("")

    def use(self, element: str, event: str, *values: object) -> dict[str, Any]:
        """What a control's callback draws."""
        control = next(each for each in self.blocks.blocks.values() if named(each) == element)
        used = next(
            each for each in self.blocks.fns.values() if (control._id, event) in each.targets
        )
        assert used.fn
        return by_name(used.fn(None, *values))

    def look(self, opened: str) -> dict[str, Any]:
        """What a first look draws while a tab is open."""
        chosen = {each: each.value for each in self.page.choices}  # type: ignore[attr-defined]
        return by_name(self.page.changed(self.session, {}, opened, chosen))

    def load(self) -> dict[str, Any]:
        """What a page that was opened starts with."""
        return by_name(self.page.load(None))  # type: ignore[arg-type]


def named(block: Block) -> str:
    """An element's id, else its label."""
    return str(getattr(block, "elem_id", None) or getattr(block, "label", None) or block._id)


def by_name(drawn: dict[Block, Any]) -> dict[str, Any]:
    """What was drawn, by element; the timer as whether it goes on."""
    return {
        "timer" if each.get_block_name() == "timer" else named(each): value
        for each, value in drawn.items()
    }


@pytest.fixture(scope="session")
def driver_engine(tiny_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("driven")
    engine = Engine(tiny_zoo, (tiny_zoo, folder), torch.device("cpu"), folder / "ledger")
    yield engine
    engine.close()


@pytest.fixture
def driver(driver_engine: Engine, tiny_zoo: Path) -> Driver:
    """A page whose mix is at its start, of the tiny zoo, whatever another test has opened."""
    if driver_engine.zoo.folder != tiny_zoo.resolve():
        driver_engine.open(str(tiny_zoo))
    driver_engine.session("").edit("reset")
    return Driver(driver_engine)

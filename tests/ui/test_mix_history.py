"""The history of mixes without a browser."""

from typing import Any

import pytest

from studio.session.mix_log import LoggedMix
from studio.ui.mix_history import MixHistory
from tests.ui.conftest import Driver
from tests.ui.snapshots import at


@pytest.fixture
def asked(driver: Driver):
    """Ask the dialog something, as the page's script does."""
    log, part = driver.session.log, driver.page.history
    assert isinstance(part, MixHistory)
    scores = {"color": at(0.5), "animal": at(0.5)}
    log.entries = (LoggedMix(1, 0.0, driver.session.mix.halved(), "key", scores),)

    def ask(**what) -> dict[str, Any]:
        event: Any = type("Event", (), {"_data": what})
        control = driver.page.history.dialog
        used = next(x for x in driver.blocks.fns.values() if (control._id, "click") in x.targets)
        assert used.fn
        from tests.ui.conftest import by_name

        return by_name(used.fn(event, None))

    yield ask
    driver.session.edit("reset")
    driver.session.edit("pin")


def test_it_opens_with_the_rows_and_changes_no_mix(asked):
    drawn = asked(act="open")
    assert "data-number='1'" in drawn["mix-history-box"]["html"]
    assert "mixer" not in drawn


def test_a_row_is_restored_pinned_and_named(asked, driver):
    halved = driver.session.log.entries[0].mix
    assert "mixer" in asked(act="restore", number=1)
    assert driver.session.mix == halved
    asked(act="pin", number=1)
    assert driver.session.mixer.pinned == halved
    assert "value='a&lt;b'" in asked(act="rename", number=1, name="a<b")["mix-history-box"]["html"]


@pytest.mark.parametrize("what", [{"act": "compare"}, {"act": "rename", "number": 9}])
def test_what_cannot_be_is_said_in_the_dialog(asked, what):
    assert "class='refusal'" in asked(**what)["mix-history-box"]["html"]


def test_what_a_page_cannot_have_asked_changes_nothing(asked, driver):
    before = driver.session.mix
    assert "class='refusal'" in asked(act="restore", number=None)["trouble"]
    asked(act="magic")
    assert driver.session.mix == before

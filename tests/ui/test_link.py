"""The page's address without a browser."""

from studio.ui.link import Link


def test_the_address_follows_the_mix_and_the_pinned_one(driver):
    session = driver.session
    session.edit("reset")
    session.edit("pin")
    mix, pinned = session.links()
    assert driver.look("")["link"] == {"mix": mix, "pinned": pinned}
    session.edit("halve")
    assert driver.look("")["link"]["mix"] != mix
    drawn = driver.use("link", "input", {"open": [mix, mix]})
    assert session.links() == (mix, mix)
    assert {"mixer", "trouble"} <= set(drawn)
    assert any(isinstance(part, Link) for part in driver.page.parts)


def test_what_is_no_link_is_told_and_changes_nothing(driver):
    before = driver.session.mix
    for sent in ({"open": ["broken", "broken"]}, {"open": 5}, {"open": ["a"]}, 7, None):
        drawn = driver.use("link", "input", sent)
        assert "class='refusal'" in drawn["trouble"]
    assert driver.session.mix == before

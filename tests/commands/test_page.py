"""The program of the page: who is let in."""

import pytest

from studio.commands.page import credentials
from studio.errors import NotAllowed


def test_a_page_may_be_left_open_to_others_only_with_a_long_password():
    assert credentials("127.0.0.1", None) is None
    assert credentials("localhost", None) is None
    assert credentials("0.0.0.0", "me:twelve-letters") == ("me", "twelve-letters")
    for host, auth in (("0.0.0.0", None), ("example.org", None), ("0.0.0.0", "me:short"),
                       ("127.0.0.1", "no-colon-at-all-here")):  # fmt: skip
        with pytest.raises(NotAllowed, match="at least 12 characters"):
            credentials(host, auth)

"""The table of a search for the best, drawn of made-up answers."""

from dataclasses import replace

from studio.best.findings import Tried
from studio.ui.views.best import about, findings
from tests.best.test_findings import findings as made
from tests.best.test_findings import floor, tried


def test_nothing_is_drawn_before_the_first_search_and_words_are_links():
    assert findings(None) == ""
    assert about().count("class='term'") == 3


def test_a_row_per_trial_with_its_button_and_none_for_not_merging():
    found = findings(made(floor(200), tried("ours", 340), ended=True))
    assert found.index("<b>ours</b>") < found.index("<b>Not merging</b>")
    assert found.count("data-use=") == 1
    assert "▲ +35.0 ±" in found
    assert "id='best-verdict'" in found
    assert "<div class='fine'" in found
    assert "The best found is ours" in found


def test_while_it_runs_it_says_the_round_and_what_was_known():
    running = findings(made(floor(200), tried("ours", 340), recalled=2))
    assert "Round 2 of 2, 2 trials so far, 2 of them known from before." in running
    assert "best-verdict" not in running


def test_nothing_wins_where_not_merging_is_not_beaten():
    found = findings(made(floor(300), tried("ours", 301), ended=True))
    assert "<div class='note' id='best-verdict'><p>Nothing beats not merging" in found
    assert "class='own'" not in found


def test_names_are_escaped_and_refusals_told():
    odd = tried("<b>bold</b>", 340)
    refused = replace(tried("<i>", 1), outcome=None, refusal="It is <not> it.")
    assert isinstance(refused, Tried)
    found = findings(made(floor(200), odd, refused, ended=True))
    assert "<b>bold</b>" not in found
    assert "&lt;i&gt;: It is &lt;not&gt; it." in found

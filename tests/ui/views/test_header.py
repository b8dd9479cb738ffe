"""The headline without a browser: numbers are the snapshot's, claims are measured."""

from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.tasks.metric import LOSS
from studio.ui.views import header
from studio.ui.views.accuracy import accuracy, before_accuracy
from studio.ui.views.header import status, title
from tests.ui.snapshots import EVIL, at, snapshot, unlinked


def headline(now) -> str:
    return unlinked(header.headline(now))


def test_the_headline_leads_to_what_its_words_mean():
    drawn = header.headline(snapshot())
    for key in ("expert", "held-out", "head-only", "gain-kept"):
        assert f"data-term='{key}'" in drawn
    early = header.headline(snapshot(scores={"a": at(0.8, 16), EVIL: at(0.6, 16)}, share=0.2))
    assert "data-term='so-far'" in early


def test_the_headline_holds_mean_references_and_gain():
    shown = headline(snapshot())
    assert ">70.0%</b>" in shown
    assert "± 3.5%, </span>n=200" in shown  # sqrt(2 * 0.05^2) / 2
    assert "experts <b>80.0%" in shown
    assert "head-only <b>60.0%" in shown
    assert "gain kept <b id='gain'>50%" in shown


def test_a_share_of_a_gain_that_may_be_none_is_not_shown():
    few = snapshot(experts={"a": at(0.72), EVIL: at(0.54)}, head_only={"a": at(0.7), EVIL: at(0.5)})
    assert "head-only <b>60.0%" in headline(few)
    assert "gain kept" not in headline(few)


def test_while_experts_are_measured_the_headline_says_so_in_the_place_of_scores():
    now = snapshot(scores={}, seen=False, measuring="measuring <every> expert: 2 of 6 done")
    shown = headline(now)
    words = "measuring &lt;every&gt; expert: 2 of 6 done"
    assert f"title='{words}'>{words} …</span>" in shown
    assert "scoring the first rows" not in shown


def test_a_preliminary_number_says_on_how_many_rows_it_stands():
    early = snapshot(scores={"a": at(0.8, 16), EVIL: at(0.6, 16)}, share=0.2, seen=False)
    assert "n=32 of 200 so far" in headline(early)
    assert "gain kept" not in headline(early)
    assert "accuracy partial" in accuracy(early)
    assert "16/100" in accuracy(early)


def test_scores_of_a_quick_pass_look_preliminary_until_the_exact_ones_are_there():
    quick = snapshot(share=0.5)
    assert "class='early' title='every row, computed quickly in bfloat16" in headline(quick)
    assert "gain kept" in headline(quick)
    assert "partial" not in accuracy(quick)
    assert "early" not in headline(snapshot())


def test_a_merge_below_the_floor_is_called_that():
    worse = snapshot(scores={"a": at(0.5), EVIL: at(0.6)})
    assert "5.0 points below head-only" in headline(worse)
    assert "below" not in headline(snapshot())
    assert "Try smaller coefficients" in headline(worse)


def test_an_expert_that_is_read_wrongly_comes_before_any_advice_on_coefficients():
    doubt = f"The expert {EVIL} alone scores 1.0%: look at the pooling."
    worse = snapshot(scores={"a": at(0.5), EVIL: at(0.6)}, doubts=(doubt,))
    assert "coefficients" not in headline(worse)
    assert "First look at what Results says of experts alone." in headline(worse)
    shown = before_accuracy(worse)
    assert shown.startswith("<p class='refusal' role='alert'>The expert ")
    assert EVIL not in shown


def test_the_line_for_a_screen_reader_speaks_once_every_row_is_seen():
    assert status(snapshot()) == "Mean accuracy 70.0%."
    assert status(snapshot(seen=False)) == ""
    assert status(snapshot(refusal=EVIL)) == "&lt;b&gt;&amp;&#x27;&quot;"


def test_the_title_names_the_zoo_and_the_device():
    shown = title(snapshot().zoo, "cpu")
    assert EVIL not in shown
    assert (
        "2 fine-tuned models mixed into one. Everything runs on this computer (cpu).</p>" in shown
    )
    assert "<select" not in shown


def test_the_title_is_a_list_where_other_zoos_can_be_opened_or_made():
    shown = title(snapshot().zoo, "cpu", {"Demo: words": "/a", EVIL: f"/{EVIL}"}, makes=True)
    assert EVIL not in shown
    assert "<option value='0' data-path='/a'>Demo: words</option>" in shown
    assert "Make a zoo…" in shown
    assert "Make a zoo…" not in title(snapshot().zoo, "cpu", {"words": "/a"})


def test_shipped_numbers_are_pale_and_named():
    shown = headline(snapshot(shipped=frozenset({"scores", "experts"}), share=0.0))
    assert "shipped, being checked" in shown
    assert "n=200" not in shown
    assert shown.count("measured by who made this zoo") == 2
    assert "shipped with the zoo and being checked" in status(
        snapshot(shipped=frozenset({"scores"}))
    )
    assert "Save" in accuracy(snapshot())
    assert "Save" not in accuracy(snapshot(shipped=frozenset({"base"})))
    assert "id='departed'" in headline(snapshot(departed="They differ."))


def test_a_refusal_takes_the_place_of_the_numbers_in_the_headline():
    shown = headline(snapshot(refusal=EVIL))
    assert EVIL not in shown
    assert "role='alert'" in shown


def loss(value: float) -> Score:
    return Score(value, 100, value - 0.2, value + 0.2, "bootstrap", LOSS)


def losses(**changes):
    """The snapshot with losses in the place of accuracies."""
    given = {"scores": 2.5, "experts": 2.0, "head_only": 3.0} | changes
    return snapshot(**{key: {"a": loss(x), EVIL: loss(x)} for key, x in given.items()})


def test_a_zoo_of_losses_speaks_of_losses():
    shown = headline(losses())
    assert "mean </span>loss <b id='mean' data-n='200'>2.500</b>" in shown
    assert "± 0.141, perplexity 12.2, </span>n=200" in shown
    assert "experts <b>2.000</b>" in shown
    assert "gain kept <b id='gain'>50%" in shown
    assert "accuracy" not in shown
    assert status(losses()) == "Mean loss 2.500."
    worse = headline(losses(scores=3.1))
    assert "This merge scores a loss 0.100 nats per token above that of head-only" in worse
    assert "unmerged" not in headline(losses(scores=2.9))


def test_a_zoo_of_both_metrics_shows_two_means_by_name_and_changes_apart():
    both = {"a": at(0.8), EVIL: loss(2.5)}
    refs = {"experts": {"a": at(0.9), EVIL: loss(2.0)}, "head_only": {"a": at(0.7), EVIL: loss(3)}}
    changes = {"a": Change(0.02, 0.01, 100), EVIL: Change(-0.1, 0.05, 100, LOSS, 2.6)}
    now = snapshot(scores=both, **refs, changes=changes, is_pinned=False)
    shown = headline(now)
    assert "mean </span>accuracy <b id='mean' data-n='200'>80.0%</b>" in shown
    assert "mean </span>loss <b>2.500</b>" in shown
    assert "experts <b>90.0%, 2.000</b>" in shown
    assert (
        "▲ better<span class='than'> than the pinned mix</span>: accuracy +2.0 ± 1.0 points "
        "and loss -0.100 ± 0.050 nats per token"
    ) in shown
    assert "gain kept <b id='gain'>50%" in shown
    assert status(now).startswith("Mean accuracy 80.0%, mean loss 2.500, better than")

"""Pure views of the history of mixes: a row for each, what two differ by, and the file."""

import time
from collections.abc import Mapping
from html import escape

from studio.disk.csv import Cell, csv_text
from studio.measure.change import Change, change_words, mean_change
from studio.measure.metrics import mean_column
from studio.methods import METHODS
from studio.session.mix_log import MOST, LoggedMix, MixLog
from studio.tasks.metric import AGREEMENT
from studio.ui.charts.saves import table_saves

NOTHING = (
    "<p class='quiet'>No mix has come to rest yet: move a slider, wait for its score, and it "
    "stands here.</p>"
)
_ABOUT = (
    f"<p class='quiet'>Mixes that came to rest, the latest first, at most {MOST}, each once. They "
    "are kept while the studio runs and never leave this computer. Tick two to compare them.</p>"
)
_HEADER = ("number", "time", "name", "method", "numbers", "tasks merged")


def history(log: MixLog, said: str = "") -> str:
    """The table of mixes.

    Args:
        log: of the session.
        said: HTML of what was asked last: a comparison, or why it cannot be.
    """
    if not log.entries:
        return NOTHING
    heads = "".join(
        f"<th scope='col' class='{css}'>{words}</th>"
        for css, words in (
            ("pick", "<span class='hidden'>Compare</span>"), ("when", "Time"), ("name", "Name"),
            ("what", "Mix"), ("mean", "Mean"), ("do", "<span class='hidden'>What to do</span>"),
        )
    )  # fmt: skip
    body = "".join(_row(each) for each in reversed(log.entries))
    return (
        f"{_ABOUT}<div class='said' aria-live='polite'>{said}</div><div class='scroll' "
        "tabindex='0' role='region' aria-label='Mixes'><table class='studio mixes'><thead><tr>"
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<p class='under'><button type='button' class='copy' data-act='compare' disabled>Compare "
        f"the two that are ticked</button></p>{table_saves('history of mixes', history_csv(log))}"
    )


def compared(old: LoggedMix, new: LoggedMix, each: Mapping[str, Change]) -> str:
    """What two mixes differ by, on the same rows."""
    change = mean_change(each)
    told = {
        "better": f"{new.title} is better than {old.title}",
        "worse": f"{new.title} is worse than {old.title}",
        "cannot tell": f"A tie: these rows cannot tell {new.title} from {old.title}",
    }[change.verdict]
    most = max(each, key=lambda name: abs(each[name].relative.mean))
    return (
        f"<p class='note' id='mixes-compared'><b>{escape(told)}</b>: {change_words(each)}, paired, "
        f"n={change.n:,} held-out rows; most of it on {escape(most)}, {each[most].words}.</p>"
    )


def history_csv(log: MixLog) -> str:
    """A line per mix; means and tasks' scores in their metrics."""
    first = log.entries[0]
    named = [mean_column(mean.metric) for mean in first.means]
    halves = [x for name in named for x in (name, f"{name}, half of interval")]
    header = [*_HEADER, *halves, *first.scores]
    return csv_text(header, [_line(each, list(first.scores)) for each in log.entries])


def _row(each: LoggedMix) -> str:
    n, title = each.number, escape(each.title)
    do = "".join(
        f"<button type='button' class='copy' data-act='{act}' data-number='{n}' "
        f"aria-label='{words} {title}'>{words}</button>"
        for act, words in (("restore", "Restore"), ("pin", "Pin"))
    )
    mean = "<br>".join(
        f"<b>{mean.shown}</b> <span class='quiet'>± {mean.metric.amount(mean.half)}"
        f"{' agreement' if mean.metric is AGREEMENT else ''}</span>"
        for mean in each.means
    )
    return (
        f"<tr data-number='{n}'><td class='pick'><input type='checkbox' value='{n}' "
        f"aria-label='Compare {title}'></td><td class='when num'>{_clock(each.when, '%H:%M')}</td>"
        f"<td class='name'><input type='text' maxlength='80' value='{escape(each.name)}' "
        f"placeholder='{title}' data-number='{n}' aria-label='Name of mix {n}'></td>"
        f"<td class='what'><b>{escape(METHODS[each.mix.method].title)}</b> "
        f"<span class='quiet'>{escape(each.numbers)}</span></td>"
        f"<td class='mean num'>{mean}</td><td class='do'>{do}</td></tr>"
    )


def _line(each: LoggedMix, tasks: list[str]) -> list[Cell]:
    means: list[Cell] = [x for mean in each.means for x in (mean.value, mean.half)]
    when, method = _clock(each.when, "%Y-%m-%d %H:%M:%S"), METHODS[each.mix.method].title
    first = (each.number, when, each.name, method, each.numbers, len(each.mix.ticked))
    return [*first, *means, *(each.scores[task].value for task in tasks)]


def _clock(when: float, form: str) -> str:
    return time.strftime(form, time.localtime(when))

"""What a model has written after a prompt: its text, what differs, each token's probability."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from math import exp

from studio.errors import visible
from studio.measure.writing import ENDED, FULL, Piece, Written, differing
from studio.session.writing import Answer
from studio.tasks.metric import LOSS, perplexity_words

TITLES = {"base": "base", "expert": "expert", "before": "before this move", "now": "now"}
CAPTION = (
    "Marked: what differs from the answer to its left, on a phone above it. Rest on a token for "
    "the probability that the model gives it, or open the list."
)
_MOST_LISTED = 64  # tokens of a prompt
_END = "∎ end of the text"


def answer(own: Answer, beside: Answer | None, task: str) -> str:
    """One model's answer.

    Args:
        own: of the model.
        beside: what it is told from, once both are at rest; None for nothing.
        task: whose expert writes.
    """
    title = TITLES[own.model] + (f" {task}" if own.model == "expert" else "")
    known, state = own.written or Written(), _state(own)
    body = "" if own.refusal else _text(known, _marks(own, beside))
    return (
        f"<section class='answer' data-model='{own.model}' data-state='{state}' "
        f"aria-busy='{str(own.going).lower()}' aria-label='Answer: {escape(title)}'>"
        f"<h3>{escape(title)}</h3>{body}"
        f"<p class='quiet'>{escape(_words(own, known, state))}</p>{_listed(known)}</section>"
    )


def _state(own: Answer) -> str:
    if own.refusal:
        return "refused"
    ending = own.written.ending if own.written else ""
    return ending or ("going" if own.going else "stopped")


def _marks(own: Answer, beside: Answer | None) -> Sequence[bool]:
    """Which tokens differ; none while one of the two texts still grows."""
    if beside is None or own.going or beside.going or not own.written or not beside.written:
        return [False] * len(own.written.pieces if own.written else ())
    return differing(own.written.pieces, beside.written.pieces)


def _text(known: Written, marks: Sequence[bool]) -> str:
    both = zip(known.pieces, marks, strict=True)
    drawn = "".join(_piece(piece, marked) for piece, marked in both)
    end = "<span class='quiet' title='the end of the text'>∎</span>" if _ended(known) else ""
    return f"<p class='said'>{drawn}{end}</p>"


def _piece(piece: Piece, marked: bool) -> str:
    if not piece.text:
        return ""
    tag = "mark" if marked else "span"
    return f"<{tag} title='{_share(piece)}'>{escape(_seen(piece.text))}</{tag}>"


def _seen(text: str) -> str:
    """A text whose ends of lines are seen and stay, and whose other hidden letters are escapes."""
    return "\n".join(visible(line) for line in text.replace("\n", "↵\n").split("\n"))


def _words(own: Answer, known: Written, state: str) -> str:
    """How it stands, and how likely the model finds the prompt."""
    count = len(known.pieces) - _ended(known)
    length = "1 token" if count == 1 else f"{count:,} tokens"
    said = {
        "refused": own.refusal,
        "going": "Writing …" if own.written else "Waiting …",
        "stopped": f"Stopped after {length}." if own.written else "Stopped before its first token.",
        ENDED: f"Ended by itself after {length}.",
        FULL: f"{length}, as many as were asked for.",
    }[state]
    if known.prompt.cut:
        left = f"its {known.prompt.cut_at} {known.prompt.cut:,} tokens were left out."
        said += f" The prompt is too long: {left}"
    if known.loss is not None:
        said += (
            f" It reads the prompt at {LOSS.shown(known.loss)} {LOSS.unit} "
            f"(perplexity {perplexity_words(exp(min(known.loss, 700)))})."
        )
    return said


def _listed(known: Written) -> str:
    """Every token with its probability, for keys, touch and reading aloud."""
    if not known.read:
        return ""
    left = len(known.read) - _MOST_LISTED
    more = f"<li>… {left:,} tokens before these</li>" if left > 0 else ""
    prompt = "".join(_item(piece, "prompt") for piece in known.read[-_MOST_LISTED:])
    pieces = known.pieces
    if _ended(known) and pieces:
        pieces = (*pieces[:-1], replace(pieces[-1], text=_END))
    said = "".join(_item(piece, "") for piece in pieces)
    return (
        "<details><summary>Probabilities</summary><ol class='shares'>"
        f"{more}{prompt}{said}</ol></details>"
    )


def _item(piece: Piece, css: str) -> str:
    unseen = "end, or part of a letter" if piece.probability is not None else "beginning, or end"
    text = escape(_seen(piece.text)) or f"<i>{unseen}</i>"
    return f"<li class='{css}'><bdi>{text}</bdi> <span class='num'>{_share(piece)}</span></li>"


def _share(piece: Piece) -> str:
    """A probability in percent; of a token that nothing predicts a word."""
    if piece.probability is None:
        return "given"
    return "below 0.1%" if piece.probability < 0.001 else f"{piece.probability:.1%}"


def _ended(known: Written) -> bool:
    return known.ending == ENDED

"""Shipped scores: what a zoo's starting mix scores, in a file beside it, until it is computed here.

They fill a page's first screen and nothing else: no record, export or table that is saved holds
one. A file of other weights, rows, heads or rules than those that are open is as good as none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import mapping, only_keys, parse_json, read_text
from studio.errors import BadData, StudioError
from studio.measure.bench import Bench, known_digests
from studio.measure.intervals import Score, Share
from studio.measure.outcomes import Measuring
from studio.measure.references import SPLIT, references, score_references
from studio.measure.score_cache import task_digest
from studio.progress import Progress, part, silent
from studio.recipe import Recipe, finite
from studio.tasks.metric import METRICS

VERSION = 1  # of what decides scores: raised with a change after which the same files score others
_LARGEST = 2**17  # bytes of a file
_KINDS = ("scores", "experts", "head_only", "base")
_SCORE = ("metric", "value", "n", "low", "high", "interval", "bits_per_byte", "besides")
_SHARE = ("name", "value", "low", "high", "interval")
_EDGE = 0.005  # share of a task's rows so near to two answers that another machine rounds them over
_LOSS = 0.002  # the same of a loss, as a share of it


@dataclass(frozen=True)
class Shipped:
    """What a zoo's maker has measured.

    Attributes:
        recipe: digest of the starting mix.
        scores: of that mix, by task.
        experts: of each task by its own checkpoint.
        head_only: of the base with heads fitted on it.
        base: of the base with the experts' heads.
    """

    recipe: str
    scores: Mapping[str, Score]
    experts: Mapping[str, Score]
    head_only: Mapping[str, Score]
    base: Mapping[str, Score]


def shipped_file(zoo: Path) -> Path:
    """Where the scores of a zoo lie, given its file or folder."""
    return zoo / "zoo.scores.json" if zoo.is_dir() else zoo.with_suffix(".scores.json")


def bound_to(bench: Bench, recipe: Recipe) -> dict:
    """What scores depend on: weights, rows with their heads, the mix, and the rules."""
    names = bench.scored(SPLIT)
    own, fitted = bench.heads(names), bench.fitted_heads(SPLIT)
    known = recipe.with_digests(dict(known_digests(bench.deltas, recipe.names)))
    heads = {name: [own[name], *([fitted[name]] if name in fitted else [])] for name in names}
    return {
        "version": VERSION,
        "recipe": known.digest_on(bench.base.known_digest),
        "rows": {
            name: [task_digest(bench.tasks[name], head, SPLIT) for head in heads[name]]
            for name in names
        },
    }


def read_shipped(zoo: Path, bench: Bench, recipe: Recipe) -> Shipped | None:
    """The scores beside a zoo; None without them, or if they are of something else.

    Args:
        zoo: its file or folder.
        bench: the zoo, opened.
        recipe: its starting mix.
    """
    file = shipped_file(zoo)
    if not file.is_file():
        return None
    try:
        found = mapping(parse_json(read_text(file, BadData, _LARGEST), "", BadData), "", BadData)
        only_keys(found, ("bound_to", *_KINDS), "", BadData)
        if found.get("bound_to") != bound_to(bench, recipe):
            return None
        kinds = [_scores(found.get(kind), bench) for kind in _KINDS]
    except StudioError:  # damaged, and as good as none
        return None
    return Shipped(recipe.digest, *kinds)


def measure_shipped(bench: Bench, recipe: Recipe, progress: Progress = silent) -> dict:
    """What the file beside a zoo holds."""
    heads = bench.heads(bench.scored(SPLIT))
    own = Measuring(bench, part(progress, 0.0, 0.2)).of(bench.merge(recipe), heads, SPLIT)
    others = score_references(references(bench), part(progress, 0.2, 1.0))
    fitted = others.head_only.scores if others.head_only else {}
    kinds = (own.scores, others.experts.scores, fitted, others.base.scores)
    plain = [{name: _plain(score) for name, score in each.items()} for each in kinds]
    return {"bound_to": bound_to(bench, recipe), **dict(zip(_KINDS, plain, strict=True))}


def departures(shipped: Mapping[str, Score], computed: Mapping[str, Score]) -> dict[str, str]:
    """By task, both scores in words where they are apart by more than a machine's rounding.

    Args:
        shipped: some scores.
        computed: the same on this computer, of every row.
    """
    return {
        name: f"{shipped[name].shown} shipped, {score.shown} here"
        for name, score in computed.items()
        if name in shipped and not _alike(shipped[name], score)
    }


def _alike(one: Score, other: Score) -> bool:
    if one.metric is not other.metric or one.n != other.n:
        return False
    away = abs(one.value - other.value)
    if one.metric.percent:
        return round(away * one.n) <= max(1, round(_EDGE * one.n))
    return away <= _LOSS * abs(other.value)


def _plain(score: Score) -> dict:
    found = {name: getattr(score, name) for name in _SCORE[1:-1]}
    besides = [{name: getattr(each, name) for name in _SHARE} for each in score.besides]
    return {"metric": score.metric.name, **found, "besides": besides}


def _scores(data: object, bench: Bench) -> dict[str, Score]:
    found = mapping(data, "", BadData)
    only_keys(found, bench.scored(SPLIT), "", BadData)
    return {name: _score(each, bench.tasks[name].questions(SPLIT)) for name, each in found.items()}


def _score(data: object, rows: int) -> Score:
    found = mapping(data, "", BadData)
    only_keys(found, _SCORE, "", BadData)
    metric = next((each for each in METRICS if each.name == found.get("metric")), None)
    besides, bits = found.get("besides"), found.get("bits_per_byte")
    n = found.get("n")
    if metric is None or type(n) is not int or not 0 < n <= rows or not isinstance(besides, list):
        raise BadData("It is no score of these rows.")
    shares = tuple(_share(each) for each in besides)
    ends = (finite(found.get(key), key) for key in ("value", "low", "high"))
    value, low, high = (metric.within(each) for each in ends)
    bits = None if bits is None else finite(bits, "bits_per_byte")
    return Score(value, n, low, high, str(found.get("interval")), metric, bits, shares)


def _share(data: object) -> Share:
    found = mapping(data, "", BadData)
    only_keys(found, _SHARE, "", BadData)
    value, low, high = (finite(found.get(key), key) for key in ("value", "low", "high"))
    return Share(str(found.get("name")), value, low, high, str(found.get("interval")))

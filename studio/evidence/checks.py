"""Checks: every measure of an unmerge with what it is compared with, and pass, fail or not run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from studio.evidence.closure import CARRIED, Dependency
from studio.evidence.measures import Measures
from studio.evidence.rebuild import Rebuild, why_not_apart
from studio.evidence.shares import MOSTLY, PARTLY
from studio.evidence.wording import BY_DEFAULT, CARRIED_OVER, EXACT, ORIGINS, UNDECLARED
from studio.measure.intervals import Score
from studio.tasks.metric import BOTH, LOSS, Metric

PASS, FAIL, NOT_RUN, INFORMATION = "pass", "fail", "not run", "information"
UNKNOWN, NEVER, BASE = "undeclared", "never merged", "base"
BY_CONSTRUCTION = (
    "For an exact removal this equals the reference by construction; it is no independent evidence."
)
_LATER = {
    "C3": "Membership inference on the removed task's training rows",
    "C4": "PrivLeak",
    "C5": "Kolmogorov-Smirnov test of per-row losses",
    "C6": "Relearning curves",
    "C7": "Extraction measures of language models",
}


@dataclass(frozen=True)
class Check:
    """One measure.

    Attributes:
        id: as in the studio's evidence notes, A1 to D1.
        title: for people.
        reference: what it is compared with.
        value: measured; None if nothing was.
        unit: of the value.
        result: 'pass', 'fail', 'not run' or 'information'.
        threshold: what passes; empty for information.
        words: what was found, as a sentence.
        n: rows, weights or tensors that it was measured on.
        low: lower end of the value's 95 % interval.
        high: upper end.
    """

    id: str
    title: str
    reference: str
    value: float | str | None
    unit: str
    result: str
    threshold: str
    words: str
    n: int | None = None
    low: float | None = None
    high: float | None = None

    def plain(self) -> dict:
        """As it stands in a certificate."""
        return asdict(self)


def checks(found: Measures, apart: Rebuild | None, root: str | None = None) -> list[Check]:
    """All checks of an unmerge, run or not.

    Args:
        found: what was measured.
        apart: the never-merged model, rebuilt by a separate process; None if that was not done.
        root: weights root of what was written; None compares what was streamed.
    """
    return [
        _rebuilt(found, apart, root or found.root), _absent(found), _differing(found),
        *_spanned(found), _relative(found), _attack(found), *_removed(found), _kept(found),
        _seconds(found, apart),
        *(_not_run(key, title, "The studio does not measure it.") for key, title in _LATER.items()),
    ]  # fmt: skip


def verdict(
    found: Measures, table: Sequence[Check], claimed: str, closure: Sequence[Dependency] = (),
    origin: str = BY_DEFAULT,
) -> tuple[str, str]:  # fmt: skip
    """Whether the removal may be called exact, and one sentence that says so.

    Args:
        found: what was measured.
        table: its checks.
        claimed: what the closure allows to say.
        closure: the dependency record, for what was carried over.
        origin: where the coefficients come from, one of ``ORIGINS``.

    Returns:
        'pass', 'fail', 'undeclared' if nobody says where the coefficients come from, or 'not run'
        while the separate rebuild is missing; and the sentence.
    """
    if claimed not in (EXACT, UNDECLARED):
        return FAIL, _not_exact(found, claimed, closure)
    failed = [check for check in table if check.result == FAIL]
    if failed:
        return FAIL, f"{_subject(found)} cannot be called removed: {failed[0].words}"
    if claimed == UNDECLARED:
        return UNKNOWN, _undeclared(found)
    several, kept = len(found.unmerged.removed) > 1, len(found.unmerged.recipe.tasks)
    exact = (
        f"{_subject(found)} {'have' if several else 'has'} no influence on these weights: they are "
        f"computed from the base and {kept} other checkpoint{'' if kept == 1 else 's'}"
    )
    if next(check for check in table if check.id == "A1").result == NOT_RUN:
        reason = why_not_apart(found.unmerged.never)
        return NOT_RUN, f"{exact}. {reason or 'A separate rebuild has not checked this yet.'}"
    it = "them" if several else "it"
    apart = f"{exact}, and a separate process that was not given {it} computed the same bits."
    return PASS, f"{apart} This is {ORIGINS[origin]}."


def _undeclared(found: Measures) -> str:
    was, it = ("were", "them") if len(found.unmerged.removed) > 1 else ("was", "it")
    return (
        f"The weights were rebuilt without {_subject(found)}, but nothing says where some of the "
        f"coefficients come from: whether {it} {was} used for them is undeclared. Set "
        "them by hand or reset them in the mixer, or search them anew."
    )


def _not_exact(found: Measures, claimed: str, closure: Sequence[Dependency]) -> str:
    names, several = _subject(found), len(found.unmerged.removed) > 1
    was, it = ("were", "them") if several else ("was", "it")
    if claimed == CARRIED_OVER:
        return (
            f"The weights were rebuilt without {names}, but the coefficients were found with {it} "
            "and carried over: this is no exact removal."
        )
    if found.unmerged.mode == "exact":
        carried = ", ".join(row.artefact for row in closure if row.state == CARRIED)
        return f"{names} cannot be called removed: carried over from before: {carried}."
    if found.residue.relative is None:
        return (
            f"{names} {was} subtracted, not removed: a model that never had {it} is the base, and "
            f"{found.residue.differing:,} of {found.residue.weights:,} weights differ from it."
        )
    share = _percent(found.residue.relative)
    return (
        f"{names} {was} subtracted, not removed: the weights are {share} away from a model that "
        f"never had {it}, measured by that model's own change of the base."
    )


def _subject(found: Measures) -> str:
    """What was taken out, for a sentence."""
    names = _names(found.unmerged.removed)
    return f"The earlier checkpoint of {names}" if found.unmerged.added else names


def _rebuilt(found: Measures, apart: Rebuild | None, root: str) -> Check:
    title = "Weights root of an independent rebuild without the removed checkpoint"
    if apart is None:
        return _not_run("A1", title, why_not_apart(found.unmerged.never) or "Run the checks.")
    same = apart.root == root
    how = f"on {apart.threads} thread with {apart.capability} instructions"
    words = (
        f"A separate process, {how}, that was given the base and the kept checkpoints only, "
        f"computed {'the same root' if same else 'another root'}: {apart.root[:16]}…"
        f"{'' if same else f' instead of {root[:16]}…'}"
    )
    return Check(
        "A1", title, NEVER, "equal" if same else "different", "", PASS if same else FAIL,
        "equal", words, n=1,
    )  # fmt: skip


def _absent(found: Measures) -> Check:
    """No column of the removed task in the coefficients, and no reference to its checkpoint."""
    title = "The removed task among the inputs of the result"
    recipe, gone = found.unmerged.recipe, found.unmerged.entries
    sources = {task.checkpoint for task in recipe.tasks}
    left = [entry.name for entry in gone if entry.checkpoint in sources]
    if not left:
        are, them = ("are", "them") if len(gone) > 1 else ("is", "it")
        words = f"absent: neither recipe nor coefficients name {them}."
        names = _names(found.unmerged.removed)
        return Check("A2", title, NEVER, "absent", "", PASS, "absent", f"{names} {are} {words}")
    column = (found.coefficients or {}).get(left[0])
    subtracted = column[1] if column else None
    value = _widest(subtracted)
    words = f"{left[0]} is still among the inputs, with the coefficient 0"
    if found.residue.differing == 0:
        words += ", here without any effect."
    else:
        words += "." if value is None else f"; in the raw deltas that leaves {value:+.4f}."
    return Check("A2", title, NEVER, value, "raw coefficient", FAIL, "absent", words)


def _differing(found: Measures) -> Check:
    each = found.residue
    words = (
        f"{each.differing:,} of {each.weights:,} weights differ"
        + (f", by up to {each.largest_step:,} units in the last place." if each.differing else ".")
    )  # fmt: skip
    return Check(
        "A3", "Weights that differ", NEVER, each.differing, "weights",
        FAIL if each.differing else PASS, "0", words, n=each.weights,
    )  # fmt: skip


def _spanned(found: Measures) -> list[Check]:
    """The removed change in other clothes: as one of the kept tasks, or in several of them."""
    title = "Share of the removed task's change that the kept tasks hold among them"
    rows = []
    for share in found.shares:
        result = PASS if share.passes else FAIL
        rows.append(
            Check("A4", title, "kept tasks", share.left, "share of its squared length", result,
                  f"below {MOSTLY}, and {PARTLY} alike", share.words)
        )  # fmt: skip
    return rows


def _relative(found: Measures) -> Check:
    title = "Distance from the never-merged model, relative to its change of the base"
    each = found.residue
    if each.relative is None:
        words = "Nothing is merged any more: the result is the base."
        return Check("B1", title, NEVER, None, "", FAIL if each.differing else PASS, "0", words)
    words = f"{_percent(each.relative)} of that change."
    if each.cosine is not None:
        words += f" Its cosine with the removed task's component is {each.cosine:+.3f}."
    result = FAIL if each.relative else PASS
    return Check("B1", title, NEVER, each.relative, "share", result, "0", words, n=each.weights)


def _attack(found: Measures) -> Check:
    if reason := found.reasons.get("B2"):
        return _not_run("B2", "Reconstruction attack: what comes back of the removed task", reason)
    task = found.unmerged.removed[0]
    assert found.behaviour is not None
    floor, own = found.behaviour.never[task], found.behaviour.own[task]
    most = f"not {_beyond(own)} the reference"
    ends = (
        "it brings the removed task to" if own.metric is LOSS else "comes back for the removed task"
    )
    title = f"Reconstruction attack: {own.metric.name} that {ends}"
    if found.attack is None:
        words = "Nothing to amplify: the residue is 0, so the attack has nothing to start from."
        return Check("B2", title, NEVER, "impossible", "", PASS, most, words)
    score = found.attack.score
    share = found.attack.recovered(own.value, floor.value)
    back = f", {share:.0%} of its gain" if share is not None and share > 0 else ""
    unit = "" if score.metric.percent else f" {score.metric.unit}"
    words = (
        f"{score.shown}{unit} of {score.n:,} held-out rows ({_interval(score)}){back}; its own "
        f"model has {own.shown}, the never-merged one {floor.shown}."
    )
    result = FAIL if score.better_than(floor.best) else PASS
    return Check(
        "B2", title, NEVER, score.value, _unit(score.metric), result, most, words,
        score.n, score.low, score.high,
    )  # fmt: skip


def _removed(found: Measures) -> list[Check]:
    if found.behaviour is None or not found.behaviour.after:
        title = "Score on the removed task"
        return [_not_run("C1", title, found.reasons.get("C1", "It was not measured."))]
    rows = []
    for task, score in found.behaviour.after.items():
        never, base = found.behaviour.never[task], found.behaviour.base[task]
        same, metric = score.value == never.value, score.metric
        unit = "" if metric.percent else f" {metric.unit}"
        words = (
            f"{task}: {score.shown}{unit} ({_interval(score)}, n={score.n:,}); never merged "
            f"{never.shown}, base {base.shown}, its own model {found.behaviour.own[task].shown}."
        )
        if score.better_than(base.best):
            where = _beyond(score).capitalize()
            words += f" {where} the base: kept tasks that are related teach it, too."
        rows.append(Check(
            "C1", f"{metric.name.capitalize()} on the removed task", f"{NEVER}, {BASE}",
            score.value, _unit(metric), PASS if same else FAIL, "equal to never merged", words,
            score.n, score.low, score.high,
        ))  # fmt: skip
    return rows


def _kept(found: Measures) -> Check:
    drop = found.behaviour.drop if found.behaviour else None
    if drop is None:
        title = "UAD: what the kept tasks lose"
        return _not_run("C2", title, found.reasons.get("C2", "It was not measured."))
    title = f"UAD: {drop.metric.name} that the kept tasks lose"
    if drop.metric is LOSS:
        title = "UAD: how far the losses of the kept tasks rise"
    elif drop.metric is BOTH:
        title = "UAD: what the kept tasks lose, in accuracy or as a share of their loss"
    said = drop.said or f"{drop.metric.difference(drop.mean, drop.half)} {drop.metric.unit}"
    worst = f"{drop.worst_metric.difference(drop.worst)} ({drop.task})"
    return Check(
        "C2", title, "before the unmerge", drop.mean, _unit(drop.metric), INFORMATION, "",
        f"{said} in the mean, worst {worst}, n={drop.n:,}.", drop.n, drop.mean - drop.half,
        drop.mean + drop.half,
    )  # fmt: skip


def _seconds(found: Measures, apart: Rebuild | None) -> Check:
    own, never = found.seconds
    words = f"This operation {own:.2f} s, rebuilt without the task {never:.2f} s"
    if apart is not None:
        words += (
            f"; in a separate process on one thread {apart.seconds:.2f} s with at most "
            f"{apart.peak / 2**20:,.0f} MB"
        )
    return Check(
        "D1", "Time to compute the weights", "rebuild", own, "seconds", INFORMATION, "",
        f"{words}. Training all tasks again was not tried.",
    )  # fmt: skip


def _not_run(key: str, title: str, reason: str) -> Check:
    return Check(key, title, NEVER, None, "", NOT_RUN, "", reason)


def _unit(metric: Metric) -> str:
    """Of a check's value: the metric's name, or what a loss is counted in."""
    return metric.unit if metric is LOSS else metric.name


def _beyond(score: Score) -> str:
    """On which side what is better lies."""
    return "above" if score.metric.sign > 0 else "below"


def _interval(score: Score) -> str:
    return f"95 %: {score.span}"


def _names(names: Sequence[str]) -> str:
    return " and ".join(", ".join(names).rsplit(", ", 1))


def _widest(span: tuple[float, float] | None) -> float | None:
    return None if span is None else max(span, key=abs)


def _percent(share: float) -> str:
    return "0 %" if share == 0 else f"{share:.2%}" if share >= 1e-4 else f"{share:.1e}"

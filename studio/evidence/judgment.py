"""Judgment: what was measured of an unmerge, what was carried over, and what may be said of it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from studio.evidence.checks import Check, checks, verdict
from studio.evidence.closure import Dependency, claim, closure, origin
from studio.evidence.measures import Measures, measure
from studio.evidence.rebuild import Rebuild, rebuild_of, why_not_apart
from studio.evidence.scoring import Scoring
from studio.evidence.unmerge import MODES, Unmerging
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe


@dataclass(frozen=True)
class Judgment:
    """An unmerge, judged.

    Attributes:
        measures: of it.
        checks: every measure with what it is compared with.
        verdict: 'pass', 'fail', 'undeclared' or 'not run', and one sentence.
        closure: what was computed with which tasks.
    """

    measures: Measures
    checks: list[Check]
    verdict: tuple[str, str]
    closure: list[Dependency]

    @property
    def claim(self) -> str:
        """What the closure allows to say."""
        return claim(self.closure)

    def plain(self) -> dict:
        """Claim, verdict and checks as JSON writes them."""
        result, words = self.verdict
        return {
            "claim": self.claim, "verdict": result, "words": words,
            "checks": [asdict(each) for each in self.checks],
        }  # fmt: skip


def judge(
    found: Measures,
    apart: Rebuild | None,
    merge: Merge,
    full: Merge,
    root: str | None = None,
    heads: tuple[str, ...] = (),
) -> Judgment:
    """Judge an unmerge.

    Args:
        found: what was measured of it.
        apart: the never-merged model, rebuilt by a separate process; None if that was not done.
        merge: of the unmerge's recipe, once its weights were computed.
        full: the merge with the tasks.
        root: weights root of what was written; None compares what was streamed.
        heads: tasks whose heads lie beside the weights.
    """
    table, dependencies = checks(found, apart, root), closure(merge, full, found.unmerged, heads)
    come_from = origin(merge, [each.digest for each in merge.deltas.checkpoints])
    judged = verdict(found, table, claim(dependencies), dependencies, come_from)
    return Judgment(found, table, judged, dependencies)


def judge_both(
    merges: Callable[[Recipe], Merge],
    unmerged: Unmerging,
    scoring: Scoring | None,
    progress: Progress = silent,
) -> dict[str, Judgment]:
    """Measure and judge both ways to take the same tasks out; nothing is written.

    Args:
        merges: opens a recipe.
        unmerged: what is taken out of which recipe; its own mode does not count.
        scoring: of behaviour; None for a zoo without heads or rows.
        progress: told the share done; may raise to stop.

    Returns:
        By mode, 'exact' and 'algebraic'.

    Raises:
        StudioError: a merge on the way is refused.
    """
    apart, made = None, {}
    if not why_not_apart(unmerged.never):
        apart = rebuild_of(merges(unmerged.never), part(progress, 0, 0.2))
    for number, mode in enumerate(MODES):
        each, start = Unmerging(unmerged.full, unmerged.removed, mode), 0.2 + 0.4 * number
        found = measure(merges, each, scoring, part(progress, start, start + 0.4))
        made[mode] = judge(found, apart, merges(each.recipe), merges(each.full))
    return made

"""Do pictures foretell losses? Rank correlations with what pairs of tasks lose, on held-out rows.

    python -m tests.benchmarks.foretelling [--zoo FOLDER] [--only WORDS]

Of every mix: Spearman's correlation, over all ordered pairs of tasks, of what a task loses on its
own held-out rows when one other is added to it alone, with the size of the cosine of their
components and with the interference of inputs. Beside it how far inputs of the whole mix have
drifted from those of the experts, and how sure each expert is of its rows.
"""

from collections.abc import Iterator
from dataclasses import replace

from studio.inspection import components_gram
from studio.measure.bench import Bench
from studio.measure.input_disturbance import with_losses
from studio.measure.interference import interference
from studio.recipe import Option
from tests.benchmarks.tables import print_table

SETTINGS: tuple[tuple[str, str, dict[str, Option], float], ...] = (
    ("whole deltas, at 1", "task_arithmetic", {}, 1.0),
    ("activation basis, at 1", "mdm_oc", {"basis": "activation"}, 1.0),
)


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """One line of Markdown per mix."""
    for words, name, options, coefficient in SETTINGS:
        if only not in words:
            continue
        recipe = replace(bench.zoo.recipe(name, coefficient), options=options)
        found = interference(bench, recipe)
        assert found.inputs is not None
        merge = bench.merge(recipe)
        cosines = components_gram(merge).cosine().abs()
        inputs = found.inputs.before if found.inputs.after is None else found.inputs.after
        told = [with_losses(each, recipe.names, found.losses) for each in (cosines, inputs)]
        shown = " | ".join("none" if each is None else f"{each:+.2f}" for each in told)
        rows = sum(len(bench.tasks[each].rows("held_out")) for each in recipe.names)
        drift = f"{found.drift.mean:.0%}" if found.drift else "none"
        sure = ", ".join(f"{n} {x.value:.2f}" for n, x in found.certainty.items())
        worst = max(found.losses.values())
        yield (
            f"| {words} | {shown} | {len(found.losses)} | {rows:,} | {100 * worst:.1f} | {drift} | "
            f"{sure} |"
        )


if __name__ == "__main__":
    print_table(
        __doc__ or "",
        "| mix | cosine | inputs | pairs | rows | worst loss, points | drift | certainty |",
        lines,
    )

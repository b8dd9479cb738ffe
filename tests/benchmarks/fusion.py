"""AdapterFusion on the demo zoo beside task arithmetic and MDM-OC: scores, price, removals.

``python -m tests.benchmarks.fusion ROWS STEPS BATCH FILE``: held-out rows per task, and what a
training may spend. Written again after every number, so that a run that is cut off keeps some.
"""

import json
import sys
from pathlib import Path

import torch

from studio.compare import Table
from studio.compare.fusion_row import fusion_lines, fusion_removals, fusion_row
from studio.compare.scale_search import plan_budget
from studio.compare.standings import MethodRow
from studio.compare.unmerge_drop import line
from studio.demo import DEMO_ZOO
from studio.fusion.training import FusionPlan
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.measure.references import references, score_references
from studio.zoo import load_zoo

_METHODS = ("task_arithmetic", "mdm_oc")


def main(rows: int, steps: int, batch: int, file: Path) -> None:
    """Measure, print and write."""
    bench = Bench(load_zoo(DEMO_ZOO), torch.device("cpu"))
    plan = FusionPlan(budget=steps, batch=batch, checked=40)
    found = score_references(references(bench), most=rows)
    table = Table(bench.zoo.name, plan_budget(bench, _METHODS, False), found)
    merged = []
    for name in _METHODS:
        recipe = bench.zoo.started(name)
        outcome = Measuring(bench).merged(recipe, "held_out", rows)
        merged.append(MethodRow(name, recipe, held_out=outcome))
    table = Table(table.zoo, table.budget, found, tuple(merged))
    for each in table.standings:
        print(each.row.name, ", ".join(mean.words for mean in each.means), flush=True)
    row, fusion = fusion_row(bench, table, plan, most=rows)
    print("\n".join(fusion_lines(row)), flush=True)
    written: dict = {"rows": rows, "fusion": row.plain(), "removals": []}
    for each in fusion_removals(bench, fusion, plan, most=rows):
        print(line(each), flush=True)
        written["removals"].append(each.plain())
        file.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    told = [int(each) for each in sys.argv[1:4]]
    main(told[0], told[1], told[2], Path(sys.argv[4]))

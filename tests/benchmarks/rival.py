"""The whole process against mergekit 0.1.5 on the same recipe, pair by pair.

mergekit lives in a virtual environment of its own; the studio never imports it:

    python3 -m venv VENV
    VENV/bin/pip install torch==2.13.0
    VENV/bin/pip install mergekit==0.1.5
    python -m tests.benchmarks.rival --patch VENV/lib/python3.11/site-packages
    python -m tests.benchmarks.rival ROOT VENV/bin/mergekit-yaml --kinds bert-base-fp32:4

Both run with the same number of threads and write a folder that transformers loads. Ours also
hashes every input, checks each value, waits for the disk and loads the result to check it;
mergekit is spared the tokenizer, which the folders do not have and it would make up.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import yaml
from safetensors import safe_open

from tests.benchmarks import measure
from tests.benchmarks.cases import COEFFICIENT, TIES_DENSITY, Models, models, write_recipe
from tests.benchmarks.measure import Refused, Row, Sample, whole_process

_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
_APART = 1e-6
_WRONG = "for name in [w_in.name] + (w_in.aliases or [])"
_RIGHT = "for name in [w_in.name] + list(w_in.aliases or [])"


def patch(site_packages: Path) -> str:
    """Mend the line of mergekit 0.1.5 that ends every merge of plain ``BertModel`` folders.

    ``plan.py`` line 186 adds a tuple to a list (``TypeError: can only concatenate list (not
    "tuple") to list``) for any optional weight with aliases, such as ``embeddings.position_ids``.
    Nothing else is changed; the timings are those of mergekit as released.

    Returns:
        What was done.
    """
    file = site_packages / "mergekit" / "plan.py"
    text = file.read_text()
    if _RIGHT in text:
        return f"{file} is mended already"
    assert text.count(_WRONG) == 1, f"{file} is not that of mergekit 0.1.5"
    file.write_text(text.replace(_WRONG, _RIGHT))
    return f"{file}: one line mended"


def compare(
    found: Models, method: str, mergekit: Path, scratch: Path, threads: int, repeats: int
) -> Row:
    """Pairs of whole processes, and how far the two results are apart."""
    recipe = write_recipe(found, method, scratch)
    config = write_config(found, method, scratch)
    ours, theirs, gap = [], [], (0.0, 0.0)
    figure = f"whole process, {method} / mergekit 0.1.5 (one line mended)"
    try:
        for _ in range(repeats):
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                mine, other = Path(folder) / "ours", Path(folder) / "mergekit"
                ours.append(_ours(recipe, mine, threads))
                theirs.append(_theirs(mergekit, config, other, threads))
                gap = gaps(mine, other)
    except Refused as refusal:
        return Row(figure, found.name, refused=str(refusal))
    row = Row(figure, found.name, tuple(ours), tuple(theirs))
    names = ("largest difference of a weight:", "share of weights over 1e-6 apart:")
    return replace(row, more=tuple(zip(names, gap, strict=True)))


def write_config(found: Models, method: str, folder: Path) -> Path:
    """mergekit's YAML of the recipe that ``cases`` writes for the studio; returns the file."""
    dtype = next(word for key, word in _DTYPES.items() if key in found.name)
    own = {"weight": COEFFICIENT}
    if method == "ties":
        own["density"] = TIES_DENSITY
    config = {
        "merge_method": method,
        "base_model": str(found.base),
        "models": [{"model": str(task), "parameters": dict(own)} for task in found.tasks],
        "parameters": {"normalize": method == "ties"},
        "dtype": dtype,
    }
    file = folder / f"mergekit-{method}.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def gaps(first: Path, second: Path) -> tuple[float, float]:
    """Largest difference of two written models, and the share of weights over 1e-6 apart.

    TIES differs where several magnitudes equal the threshold: mergekit keeps as many as fit.
    """
    names = ("model.safetensors", "model-00001-of-00001.safetensors")
    opened = []
    for folder in (first, second):
        file = next(folder / name for name in names if (folder / name).exists())
        opened.append(safe_open(str(file), framework="pt"))
    ours, theirs = opened
    assert set(ours.keys()) == set(theirs.keys()), "the two models differ in their tensors"
    largest, apart, numel = 0.0, 0, 0
    for name in ours.keys():  # noqa: SIM118
        gap = (ours.get_tensor(name).float() - theirs.get_tensor(name).float()).abs()
        largest = max(largest, float(gap.max()))
        apart += int((gap > _APART).sum())
        numel += gap.numel()
    return largest, apart / numel


def _ours(recipe: Path, target: Path, threads: int) -> Sample:
    words = ["merge", recipe, "--out", target, "--threads", str(threads)]
    return whole_process([sys.executable, "-m", "studio", *words])


def _theirs(mergekit: Path, config: Path, target: Path, threads: int) -> Sample:
    words = [config, target, "--quiet", "--no-copy-tokenizer", "-j", str(threads)]
    return whole_process([mergekit, *words])


def main() -> None:
    """Patch mergekit, or compare with it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patch", type=Path, metavar="SITE_PACKAGES")
    parser.add_argument("root", type=Path, nargs="?")
    parser.add_argument("mergekit", type=Path, nargs="?", help="its mergekit-yaml")
    parser.add_argument("--kinds", nargs="+", default=[], metavar="FOLDER:TASKS")
    parser.add_argument("--methods", default="task_arithmetic,ties")
    parser.add_argument("--repeats", type=int, default=3, help="pairs (default 3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scratch", type=Path, help="where to write (default: the system's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every sample")
    options = parser.parse_args()
    if options.patch:
        print(patch(options.patch))
        return
    rows = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        for kind in options.kinds:
            found = models(options.root, kind, Path(folder))
            measure.warm(sorted({file.resolve() for file in found.files}))
            for method in options.methods.split(","):
                how = (options.mergekit, Path(folder), options.threads, options.repeats)
                rows.append(compare(found, method, *how))
                print(measure.table(rows).splitlines()[-1], file=sys.stderr, flush=True)
                if options.json:
                    options.json.write_text(measure.as_json(rows))
    print(measure.table(rows))


if __name__ == "__main__":
    main()

"""Documents that are almost right: each is opened, or refused in a sentence; nothing else happens.

``FUZZ_EXAMPLES=20000 python -m pytest tests/hostile/test_fuzz.py`` looks longer.
"""

import copy
import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import StudioError
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry, load_recipe
from studio.tasks.kinds.text_classification import read_rows
from studio.tasks.rows import read_labels
from studio.zoo import load_zoo
from tests.checkpoints.test_formulas import save_formula
from tests.checkpoints.test_lora_options import save_trained
from tests.checkpoints.test_oft import OPTIONS, save_oft
from tests.conftest import draw, save_model
from tests.merged import merged_tensors

pytestmark = pytest.mark.slow
FORMULAS = ["adalora", "boft", "loha patterns", "lokr of factors", "road 4", "tokens", "vera"]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "120"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ODD = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1, 2, 2**31, 2**63, 2**64, 10**400, 0.0, -0.0, 1e-320, 1e308,
         float("nan"), float("inf"), "", " ", "\0", "..", "../x", "/etc/passwd", "~", "a" * 600,
         "\ud800", "=cmd()", "<img onerror=x>", "nan", "1e999", [], {}, [[]], {"": 0}, [None]]
    ),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
).map(copy.deepcopy)  # fmt: skip


@st.composite
def almost(draw: Callable, document: object) -> object:
    """A document with one to three of its values replaced, removed, doubled or renamed."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = changed
        for _ in range(draw(st.integers(0, 4))):
            keys = sorted(place, key=str) if isinstance(place, dict) else range(len(place))
            inner = place[draw(st.sampled_from(keys))] if keys else None
            if not isinstance(inner, dict | list) or not inner:
                break
            place = inner
        if isinstance(place, dict) and place:
            key = draw(st.sampled_from(sorted(place, key=str)))
            change = draw(st.sampled_from(["replace", "remove", "rename", "add", "copy"]))
            if change == "replace":
                place[key] = draw(ODD)
            elif change == "remove":
                del place[key]
            elif change == "rename":
                place[draw(st.text(max_size=8))] = place.pop(key)
            elif change == "add":
                place[draw(st.text(max_size=8))] = draw(ODD)
            else:
                other = draw(st.sampled_from(sorted(place, key=str)))
                place[key] = copy.deepcopy(place[other])
        elif isinstance(place, list):
            index = draw(st.integers(0, len(place)))
            if draw(st.booleans()) and index < len(place):
                place[index] = draw(ODD)
            else:
                place.insert(index, draw(ODD))
    return changed


@st.composite
def damaged(draw: Callable, content: bytes) -> bytes:
    """Bytes of which a few are cut out, replaced or put in."""
    at = draw(st.integers(0, len(content)))
    cut = draw(st.integers(0, 12))
    return content[:at] + draw(st.binary(max_size=6)) + content[at + cut :]


def opened_or_refused(work: Callable[[], object]) -> None:
    """Run it; only a sentence may come back as an error."""
    try:
        work()
        words = "opened, as it may be"
    except StudioError as refusal:
        words = str(refusal)
    assert 10 < len(words) < 4000
    assert words.isprintable()


def as_json(document: object) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


def as_yaml(document: object) -> bytes:
    return yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    base = draw(0)
    save_model(folder / "base", base)
    save_model(folder / "task", {k: v + 0.1 for k, v in base.items()})
    return folder


HEADER = {
    "__metadata__": {"format": "pt"},
    "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b.bias": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "steps": {"dtype": "I64", "shape": [], "data_offsets": [32, 40]},
}


@fuzz
@given(header=almost(HEADER), longer=st.sampled_from([0, 0, 0, 0, 1, -1, 2**40]))
def test_headers(tmp_path_factory, header, longer):
    folder = tmp_path_factory.getbasetemp() / "headers"
    folder.mkdir(exist_ok=True)
    text = as_json(header)
    length = struct.pack("<Q", max(len(text) + longer, 0))
    (folder / "model.safetensors").write_bytes(length + text + bytes(40))

    def work() -> None:
        checkpoint = open_checkpoint(folder)
        assert checkpoint.digest == open_checkpoint(folder).digest
        for name in checkpoint.names:
            entry = checkpoint.weights.entries[name]
            assert checkpoint.tensor(name).shape == torch.Size(entry.shape)

    opened_or_refused(work)


@fuzz
@given(content=damaged(struct.pack("<Q", len(as_json(HEADER))) + as_json(HEADER) + bytes(40)))
def test_damaged_files(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(content)
    opened_or_refused(lambda: open_checkpoint(folder).digest)


INDEX = {
    "metadata": {"total_size": 32},
    "weight_map": {
        "layer.0.dense.weight": "model-00001-of-00002.safetensors",
        "layer.1.dense.weight": "model-00002-of-00002.safetensors",
    },
}


@fuzz
@given(index=almost(INDEX))
def test_indexes(tmp_path_factory, index):
    folder = tmp_path_factory.getbasetemp() / "sharded"
    if not folder.exists():
        for number, name in enumerate(INDEX["weight_map"], 1):
            save_model(folder, {name: torch.ones(2, 2)})
            file = folder / f"model-0000{number}-of-00002.safetensors"
            (folder / "model.safetensors").rename(file)
    (folder / "model.safetensors.index.json").write_bytes(as_json(index))
    opened_or_refused(lambda: open_checkpoint(folder).digest)


@pytest.fixture(scope="module", params=["LoRA", "LoRA expressions", "OFT", "OFT series", *FORMULAS])
def adapter(tmp_path_factory, request) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    if request.param in FORMULAS:
        return save_formula(folder, request.param)
    if request.param.startswith("LoRA"):
        return save_trained(folder, "patterns" if request.param == "LoRA" else "expressions")
    return save_oft(folder, OPTIONS["series" if request.param == "OFT series" else "coft"])


@fuzz
@given(data=st.data())
def test_adapter_options(adapter, data):
    file = adapter / "task1" / "adapter_config.json"
    kept = file.with_suffix(".kept")
    if not kept.exists():
        shutil.copyfile(file, kept)
    config = json.loads(kept.read_text())
    file.write_bytes(as_json(data.draw(almost(config))))

    def work() -> None:
        base, task = (open_checkpoint(adapter / name) for name in ("base", "task1"))
        deltas = Deltas(base, [("task", task)])
        for name in deltas.names:
            delta = deltas.at(name).delta(0, 0, 7, torch.float32)
            assert delta is not None
        assert len(task.digest) == 64

    opened_or_refused(work)


@fuzz
@given(data=st.data(), write=st.sampled_from([as_json, as_yaml]))
def test_recipes(model, data, write):
    plain = Recipe(
        str(model / "base"), (TaskEntry("task", str(model / "task"), 0.5),), "mdm_oc",
        {"scope": "model", "strength": 1.0, "rank": None}, "float32",
    ).plain()  # fmt: skip
    plain["tasks"][0]["coefficient"] = {"default": 0.5, "groups": {"layer.*": 0.1}}
    plain["tasks"][0]["digest"] = open_checkpoint(model / "task").digest
    document = data.draw(almost(plain))
    file = model / ("recipe.json" if write is as_json else "recipe.yaml")
    content = write(document)
    if data.draw(st.integers(0, 4)) == 0:
        content = data.draw(damaged(content))
    file.write_bytes(content)

    def work() -> None:
        recipe = load_recipe(file)
        assert recipe.digest == load_recipe(file).digest
        for tensor in merged_tensors(open_merge(recipe)).values():
            assert bool(tensor.isfinite().all())

    opened_or_refused(work)


@fuzz
@given(data=st.data())
def test_zoos(tiny_zoo, tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "zoo"
    if not folder.exists():
        shutil.copytree(tiny_zoo, folder)
    plain = yaml.safe_load((tiny_zoo / "zoo.yaml").read_text())
    (folder / "zoo.yaml").write_bytes(as_yaml(data.draw(almost(plain))))

    def work() -> None:
        bench = Bench(load_zoo(folder), torch.device("cpu"))
        for name in bench.scored():
            assert bench.tasks[name].rows("held_out")

    opened_or_refused(work)


ROWS = [
    {"text": "red fish", "label": "one", "group": "g"},
    {"text": "", "label": 1, "group": 7},
]


@fuzz
@given(data=st.data())
def test_rows_and_labels(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    rows, labels = (
        data.draw(almost(ROWS)),
        data.draw(st.one_of(st.just(["one", "two"]), almost(["one", "two"]))),
    )
    lines = b"\n".join(as_json(row) for row in rows)
    if data.draw(st.integers(0, 3)) == 0:
        lines = data.draw(damaged(lines))
    (folder / "rows.jsonl").write_bytes(lines)
    (folder / "labels.json").write_bytes(as_json(labels))

    def work() -> None:
        names = read_labels(folder / "labels.json")
        for row in read_rows(folder / "rows.jsonl", names):
            assert 0 <= row.label < len(names)

    opened_or_refused(work)

"""Small models made in the test: a base of a few tensors and checkpoints that share it."""

import gc
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.demo import DEMO_ZOO
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry, parse_recipe, save_recipe
from tests import bertzoo, own_models

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
DEMO = DEMO_ZOO
SHAPES = {
    "embeddings.word.weight": (11, 4),
    "layer.0.dense.weight": (6, 4),
    "layer.0.dense.bias": (6,),
    "layer.1.dense.weight": (4, 6),
    "layer.1.dense.bias": (4,),
}


def draw(seed: int, shapes: dict[str, tuple[int, ...]] = SHAPES, scale: float = 1.0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    return {k: scale * torch.randn(v, generator=generator) for k, v in shapes.items()}


def save_model(folder: Path, tensors: dict[str, Tensor]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "model.safetensors")
    return folder


def save_adapter(folder: Path, factors: dict[str, tuple[Tensor, Tensor]], **options) -> Path:
    """A LoRA adapter: {module path: (A, B)}."""
    folder.mkdir(parents=True, exist_ok=True)
    rank = next(iter(factors.values()))[0].shape[0]
    tensors = {}
    for module, (a, b) in factors.items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = a
        tensors[f"base_model.model.{module}.lora_B.weight"] = b
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "bias": "none"} | options
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all", action="store_true", help="try every attack and architecture, and not a sample"
    )


def pytest_collection_finish() -> None:
    """What was imported stays: collecting garbage, as each opened zoo does, need not look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test recalls what another program kept."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        yield folder / "mdm-oc-studio"


@pytest.fixture(autouse=True)
def quick_unless_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Python takes seconds to start: a test that starts one is marked as slow."""
    if any(request.node.get_closest_marker(mark) for mark in ("slow", "browser")):
        return
    really = subprocess.Popen.__init__

    def start(self, command, *args, **options) -> None:
        program = command if isinstance(command, str) else str(command[0])
        assert program != sys.executable, "this test starts a Python: mark it as slow"
        really(self, command, *args, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", start)


@pytest.fixture
def zoo_folder(tmp_path: Path) -> Path:
    """A base, two full checkpoints with heads and prefix, and a LoRA adapter."""
    base = draw(0)
    save_model(tmp_path / "base", base)
    for seed, name in [(1, "red"), (2, "green")]:
        model = {f"bert.{k}": v + draw(seed, scale=0.1)[k] for k, v in base.items()}
        model["classifier.weight"] = torch.ones(3, 4)
        save_model(tmp_path / name, model)
    generator = torch.Generator().manual_seed(3)
    factors = {
        "layer.0.dense": (
            torch.randn(2, 4, generator=generator),
            torch.randn(6, 2, generator=generator),
        ),
        "layer.1.dense": (
            torch.randn(2, 6, generator=generator),
            torch.randn(4, 2, generator=generator),
        ),
    }
    save_adapter(tmp_path / "blue", factors)
    return tmp_path


@pytest.fixture
def make_recipe(zoo_folder: Path) -> Callable[..., Recipe]:
    def make(*names: str, **fields) -> Recipe:
        tasks = tuple(TaskEntry(n, str(zoo_folder / n)) for n in names or ("red", "green", "blue"))
        return Recipe(str(zoo_folder / "base"), tasks, **fields)

    return make


@pytest.fixture
def deltas(zoo_folder: Path) -> Deltas:
    names = ("red", "green", "blue")
    return Deltas(
        open_checkpoint(zoo_folder / "base"),
        [(name, open_checkpoint(zoo_folder / name)) for name in names],
    )


def dense_deltas(folder: Path) -> dict[str, dict[str, Tensor]]:
    """The same deltas, computed independently: everything dense, in float64."""
    base = load_file(folder / "base" / "model.safetensors")
    found: dict[str, dict[str, Tensor]] = {}
    for name in ("red", "green"):
        model = load_file(folder / name / "model.safetensors")
        found[name] = {k: model[f"bert.{k}"].double() - v.double() for k, v in base.items()}
    adapter = load_file(folder / "blue" / "adapter_model.safetensors")
    found["blue"] = {k: torch.zeros_like(v).double() for k, v in base.items()}
    for module in ("layer.0.dense", "layer.1.dense"):
        a, b = (adapter[f"base_model.model.{module}.lora_{x}.weight"].double() for x in "AB")
        found["blue"][f"{module}.weight"] = 2 * b @ a
    return found


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT with a full classifier and a PEFT adapter; do not write into it."""
    return bertzoo.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, an adapter without a head, a classifier and their tables; do not write into it."""
    return own_models.save_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def tiny_copy(tiny_zoo: Path, tmp_path: Path) -> Path:
    """The tiny zoo, to be broken."""
    return Path(shutil.copytree(tiny_zoo, tmp_path / "zoo"))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For a test that goes on in a fork of itself."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a forked process may not use the threads of its parent
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rebuilt_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks and certificates rebuild in this process, from the file that a separate one reads.

    A process that imports torch takes seconds; it is tested in ``evidence/test_rebuild.py``.
    """
    from studio.evidence.rebuild import Rebuild, rebuilt_root

    def here(recipe: Recipe, *given) -> Rebuild:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "recipe.json"
            save_recipe(recipe, file)
            content = json.loads(file.read_text())
            merge = open_merge(parse_recipe(content, file.parent, "The recipe", least=0))
        return Rebuild(rebuilt_root(merge), 0.1, 1, 1, "DEFAULT")

    monkeypatch.setattr("studio.evidence.rebuild.rebuild_apart", here)


@pytest.fixture
def golden_zoo(tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """The golden inputs as folders; returns their parent and the task names."""
    inputs = load_file(GOLDEN / "inputs_f64.safetensors")
    names = tuple(f"task{i}" for i in range(4))
    for name in ("base", *names):
        tensors = {k.split("/")[1]: v for k, v in inputs.items() if k.startswith(name + "/")}
        save_model(tmp_path / name, tensors)
    return tmp_path, names


def golden(file: str, prefix: str = "", dtype: str = "f64") -> dict[str, Tensor]:
    tensors = load_file(GOLDEN / f"{file}_{dtype}.safetensors")
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def refusal(error: pytest.ExceptionInfo) -> str:
    """The sentence of a refusal."""
    return str(error.value)

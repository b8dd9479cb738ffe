"""The adapter of a merge with every task's own beside it, for a server of many adapters."""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.export.adapter import MergedAdapter, write_adapter
from studio.export.card import public_name
from studio.export.folder import CARD, RECORD, Written
from studio.export.worn import wear_again
from studio.merge import Merge
from studio.methods import SUM
from studio.progress import Progress, part

FOLDER = "tasks"
"""Below the merged adapter: a folder per task that PEFT loads."""
_RANKS = (8, 16, 32, 64, 128, 256, 512)  # some of those for which vLLM has room to be made
_SERVE = """\
## Serve the merge and its tasks at once

In this folder, with vLLM and the base's path or hub id in place of `{base}`; each request names
`merged` or a task as its `model`:

```bash
{serve}
```

LoRAX loads each folder when a request asks for it, by its absolute path:
`"parameters": {{"adapter_source": "local", "adapter_id": "…/{first}"}}`.

`.` is the merge. The folders in `{folder}` are its tasks alone, each at coefficient 1:

{lines}
"""


@dataclass(frozen=True, eq=False)
class ServedAdapters(MergedAdapter):
    """A linear merge of LoRAs as one adapter, and each task alone as another, in PEFT's layout.

    Source: vLLM, LoRA adapters (``--lora-modules NAME=PATH``); LoRAX, adapters from a local path.
    """

    @property
    def size(self) -> int:
        """See ``Content``; each task's factors stand once in the merge and once alone."""
        return super().size + MergedAdapter(self.given).size

    def write(self, work: Path, progress: Progress) -> Written:
        """See ``Content``."""
        made = super().write(work, part(progress, 0.0, 0.5))
        record, checked = json.loads(made.texts[RECORD]), [*made.checked]
        tasks, ranks = {}, [record["adapter"]["rank"]]
        for number, name in enumerate(self.merge.deltas.tasks):
            share = 0.5 + 0.5 * number / len(self.merge.deltas)
            alone, folder = _alone(self.merge, name), work / FOLDER / name
            folder.mkdir(parents=True)
            root, factors = write_adapter(alone, folder, progress=part(progress, share, 1.0))
            tasks[name] = {"weights_root": root, "rank": factors.rank}
            ranks.append(factors.rank)
            if self.checks == "full":
                checked.append(f"'{name}' alone: {wear_again(folder, alone)}")
        texts = dict(made.texts)
        texts[RECORD] = json.dumps(record | {FOLDER: tasks}, indent=1)
        texts[CARD] += "\n" + self._card(max(ranks))
        base = self.merge.recipe.base
        here = base if Path(base).is_absolute() else public_name(base)
        serve = self._serve(here, max(ranks))
        return replace(made, texts=texts, checked=tuple(checked), serve=serve)

    def check(self, work: Path) -> None:
        """See ``Content``."""
        super().check(work)
        for name in self.merge.deltas.tasks:
            Deltas(self.merge.base, [(name, open_checkpoint(work / FOLDER / name))])

    def _serve(self, base: str, rank: int) -> str:
        """The command that starts a server of adapters up to a rank, on a base so called."""
        names = self.merge.deltas.tasks
        modules = ["merged=.", *(f"{name}={FOLDER}/{name}" for name in names)]
        room = next((each for each in _RANKS if each >= rank), rank)
        words = ["vllm", "serve", base, "--enable-lora"]
        words += ["--max-lora-rank", str(room), "--max-loras", str(len(modules))]
        return shlex.join([*words, "--lora-modules", *modules])

    def _card(self, rank: int) -> str:
        """How to start a server, and what each adapter is; no path, since cards are read by all."""
        names, base = self.merge.deltas.tasks, public_name(self.merge.recipe.base)
        lines = [
            f"- `{FOLDER}/{name}` enters the merge {_weight(self.merge, number)}"
            for number, name in enumerate(names)
        ]
        if rank > _RANKS[-1]:
            lines.append(f"- rank {rank} is more than vLLM takes; compress the merge to a rank")
        return _SERVE.format(
            base=base, serve=self._serve(base, rank), first=f"{FOLDER}/{names[0]}", folder=FOLDER,
            lines="\n".join(lines),
        )  # fmt: skip


def adapter_type(each_task: bool) -> type[MergedAdapter]:
    """What an adapter is written by: with each task's own beside it, or alone."""
    return ServedAdapters if each_task else MergedAdapter


def _alone(merge: Merge, task: str) -> Merge:
    """One task of a merge at coefficient 1, which is its own model."""
    entry = next(each for each in merge.recipe.tasks if each.name == task)
    recipe = replace(
        merge.recipe, tasks=(replace(entry, coefficient=1.0),), method=SUM, options={}, fitted=None
    )
    return Merge(recipe, merge.deltas.subset((task,)))


def _weight(merge: Merge, number: int) -> str:
    """What a task's factors are multiplied by in the merge."""
    found = merge.mixing[:, number]
    low, high = float(found.min()), float(found.max())
    return f"times {low:g}" if low == high else f"times {low:g} to {high:g}, tensor by tensor"

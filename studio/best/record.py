"""The record of a search for the best: a line per trial as it comes, from which it goes on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from studio.best.trials import Trial
from studio.disk.durable import append_file, private_folder, read_if_there
from studio.errors import StudioError
from studio.recipe import Recipe, parse_recipe

FILE = "trials.jsonl"
_FORMAT = 1


class Record:
    """What is known of a search, in a file of JSON lines; a line that was cut off is left out.

    Args:
        folder: of the results; made if it is not there.
        about: what all of it depends on; lines of anything else are not read.
        fresh: whether what is there is dropped.

    Raises:
        StudioError: the folder cannot be written.
    """

    def __init__(self, folder: Path, about: str, fresh: bool = False) -> None:
        self.folder, self._file = folder, folder / FILE
        self._head = {"format": _FORMAT, "about": about}
        self._experts: dict[str, list[int]] | None = None
        self._values: dict[str, dict[str, np.ndarray]] = {}
        self._rows: dict[str, int] = {}
        self._found: dict[str, Recipe] = {}
        self._refused: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        try:
            private_folder(folder)
            if fresh:
                self._drop()
            self._read()
        except OSError as problem:
            raise StudioError(
                f"{folder}, where trials are kept, cannot be used: {problem.strerror}."
            ) from None

    def __len__(self) -> int:
        """How many trials it knows something of."""
        return len({*self._values, *self._refused, *self._found})

    @property
    def experts(self) -> dict[str, list[int]] | None:
        """What the experts answer; None before it is known."""
        return self._experts

    def values(self, trial: Trial) -> dict[str, np.ndarray]:
        """What a trial's answers are worth, as far as it was judged."""
        return dict(self._values.get(trial.key, {}))

    def rows(self, trial: Trial) -> int:
        """Of each task, at most, by how many rows a trial was judged."""
        return self._rows.get(trial.key, 0)

    def found(self, trial: Trial) -> Recipe | None:
        """The recipe with the coefficients that a search has found for a trial.

        Base and checkpoints are where the trial has them: the zoo may lie elsewhere by now.
        """
        found, own = self._found.get(trial.key), trial.recipe
        if found is None or own is None:
            return None
        places = {task.name: task.checkpoint for task in own.tasks}
        tasks = tuple(replace(each, checkpoint=places[each.name]) for each in found.tasks)
        return replace(found, base=own.base, tasks=tasks)

    def refused(self, trial: Trial) -> str:
        """Why a trial cannot be merged; empty if that is not known."""
        return self._refused.get(trial.key, "")

    def seconds(self, trial: Trial) -> float:
        """That a trial took, all in all."""
        return self._seconds.get(trial.key, 0.0)

    def keep_experts(self, answers: Mapping[str, Sequence[int]]) -> None:
        """Keep what the experts answer."""
        self._add({"experts": {name: list(each) for name, each in answers.items()}})

    def keep_values(
        self, trial: Trial, values: Mapping[str, np.ndarray], rows: int, seconds: float
    ) -> None:
        """Keep what more of a trial's answers are worth, behind those that are known.

        Args:
            trial: whose answers.
            values: of each task's further questions.
            rows: of each task, at most, that it is then judged by.
            seconds: that it took.
        """
        plain = {name: each.tolist() for name, each in values.items()}
        self._add(self._about(trial, seconds) | {"rows": rows, "values": plain})

    def keep_found(self, trial: Trial, recipe: Recipe, seconds: float) -> None:
        """Keep what a search has found."""
        self._add(self._about(trial, seconds) | {"found": recipe.plain()})

    def keep_refusal(self, trial: Trial, words: str, seconds: float) -> None:
        """Keep why a trial cannot be merged."""
        self._add(self._about(trial, seconds) | {"refused": words})

    def search_file(self, trial: Trial) -> Path:
        """Where the answers of a search that runs are kept."""
        return self.folder / f"search-{trial.key[:16]}.json"

    def _about(self, trial: Trial, seconds: float) -> dict:
        return {"trial": trial.key, "what": trial.what, "seconds": round(seconds, 3)}

    def _add(self, line: dict) -> None:
        try:
            append_file(self._file, (json.dumps(line) + "\n").encode())
        except OSError as problem:
            raise StudioError(
                f"{self._file} does not take the next trial: {problem.strerror}. Make room, then "
                "go on."
            ) from None
        self._take(line)

    def _drop(self) -> None:
        for old in [self._file, *self.folder.glob("search-*.json")]:
            old.unlink(missing_ok=True)

    def _read(self) -> None:
        lines = (read_if_there(self._file, StudioError) or b"").splitlines(keepends=True)
        if not lines or _plain(lines[0]) != self._head:
            self._drop()
            append_file(self._file, (json.dumps(self._head) + "\n").encode())
            return
        if not lines[-1].endswith(b"\n"):
            append_file(self._file, b"\n")
        for each in lines[1:]:
            if line := _plain(each):
                self._take(line)

    def _take(self, line: dict) -> None:
        """Know what a line says; one that says nothing sensible is passed over."""
        try:
            if "experts" in line:
                self._experts = {name: list(map(int, x)) for name, x in line["experts"].items()}
                return
            key = str(line["trial"])
            if "values" in line:
                own, rows = self._values.get(key, {}), int(line["rows"])
                more = {n: np.array(each, float) for n, each in line["values"].items()}
                joined = {n: np.concatenate([own.get(n, []), each]) for n, each in more.items()}
                self._values[key], self._rows[key] = {**own, **joined}, rows
            elif "found" in line:
                self._found[key] = parse_recipe(line["found"], self.folder, str(self._file))
            else:
                self._refused[key] = str(line["refused"])
            self._seconds[key] = self._seconds.get(key, 0.0) + float(line["seconds"])
        except (KeyError, TypeError, ValueError, AttributeError, StudioError):
            return


def _plain(line: bytes) -> dict:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

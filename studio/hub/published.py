"""What of an export is for everybody: its own tasks alone, public names, and no evidence."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from studio import __version__
from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.disk.files import hub_id, inside, mapping, parse_json, read_mapping, read_text
from studio.errors import BadRemote, some
from studio.evidence.bundle import KEY_FILE, REPORT_FILE, VERIFIER_FILE
from studio.evidence.certificate import CERTIFICATE_FILE
from studio.export.card import measured_part, public_name
from studio.export.folder import CARD, RECORD
from studio.export.licences import body_of, front_of, licence_fields, licence_of_card
from studio.measure.intervals import Score, Share
from studio.progress import Progress, silent
from studio.recipe import Fitted, Recipe, load_recipe
from studio.tasks.metric import METRICS

RECIPE = "recipe.yaml"
_EVIDENCE = (CERTIFICATE_FILE, REPORT_FILE, KEY_FILE, VERIFIER_FILE)
_OF_TASKS = ("heads", "classifiers")
_PROGRAMS = (".py", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".pem")
_LARGEST_CERTIFICATE = 64 * 2**20


@dataclass(frozen=True)
class Published:
    """What is pushed of an export.

    Attributes:
        folder: of the export.
        checkpoint: in it.
        root: weights root, taken anew.
        texts: files that are written anew, by name.
        files: names of those that are pushed as they are.
        weights: names of those whose header says recipe and root, too.
        notes: what that is.
        left: what is not pushed and why, a sentence each.
        licence: that the card names; '' if none.
    """

    folder: Path
    checkpoint: Checkpoint
    root: str
    texts: Mapping[str, str]
    files: tuple[str, ...]
    weights: tuple[str, ...]
    notes: Mapping[str, str]
    left: tuple[str, ...]
    licence: str

    @property
    def size(self) -> int:
        """Bytes of all of it, but for what headers gain."""
        own = sum((self.folder / name).stat().st_size for name in (*self.files, *self.weights))
        return own + sum(len(text.encode()) for text in self.texts.values())


def published(folder: Path, name: str, licence: str = "", progress: Progress = silent) -> Published:
    """What of an export may be pushed: no name of a task that is not in it, no paths.

    Args:
        folder: an export of a merge or a state, or a bundle of an unmerge.
        name: that it gets, 'owner/name'.
        licence: that the person chose; '' keeps what its card says.
        progress: told the share of the weights that was read.

    Raises:
        BadRemote: it is no export, its weights were changed, or it names what was removed.
    """
    record = _record(folder)
    checkpoint = open_checkpoint(folder.absolute())
    root = checkpoint.weights.take_root(progress)
    if record.get("weights_root") != root:
        raise BadRemote(
            f"{folder} holds other weights than were exported (root {root[:12]}…, its {RECORD} "
            f"says {str(record.get('weights_root'))[:12]}…). Export it again."
        )
    recipe = load_recipe(folder / RECIPE) if (folder / RECIPE).is_file() else None
    kept = recipe.names if recipe else tuple(str(each["name"]) for each in record["tasks"])
    removed = _removed(folder, kept)
    others = {*removed, *_scores(record), *(_took_part(recipe) if recipe else ())} - {*kept}
    texts = {RECORD: json.dumps(_own_record(record, kept), indent=1)}
    if recipe:
        texts[RECIPE] = yaml.safe_dump(public_recipe(recipe), sort_keys=False, allow_unicode=True)
    texts[CARD], front = _card(folder, record, kept, name, licence)
    _refuse_named(texts, others)
    own = {entry.file.name for entry in checkpoint.weights.entries.values()}
    files, left = _files(folder, kept, {*texts, *own})
    notes = {"weights_root": root, "merged_with": f"mdm-oc-merge-studio {__version__}"}
    if recipe:
        notes["merge_recipe"] = json.dumps(public_recipe(recipe))
    named = licence_of_card(front)
    return Published(folder, checkpoint, root, texts, files, tuple(sorted(own)), notes, left, named)


def public_recipe(recipe: Recipe) -> dict:
    """A recipe as a file has it, with names of folders and ids in place of paths.

    Tasks that only took part in choosing numbers have numbers in place of names.
    """
    plain = recipe.plain()
    for entry, key in [(plain, "base"), *((task, "checkpoint") for task in plain["tasks"])]:
        entry[key] = entry[key] if hub_id(entry[key]) else public_name(entry[key])
    if recipe.fitted:
        plain["fitted"] = _nameless(recipe.fitted, recipe.names).plain()
    return plain


def _nameless(fitted: Fitted, kept: tuple[str, ...]) -> Fitted:
    others = dict.fromkeys(name for name, _ in fitted.tasks if name not in kept)
    numbers = {name: f"task left out {n}" for n, name in enumerate(others, 1)}
    return replace(fitted, tasks=tuple((numbers.get(name, name), x) for name, x in fitted.tasks))


def _took_part(recipe: Recipe) -> list[str]:
    return [name for name, _ in recipe.fitted.tasks] if recipe.fitted else []


def _record(folder: Path) -> dict:
    if not (folder / RECORD).is_file():
        raise BadRemote(
            f"{folder} is no export of the studio: it has no {RECORD}. Export a merge, and push "
            "its folder."
        )
    record = read_mapping(inside(folder, folder / RECORD, BadRemote), BadRemote)
    tasks = record.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(x, dict) and "name" in x for x in tasks):
        raise BadRemote(f"{folder / RECORD} does not say which tasks are merged.")
    return record


def _scores(record: dict) -> dict:
    return mapping(record.get("scores") or {}, f"{RECORD}: scores", BadRemote)


def _own_record(record: dict, kept: tuple[str, ...]) -> dict:
    own = {name: value for name, value in _scores(record).items() if name in kept}
    return record | ({"scores": own} if "scores" in record else {})


def _removed(folder: Path, kept: tuple[str, ...]) -> set[str]:
    """Names of what a bundle says was removed.

    Raises:
        BadRemote: its recipe still names one.
    """
    file = folder / CERTIFICATE_FILE
    if not file.is_file():
        return set()
    try:
        envelope = parse_json(
            read_text(file, BadRemote, _LARGEST_CERTIFICATE), str(file), BadRemote
        )
        body = base64.b64decode(mapping(envelope, str(file), BadRemote)["payload"])
        predicate = json.loads(body)["predicate"]
        removed = {str(each["task"]) for each in predicate["removed"]}
        added = {str(each["task"]) for each in predicate.get("added", ())}
    except (KeyError, TypeError, ValueError):
        raise BadRemote(f"{file} is no certificate of an unmerge.") from None
    if still := sorted((removed & {*kept}) - added):
        raise BadRemote(
            f"{folder} is an algebraic unmerge, whose recipe goes on naming {some(still)}. Unmerge "
            "exactly to push a model without that name."
        )
    return removed - added


def _card(
    folder: Path, record: dict, kept: tuple[str, ...], name: str, licence: str
) -> tuple[str, dict]:
    """The card for everybody, and its front matter."""
    text = read_text(inside(folder, folder / CARD, BadRemote), BadRemote)
    front, body = front_of(text), body_of(text)
    scores = {task: _score(plain) for task, plain in _scores(record).items()}
    own = {task: score for task, score in scores.items() if task in kept}
    before, after = measured_part(scores, kept), measured_part(own, kept)
    for words in ("| n |", "| rows |"):  # as 0.1.0 called the last column
        body = body.replace(before.replace("| n |", words), after)
    sources = front.get("base_model")
    public = [x for x in sources if hub_id(str(x))] if isinstance(sources, list) else []
    known = {"base_model": public, "base_model_relation": "merge"} if public else {}
    rest = {key: value for key, value in front.items() if not key.startswith("base_model")}
    front = known | rest
    for index in front.get("model-index") or ():
        index["name"] = name.rpartition("/")[2]
    if licence:
        front = {key: front[key] for key in front if not key.startswith("license")}
        front |= licence_fields(licence)
    said = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{said}---\n{body}", front


def _score(plain: dict) -> Score:
    metric = next((each for each in METRICS if each.name in plain), None)
    if metric is None:
        raise BadRemote(f"{RECORD} holds a score of no metric that is known.")
    besides = (Share(name, **share) for name, share in plain.get("besides", {}).items())
    return Score(
        plain[metric.name], plain["n"], plain["low"], plain["high"], plain["interval"], metric,
        plain.get("bits_per_byte"), tuple(besides),
    )  # fmt: skip


def _refuse_named(texts: Mapping[str, str], others: set[str]) -> None:
    """Refuse a text that names a task which is not in the model."""
    for file, text in texts.items():
        for name in sorted(others):
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                raise BadRemote(
                    f"{file} names '{name}', which is not in the model. Take the name out of the "
                    "file, then push again."
                )


def _files(
    folder: Path, kept: tuple[str, ...], own: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of what is pushed as it is, and why the rest is not."""
    files, left, others = [], [], 0
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        name = "/".join(parts)
        if file.is_dir() or name in own:
            continue
        if parts[0] in _OF_TASKS and parts[1] not in kept:
            others += 1
        elif name in _EVIDENCE or _is_no_part(file, parts):
            left.append(name)
        else:
            files.append(name)
    words = [f"Not pushed: {some(left, 10)}."] if left else []
    words += [f"Not pushed: {others} files of tasks that are not in the model."] if others else []
    if CERTIFICATE_FILE in left:
        words.append(
            "A certificate names what was removed: hand it to those who are to check it, with "
            "this folder, whose files it signs."
        )
    return tuple(files), tuple(words)


def _is_no_part(file: Path, parts: tuple[str, ...]) -> bool:
    """Whether a file is a program, a pickle, a key, hidden or a link."""
    hidden = any(part.startswith(".") for part in parts)
    return hidden or file.is_symlink() or file.name.endswith(_PROGRAMS)

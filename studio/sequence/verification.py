"""Verification of any certificate: of a recipe's removal, or of one from a state of sums."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint, open_base, open_checkpoint
from studio.errors import StudioError
from studio.evidence.ledger.events import STATE
from studio.evidence.verify import Finding, Verification, verify
from studio.evidence.verify_certificate import is_of_state
from studio.measure.bench import Bench
from studio.progress import Progress, part, silent
from studio.sequence.members import members_of
from studio.sequence.own_inputs import own_inputs
from studio.sequence.sums import SumState
from studio.sequence.sums_check import LEFT, rebuilt
from studio.sequence.sums_export import merged_root
from studio.zoo import Zoo


def verify_bundle(
    folder: Path, certificate: Path, public_key: Path, log: Path | None = None,
    inputs: tuple[Path, Sequence[Path]] | None = None, bench: Bench | None = None,
    progress: Progress = silent, roots: tuple[Path, ...] = (),
) -> Verification:  # fmt: skip
    """Verify a bundle, offline; see ``evidence.verify``.

    Of a state's certificate, a log must quote no other root for the same tasks, and ``inputs``
    have the state built again, and the model merged from it.

    Args:
        folder: the bundle.
        certificate: its certificate, inside of it or elsewhere.
        public_key: of the signer, got by a channel that one trusts.
        log: the ledger's ``audit.jsonl``, with ``head.json`` beside it, if there is one.
        inputs: base and kept checkpoints.
        bench: of a zoo of these inputs with the rows that something was measured on; None where
            there are no rows.
        progress: told the share done.
        roots: folders into which links of the checkpoints' files may lead.

    Raises:
        StudioError: a file cannot be read at all.
    """
    found = verify(
        folder, certificate, public_key, log, inputs, part(progress, 0.0, 0.3), roots, bench
    )  # fmt: skip
    if found.statement is None or not is_of_state(found.statement):
        return found
    predicate, findings = found.statement["predicate"], [*found.findings]
    if not found.good:
        return found
    if log is not None:
        findings += _of_log(log, predicate)
    if inputs is not None:
        (base, tasks), zoo = inputs, bench.zoo if bench else None
        try:
            findings += _built_again(predicate, base, tasks, zoo, roots, part(progress, 0.3, 1.0))
        except StudioError as refusal:
            findings.append(Finding(False, f"It cannot be built again: {refusal}"))
    return replace(found, findings=tuple(findings))


def _of_log(log: Path, predicate: dict) -> list[Finding]:
    """What the entries of a whole log say of both states and of the removal."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    states = [each for each in entries if each["event"] == STATE]
    told, findings = predicate["state"], []
    for when in ("before", "after"):
        for entry in _quoting(states, told, when):
            if entry["content"]["root"] != told[when]["root"]:
                findings.append(Finding(
                    False, f"For the tasks of the state {when} the removal, the log of "
                    f"{entry['time']} quotes the root {entry['content']['root'][:12]}…, the "
                    f"certificate {told[when]['root'][:12]}….",
                ))  # fmt: skip
    if findings:
        return findings
    (gone,) = predicate["removed"]
    after = _quoting(states, told, "after")
    mine = [
        each for each in after
        if (each["content"]["change"], each["content"]["digest"]) == (LEFT, gone["digest"])
    ]  # fmt: skip
    words = f"the removal of '{gone['task']}' with the state's root after it."
    findings.append(Finding(bool(mine), f"The log {'has' if mine else 'does not have'} {words}"))
    passed = {each["id"] for each in predicate["checks"] if each["result"] == "pass"}
    if "S2" in passed:
        others = len(after) - len(mine[-1:])
        words = "the root after the removal for the kept tasks in other entries, too"
        does = "quotes" if others else "does not quote"
        findings.append(Finding(others > 0, f"The log {does} {words}: {others}."))
    return findings


def _quoting(states: Sequence[dict], told: dict, when: str) -> list[dict]:
    tasks = {task["name"]: task["terms"] for task in told[when]["tasks"]}
    wanted = {"base": told["base"], "settings": told["settings"], "tasks": tasks}
    return [
        each for each in states if all(each["content"][key] == x for key, x in wanted.items())
    ]  # fmt: skip


def _built_again(
    predicate: dict, base_folder: Path, tasks: Sequence[Path], zoo: Zoo | None,
    roots: tuple[Path, ...], progress: Progress,
) -> list[Finding]:  # fmt: skip
    told, base = predicate["state"], open_base(base_folder, roots)
    state = SumState(
        Path("the state of the certificate"), told["method"], told["options"], told["base"],
        told["coarser"], {}, {}, members_of(base_folder, told["after"]["tasks"]),
        told["after"]["root"],
    )  # fmt: skip
    found = [open_checkpoint(each, roots) for each in tasks]
    if wrong := _strangers(predicate, state, found):
        return [Finding(False, words) for words in wrong]
    names = {task.digest: task.name for task in state.tasks}
    kept: Mapping[str, Checkpoint] = {names[each.digest]: each for each in found}

    def inputs(name: str, checkpoint: Checkpoint):
        return own_inputs(state, zoo, base, checkpoint)

    with rebuilt(state, base, kept, inputs, part(progress, 0.0, 0.7)) as again:
        same = again.root == state.root and _sha256(again.path) == told["after"]["file"]
        other = [m.name for m, new in zip(state.tasks, again.tasks, strict=True) if m != new]
        why = f" (the terms of {', '.join(other)} are other ones here)" * bool(other)
        words = f"the root {again.root[:12]}…, certified {state.root[:12]}…{why}."
        findings = [Finding(same, f"The state, built again from the kept tasks, has {words}")]
        root, wanted = merged_root(again, base, part(progress, 0.7, 1.0)), predicate["result"]
        words = f"weights root {root[:12]}…, certified {wanted['weights_root'][:12]}…."
        return [
            *findings,
            Finding(root == wanted["weights_root"], f"Its model, merged again, has the {words}"),
        ]


def _strangers(predicate: dict, state: SumState, found: Sequence[Checkpoint]) -> list[str]:
    """What is among the checkpoints that must not be."""
    kept = {task.digest for task in state.tasks}
    gone = {each["digest"]: each["task"] for each in predicate["removed"]}
    wrong = []
    for each in found:
        if each.digest in gone:
            name = gone[each.digest]
            wrong.append(f"{each.folder} is the removed checkpoint '{name}'; leave it out.")
        elif each.digest not in kept:
            wrong.append(f"{each.folder} is none of the checkpoints that the certificate names.")
    return wrong


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

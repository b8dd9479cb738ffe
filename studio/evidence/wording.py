"""What a certificate may say, what it must add, and the words it never uses."""

import re
from collections.abc import Sequence

from studio.evidence.verify_certificate import ORIGINS as ORIGINS

EXACT = "exact-leave-one-out"
ALGEBRAIC = "algebraic-approximate"
CARRIED_OVER = "weights-rebuilt-coefficients-carried-over"
UNDECLARED = "weights-rebuilt-coefficients-undeclared"
BY_PERSON, BY_DEFAULT, BY_SEARCH = "set by a person", "defaults", "found without it"
NOT_DECLARED, WITH_IT = "undeclared", "carried over"

SHOWS = (
    "The weights with root {root} were computed from the base model and the checkpoints listed "
    "below by the stated procedure, and checkpoint {tasks} was not an input. The same bytes "
    "result when the procedure is repeated without access to checkpoint {tasks}; anyone holding "
    "the listed inputs can repeat this offline."
)
SHOWS_ON_ONE_KIND = (
    "The weights with root {root} were computed from the base model and the checkpoints listed "
    "below by the stated procedure, and checkpoint {tasks} was not an input. On the same kind of "
    "machine the same bytes result when the procedure is repeated without access to checkpoint "
    "{tasks}; elsewhere the result is the same up to 1e-5 of the merged change. Whoever holds the "
    "listed inputs can repeat this offline."
)
SHOWS_ALGEBRAIC = (
    "The weights with root {root} were computed from the base model and the checkpoints listed "
    "below by the stated procedure, and checkpoint {tasks} was an input: its orthogonal component "
    "was computed and subtracted."
)
SHOWS_STATE = (
    "The weights with root {root} were merged from a state of sums with the root {state}, and "
    "checkpoint {task} is not in these sums. {how}"
)
BUILT_AGAIN = (
    "The same bytes result when the state is built of the base model and the checkpoints listed "
    "below without access to checkpoint {task}; anyone holding the listed inputs can repeat this "
    "offline."
)
QUOTED = (
    "The log quoted this root for the checkpoints listed below before checkpoint {task} came. "
    "Nobody built the state again for this certificate; anyone holding the listed inputs can do "
    "so offline."
)
ON_ONE_KIND = "The weights have the same bytes on the same kind of machine, the state on every one."
STATE_REMAINS = (
    "That the receipt, the checkpoint, or copies of the state from before were deleted: whoever "
    "holds one of them still has the removed task."
)
DOES_NOT_SHOW = (
    "That the base model or any listed checkpoint was not itself trained on the same data, or "
    "started from a model containing the removed task – the operator's statement on this is "
    "reproduced, not verified.",
    "That copies, backups, earlier exports, or data sets were deleted.",
    "That the model is anonymous or that no fact from the removed task can be produced by it; "
    "related tasks may teach similar abilities.",
    "The identity of the signer beyond possession of the key, or the time beyond the signer's "
    "clock, unless a trusted timestamp is attached.",
    "Compliance with any law; that is a decision for the controller.",
)
APPROXIMATE = (
    "Approximate removal. The orthogonal component of task {task} was subtracted. The result "
    "differs from a model in which task {task} never took part (relative residual {residual}); a "
    "person holding the other inputs can estimate the update of task {task} from that difference. "
    "Do not rely on this mode for erasure requests."
)
COEFFICIENTS_REMAIN = (
    "The weights were rebuilt without the removed checkpoint, but with coefficients that were "
    "chosen while it took part. Its influence on those coefficients remains, so this is no exact "
    "removal."
)
COEFFICIENTS_UNDECLARED = (
    "The weights were rebuilt without the removed checkpoint, but nothing says where the "
    "coefficients come from: they are no defaults, were not set in this studio, and no search of "
    "it found them. Whether the removed checkpoint had a part in them is not known, so this is no "
    "exact removal."
)
GRANULARITY = (
    "Unmerging removes a whole task checkpoint, not a person. To take one person out, remove the "
    "task, train it again without that person's data, and merge it again; the second certificate "
    "names the first as its predecessor."
)
BEFORE_AND_AFTER = (
    "Whoever holds an earlier export beside this one, and the other inputs, can work out the "
    "removed task from the difference. The removal counts only once the earlier exports are "
    "recalled and deleted."
)
CACHES = (
    "On disk the studio keeps digests, inner products, statistics of experts, scores and "
    "mixes, no weights; while it runs, it holds weights in memory and in its temporary folder. "
    "Temporary folders that programs had left were removed before this was signed. States of "
    "sequences (OPCM) are files of their owners, and the log does not know them."
)
HELP = {
    "Exact removal": (
        "The merge is computed again from the base and the remaining checkpoints, with the removed "
        "one out of reach. The result is, bit for bit, the model in which it never took part."
    ),
    "Approximate removal": (
        "The removed task's component is subtracted from the merged model. The result is close to "
        "the model in which the task never took part, and not the same; no bound on the difference "
        "is proven."
    ),
    "What subtracting leaves": (
        "Later tasks were made orthogonal to the removed one, so each of them carries a negative "
        "share of it. Subtracting leaves these shares behind: a hole in the shape of the task, "
        "from which its update can be estimated."
    ),
}
FORBIDDEN = (
    "GDPR-compliant",
    "proves deletion",
    "completely forgotten",
    "anonymous",
    "certified unlearning",
    "100 %",
)


def shows(root: str, tasks: Sequence[str], claim: str = EXACT, everywhere: bool = True) -> str:
    """What a certificate of this claim shows about the weights with this root.

    Args:
        root: weights root of the result.
        tasks: that were removed.
        claim: of the certificate.
        everywhere: whether the bits are promised on every machine, not on one kind only.
    """
    rebuilt = SHOWS if everywhere else SHOWS_ON_ONE_KIND
    text = SHOWS_ALGEBRAIC if claim == ALGEBRAIC else rebuilt
    if len(tasks) > 1:
        for one, several in _SEVERAL:
            text = text.replace(one, several)
    return text.format(root=root, tasks=_listed(tasks))


_SEVERAL = (
    ("{tasks} was not an input", "{tasks} were not inputs"),
    ("{tasks} was an input: its orthogonal component was", "{tasks} were inputs: their orthogonal "
     "components were"),
    ("checkpoint {tasks}", "checkpoints {tasks}"),
)  # fmt: skip


def approximate(tasks: Sequence[str], residual: float | None) -> str:
    """The warning that goes with every algebraic removal.

    Args:
        tasks: that were subtracted.
        residual: distance from the never-merged weights over their distance from the base.
    """
    text = APPROXIMATE
    if len(tasks) > 1:
        text = text.replace("component of task {task} was", "components of task {task} were")
        text = text.replace("task {task}", "tasks {task}")
    words = "not measured" if residual is None else f"{residual:.3g}"
    return text.format(task=_listed(tasks), residual=words)


def limits(
    claim: str,
    root: str,
    tasks: Sequence[str],
    residual: float | None = None,
    everywhere: bool = True,
) -> dict:
    """The statement's ``limits``: what it shows, what it does not, and how far off it is."""
    return {
        "shows": shows(root, tasks, claim, everywhere),
        "does_not_show": list(DOES_NOT_SHOW),
        "approximate": approximate(tasks, residual) if claim == ALGEBRAIC else None,
    }


def state_limits(
    root: str, state: str, task: str, built_again: bool, everywhere: bool = True
) -> dict:
    """The same of the model of a state of sums that a task has left.

    Args:
        root: weights root of the model.
        state: root of the state's sums.
        task: that left.
        built_again: whether the state was built of the kept tasks; else the log quoted its root.
        everywhere: whether the model's bits are promised on every machine, not on one kind only.
    """
    how = BUILT_AGAIN if built_again else QUOTED
    text = how if everywhere else f"{how} {ON_ONE_KIND}"
    name = _listed([task])
    shown = SHOWS_STATE.format(root=root, state=state, task=name, how=text.format(task=name))
    does_not_show = [*DOES_NOT_SHOW[:2], STATE_REMAINS, *DOES_NOT_SHOW[2:]]
    return {"shows": shown, "does_not_show": does_not_show, "approximate": None}


def forbidden_in(text: str) -> list[str]:
    """The forbidden words that ``text`` uses; a page's style sheet is not read.

    The one sentence that says what is *not* shown may use its word.
    """
    text = re.sub(r"<style>.*?</style>", " ", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).replace(DOES_NOT_SHOW[2], " ")
    return [word for word in FORBIDDEN if _pattern(word).search(text)]


def _pattern(word: str) -> re.Pattern[str]:
    """The word in any case, hyphenated or not, however wide its spaces are."""
    inner = re.sub(r"\\?[ -]", r"[\\s-]*", re.escape(word))
    return re.compile(rf"(?<!\w){inner}(?!\w)", re.IGNORECASE)


def _listed(tasks: Sequence[str]) -> str:
    *first, last = (f"'{task}'" for task in tasks)
    return f"{', '.join(first)} and {last}" if first else last

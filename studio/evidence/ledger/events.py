"""Events that the ledger's readers understand, and what an entry of each must hold."""

from collections.abc import Iterable

EXPORT, ORPHAN, RECALLED, CERTIFICATE, OVERRIDE, STATE = (
    "export", "orphan export", "recalled", "certificate", "override", "state of sums",
)  # fmt: skip
_COPY = {"copy": str, "name": str, "weights_root": str, "base": str, "tasks": dict}
_CHECKPOINT = ("task", "digest", "weights_root")
_CONTENTS: dict[str, dict[str, type]] = {
    EXPORT: _COPY,
    ORPHAN: _COPY,
    CERTIFICATE: {
        "copy": str, "certificate": str, "claim": str, "verdict": str, "demo": bool,
        "removed": list, "inputs": list,
    },
    STATE: {
        "change": str, "task": str, "digest": str, "base": str, "settings": str, "tasks": dict,
        "root": str,
    },
}  # fmt: skip


def lacking(event: str, content: dict) -> str:
    """The first field that an entry lacks or has in another form; '' if nobody would miss one."""
    for name, kind in _CONTENTS.get(event, {}).items():
        if type(content.get(name)) is not kind:
            return name
    if event in (EXPORT, ORPHAN, STATE) and not _are_texts(content["tasks"].values()):
        return "tasks"
    if event == CERTIFICATE:
        if not content["inputs"] or not _are_texts(content["inputs"]):
            return "inputs"
        if not all(_is_checkpoint(each) for each in content["removed"]):
            return "removed"
    return ""


def _is_checkpoint(entry: object) -> bool:
    return isinstance(entry, dict) and _are_texts(
        [entry.get("fingerprint", ""), *(entry.get(name) for name in _CHECKPOINT)]
    )


def _are_texts(values: Iterable) -> bool:
    return all(isinstance(each, str) for each in values)

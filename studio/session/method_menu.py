"""The menu of methods, group by group."""

from studio.methods import METHODS
from studio.methods.contract import Method

_GROUPS = ("A component per task", "One change of all tasks", "Measured on validation rows")


def method_menu() -> list[dict[str, str]]:
    """Every method's name, title and group, group by group."""
    found = [{"name": m.name, "title": m.title, "group": _group(m)} for m in METHODS.values()]
    return sorted(found, key=lambda each: _GROUPS.index(each["group"]))


def _group(chosen: type[Method]) -> str:
    if chosen.needs:
        return _GROUPS[2]
    return _GROUPS[0 if chosen.has_components else 1]

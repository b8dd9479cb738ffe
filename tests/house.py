"""The laws of the house, as functions of a folder: each gives the offences that it finds there."""

import ast
import re
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

ORDER = [
    "errors", "progress", "parallel", "disk", "device", "recipe", "demo", "checkpoints", "geometry",
    "methods", "merge", "component", "tasks", "zoo", "measure", "fusion", "export", "evidence",
    "hub", "compare", "search", "sweep", "best", "sequence", "inspection", "preflight", "library",
    "lesson", "new_zoo", "training", "session", "ui", "commands", "__main__",
]  # fmt: skip
"""The rooms of ``studio``: each may import those before it."""
FUNCTION, CALLBACK, CLASS, FILE = 40, 12, 200, 350
"""Most lines of each; of a callback, in its body."""
FRONT_ENDS = ("commands", "ui", "__main__.py")
WRITE_COMMANDS = {
    "export/served.py": "shows how a server of adapters is started",
    "session/export_plan.py": "shows an export as a command",
    "evidence/report/tables.py": "shows an auditor the commands of a check",
    "sequence/removal_report.py": "shows an auditor the commands of a check",
    "evidence/report/style.py": "is CSS, whose variables begin so",
}
"""Files below the front ends that may name options of a command, and why."""
ASK_KINDS = (
    "zoo", "measure", "export", "evidence", "compare", "search", "sweep", "best", "sequence",
    "inspection", "preflight", "lesson", "session", "ui", "commands",
)  # fmt: skip
"""Rooms that ask the kind of a task, and know nothing of its inside."""
INSIDE_KINDS = {
    "pooling", "pool", "pooled", "max_length", "tokenizer", "tokenize", "tokens", "input_ids",
    "attention_mask", "pad_token_id", "last_hidden_state", "pixel_values",
}  # fmt: skip
_OPTIONS = re.compile(r"(?:^|[\s(])--[a-z]")
_EVENTS = ("Request", "EventData", "SelectData")
_NO_CALLBACKS = ("load", "draw")  # what a part of the page is asked, and not what a control calls


def files(package: Path) -> list[Path]:
    """Every module of a package."""
    return sorted(package.rglob("*.py"))


def modules(package: Path) -> set[str]:
    """The dotted names of all modules."""
    return {module(package, each) for each in files(package)}


def module(package: Path, file: Path) -> str:
    """A file's dotted name; a folder's for its ``__init__``."""
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(package: Path, file: Path, known: Set[str] = frozenset()) -> set[str]:
    """The package's modules that a file imports, wherever it does and for whatever purpose."""
    known = known or modules(package)
    found = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known or {node.module}
    return found & known - {module(package, file)}


def wrong_ways(package: Path, order: Sequence[str]) -> list[str]:
    """Imports of a room that stands later in the order, and rooms that stand nowhere in it."""
    found, known = [], modules(package)
    for file in files(package):
        own = module(package, file).split(".")[1:2]
        if not own:
            continue
        if own[0] not in order:
            found.append(f"{own[0]} has no place in the order")
            continue
        for name in sorted(imported(package, file, known)):
            room = name.split(".")[1:2]
            if room and room[0] in order and order.index(room[0]) > order.index(own[0]):
                found.append(f"{module(package, file)} imports {name}")
    return found


def circles(package: Path) -> list[str]:
    """Circles of imports, between files and, within every folder, between what lies in it."""
    known = modules(package)
    uses = {module(package, file): imported(package, file, known) for file in files(package)}
    uses[package.name] = set()  # its front door, which opens the library late and asks for types
    found = [f"files: {' -> '.join(circle)}" for circle in _circles(uses)]
    folders = {module(package, file).rpartition(".")[0] for file in files(package)} - {""}
    for folder in sorted(folders):
        depth = folder.count(".") + 2
        inside: dict[str, set[str]] = {}
        for name, others in uses.items():
            if name.startswith(folder + "."):
                own = ".".join(name.split(".")[:depth])
                near = (other for other in others if other.startswith(f"{folder}."))
                beside = {".".join(other.split(".")[:depth]) for other in near}
                inside.setdefault(own, set()).update(beside - {own})
        found += [f"in {folder}: {' -> '.join(circle)}" for circle in _circles(inside)]
    return found


def foreign(package: Path, names: Sequence[str], rooms: Sequence[str]) -> list[str]:
    """Imports of some libraries outside some rooms."""
    found = []
    for file in files(package):
        if module(package, file).split(".")[1:2] not in [[room] for room in rooms]:
            found += [
                f"{module(package, file)} imports {name}"
                for name in sorted(libraries(file))
                if name.split(".")[0] in names
            ]
    return found


def libraries(file: Path) -> set[str]:
    """Every module that a file imports."""
    found = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def mentioned(file: Path) -> set[str]:
    """Every module that a file imports, or imports something of, and what that is, dotted."""
    found = libraries(file)
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def long_functions(package: Path, most: int = FUNCTION) -> list[str]:
    """Functions of too many lines, from the first decorator to the end without the docstring."""
    return [
        f"{module(package, file)}.{node.name} has {_lines(node)} lines"
        for file in files(package)
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > most
    ]


def long_callbacks(package: Path, most: int = CALLBACK) -> list[str]:
    """Callbacks of the page (told of a request, event or session) of too many lines."""
    found = []
    for file in files(package):
        for node in ast.walk(_tree(file)):
            if isinstance(node, ast.FunctionDef) and _is_callback(node):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > most:
                    found.append(f"{module(package, file)}.{node.name} has {lines} lines")
    return found


def long_classes(package: Path, most: int = CLASS) -> list[str]:
    """Classes of too many lines."""
    return [
        f"{module(package, file)}.{node.name} has {_whole(node)} lines"
        for file in files(package)
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.ClassDef) and _whole(node) > most
    ]


def long_files(package: Path, most: int = FILE) -> dict[str, int]:
    """Lines of the files that have more than so many."""
    lengths = {file: len(file.read_text().splitlines()) for file in files(package)}
    return {module(package, file): count for file, count in lengths.items() if count > most}


def uncaptioned(package: Path) -> list[str]:
    """Files whose first line is not a sentence that says what they are."""
    found = []
    for file in files(package):
        first = (ast.get_docstring(_tree(file)) or "").split("\n")[0]
        if not first.endswith("."):
            found.append(module(package, file))
    return found


def untested(package: Path, tests: Path) -> list[str]:
    """Modules that no test imports or names."""
    named: set[str] = set()
    for file in files(tests):
        named |= mentioned(file)
        for _, text in strings(file):
            named |= {text, text.rpartition(".")[0]}
    return [
        module(package, file)
        for file in files(package)
        if file.name != "__init__.py" and module(package, file) not in named
    ]


def named_methods(studio: Path) -> list[str]:
    """Files outside ``methods/`` that name a method: by its class, its module or its name.

    One name is no offence, ``DEFAULT_METHOD`` in ``recipe.py``: a recipe has a method where nobody
    chooses one, and is a room below ``methods``, which asserts that there is such a method. Nor
    are sentences that advise a method.
    """
    classes, found = _method_classes(studio), []
    names = {name for name in classes.values() if name}
    modules = {f"studio.methods.{name}" for name in names}
    for file in files(studio):
        place = file.relative_to(studio).as_posix()
        if place.startswith("methods/"):
            continue
        tree, said = ast.parse(file.read_text()), mentioned(file) & modules
        if place == "recipe.py":
            tree.body = [x for x in tree.body if not ast.unparse(x).startswith("DEFAULT_METHOD =")]
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word):
                    said |= {word} & classes.keys()
                case ast.Constant(value=str(word)):
                    said |= {word} & names
        found += [f"{place} names {word}" for word in sorted(said)]
    return found


def inside_of_kinds(studio: Path, rooms: Sequence[str] = ASK_KINDS) -> list[str]:
    """Where rooms that ask a kind say a word that belongs inside one.

    Names, attributes, arguments and whole strings count; what is written for people does not.
    """
    found = []
    for file in files(studio):
        if file.relative_to(studio).with_suffix("").parts[0] in rooms:
            for node in ast.walk(_tree(file)):
                said = {getattr(node, key, None) for key in ("id", "attr", "arg", "name", "value")}
                words = sorted(INSIDE_KINDS & {each for each in said if isinstance(each, str)})
                found += [f"{file.relative_to(studio)} says {word}" for word in words]
    return found


def options_named(studio: Path) -> list[str]:
    """Texts below the front ends that name an option of a command, docstrings left out."""
    found = []
    for file in files(studio):
        name = file.relative_to(studio)
        if name.parts[0] not in FRONT_ENDS and name.as_posix() not in WRITE_COMMANDS:
            found += [f"{name}:{line}" for line, text in strings(file) if _OPTIONS.search(text)]
    return found


def strings(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string of a file that is no docstring."""
    tree = _tree(file)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            text = node.value
            if isinstance(text, str):
                yield node.lineno, text


def _circles(uses: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected parts of a graph with more than one member (Tarjan 1972)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for other in sorted(uses.get(name, ())):
            if other not in numbers:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], numbers[other])
        if lowest[name] == numbers[name]:
            part = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(part) > 1:
                found.append(sorted(part))

    for name in sorted(uses):
        if name not in numbers:
            visit(name)
    return found


def _is_callback(node: ast.FunctionDef) -> bool:
    told = (each.annotation for each in (*node.args.args, *node.args.kwonlyargs))
    return any(
        (isinstance(each, ast.Attribute) and each.attr in _EVENTS)
        or (isinstance(each, ast.Name) and each.id == "Session" and node.name not in _NO_CALLBACKS)
        for each in told
    )


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    said = node.body[0] if ast.get_docstring(node) is not None else None
    return _whole(node) - ((said.end_lineno or 0) - said.lineno + 1 if said else 0)


def _whole(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def _tree(file: Path) -> ast.Module:
    return _parsed(str(file), file.stat().st_mtime_ns)


_KNOWN: dict[tuple[str, int], ast.Module] = {}


def _parsed(file: str, changed: int) -> ast.Module:
    if (file, changed) not in _KNOWN:
        _KNOWN[file, changed] = ast.parse(Path(file).read_text(encoding="utf-8"))
    return _KNOWN[file, changed]


def _method_classes(studio: Path) -> dict[str, str]:
    """Every class below ``Method``, with the name by which recipes call it, or ''."""
    trees = [_tree(file) for file in files(studio / "methods")]
    classes = [each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]
    found: dict[str, str] = {}
    for _ in classes:  # a chain of bases is no longer than this
        for each in classes:
            if {ast.unparse(base) for base in each.bases} & {"Method", *found}:
                found[each.name] = _called(each)
    return found


def _called(method: ast.ClassDef) -> str:
    for each in method.body:
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == "name" and each.value:
            return ast.literal_eval(each.value)
    return ""

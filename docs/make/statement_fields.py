"""What a statement must hold, as verifiers ask: ``python -m docs.make.statement_fields``."""

from collections.abc import Mapping
from pathlib import Path

from studio.evidence.verify_certificate import FIELDS, STATE_FIELDS, TYPES

FILE = Path(__file__).parent.parent / "certificates.md"
MARK = "<!-- fields -->\n"


def main() -> None:
    """Write what follows the mark in the document."""
    FILE.write_text(document(FILE.read_text(encoding="utf-8")), encoding="utf-8")


def document(text: str) -> str:
    """The document with the present list behind its mark."""
    kept, _, _ = text.partition(MARK)
    own = {path: of for path, of in STATE_FIELDS.items() if FIELDS.get(path) != of}
    types = (f"| `{name}` | {words} |\n" for name, (words, _) in TYPES.items())
    return "".join(
        [
            kept,
            MARK,
            *_table(FIELDS),
            "\nA certificate of a state of sums has the same but these:\n",
            *_table(own),
            "\n| type | is |\n|---|---|\n",
            *types,
        ]
    )


def _table(known: Mapping[str, str]) -> list[str]:
    rows = (f"| `{path or 'the statement'}` | {_plain(of)} |\n" for path, of in known.items())
    return ["\n| in | fields |\n|---|---|\n", *rows]


def _plain(fields: str) -> str:
    return ", ".join(f"`{each}`" for each in fields.split(", "))


if __name__ == "__main__":
    main()

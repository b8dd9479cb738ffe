"""What a statement must hold, as verifiers ask: ``python -m docs.make.statement_fields``."""

from pathlib import Path

from studio.evidence.verify_certificate import FIELDS, TYPES

FILE = Path(__file__).parent.parent / "certificates.md"
MARK = "<!-- fields -->\n"


def main() -> None:
    """Write what follows the mark in the document."""
    FILE.write_text(document(FILE.read_text(encoding="utf-8")), encoding="utf-8")


def document(text: str) -> str:
    """The document with the present list behind its mark."""
    kept, _, _ = text.partition(MARK)
    fields = (f"| `{path or 'the statement'}` | {_plain(of)} |\n" for path, of in FIELDS.items())
    types = (f"| `{name}` | {words} |\n" for name, (words, _) in TYPES.items())
    return "".join(
        [
            kept,
            MARK,
            "\n| in | fields |\n|---|---|\n",
            *fields,
            "\n| type | is |\n|---|---|\n",
            *types,
        ]
    )


def _plain(fields: str) -> str:
    return ", ".join(f"`{each}`" for each in fields.split(", "))


if __name__ == "__main__":
    main()

"""What a plain sentence is: short, whole, and without formulas and code names."""

import re

MOST_WORDS = 30
_MARKS = ("_", "=", "||", "^", "\\", "`")
_CODE = re.compile(r"\b[A-D]\d\b")  # as checks are numbered
_ENDS = re.compile(r"[.!?](?=\s+[A-Z])")


def not_plain(sentence: str) -> list[str]:
    """What is wrong with a sentence for who has never merged; nothing of a plain one."""
    found = [f"holds {mark!r}" for mark in _MARKS if mark in sentence]
    found += [f"holds {code}" for code in _CODE.findall(sentence)]
    if not sentence.endswith("."):
        found.append("does not end with a full stop")
    if not sentence[:1].isupper() and not sentence[:1].isdigit():
        found.append("does not begin with a capital")
    if _ENDS.search(sentence):
        found.append("is more than one sentence")
    words = len(sentence.split())
    if not 3 <= words <= MOST_WORDS:
        found.append(f"has {words} words")
    return found

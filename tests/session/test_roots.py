"""Paths from a page lie in the roots, wherever links and dots lead."""

import pytest

from studio.errors import NotAllowed, Remedy
from studio.session.roots import inside_roots


def test_a_path_counts_where_it_leads(tmp_path, monkeypatch):
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root, other):
        folder.mkdir()
    (root / "out").symlink_to(other)
    roots = (root.resolve(),)
    monkeypatch.chdir(root)
    assert inside_roots(" new ", roots) == root / "new"
    assert inside_roots(str(root), roots) == root
    for path in ("out", "../other", str(other), "~nobody-of-this-name/x", "x" * 300, "/"):
        with pytest.raises(NotAllowed, match="is outside the folders") as refused:
            inside_roots(path, roots)
        assert refused.value.remedy is Remedy.ADD_ROOT
        unknown = len(path) == 300 or path.startswith("~")
        assert refused.value.about == ("" if unknown else path)
    for path in ("", "  ", "a\0b", None, 3):
        with pytest.raises(NotAllowed, match="Give a path"):
            inside_roots(path, roots)

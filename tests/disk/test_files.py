"""Hub ids: which texts are some, and which folder of the local cache each is."""

from pathlib import Path

import pytest

from studio.disk.files import hub_id, resolve_source, source_place
from studio.errors import BadCheckpoint

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub cache with two commits of one repository, the branch on the second."""
    folder = tmp_path / "hub" / "models--desk--red"
    for commit in (OLD, NEW):
        (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(NEW)
    (folder / "refs" / "v1").write_text(OLD)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return folder / "snapshots"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("desk/red", ("desk/red", None)),
        (f"desk/red@{OLD}", ("desk/red", OLD)),
        ("desk/red@refs/pr/3", ("desk/red", "refs/pr/3")),
        ("red", None),
        ("desk/red/more", None),
        ("desk/red@", None),
        ("desk/red@../../x", None),
        ("desk/red@a/../x", None),
        ("../red", None),
        ("désk/red", None),
    ],
)
def test_a_hub_id_is_an_owner_and_a_name_and_perhaps_a_revision(source, found):
    assert hub_id(source) == found


def test_a_revision_chooses_among_the_commits_in_the_cache(cache):
    assert source_place("desk/red") == cache / NEW
    assert source_place("desk/red@main") == cache / NEW
    assert source_place("desk/red@v1") == cache / OLD
    assert source_place(f"desk/red@{OLD}") == cache / OLD
    with pytest.raises(BadCheckpoint, match="'desk/red@v2' is neither a folder nor in the local"):
        source_place("desk/red@v2")


def test_a_pinned_id_stays_as_it_is_unless_a_folder_has_that_name(tmp_path):
    pinned = f"desk/red@{OLD}"
    assert resolve_source(pinned, tmp_path) == pinned
    (tmp_path / pinned).mkdir(parents=True)
    assert Path(resolve_source(pinned, tmp_path)) == tmp_path / pinned

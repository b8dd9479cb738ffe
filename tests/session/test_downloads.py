"""What one browser may take away: by a random name, as it was, and not for ever."""

from studio.session import downloads
from studio.session.downloads import Downloads


def test_a_folder_is_offered_under_a_name_that_nobody_guesses(tmp_path):
    offered = Downloads()
    (tmp_path / "file").write_text("one")
    offered.offer(tmp_path)
    name = offered.name_of(str(tmp_path))
    assert name is not None
    assert len(name) == 32
    found = offered.find(name)
    assert found is not None
    assert [each for each, _ in found.files] == ["file"]
    assert offered.find("0" * 32) is None
    assert offered.name_of(str(tmp_path / "other")) is None


def test_the_latest_state_counts_and_the_oldest_offer_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "_MOST", 2)
    offered, names = Downloads(), []
    for _ in range(3):
        offered.offer(tmp_path)
        names.append(offered.name_of(str(tmp_path)))
    assert len(set(names)) == 3
    assert [offered.find(name) is None for name in names] == [True, False, False]

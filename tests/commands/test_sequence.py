"""The command ``sequence`` with its parts, from the shell's point of view."""

import pytest

from studio.__main__ import main


def test_sequence_has_parts_and_refuses_in_a_sentence(capsys, tmp_path, zoo_folder):
    state, base = str(tmp_path / "seq.safetensors"), str(zoo_folder / "base")
    assert main(["sequence", "init", "--base", base, state]) == 0
    assert "A state cannot be undone" in capsys.readouterr().out
    assert main(["sequence", "init", "--base", base, state]) == 1
    assert "exists already" in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        main(["sequence"])
    assert usage.value.code == 2

"""The command that writes a lesson."""

from studio.__main__ import main
from studio.commands import COMMANDS
from studio.commands.lesson import add_lesson_command


def test_a_lesson_is_written_once_and_is_whole(tiny_zoo, tmp_path, capsys):
    out = tmp_path / "lesson.html"
    asked = ["lesson", str(tiny_zoo), str(out), "--rows", "5", "--device", "cpu"]
    assert main(asked) == 0
    assert "It opens in any browser." in capsys.readouterr().out
    assert out.read_text().endswith("</html>\n")
    before = out.read_bytes()
    assert main(asked) == 1
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_it_is_among_the_commands():
    assert add_lesson_command in COMMANDS

"""Completion on Tab: what a shell offers behind each command."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from studio.__main__ import command_parser, main
from studio.commands import COMMANDS
from studio.commands.completion import NAMES, scripts
from studio.commands.page import page_parser

LINES = pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("merge-studio-cli m", {"merge", "methods"}, {"compare"}),
        ("merge-studio-cli unmerge --mo", {"--mode"}, {"--task"}),
        ("merge-studio-cli unmerge recipe.yaml --mode a", {"algebraic"}, {"exact"}),
        ("merge-studio-cli completion ", {"bash", "zsh", "fish"}, {"merge"}),
        ("merge-studio --demo p", {"pictures"}, {"desks"}),
        ("merge-studio --re", {"--read-only"}, {"--zoo"}),
    ],
)


def script(shell: str) -> str:
    """What a shell evaluates."""
    return scripts(shell, dict(zip(NAMES, (command_parser(), page_parser()), strict=True)))


@pytest.mark.slow
def test_who_reads_no_further_gets_no_traceback():
    with subprocess.Popen(
        [sys.executable, "-m", "studio", "completion", "bash"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as ran:  # fmt: skip
        assert ran.stdout
        assert ran.stderr
        ran.stdout.close()  # as head does once it has its lines
        assert ran.stderr.read() == ""
    assert ran.returncode == 1


def said(*command: str, folder=None) -> str:
    """What a shell prints; it has nothing to complain about."""
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert ran.stderr == ""
    return ran.stdout


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@LINES
def test_bash_offers_what_fits(line, some, none):
    words = line.split(" ")
    asked = f"\nCOMP_WORDS=({' '.join(words[:-1])} '{words[-1]}')\nCOMP_CWORD={len(words) - 1}\n"
    asked += f'_{words[0].replace("-", "_")}\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    found = set(said("bash", "-c", script("bash") + asked).split())
    assert some <= found
    assert not none & found


@needs("fish")
@LINES
def test_fish_offers_what_fits(line, some, none, tmp_path):
    (tmp_path / "given").write_text(script("fish"))
    asked = f"source given; complete --do-complete '{line}'"
    found = set(said("fish", "--no-config", "-c", asked, folder=tmp_path).split())
    assert some <= found
    assert not none & found


@needs("zsh")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("merge-studio-cli comp\t", "merge-studio-cli comp"),  # compare and completion
        ("merge-studio-cli unmerge --mo\t", "merge-studio-cli unmerge --mode"),
        (
            "merge-studio-cli unmerge r.yaml --mode alg\t",
            "merge-studio-cli unmerge r.yaml --mode algebraic",
        ),
        ("merge-studio --demo p\t", "merge-studio --demo pictures"),
        ("merge-studio-cli merge giv\t", "merge-studio-cli merge given"),
    ],
)
def test_zsh_completes_on_tab(typed, completed, tmp_path):
    """In a terminal; what then stands on the line is printed."""
    import pty  # which not every system has

    (tmp_path / "given").write_text(script("zsh"))
    keys, terminal = pty.openpty()
    to_its_start = "\x01print -r -- line: "
    with subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=terminal, stdout=terminal, stderr=terminal, cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "TERM": "dumb"}, start_new_session=True,
    ):  # fmt: skip
        os.close(terminal)
        os.write(keys, f"source ./given\n{typed}{to_its_start}\nexit\n".encode())
        shown = b""
        with suppress(OSError):  # at the end of the shell
            while part := os.read(keys, 4096):
                shown += part
    os.close(keys)
    (found,) = re.findall(r"^line: (.*?) *\r*$", shown.decode(), re.MULTILINE)
    assert found == completed


def test_every_shell_hears_of_every_command(capsys):
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        told = capsys.readouterr().out
        for name in (*NAMES, "inspect", "unmerge", "--certify", "--read-only"):
            assert name in told
    assert len(COMMANDS) > 10

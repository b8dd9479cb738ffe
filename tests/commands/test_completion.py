"""Completion on Tab: what a shell offers behind each command."""

import subprocess

import pytest

from studio.__main__ import command_parser, main
from studio.commands import COMMANDS
from studio.commands.completion import NAMES, scripts
from studio.commands.page import page_parser


def offered(line: str) -> set[str]:
    """What bash offers at the end of a line."""
    words = line.split(" ")
    script = scripts("bash", dict(zip(NAMES, (command_parser(), page_parser()), strict=True)))
    function = "_" + words[0].replace("-", "_")
    script += f"\nCOMP_WORDS=({' '.join(words[:-1])} '{words[-1]}')\nCOMP_CWORD={len(words) - 1}\n"
    script += f'{function}\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return set(ran.stdout.split())


@pytest.mark.parametrize(
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
def test_bash_offers_what_fits(line, some, none):
    found = offered(line)
    assert some <= found
    assert not none & found


def test_every_shell_hears_of_every_command(capsys):
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        said = capsys.readouterr().out
        for name in (*NAMES, "inspect", "unmerge", "--certify", "--read-only"):
            assert name in said
    assert len(COMMANDS) > 10

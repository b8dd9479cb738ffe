"""How commands are added: one way, a file each, and nothing heavy before one runs."""

import argparse
import subprocess
import sys

import pytest

from studio.commands import COMMANDS
from studio.commands.sequence import add_sequence_command
from studio.commands.tools import Commands
from tests.conftest import ROOT

FILES = {
    ("methods",): "studio.commands.methods",
    ("zoo", "new", "folder"): "studio.commands.zoo",
    ("inspect", "zoo"): "studio.commands.inspect",
    ("merge", "recipe", "--out", "o"): "studio.commands.merge",
    ("convert", "file", "--to", "studio", "--out", "o"): "studio.commands.convert",
    ("evaluate", "zoo"): "studio.commands.evaluate",
    ("write", "zoo", "--prompt", "p"): "studio.commands.write",
    ("compare", "zoo", "--methods", "all"): "studio.commands.compare",
    ("optimize", "zoo", "--recipe", "r", "--out", "o"): "studio.commands.optimize",
    ("sweep", "zoo", "--recipe", "r", "--over", "x=0:1"): "studio.commands.sweep",
    ("lesson", "zoo", "lesson.html"): "studio.commands.lesson",
    ("unmerge", "recipe", "--task", "t", "--out", "o"): "studio.commands.unmerge",
    ("replace", "recipe", "--task", "t", "--checkpoint", "c", "--out", "o"):
        "studio.commands.unmerge",
    ("verify", "folder", "--certificate", "c", "--public-key", "k"): "studio.commands.verify",
    ("log",): "studio.commands.log",
    ("sequence", "run", "zoo", "--methods", "all"): "studio.commands.sequence_run",
    ("sequence", "init", "state", "--base", "b"): "studio.commands.sequence_state",
    ("sequence", "add", "state", "checkpoint", "--base", "b"): "studio.commands.sequence_state",
    ("hub", "look", "owner/name"): "studio.commands.hub",
    ("hub", "fetch", "owner/name"): "studio.commands.hub",
    ("hub", "push", "folder", "--to", "owner/name"): "studio.commands.hub",
    ("completion", "bash"): "studio.commands.completion",
}  # fmt: skip


def parser(*adding) -> argparse.ArgumentParser:
    made, common = argparse.ArgumentParser(), argparse.ArgumentParser(add_help=False)
    common.add_argument("--threads", type=int)
    level = made.add_subparsers(dest="command", required=True)
    for add in adding:
        add(Commands(level, common))
    return made


@pytest.mark.parametrize(("words", "file"), FILES.items(), ids=" ".join)
def test_a_command_runs_the_code_of_its_file(words, file):
    assert parser(*COMMANDS).parse_args(words).run.__module__ == file


def test_every_command_is_tried_here():
    level = argparse.ArgumentParser().add_subparsers()
    for add in COMMANDS:
        add(Commands(level, argparse.ArgumentParser(add_help=False)))
    assert list(level.choices) == list(dict.fromkeys(words[0] for words in FILES))


def test_commands_below_a_command_take_the_common_options_too():
    words = ("sequence", "run", "zoo", "--methods", "all", "--threads", "2")
    assert parser(add_sequence_command).parse_args(words).threads == 2


@pytest.mark.slow
def test_help_is_told_without_what_computes():
    heavy = "{'torch', 'numpy', 'gradio', 'transformers', 'yaml'}"
    code = f"import sys, studio.__main__, studio.commands.page; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")

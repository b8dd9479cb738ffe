"""The command that starts the page again keeps every option, and no password."""

import shlex

import pytest

from studio.commands.page import page_parser
from studio.commands.restart import restart_command


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "python app.py"),
        ("--port 7722 --no-browser", "python app.py --port 7722 --no-browser"),
        ("--root /a --root '/b c'", "python app.py --root /a --root '/b c'"),
        ("--ledger /l --api", "python app.py --ledger /l --api"),
        ("--zoo=my-zoo --offl", "python app.py --zoo my-zoo --offline"),
        ("--auth me:a-long-password --host 0.0.0.0", "python app.py --host 0.0.0.0 --auth me:"),
        ("--auth me: --device cpu", "python app.py --auth me: --device cpu"),
    ],
)  # fmt: skip
def test_a_restart_keeps_what_was_given(given, told):
    parser = page_parser()
    assert restart_command(parser, parser.parse_args(shlex.split(given)), "app.py") == told


def test_an_installed_program_is_called_by_its_name():
    parser = page_parser()
    program = "/usr/local/bin/merge-studio"
    assert restart_command(parser, parser.parse_args([]), program) == "merge-studio"

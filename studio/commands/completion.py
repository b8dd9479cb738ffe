"""The command that completes all others on Tab: a script for the shell, made from the parsers."""

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from studio.commands.tools import Commands

NAMES: tuple[str, str] = ("merge-studio-cli", "merge-studio")
_OFFER = """\
    local offered="" behind="" each
    for each in {before}; do
        [[ $each == -* ]] || case "$behind $each" in
            {paths}) behind="$behind $each" ;;
        esac
    done
    case "$behind" in
{cases}
    esac
"""
_BASH = """\
# MDM-OC merge studio: eval "$(merge-studio-cli completion bash)"
_{function}() {{
{offer}\
    COMPREPLY=($(compgen -W "$offered" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _{function} {name}
"""
_ZSH = """\
# MDM-OC merge studio: eval "$(merge-studio-cli completion zsh)"
(( $+functions[compdef] )) || {{ autoload -U compinit && compinit; }}
_{function}() {{
{offer}\
    compadd -- ${{=offered}} || _files
}}
compdef _{function} {name}
"""
_BEFORE = {  # the words between the program and the one at which Tab was pressed
    _BASH: '"${COMP_WORDS[@]:1:COMP_CWORD-1}"',
    _ZSH: '"${(@)words[2,CURRENT-1]}"',
}


def add_completion_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "completion", _completion, "Print what a shell needs to complete these commands on Tab."
    )
    each.add_argument("shell", choices=("bash", "zsh", "fish"))


def scripts(shell: str, parsers: dict[str, argparse.ArgumentParser]) -> str:
    """What a shell evaluates.

    Args:
        shell: bash, zsh or fish.
        parsers: by the name of their program.
    """
    write: Callable[[str, dict[str, list[str]]], str] = {
        "bash": partial(_by_function, _BASH), "zsh": partial(_by_function, _ZSH), "fish": _fish,
    }[shell]  # fmt: skip
    return "\n".join(write(name, dict(_words(parser, ""))) for name, parser in parsers.items())


def _completion(options: argparse.Namespace) -> None:
    from studio.commands.page import page_parser

    parsers = dict(zip(NAMES, (options.every, page_parser()), strict=True))
    print(scripts(options.shell, parsers), end="")


def _words(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, list[str]]]:
    """What may follow each command: its own commands, options, and the choices of these."""
    words: list[str] = []
    for action in parser._actions:
        words += [each for each in action.option_strings if each.startswith("--")]
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                words.append(name)
                yield from _words(inner, f"{path} {name}")
        elif action.choices:
            words += [str(each) for each in action.choices]
    yield path, words


def _by_function(shell: str, name: str, known: dict[str, list[str]]) -> str:
    cases = "\n".join(f'        "{path}") offered="{" ".join(known[path])}" ;;' for path in known)
    paths = "|".join(f'"{path}"' for path in known if path) or '""'
    offer = _OFFER.format(before=_BEFORE[shell], paths=paths, cases=cases)
    return shell.format(function=name.replace("-", "_"), offer=offer, name=name)


def _fish(name: str, known: dict[str, list[str]]) -> str:
    lines = []
    for path, words in known.items():
        inner = sorted({other.split()[len(path.split())] for other in known
                        if other.startswith(path + " ")})  # fmt: skip
        seen = [f"__fish_seen_subcommand_from {each}" for each in path.split()]
        seen += [f"not __fish_seen_subcommand_from {' '.join(inner)}"] if inner else []
        when = f" -n '{'; and '.join(seen)}'" if seen else ""
        lines += [f"complete -c {name}{when} -a '{' '.join(words)}'"]
    return "\n".join(lines) + "\n"

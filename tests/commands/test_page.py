"""The program of the page: who is let in."""

import io
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.commands import page
from studio.commands.page import _hosts, credentials, given_auth, hosted, opened_first, page_parser
from studio.demo import ASSETS, DEMOS
from studio.errors import NotAllowed
from studio.session import engine
from studio.ui import folder_dialog
from studio.ui.hosts import Hosts, allowed_host


def test_a_page_may_be_left_open_to_others_only_with_a_long_password():
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.2"):
        assert credentials(Hosts(host), None) is None
    assert credentials(Hosts("0.0.0.0"), "me:twelve-letters") == ("me", "twelve-letters")
    for host, auth in (("0.0.0.0", None), ("example.org", None), ("0.0.0.0", "me:short"),
                       ("::", None), ("", None),
                       ("127.0.0.1", "no-colon-at-all-here")):  # fmt: skip
        with pytest.raises(NotAllowed, match="at least 12 characters"):
            credentials(Hosts(host), auth)


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        (Hosts(allowed=(allowed_host("[::1]:80"), allowed_host("studio.lan"))),
         "--allow-host studio.lan lets"),
        (Hosts(root="https://merge.example.org/x"), "--root-path https://merge.example.org/x lets"),
        (Hosts("::"), "--host :: lets"),
    ],
)  # fmt: skip
def test_whatever_lets_others_in_demands_a_password(hosts, words):
    with pytest.raises(NotAllowed, match=words):
        credentials(hosts, None)
    assert credentials(hosts, "me:twelve-letters")


def test_other_names_of_this_computer_need_none():
    named = tuple(map(allowed_host, ("localhost", "127.0.0.1:8080", "[::1]:8080")))
    assert credentials(Hosts(allowed=named, root="/studio"), None) is None


def test_a_password_is_read_from_a_file_that_only_its_owner_can_read(tmp_path):
    file = tmp_path / "auth"
    file.write_text("me:twelve:letters\n")
    file.chmod(0o644)
    with pytest.raises(NotAllowed, match="has the mode 644: others on this computer can read it"):
        given_auth(None, file)
    file.chmod(0o600)
    assert given_auth(None, file) == "me:twelve:letters"
    assert credentials(Hosts("0.0.0.0"), given_auth(None, file)) == ("me", "twelve:letters")
    with pytest.raises(NotAllowed, match="not both"):
        given_auth("me:twelve-letters", file)
    for content in ("", "a:b\nc:d\n", "x" * 3000):
        file.write_text(content)
        with pytest.raises(NotAllowed, match="must hold one line, USER:PASS"):
            given_auth(None, file)
    with pytest.raises(NotAllowed, match="There is no file"):
        given_auth(None, tmp_path / "nowhere")


def test_a_password_that_is_left_out_is_asked_for(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("twelve-letters\nmore"))
    assert given_auth("me:", None) == "me:twelve-letters"
    assert given_auth("me:twelve-letters", None) == "me:twelve-letters"
    assert given_auth(None, None) is None
    assert given_auth("no-colon", None) == "no-colon"


def test_a_demo_is_opened_by_name_and_the_first_one_by_none(capsys):
    for name in (None, *DEMOS):
        words = ("--demo", name) if name else ()
        name = name or "desks"
        options = page_parser().parse_args(words)
        assert opened_first(options.zoo, options.demo) == (DEMOS[name], ASSETS.absolute())
    for words in (["--demo", "cats"], ["--demo", "words", "--zoo", "mine"]):
        with pytest.raises(SystemExit):
            page_parser().parse_args(words)
    said = capsys.readouterr().err
    assert "invalid choice: 'cats' (choose from 'desks', 'pictures', 'words', 'choices')" in said
    assert "argument --zoo: not allowed with argument --demo" in said


def test_of_an_own_zoo_the_page_may_use_its_folder_alone(tiny_zoo, monkeypatch):
    monkeypatch.chdir(tiny_zoo.parent)
    for given in (Path(tiny_zoo.name), tiny_zoo / "zoo.yaml"):
        assert opened_first(given, "desks") == (given, tiny_zoo)


def test_strangers_need_no_password_and_there_is_no_log():
    options = page_parser().parse_args(["--read-only", "--host", "0.0.0.0"])
    hosts = _hosts(options)
    assert credentials(hosts, None) is None
    assert not hosts.alone
    with pytest.raises(NotAllowed, match="--read-only writes no log; leave --ledger out"):
        _hosts(page_parser().parse_args(["--read-only", "--ledger", "log"]))


def test_a_space_is_for_strangers_whatever_else_was_asked():
    space = {"SPACE_ID": "me/studio", "SPACE_HOST": "me-studio.hf.space"}
    hosts = _hosts(hosted(page_parser().parse_args(["--zoo", "mine", "--root", "/"]), space))
    assert hosts.strangers
    assert hosts.answer("me-studio.hf.space", "10.0.0.7")
    assert not hosts.answer("evil.example", "10.0.0.7")
    assert hosts.frames == "https://huggingface.co"
    for lacking in ({}, {"SPACE_ID": "me/studio"}, {"SPACE_HOST": "x"}):
        assert not hosted(page_parser().parse_args([]), lacking).read_only


@pytest.mark.parametrize("again", [False, True])
def test_a_second_stop_while_the_studio_closes_ends_it_without_a_traceback(
    again, monkeypatch, capsys
):
    ended, handlers = [], {}
    monkeypatch.setattr(page.os, "_exit", ended.append)
    monkeypatch.setattr(page.signal, "signal", handlers.__setitem__)

    def close():
        if again:
            raise KeyboardInterrupt

    closing: Any = SimpleNamespace(close=close)
    assert page._closed(closing) == 0
    handlers[signal.SIGINT](signal.SIGINT, None)  # even later, there is nothing to say
    assert ended == [1] * (1 + again)
    assert ("ended before all was put away" in capsys.readouterr().err) == again


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_the_person_at_this_computer_is_told_how_it_was_started(host, monkeypatch, tmp_path):
    made = SimpleNamespace(restart="python app.py")
    monkeypatch.setattr(engine, "Engine", lambda *given: made)
    monkeypatch.setattr(folder_dialog, "has_dialog", lambda: False)
    options = page_parser().parse_args(["--ledger", str(tmp_path), "--host", host])
    hosts = _hosts(options)
    page._engine(options, hosts, True)
    assert (str(tmp_path) in made.restart) == hosts.alone == (host == "127.0.0.1")


def test_a_root_may_begin_at_the_home_folder_and_an_unknown_one_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("HOME", "/home/me")
    options = page_parser().parse_args(["--root", "~/mine", "--root", "there"])
    assert options.root == [Path("/home/me/mine"), Path("there")]
    with pytest.raises(SystemExit):
        page_parser().parse_args(["--root", "~nobody-of-this-name/x"])
    assert "nobody here has the home folder of ~nobody-of-this-name/x" in capsys.readouterr().err

"""What of remote models would merge is told where something says what the base is."""

from types import SimpleNamespace
from typing import Any

import pytest

from studio.errors import NotAllowed
from studio.hub.look import look
from studio.session.remote_fits import remote_fits
from tests.conftest import draw, save_model
from tests.hub.conftest import hub, model_files, red  # noqa: F401
from tests.hub.stand_in import Repo


def allow(source: str, name: str) -> None:
    """Everything is allowed."""


def test_the_base_is_the_one_asked_for_or_found_or_among_the_ids(hub, red, tmp_path):  # noqa: F811
    hub.models["desk/base"] = Repo(model_files(seed=1))
    one, base = (look(f"desk/{name}", endpoint=hub.endpoint) for name in ("red", "base"))
    asked = []

    def ask(hub_id: str) -> object:
        asked.append(hub_id)
        return base

    def inside(path: str) -> None:
        raise NotAllowed(f"{path} is outside.")

    engine: Any = SimpleNamespace(hub=SimpleNamespace(look=ask), inside=inside, roots=())
    found = remote_fits(engine, [one, base], [], "desk/base", allow)
    assert {name: (each.base, each.changed) for name, each in found.items()} == {
        "desk/red": ("desk/base", 2)
    }
    assert asked == []  # it is among them
    assert remote_fits(engine, [one], [], "desk/base", allow) == found
    assert asked == ["desk/base"]
    (tmp_path / "empty").mkdir()
    assert [*remote_fits(engine, [one, base], [tmp_path / "empty"], None, allow)] == ["desk/base"]
    other = save_model(tmp_path / "other", draw(0))
    (other / "config.json").write_text("{}")
    (local,) = remote_fits(engine, [one], [other], None, allow).values()
    assert (local.base, local.changed, "does not merge" in local.words) == (str(other), 0, True)
    adapter: Any = SimpleNamespace(hub_id="a/b", kind="adapter", base_models=("c/d",))
    assert remote_fits(engine, [adapter], [], None, allow) == {}  # and nothing more is asked
    with pytest.raises(NotAllowed):
        remote_fits(engine, [one], [], "/etc", allow)

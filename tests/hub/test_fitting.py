"""What of a repository would merge into a base: the same as of the repository itself."""

from studio.checkpoints.checkpoint import open_base
from studio.hub.fitting import Fit, fit
from studio.hub.look import look
from tests.conftest import draw, save_model
from tests.hub.conftest import model_files
from tests.hub.stand_in import Repo


def test_a_fit_is_told_from_headers_for_a_remote_a_local_and_an_opened_base(hub, red, tmp_path):
    hub.models["desk/base"] = Repo(model_files(seed=1))
    remote = look("desk/base", endpoint=hub.endpoint)
    found = look("desk/red", endpoint=hub.endpoint)
    sent = hub.sent
    assert fit(found, remote, "desk/base") == Fit("desk/base", 2, 0)
    here = tmp_path / "base"
    here.mkdir()
    for name in ("config.json", "model.safetensors"):
        (here / name).write_bytes(hub.models["desk/base"].files[name])
    assert fit(found, here, "base") == fit(found, open_base(here), "base") == Fit("base", 2, 0)
    assert fit(found, here, "base").words == "2 tensors would change, 0 of the base stay"
    assert hub.sent == sent  # nothing more is asked


def test_why_nothing_would_merge_is_said_without_folders_of_the_moment(hub, red, tmp_path):
    other = save_model(tmp_path / "other", draw(0))
    wrong = fit(look("desk/red", endpoint=hub.endpoint), other, "other")
    assert wrong.words.startswith("does not merge. ")
    assert (wrong.changed, "/tmp" in wrong.problem.replace(str(tmp_path), "")) == (0, False)

"""The export in the Files tab without a browser."""

from dataclasses import replace

from studio.session.jobs import JobState
from studio.ui.tabs.export_form import ExportForm
from studio.ui.view import View

ADAPTER = "One LoRA adapter"
ADAPTERS = "That adapter and each task's own, to serve all at once (vLLM, LoRAX)"


def test_programs_follow_the_boxes(driver):
    one = driver.use("folder", "change", "exports/one", "Complete model", None, False)
    assert "exports/one" in one["programs"]
    assert "exports/one" not in driver.use(
        "folder", "change", "exports/two", "Complete model", None, False
    )["programs"]  # fmt: skip


def test_an_adapter_has_a_rank_and_no_classifiers(driver):
    for form in (ADAPTER, ADAPTERS):
        shown = driver.use("form", "input", form)
        assert shown.pop("rank").visible
        assert not next(iter(shown.values())).visible
        command = driver.use("folder", "change", "exports/one", form, None, False)["programs"]
        assert ("--as-lora --each-task" in command) == (form == ADAPTERS)
    assert not driver.use("form", "input", "Complete model")["rank"].visible


def test_the_dtype_of_an_export_is_part_of_the_mix(driver):
    driver.use("dtype", "input", "bfloat16")
    assert driver.session.mix.dtype == "bfloat16"
    assert "class='refusal'" in driver.use("dtype", "input", "int3")["trouble"]


def test_an_export_into_a_forbidden_folder_is_refused_beside_its_button(driver):
    drawn = driver.use("export", "click", "/etc/x", "Complete model", None, False)
    assert list(drawn) == ["refusal"]
    assert "class='refusal'" in drawn["refusal"]


def test_what_came_of_the_last_export_stands_beside_its_button(driver, tmp_path):
    form = driver.page.tabs[-1].members[0]
    assert isinstance(form, ExportForm)
    now = driver.session.snapshot()

    def offered(job: JobState | None):
        view = View(driver.session, replace(now, job=job), "", {})
        return [piece.draw()[form.download] for piece in form.pieces(view)]

    made = tmp_path / "made"
    made.mkdir()
    (made / "model.txt").write_text("weights")
    done = JobState("Export to made", "done", 1.0, "Wrote <it>", 1.0, result=str(made))
    (words,) = offered(done)
    assert "Wrote &lt;it&gt;" in words
    assert "Download" not in words  # somebody else's folder
    driver.session.exports.downloads.offer(made)
    (link,) = offered(done)
    assert "Download the export (zip)</a>" in link
    (loud,) = offered(replace(done, warning="Nothing changes."))
    assert "<p class='refusal' role='alert'>Nothing changes.</p>" in loud
    (failed,) = offered(replace(done, phase="failed", advice="Make room."))
    assert "role='alert'>Wrote &lt;it&gt; Make room." in failed
    assert offered(replace(done, name="Rounding")) == [""]
    assert offered(None) == [""]
    assert offered(replace(done, phase="running")) == []

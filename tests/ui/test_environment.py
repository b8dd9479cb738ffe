"""Variables of the environment that may not change what the page serves."""

import os
from pathlib import Path

import pytest

from studio.ui.environment import close_off


def test_no_variable_reaches_gradio_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch):
    names = ("GRADIO_SHARE", "gradio_temp_dir", "SPACE_ID", "HTTPS_PROXY", "all_proxy")
    variables = {name: "elsewhere" for name in (*names, "GRADIO_TEMP_DIR", "HOME")}
    monkeypatch.setattr(os, "environ", variables)
    close_off()
    folder = Path(variables.pop("GRADIO_TEMP_DIR"))
    assert folder.name.startswith("studio-page-")
    assert folder.stat().st_mode & 0o077 == 0
    assert variables == {
        "HOME": "elsewhere", "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1",
        "no_proxy": "*",
    }  # fmt: skip

"""Variables of the environment that may not change what the page serves, and to whom."""

import atexit
import os

from studio.disk.temporary import TemporaryFolder

_HOSTED = ("space_id", "system", "forwarded_allow_ips")  # of servers on the net
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def close_off() -> None:
    """Let no variable reach gradio, and pass files through a folder of this process alone.

    Gradio takes what it is not told from variables, some things against what it is told, and
    serves every file of its temporary folder. Nothing leaves this computer, so no proxy is asked.
    """
    for name in list(os.environ):
        if name.lower().startswith("gradio_") or name.lower() in (*_HOSTED, *_PROXIES):
            del os.environ[name]
    os.environ["no_proxy"] = "*"  # nor one that the system knows of
    folder = TemporaryFolder("page")
    atexit.register(folder.cleanup)
    os.environ["GRADIO_TEMP_DIR"] = str(folder.path)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

"""The page in a window of its own, by pywebview, which is an extra of this package."""

import importlib.util

from studio.disk.folders import data_folder
from studio.errors import StudioError

_TITLE = "MDM-OC merge studio"
_SIZE = {"width": 1440, "height": 960, "min_size": (390, 600)}


def refuse_windowless() -> None:
    """Refuse where no window can be opened.

    Raises:
        StudioError: the package for windows is not installed.
    """
    if importlib.util.find_spec("webview") is None:
        raise StudioError(
            "A window needs a package that is not installed: pip install pywebview, on Linux "
            "'pywebview[qt]'. Leave --window out to open the page in the browser."
        )


def show(address: str) -> None:
    """Show the page until its window is closed; from the main thread alone.

    Cookies are kept, so that the mix is found again; downloads are asked for.

    Args:
        address: of the page.
    """
    import webview  # pyright: ignore[reportMissingImports]

    webview.settings["ALLOW_DOWNLOADS"] = True
    webview.create_window(_TITLE, address, **_SIZE)
    webview.start(private_mode=False, storage_path=str(data_folder() / "window"))

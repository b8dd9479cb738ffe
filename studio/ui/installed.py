"""The page as an app of the browser: its name, icon and color, told by a manifest."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.ui.components import STATIC

TITLE = "MDM-OC merge studio"
COLOR = "#005a8c"
ICON = STATIC / "icon.svg"
"""What the page is served with as its favicon, which Gradio has at ``pwa_icon``, too."""
HEAD = f"<meta name='theme-color' content='{COLOR}'>"
_MANIFEST = {
    "name": TITLE,
    "short_name": "Merge studio",
    "description": "Merge fine-tuned models, and take them apart again.",
    "start_url": "./",
    "scope": "./",
    "display": "standalone",
    "theme_color": COLOR,
    "background_color": "#ffffff",
    "icons": [
        {"src": "./pwa_icon", "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
    ],
}


def add_manifest(app: Any) -> None:
    """Serve the manifest in the place of Gradio's, which has no color and no short name.

    Its addresses are relative to its own, so that they hold below a proxy's path. Whoever must
    log in may read it before: a browser asks for it without cookies, and it tells nothing.

    Source: W3C, Web Application Manifest.
    """

    async def manifest(request: Request) -> Response:
        return JSONResponse(_MANIFEST, media_type="application/manifest+json")

    app.router.routes.insert(0, Route("/manifest.json", manifest))

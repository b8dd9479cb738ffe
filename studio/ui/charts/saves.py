"""Links and buttons that save a figure: SVG and PNG as a picture, CSV as its numbers."""

import re
from base64 import b64encode
from html import escape


def picture_saves(name: str, svg: str, csv: str) -> str:
    """Save an SVG that stands alone; ``figures.js`` turns it into a PNG.

    Args:
        name: what the figure shows, for file names and screen readers.
        svg: the picture.
        csv: its numbers.
    """
    return _saves(
        name,
        f"<a data-svg {_file(name, 'svg', 'image/svg+xml', svg)}>SVG</a> "
        f"<button type='button' data-png='{file_name(name)}.png' "
        f"aria-label='Save {escape(name)} as PNG'>PNG</button>",
        csv,
    )


def folded(saves: str, name: str) -> str:
    """Saves behind one quiet word, for a figure among many."""
    about = f"<span class='hidden'> {escape(name)}</span>"
    return f"<details class='save'><summary>Save{about}</summary>{saves}</details>"


def plot_saves(name: str, csv: str, plot: str = "plot") -> str:
    """Save a plotly figure on the page, by plotly's own means; ``plot`` is its component's id."""
    buttons = (
        f"<button type='button' data-plot='{kind}' data-of='{plot}' data-name='{file_name(name)}' "
        f"aria-label='Save {escape(name)} as {kind.upper()}'>{kind.upper()}</button>"
        for kind in ("svg", "png")
    )
    return _saves(name, " ".join(buttons), csv)


def table_saves(name: str, csv: str) -> str:
    """Save a table's numbers."""
    return _saves(name, "", csv)


def document_saves(name: str, documents: dict[str, tuple[str, str]]) -> str:
    """Save the same in several forms.

    Args:
        name: what they show.
        documents: media type and content by the ending of the file's name.
    """
    links = (
        f"<a {_file(name, kind, media, content)}>{kind.upper()}</a>"
        for kind, (media, content) in documents.items()
    )
    return f"<p class='saves'><span>Save</span> {' '.join(links)}</p>"


def data_saves(name: str, csv: str, json: str) -> str:
    """Save numbers, and beside them everything they are made of."""
    return _saves(name, f"<a {_file(name, 'json', 'application/json', json)}>JSON</a>", csv)


def file_name(name: str) -> str:
    """A file name of letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "figure"


def _saves(name: str, pictures: str, csv: str) -> str:
    table = f"<a {_file(name, 'csv', 'text/csv;charset=utf-8', csv)}>CSV</a>"
    return f"<p class='saves'><span>Save</span> {pictures} {table}</p>"


def _file(name: str, kind: str, media: str, content: str) -> str:
    data = b64encode(content.encode("utf-8")).decode("ascii")
    return (
        f"download='{file_name(name)}.{kind}' aria-label='Save {escape(name)} as {kind.upper()}' "
        f"href='data:{media};base64,{data}'"
    )

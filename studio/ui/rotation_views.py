"""The rotations of an OrthoMerge as a table: angles, residual shares, hyperspherical energy."""

from collections.abc import Mapping, Sequence
from html import escape


def rotations(rows: Sequence[Mapping], tasks: Sequence[str]) -> str:
    """A row per tensor of ``studio.workspace.rotations``; nothing where there is none."""
    if not rows:
        return ""
    heads = "".join(f"<th scope='col'>{escape(task)}</th>" for task in tasks)
    body = "".join(_row(row) for row in rows)
    weak = sum(not row["explains"] for row in rows)
    note = (
        f"<p class='quiet'>In {weak} of {len(rows)} tensors no task's rotation explains more than "
        "next to nothing of its change.</p>"
        if weak
        else ""
    )
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Rotations'>"
        "<table class='studio'><caption>Largest angle, and the share of each change that no "
        "rotation explains</caption><thead><tr><th scope='col'>tensor</th>"
        f"<th scope='col'>merged</th><th scope='col'>length</th>{heads}"
        "<th scope='col'>energy before</th><th scope='col'>energy after</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def _row(row: Mapping) -> str:
    tasks = "".join(
        "<td>unchanged</td>" if angle is None else f"<td>{angle:.1f}°, {share:.0%}</td>"
        for angle, share in zip(row["angles"], row["residual_shares"], strict=True)
    )
    energies = "".join(
        "<td>none</td>" if row[key] is None else f"<td>{row[key]:.4f}</td>"
        for key in ("energy_before", "energy_after")
    )
    return (
        f"<tr><th scope='row'>{escape(row['tensor'])}</th><td>{row['angle']:.1f}°</td>"
        f"<td>x {row['correction']:.2f}</td>{tasks}{energies}</tr>"
    )

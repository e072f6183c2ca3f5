"""The static page of a sweep: one file that opens without a network, on any machine, for years."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from fieldmark.dashboard.page import Page, build_page
from fieldmark.dashboard.writing import environment, replace_file, resource
from fieldmark.errors import UserError
from fieldmark.figures.sweep_reading import read_sweep

if TYPE_CHECKING:
    from fieldmark.store import Store


def write_report(store: "Store", sweep_id: str, folder: Path) -> Path:
    """Writes a sweep's page: findings, Table S2, the settings with their intervals, and plots.

    The same results give the same file, byte for byte; the file is replaced in one step.

    Args:
        store: where the sweep's runs are recorded.
        sweep_id: the sweep.
        folder: the page becomes ``<folder>/<sweep_id>/index.html``.

    Returns:
        The page's path.

    Raises:
        UserError: the store has nothing of that sweep, or the page cannot be written.
    """
    scores = read_sweep(store, sweep_id)
    if scores is None:
        raise UserError(f"sweep {sweep_id}: the store {store.url} has no result of it on a test part yet")
    path = Path(folder) / sweep_id / "index.html"
    try:
        replace_file(path, render_page(build_page(store, scores)).encode())
    except OSError as error:
        raise UserError(f"{path}: the page cannot be written ({error.strerror})") from error
    return path


def render_page(page: Page) -> str:
    """Returns the page's HTML. Scripts are allowed by their hashes, and nothing may be loaded from anywhere."""
    from plotly.offline import get_plotlyjs

    scripts = {"plotly_script": get_plotlyjs(), "page_script": resource("report.js")}
    assert not any("</script" in text.lower() for text in scripts.values())
    plots = {part.id: json.loads(part.plot.to_json()) for part in page.parts if part.plot is not None}
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            style=Markup(resource("report.css")),
            script_hashes=[Markup(f"'{_hash(text)}'") for text in scripts.values()],
            plots_json=script_safe_json(plots),
            **{name: Markup(text) for name, text in scripts.items()},
        )
    )


def script_safe_json(value: Mapping[str, Any]) -> Markup:
    """Returns JSON that can stand in a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

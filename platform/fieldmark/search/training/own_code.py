"""A user's own code is no part of a run's id, so a run is told apart from one of other code by the text that is kept.

The rule of the house: not any edit makes old runs old, but a raised numerics version. Whoever edits a file without
raising it is asked which of the two was meant, before an old result is said again or an old checkpoint is gone on with.
"""

from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.search.tasks import Task
from fieldmark.search.training.job import Extension
from fieldmark.search.training.plan import config_of
from fieldmark.store import layout

if TYPE_CHECKING:
    from fieldmark.store import Store


def check_own_code(task: Task, extensions: tuple[Extension, ...], store: "Store", *, same_numbers: bool) -> str | None:
    """Compares the user's files with those that a run was begun with, where it left a record or a checkpoint.

    Args:
        task: the run.
        extensions: the files as they are now, loaded.
        store: what is known of the run.
        same_numbers: the user says that the change changes no number.

    Returns:
        A note, where they differ and that is said to be harmless.

    Raises:
        UserError: they differ.
    """
    kept = store.extension(task.run_id)
    if kept is None or not _left_something(task, store) or kept == _text(task, extensions):
        return None
    files = ", ".join(one.file for one in extensions)
    if same_numbers:
        return f"{files} changed since run {task.run_id[:10]} began (--same-numbers); the first text stays stored"
    raise UserError(
        f"--import {files}: has changed since run {task.run_id[:10]} began; if its numbers change, raise the "
        "numerics_version of the fusion's settings (docs/how-to/own-fusion.md); if they do not, add --same-numbers"
    )


def keep_own_code(task: Task, extensions: tuple[Extension, ...], store: "Store") -> None:
    """Stores the text of the files that a run is made of, before it is trained; one that is in use stays.

    An attempt that has left neither record nor checkpoint has no numbers either, and its text goes with it.
    """
    text = _text(task, extensions)
    if not _left_something(task, store):
        store.objects.delete(layout.extension(task.run_id))
    if text:
        store.put_extension(task.run_id, text)


def _left_something(task: Task, store: "Store") -> bool:
    return store.has_run(task.run_id) or store.objects.exists(layout.checkpoint(task.run_id))


def _text(task: Task, extensions: tuple[Extension, ...]) -> str:
    """Returns the files' text; empty for a run whose fusion and backbone are not defined by any of them."""
    files = {one.file for one in extensions}
    return "\n\n".join(one.text for one in extensions) if files & _defining_files(task) else ""


def _defining_files(task: Task) -> set[str]:
    import sys

    from fieldmark.models.backbones.registry import own_class
    from fieldmark.models.fusions.registry import fusion_class

    config = config_of(task)
    parts = [fusion_class(config.fusion), own_class(config.backbone)]
    modules = [sys.modules.get(part.__module__) for part in parts if part is not None]
    return {str(getattr(module, "__file__", "")) for module in modules}

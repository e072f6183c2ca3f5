"""Has Ray's launcher judge a cluster's file before anything is launched: it knows all fields, and we only ours."""

import contextlib
import io
from pathlib import Path

from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import load, shorten


def check_schema(path: Path) -> None:
    """Refuses what `ray up` would refuse later, such as a misspelt field.

    Raises:
        UserError: with what Ray says of it.
    """
    from ray.autoscaler._private.util import prepare_config, validate_config

    content = load(path)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it warns of what `ray up` warns of again
            validate_config(prepare_config(content))
    except Exception as error:  # jsonschema's, and of a file that is no cluster's many kinds
        field = ".".join(map(str, getattr(error, "absolute_path", ())))
        said = shorten(str(getattr(error, "message", error)))
        raise UserError(f"{path}: {field + ': ' if field else ''}Ray's launcher refuses it: {said}") from None

"""Which reader reads which kind of data set; readers are imported when they are asked for."""

import difflib
import importlib
from collections.abc import Callable

from fieldmark.data.observations import Observations
from fieldmark.errors import UserError

Reader = Callable[[str], Observations]
SupersetReader = Callable[[str], Observations | None]

MODULES = {
    "table": "table",
    "occurrences": "table",
    "dwca": "dwca",
    "inat2017": "inat2018",
    "inat2018": "inat2018",
    "inat2021": "inat2021",
    "inat2021mini": "inat2021",
    "yfcc_geo100": "yfcc_geo100",
    "yfcc_inat2017": "yfcc_inat2017",
    "folder": "folder",
    "world": "embedded",
}
"""Kind to the module of this package that reads it."""

USAGE = (
    "table:FILE[:IMAGE_ROOT] (or occurrences:), folder:DIR, dwca:FILE.zip|DIR, inat2017:DIR, inat2018:DIR, "
    "inat2021:DIR, inat2021mini:DIR, yfcc_geo100:DIR, yfcc_inat2017:FILE, world[:key=value,...]"
)

_readers: dict[str, Reader] = {}
_superset_readers: dict[str, SupersetReader] = {}


def reader(*kinds: str) -> Callable[[Reader], Reader]:
    """Registers a function that reads these kinds; it takes the text after `KIND:`."""

    def register(function: Reader) -> Reader:
        _readers.update(dict.fromkeys(kinds, function))
        return function

    return register


def superset_reader(*kinds: str) -> Callable[[SupersetReader], SupersetReader]:
    """Registers a function that reads the larger training set of these kinds, or None where it is not on disk."""

    def register(function: SupersetReader) -> SupersetReader:
        _superset_readers.update(dict.fromkeys(kinds, function))
        return function

    return register


def find(spec: str) -> tuple[str, str, Reader, SupersetReader | None]:
    """Returns the kind, the text after it, the reader and the superset's reader of a specification `KIND[:REST]`.

    Raises:
        UserError: if no reader has that name.
    """
    kind, _, rest = spec.partition(":")
    if kind not in MODULES:
        raise UserError(_unknown(spec, kind))
    importlib.import_module(f"fieldmark.data.readers.{MODULES[kind]}")
    return kind, rest, _readers[kind], _superset_readers.get(kind)


def _unknown(spec: str, kind: str) -> str:
    close = difflib.get_close_matches(kind.lower(), MODULES, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{spec}: unknown kind of data set {kind!r}.{hint} Expected one of: {USAGE}"

"""Darwin Core archives (GBIF downloads, iNaturalist exports): `dwca:FILE.zip|DIR`."""

import csv
import io
from dataclasses import dataclass
from xml.etree import ElementTree

from fieldmark.data.observations import Observations
from fieldmark.data.readers import delimited, names
from fieldmark.data.readers.archive import Archive
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.raw import one_file
from fieldmark.data.readers.registry import reader
from fieldmark.errors import UserError

META = "meta.xml"
_MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What `meta.xml` says of the core file."""

    file: str
    encoding: str
    delimiter: str
    quote: str | bool
    skip: int
    terms: dict[int, str]
    """Position of a column to its term's last word, e.g. `decimalLatitude`."""


@reader("dwca")
def read_dwca(path: str) -> Observations:
    """Reads the core of a Darwin Core archive; columns are found by the terms that `meta.xml` gives them.

    Raises:
        UserError: if the archive, its `meta.xml` or its core file is missing or damaged, or lacks the terms needed.
    """
    archive = Archive(path)
    core = _core(archive)
    content = archive.read(core.file)
    layout = delimited.Layout(
        delimiter=core.delimiter, header=_header(content, core, path), skip=core.skip, quote=core.quote
    )
    wanted = names.match(layout.header, f"{path}: {core.file}")
    columns, row_N, malformed = delimited.read_columns(_utf8(content, core, path), layout, wanted, core.file)
    if not len(row_N) and not malformed:
        raise UserError(f"{path}: {core.file} has no records")
    found = {field: layout.header[position] for field, position in wanted.items()}
    raw = one_file(core.file, columns, row_N=row_N, names=found, malformed=malformed)
    return clean(raw, Source(name=delimited.base_name(path), fingerprint=archive.hashes([META, core.file])))


def _core(archive: Archive) -> Core:
    try:
        return _parsed(archive)
    except (ElementTree.ParseError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{archive.path}: {META} is damaged ({error})") from None


def _parsed(archive: Archive) -> Core:
    root = ElementTree.fromstring(archive.read(META))
    core = root.find("{*}core")
    location = None if core is None else core.find("{*}files/{*}location")
    if core is None or location is None or not location.text:
        raise UserError(f"{archive.path}: {META} names no core file")
    terms = {
        _position(field.get("index", "-1")): _last_word(field.get("term", "")) for field in core.iterfind("{*}field")
    }
    terms.pop(-1, None)  # a field without a column: one value for all records, of no use here
    identifier = core.find("{*}id")
    if identifier is not None:
        terms.setdefault(_position(identifier.get("index", "0")), "id")
    return Core(
        file=location.text.strip(),
        encoding=core.get("encoding", "UTF-8"),
        delimiter=_unescaped(core.get("fieldsTerminatedBy", ",")),
        quote=core.get("fieldsEnclosedBy", '"') or False,
        skip=int(core.get("ignoreHeaderLines", 0)),
        terms=terms,
    )


def _position(text: str) -> int:
    position = int(text)
    if position > _MOST_COLUMNS:
        raise ValueError(f"no file has a column {text}")
    return position


def _header(content: bytes, core: Core, path: str) -> tuple[str, ...]:
    """Returns a name for every column of the file, of which `meta.xml` may know only some."""
    first = content[: content.find(b"\n")] if b"\n" in content else content
    if not first.strip():
        raise UserError(f"{path}: {core.file} is empty")
    line = io.StringIO(first.decode("latin-1").rstrip("\r"))
    quoted = csv.reader(line, delimiter=core.delimiter)
    cells = next(quoted if core.quote else csv.reader(line, delimiter=core.delimiter, quoting=csv.QUOTE_NONE))
    width = max(len(cells), max(core.terms, default=-1) + 1)
    return tuple(core.terms.get(position, "") for position in range(width))


def _utf8(content: bytes, core: Core, path: str) -> bytes:
    if core.encoding.lower().replace("-", "") == "utf8":
        return content
    try:
        return content.decode(core.encoding).encode()
    except (LookupError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {core.file} is not in the encoding that {META} states ({error})") from None


def _last_word(term: str) -> str:
    return term.replace("#", "/").rstrip("/").rsplit("/", 1)[-1]


def _unescaped(text: str) -> str:
    character = "\t" if text == "\\t" else text
    if len(character) != 1:
        raise ValueError(f"fields separated by {text!r}, expected one character")
    return character

"""Which fusions there are: built in, from installed packages (entry points), and from a user's file."""

import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from fieldmark.config.fusions import Fusions, FusionSettings, FusionValues, NoSettings
from fieldmark.errors import UserError
from fieldmark.models.fusions.base import Fusion, Sizes

ENTRY_POINTS = "fieldmark.fusions"
"""Group of entry points: name of a fusion to the module that registers it."""

_MODULES = {
    "image_only": "plain",
    "concat_net": "plain",
    "dynamic_mlp_a": "dynamic_mlp",
    "dynamic_mlp_b": "dynamic_mlp",
    "dynamic_mlp_c": "dynamic_mlp",
    "concat_star": "star",
    "add_star": "star",
    "multiply_star": "star",
    "concat_dagger": "dagger",
    "add_dagger": "dagger",
    "multiply_dagger": "dagger",
    "attention_image": "attention",
    "attention_location": "attention",
    "attention_concat": "attention",
    "geonet_whitelist": "geonet_priors",
    "geonet_bayes": "geonet_priors",
    "geonet_post_add": "geonet_post",
    "geonet_post_concat": "geonet_post",
    "geonet_post_multiply": "geonet_post",
    "geonet_modulate_add": "geonet_modulate",
    "geonet_modulate_film": "geonet_modulate",
}
"""Built-in fusions and the modules of this package that define them."""

_classes: dict[str, type[Fusion]] = {}


def fusion(name: str, *, settings: type[FusionSettings] = NoSettings) -> Callable[[type[Fusion]], type[Fusion]]:
    """Registers a class as the fusion of this name.

    Raises:
        UserError: the name is taken.
    """

    def register(cls: type[Fusion]) -> type[Fusion]:
        known = _classes.get(name)
        if name in _MODULES and cls.__module__ != f"{__package__}.{_MODULES[name]}":  # which may not be imported yet
            raise UserError(f"fusion {name!r}: a built-in fusion has that name; choose another")
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise UserError(f"fusion {name!r}: {known.__qualname__} has that name already; choose another")
        Fusions.register(name, settings)
        _classes[name] = cls
        return cls

    return register


def names() -> tuple[str, ...]:
    """Returns the names of all fusions: built in, registered, and of installed packages."""
    return tuple(dict.fromkeys([*_MODULES, *_classes, *_entry_points()]))


def fusion_class(name: str) -> type[Fusion]:
    """Returns a fusion's class.

    Raises:
        UserError: there is none of that name.
    """
    if name not in _classes:
        if name in _MODULES:
            importlib.import_module(f"fieldmark.models.fusions.{_MODULES[name]}")
        elif name in _entry_points():
            importlib.import_module(_entry_points()[name])
    if name not in _classes:
        Fusions.settings(name, {})  # raises with the names that there are
        raise UserError(f"fusion {name!r} is not defined: nothing registers it")
    return _classes[name]


def registered_as(cls: type[Fusion]) -> str | None:
    """Returns the name that a class is registered by, or None."""
    return next((name for name, known in _classes.items() if known is cls), None)


def build_fusion(name: str, values: FusionValues, sizes: Sizes) -> Fusion:
    """Returns a new fusion.

    Args:
        name: as registered.
        values: its settings; those left out have their defaults.
        sizes: of the backbone's feature, the categories and the metadata.

    Raises:
        UserError: for an unknown fusion or setting.
    """
    cls = fusion_class(name)
    return cls(sizes, Fusions.settings(name, values))


def defined_in(name: str) -> str:
    """Returns where a fusion is defined, `module:Class`."""
    cls = fusion_class(name)
    return f"{cls.__module__}:{cls.__qualname__}"


def load_extension(source: str, file: str) -> ModuleType:
    """Runs a user's file, which registers what it defines; the text travels to Ray's workers, the file need not.

    Args:
        source: the file's text.
        file: its path, for messages and tracebacks.

    Raises:
        UserError: it cannot be run; says which line.
    """
    name = f"fieldmark_extension_{Path(file).stem}"
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except UserError:
        raise
    except Exception as error:
        line = getattr(error, "lineno", None) or _line_in(error, file)
        raise UserError(f"--import {file}, line {line}: {type(error).__name__}: {error}") from error
    return module


def _line_in(error: BaseException, file: str) -> int | None:
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _entry_points() -> dict[str, str]:
    return {point.name: point.value.partition(":")[0] for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}

"""Which backbones of our own there are: built in, and from a user's file; timm's are asked from timm."""

import importlib
from collections.abc import Callable

from fieldmark.errors import UserError
from fieldmark.models.backbones.base import Backbone

_MODULES = {
    "sk2res2net101": "sk_res2net",
    "botnet152": "botnet",
    "pvt_large_v1": "pvt",
    "resnet_smoke": "stand_ins",
    "sk_res2net_smoke": "stand_ins",
    "botnet_smoke": "stand_ins",
    "swin_smoke": "stand_ins",
    "pvt_smoke": "stand_ins",
}
"""Built-in backbones and the modules of this package that define them."""

_classes: dict[str, type[Backbone]] = {}


def backbone(name: str) -> Callable[[type[Backbone]], type[Backbone]]:
    """Registers a class as the backbone of this name; it is constructed with its `BackboneSettings`.

    Raises:
        UserError: the name is taken, by a backbone of our own or by timm.
    """
    from timm.models import is_model

    if is_model(name):
        raise UserError(f"backbone {name!r}: timm has one of that name; choose another")

    def register(cls: type[Backbone]) -> type[Backbone]:
        known = _classes.get(name)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise UserError(f"backbone {name!r}: {known.__qualname__} has that name already; choose another")
        _classes[name] = cls
        return cls

    return register


def names() -> tuple[str, ...]:
    """Returns the names of the backbones that are not timm's."""
    return tuple(dict.fromkeys([*_MODULES, *_classes]))


def own_class(name: str) -> type[Backbone] | None:
    """Returns the class of a backbone that is not timm's, or None."""
    if name not in _classes and name in _MODULES:
        importlib.import_module(f"fieldmark.models.backbones.{_MODULES[name]}")
    return _classes.get(name)


def defined_in(name: str) -> str:
    """Returns where one of `names()` is defined, `module:Class`."""
    cls = own_class(name)
    assert cls is not None, name
    return f"{cls.__module__}:{cls.__qualname__}"

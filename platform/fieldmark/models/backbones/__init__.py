"""Image backbones: timm's by name, and those that timm lacks."""

from fieldmark.models.backbones.base import Backbone, BackboneSettings
from fieldmark.models.backbones.build import build_backbone
from fieldmark.models.backbones.registry import backbone, defined_in, names
from fieldmark.models.backbones.timm_names import timm_names

__all__ = ["Backbone", "BackboneSettings", "backbone", "build_backbone", "defined_in", "names", "timm_names"]

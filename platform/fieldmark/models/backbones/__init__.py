"""Image backbones: timm's by name, and those that timm lacks."""

from fieldmark.models.backbones.base import Backbone, build_backbone

__all__ = ["Backbone", "build_backbone"]

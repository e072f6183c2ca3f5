"""Fusions: how an image's feature and where and when it was taken become the scores of categories."""

from fieldmark.models.fusions.base import FeatureFusion, Fusion, Metadata, Sizes
from fieldmark.models.fusions.registry import build_fusion, defined_in, fusion, load_extension, names

__all__ = [
    "FeatureFusion",
    "Fusion",
    "Metadata",
    "Sizes",
    "build_fusion",
    "defined_in",
    "fusion",
    "load_extension",
    "names",
]

"""Experiment configurations and their identity; imports nothing else of ours."""

from fieldmark.config.base import Configuration
from fieldmark.config.baselines import (
    BaselineConfig,
    ClassFrequencyConfig,
    GridConfig,
    KernelDensityConfig,
    NearestNeighboursConfig,
    RadiusNeighboursConfig,
    TangConfig,
)
from fieldmark.config.classifier import ClassifierConfig, ClassifierFields, FrozenConfig
from fieldmark.config.fusions import Fusions, FusionSettings, FusionValues
from fieldmark.config.identity import canonical_json, digest
from fieldmark.config.images import BayesConfig, ImageStageConfig
from fieldmark.config.priorsnet import PriorsNetConfig
from fieldmark.config.recipe import RecipeConfig, Recipes
from fieldmark.config.run import IMAGE_MODEL, MethodConfig, RunSpec
from fieldmark.config.scale import RateRule, Scale, ScaleName, at_scale, choose_scale, effective
from fieldmark.config.view import View

__all__ = [
    "IMAGE_MODEL",
    "BaselineConfig",
    "BayesConfig",
    "ClassFrequencyConfig",
    "ClassifierConfig",
    "ClassifierFields",
    "Configuration",
    "FrozenConfig",
    "FusionSettings",
    "FusionValues",
    "Fusions",
    "GridConfig",
    "ImageStageConfig",
    "KernelDensityConfig",
    "MethodConfig",
    "NearestNeighboursConfig",
    "PriorsNetConfig",
    "RadiusNeighboursConfig",
    "RateRule",
    "RecipeConfig",
    "Recipes",
    "RunSpec",
    "Scale",
    "ScaleName",
    "TangConfig",
    "View",
    "at_scale",
    "canonical_json",
    "choose_scale",
    "digest",
    "effective",
]

"""The statistics behind every table: pure numpy, and fast to import."""

from fieldmark.tables.statistics.bootstrap import Difference, ImageResampler
from fieldmark.tables.statistics.exact import bound_violations, holm, mcnemar
from fieldmark.tables.statistics.pooled import NestedEffects, OneWay, nested_effects, one_way
from fieldmark.tables.statistics.summary import Summary, minimum_detectable_difference, pooled_std, summarise
from fieldmark.tables.statistics.verdicts import USEFUL_HALF_WIDTH, Reproduction, Verdict, reproduction

__all__ = [
    "USEFUL_HALF_WIDTH",
    "Difference",
    "ImageResampler",
    "NestedEffects",
    "OneWay",
    "Reproduction",
    "Summary",
    "Verdict",
    "bound_violations",
    "holm",
    "mcnemar",
    "minimum_detectable_difference",
    "nested_effects",
    "one_way",
    "pooled_std",
    "reproduction",
    "summarise",
]

"""What a sweep says in plain sentences: the best setting, the image alone, the bound, baselines, and what is noise."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fieldmark.dashboard.distances import Distance
from fieldmark.figures.setting_labels import SCORES
from fieldmark.figures.sweep_scores import Setting, SweepScores, mean

SEEDS_FOR_BEST = 5
"""Fresh seeds that the word "best" needs (SCIENCE rule 9); with fewer a setting is but chosen."""
MANY_IMAGES = 5000
"""From so many test images on a second decimal of a percentage means something."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure in large type."""

    name: str
    value: str
    note: str


class Findings:
    """Sentences and large figures about one sweep.

    Args:
        scores: what was measured.
        distances: setting to its distance from the best one.
    """

    def __init__(self, scores: SweepScores, distances: Mapping[str, Distance]) -> None:
        self._scores = scores
        self._distances = distances
        self._places = 2 if scores.test_records >= MANY_IMAGES else 1

    def sentences(self) -> list[str]:
        """Returns the findings, the most important first."""
        best = self._scores.best
        if best is None:
            return ["No PriorsNet setting has been completed yet."]
        found = [
            self._of_best(best),
            self._of_bound(best),
            self._of_baseline(best),
            self._of_loss(best),
            self._of_noise(),
            self._of_apart(),
        ]
        return [sentence for sentence in found if sentence]

    def tiles(self) -> list[Tile]:
        """Returns the figures for the top of the page."""
        return list(self._tiles())

    def _tiles(self) -> Iterator[Tile]:
        scores, best, strongest = self._scores, self._scores.best, self._strongest_baseline()
        if best is not None:
            yield Tile("Best setting" if self._is_best(best) else "Chosen setting", self._with_spread(best), best.label)
        if strongest is not None:
            yield Tile("Strongest baseline", self._percent(self._top1(strongest)), strongest.label)
        image, bound = scores.image_only(), scores.bound()
        if image is not None:
            yield Tile("Image alone", self._percent(image), "no place, no date")
        if bound is not None:
            yield Tile("Bayes bound", self._percent(bound), "the most that can be known")

    def _of_best(self, best: Setting) -> str:
        seeds = len(best.values(self._scores.score))
        fresh = " fresh" if best.confirmed else ""
        over = f"mean ± standard deviation over {seeds}{fresh} seeds" if seeds > 1 else f"one{fresh} seed: no spread"
        return (
            f"The tune part chose {best.label}. On the {self._scores.test_records:,} test records, which had no say, "
            f"its top-1 is {self._with_spread(best)} ({over}).{self._of_confirmation(best)}"
        )

    def _of_confirmation(self, best: Setting) -> str:
        if self._is_best(best):
            return ""
        return f" To be called best it needs {SEEDS_FOR_BEST} fresh seeds."

    def _is_best(self, best: Setting) -> bool:
        return best.confirmed and len(best.values(self._scores.score)) >= SEEDS_FOR_BEST

    def _of_bound(self, best: Setting) -> str:
        image, bound = self._scores.image_only(), self._scores.bound()
        if image is None or bound is None:
            return "" if image is None else self._over_image(best, image)
        share = (self._top1(best) - image) / (bound - image) if bound > image else 0.0
        return (
            f"The image alone reaches {self._percent(image)} and the Bayes classifier, which knows how the data came "
            f"about, {self._percent(bound)}: the chosen setting gains {100 * share:.0f} % of what place and date can "
            "add."
        )

    def _over_image(self, best: Setting, image: float) -> str:
        gain = self._top1(best) - image
        word = "adds" if gain >= 0 else "costs"
        return f"The image alone reaches {self._percent(image)}: the prior {word} {self._points(gain)}."

    def _of_baseline(self, best: Setting) -> str:
        strongest = self._strongest_baseline()
        if strongest is None:
            return ""
        lead = self._top1(best) - self._top1(strongest)
        start = f"The strongest baseline by top-1 is {strongest.label}, with {self._percent(self._top1(strongest))}: "
        distance = self._distances.get(strongest.config_id)
        if distance is None:
            return f"{start}PriorsNet is {'ahead' if lead > 0 else 'behind'} by {self._points(lead)}."
        low, high = -distance.difference.high, -distance.difference.low
        interval = f"(paired 95 % interval {self._signed(low)} to {self._signed(high)})"
        if not distance.differs:
            return f"{start}PriorsNet cannot be told from it, {self._signed(lead)} points {interval}."
        word = "is ahead" if lead > 0 else "loses to it"
        return f"{start}PriorsNet {word} by {self._points(lead)} {interval}."

    def _of_loss(self, best: Setting) -> str:
        goal, strongest = self._scores.goal, self._strongest_baseline()
        values = best.values(goal.score, "log_loss")
        if goal.metric != "log_loss" or not values:
            return ""
        beside = strongest.values(goal.score, "log_loss") if strongest else ()
        other = f", that of {strongest.label} {mean(beside):.3f}" if strongest and beside else ""
        return (
            f"The search was after log-loss ({SCORES[goal.score]}): on test that of the chosen setting is "
            f"{mean(values):.3f} nats{other}."
        )

    def _of_noise(self) -> str:
        others = [one for one in self._scores.of_role("published", "search") if one.config_id in self._distances]
        if not others:
            return ""
        alike = sum(not self._distances[one.config_id].differs for one in others)
        how = "paired bootstrap over test records and seeds, Holm's correction; a single seed counts without its spread"
        if not alike:
            return f"All {len(others)} other settings differ from the chosen one by more than noise ({how})."
        if alike == len(others):
            return f"None of the {len(others)} other settings can be told from the chosen one ({how})."
        return (
            f"{alike} of the {len(others)} other settings cannot be told from the chosen one; {len(others) - alike} "
            f"differ by more than noise ({how})."
        )

    def _of_apart(self) -> str:
        apart = [one for one in self._scores.of_role("published", "search") if not one.permitted]
        if not apart:
            return ""
        return (
            f"A prior learned on the larger set reaches {self._with_spread(apart[0])}. It has seen more records than "
            "the others, so it stands apart and is no comparison."
        )

    def _strongest_baseline(self) -> Setting | None:
        return max(self._scores.of_role("baseline"), key=self._top1, default=None)

    def _top1(self, setting: Setting) -> float:
        return mean(setting.values(self._scores.score))

    def _with_spread(self, setting: Setting) -> str:
        values = setting.values(self._scores.score)
        if len(values) == 1:
            return self._percent(values[0])
        return f"{100 * mean(values):.{self._places}f} ± {100 * statistics.stdev(values):.{self._places}f} %"

    def _percent(self, share: float) -> str:
        return f"{100 * share:.{self._places}f} %"

    def _points(self, share: float) -> str:
        return f"{abs(100 * share):.{self._places}f} points"

    def _signed(self, share: float) -> str:
        return f"{100 * share:+.{self._places}f}"

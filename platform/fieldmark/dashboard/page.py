"""What stands on a sweep's page, before it is HTML."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fieldmark.dashboard.distances import distances_to_best
from fieldmark.dashboard.findings import Findings, Tile
from fieldmark.dashboard.reproduce import command, facts
from fieldmark.figures.seed_spread import sweep_spread
from fieldmark.figures.setting_labels import METRIC_NAMES, SCORES
from fieldmark.figures.sweep import reliability_figure, scores_figure, search_figure
from fieldmark.figures.sweep_scores import SweepScores
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.grid import Grid
from fieldmark.tables.render import grid
from fieldmark.tables.settings import settings_table

if TYPE_CHECKING:
    from fieldmark.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePart:
    """A section: a table, or a plot with its caption."""

    id: str
    title: str
    table: Grid | None = None
    more: Grid | None = None
    """The whole of the table, folded away."""
    plot: Any = None
    """A plotly figure."""
    alt: str = ""
    """What a reader who does not see the plot should know."""
    caption: str = ""

    @property
    def height(self) -> int:
        """Pixels that the plot takes, so that the page does not jump."""
        return int(self.plot.layout.height) if self.plot is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A sweep's page."""

    sweep: str
    dataset: str
    subtitle: str
    scale: str
    is_smoke: bool
    tiles: list[Tile]
    findings: list[str]
    parts: list[PagePart]
    notes: list[str]
    command: str
    facts: list[tuple[str, str]]


def build_page(store: "Store", scores: SweepScores) -> Page:
    """Returns a sweep's page from what is stored."""
    published = comparison_table(store, "S2", sweep=scores.sweep, score=scores.score)
    settings = settings_table(store, scores.sweep)
    findings = Findings(scores, distances_to_best(store, scores))
    scale = scores.scale.describe()
    return Page(
        sweep=scores.sweep,
        dataset=scores.dataset,
        subtitle=_subtitle(scores),
        scale=scale[0].upper() + scale[1:],
        is_smoke=scores.scale.name == "smoke",
        tiles=findings.tiles(),
        findings=findings.sentences(),
        parts=[
            PagePart(id="table-s2", title=published.title, table=grid(published)),
            _scores_part(scores),
            PagePart(id="settings", title=settings.title, table=grid(settings).narrow(), more=grid(settings)),
            *_further_parts(scores),
        ],
        notes=_notes(scores),
        command=command(store, scores),
        facts=facts(store, scores),
    )


def _subtitle(scores: SweepScores) -> str:
    card = scores.card
    parts = [f"{card.counts['train']:,} train, {card.counts['tune']:,} tune"] if card else []
    parts.append(f"{scores.test_records:,} test records")
    categories = f"{card.categories:,} categories; " if card else ""
    return f"{categories}{', '.join(parts)}; split by protocol {scores.protocol}."


def _scores_part(scores: SweepScores) -> PagePart:
    spread = sweep_spread(scores)
    interval = (
        "Bars are 95 % intervals of the mean; the seed standard deviation, pooled over settings, is "
        f"{100 * spread.std:.2f} points on {spread.freedom} degrees of freedom, and gives single seeds their bars too."
        if spread
        else "Every setting has one seed, so there is no spread to draw."
    )
    fresh = ", and drawn from the fresh seeds that confirm it" if scores.best and scores.best.confirmed else ""
    best = f" The star marks {scores.best.label}, chosen on tune{fresh}." if scores.best else ""
    return PagePart(
        id="scores",
        title="Figure 1: what each setting scores on test",
        plot=scores_figure(scores),
        alt="Top-1 on the test part of every setting and baseline. The same figures stand in the table of settings.",
        caption=f"A faint dot is one seed, a full sign the mean. {interval} All settings see the same test records, so "
        "neighbours differ less than the finite test set alone would suggest; the table of settings compares them pair "
        f"by pair.{best}",
    )


def _further_parts(scores: SweepScores) -> Iterator[PagePart]:
    search, reliability = search_figure(scores), reliability_figure(scores)
    if search is not None:
        yield PagePart(
            id="search",
            title="Figure 2: what the search saw",
            plot=search,
            alt="The goal on the tune part against the learning rate, coloured by batch, for every run of the search.",
            caption="One sign a run, published rows among them. The goal is "
            f"{METRIC_NAMES[scores.goal.metric]} of the score “{SCORES[scores.goal.score]}” on the tune part, "
            "the only part that the search looks at.",
        )
    if reliability is not None:
        yield PagePart(
            id="reliability",
            title=f"Figure {3 if search is not None else 2}: how far the scores can be trusted as probabilities",
            plot=reliability,
            alt="Log-loss on test of every score of the chosen setting, the baselines, the image alone and the bound.",
            caption="Correcting and calibrating a prior's score does not change how it ranks categories, so top-1 of "
            "the prior stays; its log-loss, and what it does in a product with image scores, change.",
        )


def _notes(scores: SweepScores) -> list[str]:
    notes = list(scores.card.notes) if scores.card else []
    if scores.score.startswith("prior"):
        notes.append("There are no image scores here: this page ranks priors, not priors times image scores.")
    own = [one.label for one in scores.of_role("baseline") if scores.score not in one.scores]
    if own:
        notes.append(
            f"{' and '.join(own)}: one classifier of everything it is given, so its score is its own and no product."
        )
    if scores.bound() is not None:
        notes.append(
            "The Bayes bound is the best possible classifier, run on these very test records. The best of many "
            "runs can exceed it by luck; a violation is claimed only where a paired exact test rejects it after Holm's "
            "correction."
        )
    return [
        *notes,
        "Accuracies are percentages, log-loss is in nats; ± is the standard deviation over seeds (n - 1).",
        "Settings are written in the units of the paper. IB: instance-balanced, every record once an epoch. CB n: "
        "class-balanced, at most n records of a category an epoch. Caps that never bind are the same setting as IB.",
        "Choices (best setting, temperature, early stopping) are made on tune; test is read once, at the last epoch.",
    ]

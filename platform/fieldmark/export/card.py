"""The model card: what a model is, what it was measured to do, and what it cannot."""

import math
import time
from collections.abc import Mapping, Sequence

from fieldmark.config import RecipeConfig
from fieldmark.export.preprocessing import KEEP_PLACES, Preprocessing
from fieldmark.export.stored import StoredRun
from fieldmark.store import EvaluationRecord

_METRICS = {
    "top1": "top-1 accuracy",
    "top3": "top-3 accuracy",
    "top5": "top-5 accuracy",
    "top10": "top-10 accuracy",
    "mrr": "mean reciprocal rank",
    "log_loss": "log-loss (nats)",
}
_UNMEASURED = "The store has no evaluation of this run on a test part: nothing is known of how good it is."
_LICENCE = (
    "The licence of the training pictures and records is not known to the program that wrote this card. Find it out\n"
    "before you pass the model on. Weights that started from somebody's pretrained weights are bound by theirs, too."
)

_MEANING = (
    "A softmax over the categories in `categories.json`: the scores of a picture sum to 1 whatever it shows, so that\n"
    "a picture of something else is given one of these names, too, and perhaps with a high score. They were not\n"
    "calibrated. They contain how common each category was among the training records: where yours differ, divide\n"
    "by the old frequencies and multiply by the new ones. A score is no probability that a record is right in the\n"
    "field."
)


def model_card(run: StoredRun, evaluations: Sequence[EvaluationRecord], inputs: Preprocessing) -> str:
    """Returns the card in Markdown.

    Args:
        run: the trained classifier.
        evaluations: its evaluations on the test part.
        inputs: how its inputs are made.
    """
    config = run.config
    looks = "the picture, the place and the date" if config.date else "the picture and the place"
    if config.encoding == "none":
        looks = "the picture and the date"
    sections = {
        "What it is": f"A classifier of {len(run.categories):,} categories that looks at "
        f"{looks if config.looks_at_location else 'the picture alone'}: backbone `{config.backbone}`, fusion "
        f"`{config.fusion}`, pictures of {config.resolution} x {config.resolution} pixels.\n\n{_size(run)}",
        "What it learned from": _data(run),
        "What was measured": _measured(run, evaluations),
        "How it was trained": _recipe(run),
        "What the scores mean": _MEANING,
        "Limits": _limits(run, inputs),
        "Licence": _LICENCE,
        "How to use it": _use(run),
    }
    head = f"# {config.backbone} with {config.fusion}, trained on {run.record.spec.dataset}\n"
    return "\n".join([head, *(f"## {title}\n\n{text}\n" for title, text in sections.items())])


def _size(run: StoredRun) -> str:
    parameters, adds = run.record.parameters, run.record.multiply_adds
    counted = f", {adds:,} multiply-adds a picture" if adds else ""
    return f"{parameters:,} trainable parameters{counted}." if parameters else "Its parameters were not counted."


def _data(run: StoredRun) -> str:
    spec, card = run.record.spec, run.card
    lines = [f"Data set `{spec.dataset}`, fingerprint `{spec.fingerprint}`, split by the protocol `{spec.protocol}`."]
    if card is not None:
        counts = ", ".join(f"{count:,} {part}" for part, count in card.counts.items())
        size = f"median {card.category_size:g}, largest {card.largest_category:,}"
        lines.append(f"Records: {counts}. Training records a category: {size}.")
        lines += card.notes
    return "\n".join(lines)


def _measured(run: StoredRun, evaluations: Sequence[EvaluationRecord]) -> str:
    if not evaluations:
        return _UNMEASURED
    parts = [_table(one, len(run.categories)) for one in evaluations]
    if run.record.scale.name == "smoke":
        parts.append("It was trained at the scale `smoke`: a demonstration, comparable with no published number.")
    return "\n\n".join(parts)


def _table(one: EvaluationRecord, categories: int) -> str:
    told = [name for name in _METRICS if name in one.metrics and _says_something(name, categories)]
    rows = [f"| {_METRICS[name]} | {_figure(name, one.metrics)} |" for name in told]
    head = f"Centre crop, last epoch, {one.n:,} test pictures, score `{one.score}`:\n\n| | test |\n|---|---:|\n"
    top1 = one.metrics.get("top1", math.nan)
    error = math.sqrt(max(top1 * (1 - top1), 0) / one.n) if one.n else math.nan
    after = (
        f"\n\nTop-1 has a standard error of {100 * error:.2f} points from the size of the test set alone; this is one "
        f"run with one seed ({one.spec.seed}), and another seed gives another number."
    )
    right, wrong = one.details.get("turned_right"), one.details.get("turned_wrong")
    if right is not None and wrong is not None:
        after += f" Against the image alone it turned {right:.0f} test pictures right and {wrong:.0f} wrong."
    return head + "\n".join(rows) + after


def _says_something(name: str, categories: int) -> bool:
    """Whether a metric can be wrong: of ten categories every one is among the first ten."""
    return not name.startswith("top") or int(name[3:]) < categories


def _figure(name: str, metrics: Mapping[str, float]) -> str:
    value = metrics[name]
    return f"{100 * value:.2f} %" if name.startswith("top") else f"{value:.4f}"


def _recipe(run: StoredRun) -> str:
    config, record = run.config, run.record
    settings = [f"| `{name}` | {getattr(config, name)} |" for name in RecipeConfig.model_fields]
    start = (
        "random weights" if config.weights == "none" else config.weights.replace("timm:", "timm's pretrained weights ")
    )
    ended = time.strftime("%Y-%m-%d", time.gmtime(record.provenance.ended)) if record.provenance.ended else "unknown"
    revision = record.provenance.git_revision or "unknown"
    return (
        f"From {start}, seed {record.spec.seed}, {record.epochs} epochs, {record.cost.seconds:,.0f} s, ended {ended} "
        f"(UTC), revision {revision}{' with changes' if record.provenance.git_dirty else ''}.\n\n"
        + "\n".join(["| setting | |", "|---|---|", *settings])
        + "\n\nThe whole configuration is in `configuration.json`."
    )


def _limits(run: StoredRun, inputs: Preprocessing) -> str:
    lines = ["* It knows nothing of categories, regions, seasons and styles of pictures that it did not learn from."]
    if run.config.looks_at_location:
        lines.append(
            f"* Place and date may be missing: {inputs.missing}.\n"
            "* It follows a wrong place or date as it follows a right one, and a rarity far from its known range is\n"
            "  what it gets wrong first."
        )
        if run.config.fusion in KEEP_PLACES:
            lines.append("* Its weights hold the exact places of its training records: think before you pass them on.")
    else:
        lines.append("* It does not look at place or date, even where they are given.")
    lines.append("* Nothing was tested on how it treats rare categories, or pictures unlike those of the test part.")
    return "\n".join(lines)


def _use(run: StoredRun) -> str:
    flag = " --import THIS_FOLDER/extension.py" if run.extension is not None else ""
    code = (
        "```\n"
        f"fieldmark predict THIS_FOLDER PICTURES_OR_TABLE --out scores.csv{flag}\n"
        "```\n\n"
        "```python\n"
        "from fieldmark.export.load import load_trained\n\n"
        'trained = load_trained("THIS_FOLDER")  # .model, .config, .categories\n'
        "```\n\n"
        "`weights.safetensors` holds numbers only and runs nothing. `preprocessing.json` says how inputs are made."
    )
    if run.extension is None:
        return code
    return code + (
        "\n\nA part of it was made by a user: its code is `extension.py`. It is never run by itself; read it, and\n"
        "name it with `--import` (in Python: `fieldmark.models.fusions.load_extension`) if you trust it."
    )

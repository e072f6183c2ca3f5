"""The runs behind the supplement's figures S2 to S4; Figure S1 shows data alone."""

from functools import cache

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ClassifierConfig, FrozenConfig, ScaleName
from fieldmark.papers.configurations import GEONET_FROZEN, geonet_started, on_frozen, whole

SK = "SK-Res2Net-101"
MINI = "iNat2021-mini"


class FigureRun(BaseModel):
    """One run that a figure is drawn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str
    """`figS2`, `figS3` or `figS4`, as in the claims' ids."""
    label: str
    """As it stands in the figure."""
    dataset: str
    """The published data set's name, a key of `WORLDS`."""
    config: ClassifierConfig | FrozenConfig | None
    """None for PriorsNet, whose run is the best of Table S2's own sweep."""
    image_model: ClassifierConfig | None = None
    """The image-only classifier that it starts from, trained with the same seed."""
    seed: int = 0
    view: str = ""


@cache
def figure_runs(scale: ScaleName) -> tuple[FigureRun, ...]:
    """Returns the runs of all figures.

    Assumed, as the paper does not say: Figure S2 shows ResNet-50; Figures S3 and S4 show SK-Res2Net-101, S3 at its
    largest resolution, where even the finest marks of the world can be seen at smoke scale.
    """
    return (*_epochs(scale), *_maps(scale), *_categories(scale))


def _epochs(scale: ScaleName) -> tuple[FigureRun, ...]:
    latest = MINI if scale == "smoke" else "iNat2021"
    datasets = {"iNat2017": "iNat2017", "iNat2018": "iNat2018", "iNat2021": latest}
    return tuple(_geonet("figS2", label, scale, "ResNet-50", dataset) for label, dataset in datasets.items())


def _maps(scale: ScaleName) -> tuple[FigureRun, ...]:
    fusions = {"image-only": "image_only", "Concatenation": "concat_net", "Dynamic MLP": "dynamic_mlp_c"}
    return tuple(
        FigureRun(
            figure="figS3",
            label=label,
            dataset=MINI,
            config=whole(scale, SK, fusion, MINI, resolution=448),
        )
        for label, fusion in fusions.items()
    )


def _categories(scale: ScaleName) -> tuple[FigureRun, ...]:
    alone = whole(scale, SK, "image_only", MINI)
    dynamic: ClassifierConfig | FrozenConfig = whole("paper", SK, "dynamic_mlp_c", MINI)
    if scale == "smoke":
        dynamic = on_frozen(SK, "dynamic_mlp_c", MINI)
    return (
        FigureRun(figure="figS4", label="image-only", dataset=MINI, config=alone),
        FigureRun(figure="figS4", label="image-only, second seed", dataset=MINI, config=alone, seed=1),
        _geonet("figS4", "GeoNet", scale, SK, MINI),
        FigureRun(figure="figS4", label="PriorsNet", dataset=MINI, config=None),
        FigureRun(
            figure="figS4",
            label="Dynamic MLP",
            dataset=MINI,
            config=dynamic,
            image_model=alone if scale == "smoke" else None,
        ),
    )


def _geonet(figure: str, label: str, scale: ScaleName, family: str, dataset: str) -> FigureRun:
    """Returns GeoNet's post-processing by addition on a trained image-only model; it looks at places, not at dates."""
    config: ClassifierConfig | FrozenConfig = geonet_started(family, dataset)
    if scale == "smoke":
        config = on_frozen(family, "geonet_post_add", dataset, recipe=GEONET_FROZEN, date=False)
    alone = whole(scale, family, "image_only", dataset)
    return FigureRun(figure=figure, label=label, dataset=dataset, config=config, image_model=alone)

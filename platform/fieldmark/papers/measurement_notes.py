"""What stands beside a measured value: stand-ins and readings of what the paper leaves open."""

from fieldmark.config import ClassifierConfig, FrozenConfig, ScaleName, View
from fieldmark.papers.families import FAMILIES
from fieldmark.papers.published import PublishedRow

FROZEN = (
    "frozen backbone: the fusion is trained on cached features of augmented views, made by an image-only model that "
    "all fusions of a backbone, data set and seed share; the paper trains every row whole"
)
VARIANT_B = (
    "Dynamic MLP is run as variant B, whose parameters with ResNet-50 and 8,142 categories are the printed 47.4 M; "
    "S1, S2 and S6 are run as variant C, to which the authors' README gives its accuracies. For SK-Res2Net-101 on "
    "iNat2018, S4 row 8 and S6 row 4 print one number"
)
VARIANT_C = (
    "Dynamic MLP is run as variant C, to which the authors' README gives its accuracies; S3 to S5 are run as variant "
    "B, whose parameters are printed there. For SK-Res2Net-101 on iNat2018, S4 row 8 and S6 row 4 print one number"
)
READINGS = {
    "attention": "attention: one reading of many; no simple design has the three printed parameter counts",
    "star": "star: one hidden layer, as wide as brings the parameters to those of Dynamic MLP B (assumed)",
    "dagger": "dagger: block B with the generated matrix averaged to a vector, then the operation (assumed)",
}
"""By a part of the fusion's name."""
PLACE_ALONE = "YFCC100M-GEO100 has no dates: place alone is looked at"
COUNTS = "counts are those for iNat2018's 8,142 categories, as printed; with YFCC's 100 they are smaller"
S5_CAPTION = "the caption names iNat2018 only, yet the table has a YFCC column"
AVERAGED = "probabilities are averaged over sizes and crops (the paper names no space)"
TEN_CROP = "the table's ten-crop mark is not followed: by section C, ten crops served the Swin Transformer only"
SAME_RUN = "the run of Table S6, row 4"
SMOKE_PIXELS = 64
"""Up to which pictures are shown at smoke scale, an eighth of the paper's largest test sizes apart."""


def notes(
    row: PublishedRow, scale: ScaleName, config: ClassifierConfig | FrozenConfig, full: ClassifierConfig, view: str
) -> tuple[str, ...]:
    """Returns the footnotes of a measured accuracy.

    Args:
        row: the published one.
        scale: at which it is measured.
        config: what is run.
        full: the same at paper scale.
        view: how test pictures are shown.
    """
    larger = _larger(config, view) if scale == "smoke" else []
    return (*_stands_in(row, scale, config, full), *_readings(row, config), *_shown(row, view), *larger)


def ensemble_notes(scale: ScaleName, above: float) -> tuple[str, ...]:
    """Returns the footnotes of Table S1's ensemble."""
    own = (
        f"at smoke scale members are above {100 * above:g} %, not above 91 %: the world's bound is about 94 %, and "
        "stand-ins are small"
    )
    rule = "members are chosen on tune; the mean of their probabilities is scored (the paper names neither)"
    return (rule,) if scale == "paper" else (rule, own)


def _stands_in(
    row: PublishedRow, scale: ScaleName, config: ClassifierConfig | FrozenConfig, full: ClassifierConfig
) -> list[str]:
    if scale == "paper":
        return [FAMILIES[row.model].weights_note]
    size = f"{full.resolution} px -> {config.resolution} px"
    said = [f"{row.model} -> {config.backbone}, from random weights, {size}"]
    if isinstance(config, FrozenConfig):
        return [*said, FROZEN]
    return [*said, f"trained whole for {config.epochs} epochs by recipe smoke, not for {full.epochs} by the paper's"]


def _readings(row: PublishedRow, config: ClassifierConfig | FrozenConfig) -> list[str]:
    said = [text for part, text in READINGS.items() if part in config.fusion.split("_")]
    said += [VARIANT_B] if config.fusion == "dynamic_mlp_b" else []
    said += [VARIANT_C] if config.fusion == "dynamic_mlp_c" else []
    said += [SAME_RUN] if row.table == "S2" else []
    if row.dataset == "YFCC100M-GEO100":
        said += [PLACE_ALONE, COUNTS]
        said += [S5_CAPTION] if row.table == "S5" else []
    return said


def _shown(row: PublishedRow, view: str) -> list[str]:
    said = [AVERAGED] if "+" in view or view.startswith("ten") else []
    return said + ([TEN_CROP] if row.keys.get("ten_crop_marked") and not view.startswith("ten") else [])


def _larger(config: ClassifierConfig | FrozenConfig, view: str) -> list[str]:
    """Returns the remark that a test shows larger pictures than smoke scale is meant for."""
    largest = max(View.parse(view).sizes_of(config.resolution))
    if largest <= SMOKE_PIXELS:
        return []
    return [
        f"trained at {config.resolution} px, tested at up to {largest} px: an eighth of the paper's sizes, which goes "
        f"beyond the {SMOKE_PIXELS} px of smoke scale at test only"
    ]

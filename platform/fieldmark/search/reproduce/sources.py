"""The data of a reproduction: what stands for which published data set, opened once."""

from collections.abc import Mapping
from dataclasses import dataclass

from fieldmark.data.observations import DataSet
from fieldmark.errors import UserError
from fieldmark.papers.worlds import WORLDS
from fieldmark.search.reproduce.options import ReproduceOptions
from fieldmark.search.training.facts import TrainFacts, train_facts
from fieldmark.search.training.options import parse_pairs
from fieldmark.tables.reproduction import DataChoice


@dataclass(frozen=True, kw_only=True)
class Source:
    """The data that stand for a published data set, or that data set itself."""

    dataset: DataSet
    facts: TrainFacts
    stands_in: bool

    @property
    def spec(self) -> str:
        """As typed after --data."""
        return self.facts.card.spec

    @property
    def choice(self) -> DataChoice:
        """As a plan keeps it."""
        return DataChoice(spec=self.spec, card=self.facts.card, stands_in=self.stands_in)


def given_data(options: ReproduceOptions) -> dict[str, str]:
    """Returns what --data says, by published name.

    Raises:
        UserError: for what is no NAME=SPEC, and for an unknown name.
    """
    given = parse_pairs("--data", options.data)
    for name in given:
        if name not in WORLDS:
            raise UserError(f"--data {name}=...: expected one of {', '.join(WORLDS)}")
    return given


def specs(options: ReproduceOptions) -> dict[str, str]:
    """Returns where the data sets are that are at hand: at smoke scale a world stands for what is not given."""
    worlds = WORLDS if options.scale == "smoke" else {}
    return {**worlds, **given_data(options)}


def open_sources(options: ReproduceOptions, wanted: Mapping[str, str]) -> dict[str, Source]:
    """Opens data sets, each once however many names it stands for.

    Args:
        options: the flags.
        wanted: published name to what is opened, see `specs`.

    Raises:
        UserError: data that cannot be read, or have no pictures.
    """
    from fieldmark.data.open import open_dataset

    given = given_data(options)
    opened: dict[str, tuple[DataSet, TrainFacts]] = {}
    for spec in dict.fromkeys(wanted.values()):
        dataset = open_dataset(spec, protocol=None, max_bad_share=options.max_bad_share)
        opened[spec] = dataset, train_facts(dataset, spec)
    return {
        name: Source(
            dataset=opened[spec][0],
            facts=opened[spec][1],
            stands_in=name not in given or spec.partition(":")[0] == "world",
        )
        for name, spec in wanted.items()
    }

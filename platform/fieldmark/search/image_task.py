"""A classifier run as a unit of work for an executor: the run, and further evaluations of it."""

from pydantic import BaseModel, ConfigDict

from fieldmark.search.tasks import Task


class ImageTask(BaseModel):
    """One classifier run, trained whole or on frozen features, and the views under which it is evaluated, too.

    It is done when the run is recorded, and every view of it on tune and test; doing it again does only what is left.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    """Its configuration is a `ClassifierConfig` or a `FrozenConfig`."""
    data: str
    """The data set, as typed after --data."""
    views: tuple[str, ...] = ()
    """Texts of `fieldmark.config.View`; the run's own needs no naming."""
    probabilities: tuple[str, ...] = ()
    """Those views (empty text: the run's own) of which whole probabilities are kept, for ensembles."""
    workers: int = 1
    """Ray Train workers that train it; changes no number (SCIENCE rule 17)."""

    @property
    def run_id(self) -> str:
        """The run's id, which names the unit."""
        return self.task.run_id

    @property
    def start(self) -> str | None:
        """The image-only run whose weights or features it starts from; it must be recorded, with its weights."""
        from fieldmark.config import IMAGE_MODEL

        return self.task.spec.stages.get(IMAGE_MODEL)

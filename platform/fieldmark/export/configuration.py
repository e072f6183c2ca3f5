"""A trained classifier's configuration, however it was trained; imports neither torch nor the store."""

from fieldmark.config import ClassifierConfig, FrozenConfig, MethodConfig


def classifier_of(config: MethodConfig) -> ClassifierConfig:
    """Returns the configuration as that of a model trained as a whole, which is what its weights are.

    Raises:
        TypeError: it is no classifier's.
    """
    if isinstance(config, FrozenConfig):
        return config.classifier
    if isinstance(config, ClassifierConfig):
        return config
    raise TypeError(f"{config.method} is no classifier")

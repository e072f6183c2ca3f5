"""Where things lie in a store, in one place.

``records/`` and ``evaluations/`` hold only what is not packed yet, so that listing them stays quick however many runs
there are; what belongs to a record and stays when it is packed (curve, predictions) has a folder of its own.
"""

FORMAT = "FORMAT"
SEGMENTS = "segments"
STAGES = "stages"
CHECKPOINTS = "checkpoints"
SWEEPS = "sweeps"
RETRACTIONS = "retractions"
CONFLICTS = "conflicts"
DATASETS = "datasets"
LOGS = "logs"
CURVES = "curves"
PREDICTIONS = "predictions"
PROBABILITIES = "probabilities"
WEIGHTS = "weights"
CATEGORIES = "categories"
EXTENSIONS = "extensions"
RUN_LEASES = "leases"
PROBE = "probe"
RAY = "ray"
"""What Ray Train keeps of trainings that are under way."""


def segment(kind: str, content_hash: str) -> str:
    """Returns the key of a segment of `runs` or `evaluations`."""
    return f"{SEGMENTS}/{kind}-{content_hash}.parquet"


def curve(run_id: str) -> str:
    """Returns the key of a run's curve."""
    return f"{CURVES}/{run_id}.parquet"


def predictions(evaluation_id: str) -> str:
    """Returns the key of an evaluation's predictions."""
    return f"{PREDICTIONS}/{evaluation_id}.parquet"


def probabilities(evaluation_id: str) -> str:
    """Returns the key of an evaluation's whole probabilities."""
    return f"{PROBABILITIES}/{evaluation_id}.npy"


def weights(run_id: str) -> str:
    """Returns the key of a run's trained weights."""
    return f"{WEIGHTS}/{run_id}.safetensors"


def categories(fingerprint: str) -> str:
    """Returns the key of the names of a data set's categories."""
    return f"{CATEGORIES}/{fingerprint}.json"


def extension(run_id: str) -> str:
    """Returns the key of the user's file that a run's fusion is defined in."""
    return f"{EXTENSIONS}/{run_id}.py"


def retraction(run_id: str) -> str:
    """Returns the key of a run's tombstone."""
    return f"{RETRACTIONS}/{run_id}.json"


def log(run_id: str) -> str:
    """Returns the key of a run's log."""
    return f"{LOGS}/{run_id}.txt"


def checkpoint(run_id: str) -> str:
    """Returns the key of the state of an unfinished run."""
    return f"{CHECKPOINTS}/{run_id}/state.bin"


def plan(sweep_id: str, revision: int) -> str:
    """Returns the key of a revision (from 1) of a sweep's plan."""
    return f"{SWEEPS}/{sweep_id}/plan-{revision:04d}.json"


def revision(plan_key: str) -> int:
    """Returns the revision of a plan's key."""
    return int(stem(plan_key).removeprefix("plan-"))


def begun(sweep_id: str) -> str:
    """Returns the key of the list of runs that a sweep has begun, of which it may free the checkpoints."""
    return f"{SWEEPS}/{sweep_id}/begun.json"


def leases(sweep_id: str) -> str:
    """Returns the folder of a sweep's lease."""
    return f"{SWEEPS}/{sweep_id}/lease"


def run_leases(run_id: str) -> str:
    """Returns the folder of the lease of a run that is part of no sweep; what lies in `sweeps` is a sweep."""
    return f"{RUN_LEASES}/{run_id}"


def card(fingerprint: str, protocol: str) -> str:
    """Returns the key of a data set's card; a colon is no good in a file name on every system."""
    return f"{DATASETS}/{fingerprint}-{protocol.replace(':', '-')}.json"


def stem(key: str) -> str:
    """Returns the name of a key without folder and extension."""
    return key.rpartition("/")[2].partition(".")[0]

"""An export is asked in an environment that has neither Ray nor a tracker, and gives the same scores."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from fieldmark.export.inputs import read_inputs
from fieldmark.export.load import load_trained
from fieldmark.export.predict import predict

LEFT_OUT = ("ray", "mlflow", "optuna")
SCORES = """
import json, sys
from pathlib import Path
import fieldmark
from fieldmark.export.inputs import read_inputs
from fieldmark.export.load import load_trained
from fieldmark.export.predict import predict
for name in ("ray", "mlflow", "optuna"):
    try:
        __import__(name)
        sys.exit(f"{name} is here")
    except ModuleNotFoundError:
        pass
trained = load_trained(sys.argv[1])
rows = [row for batch in predict(trained, read_inputs(Path(sys.argv[2])), top_k=6) for row in batch.to_pylist()]
print(json.dumps(rows))
"""


def _without(folder: Path, root: Path) -> dict[str, str]:
    """Makes a folder of links to everything that is installed but what is left out; returns an environment."""
    folder.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.name.split("-")[0].lower().split("_")[0] not in LEFT_OUT and not entry.name.endswith(".pth"):
            (folder / entry.name).symlink_to(entry)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(root / "platform")]), "PATH": "", "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_fresh_environment_without_ray_gives_the_same_scores(made, tmp_path, root, write_evidence):
    folder, _ = made
    environment = _without(tmp_path / "site", root)
    # -S: no site-packages but those on the path; -P: nor what lies in the current folder.
    command = [sys.executable, "-S", "-P", "-c", SCORES, str(folder / "export"), str(folder / "pictures" / "test.csv")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    trained, inputs = load_trained(folder / "export"), read_inputs(folder / "pictures" / "test.csv")
    here = [row for batch in predict(trained, inputs, top_k=6) for row in batch.to_pylist()]
    assert [row["category_1"] for row in here] == [row["category_1"] for row in there]
    names = [f"probability_{k}" for k in range(1, 7)]
    differences = [abs(a[name] - b[name]) for a, b in zip(here, there, strict=True) for name in names]
    assert np.max(differences) < 1e-6
    command = [sys.executable, "-S", "-P", "-m", "fieldmark", "predict"]
    command += [str(folder / "export"), str(folder / "pictures" / "test.csv"), "--json"]
    asked = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["ok"] == len(here)
    write_evidence(
        "export_without_ray",
        "pytest -m slow tests/export/test_without_ray.py",
        {"left_out": list(LEFT_OUT), "pictures": len(here), "largest_difference": float(np.max(differences))},
    )

"""Sweep how place and date come in: the published fusions, then Optuna's own. `python jobs/sweep_fusion.py --help`.

On a cluster: `ray submit cluster.yaml jobs/sweep_fusion.py --data inat2021mini:/mnt/inat21 --workers 8`. The same as
`fieldmark sweep fusion`; the same command again goes on where it stopped.
"""

import sys

from fieldmark.cli.main import main

if __name__ == "__main__":
    main(["sweep", "fusion", *sys.argv[1:]])

"""Sweep the training resolution and the backbone, tested at several. `python jobs/sweep_resolution.py --help`.

On a cluster: `ray submit cluster.yaml jobs/sweep_resolution.py --data inat2021mini:/mnt/inat21 --workers 8`. The same
as `fieldmark sweep resolution`; the same command again goes on where it stopped.
"""

import sys

from fieldmark.cli.main import main

if __name__ == "__main__":
    main(["sweep", "resolution", *sys.argv[1:]])

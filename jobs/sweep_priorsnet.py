"""Sweep PriorsNet: Table S2's rows, then Optuna's own trials. `python jobs/sweep_priorsnet.py --help` lists the flags.

On a cluster: `ray submit cluster.yaml jobs/sweep_priorsnet.py --data inat2021mini:/mnt/inat21`. The same as
`fieldmark sweep priorsnet`; the same command again goes on where it stopped.
"""

import sys

from fieldmark.cli.main import main

if __name__ == "__main__":
    main(["sweep", "priorsnet", *sys.argv[1:]])

"""Reproduce the tables and figures of the Dynamic MLP supplement. `python jobs/reproduce.py --help` lists the flags.

`python jobs/reproduce.py all --scale smoke` needs nothing but this machine. On a cluster with the published data:
`ray submit cluster.yaml jobs/reproduce.py S6 --scale paper --data iNat2018=inat2018:/mnt/inat18`. The same as
`fieldmark reproduce`; the same command again runs only what is missing.
"""

import sys

from fieldmark.cli.main import main

if __name__ == "__main__":
    main(["reproduce", *sys.argv[1:]])

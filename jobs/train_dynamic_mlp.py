"""Train an image classifier that looks at place and date, too. `python jobs/train_dynamic_mlp.py --help`: the flags.

On a cluster: `ray submit cluster.yaml jobs/train_dynamic_mlp.py --data inat2021mini:/mnt/inat21 --workers 8`. The same
as `fieldmark train`; the same command again goes on where it stopped.
"""

import sys

from fieldmark.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])

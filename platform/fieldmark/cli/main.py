"""The command line's entry: which commands there are, and how mistakes are shown."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from fieldmark import __version__
from fieldmark.errors import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

HELP = """Run, compare and reproduce recognition experiments that join an image with where and when it was taken.

Start here: `fieldmark sweep priorsnet` sweeps PriorsNet on the embedded world and prints Table S2. The same command
again goes on where it stopped. `fieldmark data describe occurrences:FILE` looks at records of your own.
"""

CLUSTER_HELP = {
    "up": """Bring the cluster of a cluster.yaml up; wait until every machine has joined.

Afterwards eval "$(fieldmark cluster env)" makes plain ray commands work in this shell.

Exit code: 0, every machine has joined; 1, one has not; 2, the file or a machine has to be mended first.
""",
    "check": """Look at a running cluster and say what to mend.

Looks at the store, the data, versions, clocks, disks, ports and bandwidth of every node.

Exit code: 0, nothing to mend; 1, something; 2, there is no cluster to look at.
""",
    "down": """Take it down, with what Ray leaves on its hosts.

Calls Ray's own `ray down`, then ends what it leaves; no other cluster's processes.

Exit code: 0, nothing of it is left; 1, something is, or a host does not answer; 2, the file cannot be used. With
--dry-run, which lists what runs: 0, or 1 where a host does not answer.
""",
    "env": """Print the environment that plain ray commands need: eval "$(fieldmark cluster env)".

It makes the token in ~/.ray/auth_token where there is none, for `ray up` copies it to every node.

Exit code: 0; 2, the token's file is empty.
""",
}


def _group(name: str, help_text: str) -> App:
    return App(name=name, help=help_text, help_format="markdown")


def build_app() -> App:
    """Returns the command tree; commands are named by import path, so that `--help` imports none of them."""
    app = App(name="fieldmark", help=HELP, help_format="markdown", version=__version__)

    sweep = _group("sweep", "Run a sweep. The same command again goes on with it.")
    sweep.command("fieldmark.cli.sweep:priorsnet", help="Sweep PriorsNet: batch, learning rate, sampler (Table S2).")
    sweep.command("fieldmark.cli.image_sweeps:fusion", help="Sweep how place and date come in: fusion and its widths.")
    sweep.command("fieldmark.cli.image_sweeps:resolution", help="Sweep training and test resolutions, and backbones.")
    app.command(sweep)

    app.command("fieldmark.cli.reproduce:reproduce", help="Reproduce a paper's tables and figures: what is missing.")

    app.command("fieldmark.cli.train:train", help="Train an image classifier that looks at place and date, too.")
    app.command("fieldmark.cli.evaluate:evaluate", help="Evaluate a trained run: other sizes, crops, fields.")
    app.command("fieldmark.cli.ensemble:ensemble", help="Average stored predictions of several runs.")
    app.command("fieldmark.cli.localise:localise", help="Score where a model looks, on the world: the pointing game.")
    app.command("fieldmark.cli.predict:predict", help="Name what is on pictures, by a trained run or an export.")
    app.command("fieldmark.cli.export:export", help="Take a trained model away: weights, categories, model card.")

    app.command("fieldmark.cli.table:table", help="Print a published table beside what was measured.")
    app.command("fieldmark.cli.figure:figure", help="Draw a published figure from what was measured.")
    app.command("fieldmark.cli.runs:runs", help="List, show, retract and repeat runs.")
    app.command("fieldmark.cli.runs:logs", help="Print what a run wrote while it ran.")

    store = _group("store", "Merge, compact and mirror results stores.")
    for name, text in {
        "merge": "Copy every record of one store into another.",
        "compact": "Pack loose records into segments.",
        "check": "Name damaged files and records that disagree.",
        "rebuild-mirrors": "Make the MLflow database and Optuna's journal anew from the store.",
    }.items():
        store.command(f"fieldmark.cli.store:{name.replace('-', '_')}", name=name, help=text)
    app.command(store)

    app.command("fieldmark.cli.gc:gc", help="Delete what no record needs any more; --dry-run only shows it.")

    cluster = _group("cluster", "Launch a Ray cluster over ssh, check it, take it down.")
    for name, text in CLUSTER_HELP.items():
        cluster.command(f"fieldmark.cli.cluster:{name}", name=name, help=text)
    app.command(cluster)

    app.command("fieldmark.cli.submit:submit", help="Run a job on a cluster that has no ssh.")
    app.command("fieldmark.cli.simulate:simulate", help="Simulate a sweep on a cluster that you do not have.")

    models = _group("models", "Look at backbones and fusions.")
    models.command("fieldmark.cli.models:list_models", name="list", help="Name them, and where each is defined.")
    models.command("fieldmark.cli.models:describe", help="Parameters, multiply-adds and feature width of a model.")
    app.command(models)
    app.command("fieldmark.cli.import_checkpoint:import_checkpoint", help="Read a checkpoint of the official code.")
    app.command("fieldmark.cli.import_log:import_log", help="Read the official training log: curve, rates, gaps.")

    data = _group("data", "Look at data sets.")
    data.command("fieldmark.cli.data:describe", help="Counts, fields, splits, fingerprint and a map of a data set.")
    app.command(data)

    app.command("fieldmark.cli.doctor:doctor", help="Check this machine: versions, store, cores, memory, disk.")
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Runs the command line and exits.

    A mistake of the user's is one line on standard error and exit code 2; an interrupt is exit code 130.
    """
    sys.exit(run(tokens))


def run(tokens: Sequence[str] | None = None) -> int:
    """Runs one command line (default: the process's) and returns its exit code."""
    tokens = list(sys.argv[1:] if tokens is None else tokens)
    if tokens[:1] == ["submit"]:  # what follows its script are the script's flags, though they have names of ours
        from fieldmark.cli.submit import job_tokens

        tokens = job_tokens(tokens)
    try:
        result = build_app()(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(_first_line(_message(error)) + "  (--help shows what there is)")
    except UserError as error:
        return _fail(_first_line(str(error)))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: `fieldmark runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.filename or 'output'}: {error.strerror or error}")
    return result if isinstance(result, int) else 0


def _message(error: CycloptsError) -> str:
    """Returns what was wrong; a flag that a configuration refused is named without pydantic's frame."""
    from pydantic import ValidationError

    if not isinstance(error.__cause__, ValidationError):
        return str(error)
    from fieldmark.search.options import describe_invalid

    return describe_invalid(error.__cause__)


def _first_line(text: str) -> str:
    return " ".join(text.split())


def _fail(message: str) -> int:
    print(f"fieldmark: {message}", file=sys.stderr)
    return EXIT_USER_ERROR

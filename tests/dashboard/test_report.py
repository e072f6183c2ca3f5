"""The static page: one file, nothing from outside, everything escaped, the same for the same results."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import ImageStageConfig
from fieldmark.dashboard.distances import Distance, distances_to_best
from fieldmark.dashboard.findings import Findings
from fieldmark.dashboard.report import script_safe_json, write_report
from fieldmark.dashboard.reproduce import command
from fieldmark.errors import UserError
from fieldmark.figures.sweep import read_sweep
from fieldmark.tables.statistics import Difference
from fieldmark.testing.synthetic_sweep import Synthetic, synthetic_sweep

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>&amp;"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    return synthetic_sweep(str(tmp_path_factory.mktemp("store") / "runs"), dataset=HOSTILE, test_records=300)


@pytest.fixture(scope="module")
def page(made: Synthetic, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(made.store, made.sweep, tmp_path_factory.mktemp("reports"))


class Elements(HTMLParser):
    """Collects elements with their attributes, and what stands inside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside == "script" else self.words).append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def elements(page: Path) -> Elements:
    return Elements(page.read_text())


def test_page_lies_in_the_sweeps_folder(made: Synthetic, page: Path) -> None:
    assert page.name == "index.html"
    assert page.parent.name == made.sweep
    assert list(page.parent.iterdir()) == [page]  # nothing unfinished is left behind


def test_hostile_name_is_text_and_nothing_else(elements: Elements) -> None:
    assert HOSTILE in "".join(elements.words)
    assert not elements.named("img")
    assert len(elements.named("script")) == 3  # the plots' data, plotly, and the page's own


def test_only_the_pages_own_scripts_may_run(elements: Elements) -> None:
    policy = next(m["content"] for m in elements.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    assert "unsafe-eval" not in policy
    allowed = re.search(r"script-src ([^;]*)", policy)[1].split()
    run = [
        text for text, script in zip(elements.scripts, elements.named("script"), strict=True) if "type" not in script
    ]
    assert allowed == [
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in run
    ]


def test_nothing_is_loaded_from_anywhere(elements: Elements) -> None:
    assert not elements.named("link")
    pointing = {name for _, attributes in elements.found for name in attributes} & {"src", "href", "srcset", "action"}
    assert not pointing


def test_tables_can_be_read_aloud(elements: Elements) -> None:
    assert len(elements.found) > 100
    assert all(head.get("scope") in ("col", "row") for head in elements.named("th"))
    assert len(elements.named("caption")) == len(elements.named("table")) == 3
    assert len([plot for plot in elements.named("div") if plot.get("role") == "img" and plot.get("aria-label")]) == 3


def test_same_results_leave_the_file_alone(made: Synthetic, page: Path) -> None:
    before = page.stat()
    assert write_report(made.store, made.sweep, page.parent.parent) == page
    assert page.stat().st_mtime_ns == before.st_mtime_ns
    assert page.stat().st_ino == before.st_ino


def test_changed_results_replace_it(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), trials=1, test_records=30)
    page = write_report(made.store, made.sweep, tmp_path / "reports")
    before = page.read_text()
    best = read_sweep(made.store, made.sweep).best
    rows = made.store.runs(["run_id", "config_id"]).to_pylist()
    made.store.retract(next(row["run_id"] for row in rows if row["config_id"] == best.config_id), "test")
    write_report(made.store, made.sweep, tmp_path / "reports")
    assert page.read_text() != before


def test_unknown_sweep_writes_nothing(made: Synthetic, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nosuchsweep"):
        write_report(made.store, "nosuchsweep", tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_folder_that_cannot_be_written_is_a_users_mistake(made: Synthetic, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(made.store, made.sweep, tmp_path / "file")


def test_command_names_what_the_sweeps_identity_depends_on(page: Path) -> None:
    written = re.search(r"<code>(.*?)</code>", page.read_text(), re.DOTALL)[1]
    assert written.startswith("python jobs/sweep_priorsnet.py --data world ")
    for flag in ("--trials 8", "--seeds 3", "--scale smoke", "--objective product_raw:top1", "--protocol official"):
        assert flag in written


def test_command_asks_for_the_users_own_image_scores(tmp_path: Path) -> None:
    made = synthetic_sweep(str(tmp_path / "runs"), trials=1, test_records=20)
    scores = read_sweep(made.store, made.sweep)
    assert "--image-scores" not in command(made.store, scores)
    stage = next(run for run in made.store.run_records() if run.trial.role == "stage")
    given = stage.spec.model_copy(update={"config": ImageStageConfig(backbone="given")})
    made.store.commit_run(stage.model_copy(update={"spec": given, "run_id": given.run_id}))
    assert "--image-scores FILE" in command(made.store, scores)


def test_losing_to_a_baseline_is_said_plainly(made: Synthetic) -> None:
    scores = read_sweep(made.store, made.sweep)
    strong = next(one for one in scores.settings if one.label.startswith("nearest neighbours"))
    winner = replace(strong, test={key: tuple(0.79 for _ in values) for key, values in strong.test.items()})
    changed = replace(scores, settings=tuple(winner if one is strong else one for one in scores.settings))
    ahead = Distance(Difference(value=0.04, low=0.02, high=0.06, error=0.01), differs=True)
    said = " ".join(Findings(changed, {winner.config_id: ahead}).sentences())
    assert "PriorsNet loses to it by" in said
    assert "-6.0 to -2.0" in said
    undecided = " ".join(Findings(changed, {winner.config_id: replace(ahead, differs=False)}).sentences())
    assert "PriorsNet cannot be told from it" in undecided
    assert "loses" not in undecided


def test_best_is_a_word_for_five_fresh_seeds(made: Synthetic) -> None:
    scores = read_sweep(made.store, made.sweep)
    findings = Findings(scores, {})
    assert findings.tiles()[0].name == "Chosen setting"
    assert "needs 5 fresh seeds" in findings.sentences()[0]
    five = replace(scores.best, test={key: (*values, *values[:2]) for key, values in scores.best.test.items()})
    changed = replace(scores, settings=tuple(five if one is scores.best else one for one in scores.settings))
    assert Findings(changed, {}).tiles()[0].name == "Best setting"


def test_share_of_what_the_bound_allows(made: Synthetic) -> None:
    scores = read_sweep(made.store, made.sweep)
    best = sum(scores.best.values("product_raw")) / 3
    share = (best - scores.image_only()) / (scores.bound() - scores.image_only())
    assert any(
        f"gains {100 * share:.0f} % of what place and date can add" in text for text in Findings(scores, {}).sentences()
    )


def test_equal_settings_are_not_told_apart_and_unequal_ones_are(made: Synthetic) -> None:
    scores = read_sweep(made.store, made.sweep)
    found = distances_to_best(made.store, scores)
    by_label = {one.label: found[one.config_id] for one in scores.settings if one.config_id in found}
    assert not by_label["batch 1024, lr 5e-4, IB (S2 rows 1, 4, 7)"].differs
    assert by_label["class frequency"].differs
    assert by_label["class frequency"].difference.value < 0
    apart = next(one for one in scores.settings if not one.permitted)
    assert apart.config_id not in found


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_in_a_script_is_the_same_value_and_cannot_end_the_script(value: object) -> None:
    text = script_safe_json({"value": value})
    assert json.loads(text) == {"value": value}
    assert not {"<", ">", "&"} & set(text)

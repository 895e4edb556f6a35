"""The report: one file, whole or not at all, safe whatever the table holds, honest in its words."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.plots import Report, SeriesPicture, headline, write_report
from rollcast.plots.page import _json
from rollcast.plots.report import MOST_SERIES, report_html
from rollcast.plots.scores import best_methods, metric_text, metric_title

from .conftest import picture

HOSTILE = "</script><img src=x onerror=\"alert('1')\"><!--<b>&lt;</b><a href='https://x.org'>l</a>"


class Page(HTMLParser):
    """The tags, the visible text, and the drawings of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    def attribute(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def strings(value) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


def test_the_report_is_one_file_that_loads_nothing(report, tmp_path):
    path = write_report(tmp_path / "report.html", report)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.attribute("src") == [] and page.attribute("href") == []
    (policy,) = [
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert text.count("plotly.js v") == 1
    assert path.stat().st_size < 6_000_000
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_every_drawing_has_a_place_and_every_place_a_drawing(report):
    page = Page(report_html(report))
    drawings = json.loads(page.scripts[0])
    places = [a["id"] for _, a in page.tags if a.get("class") == "figure"]
    assert sorted(places) == sorted(drawings["figures"])
    assert set(places) == {"fan", "relative", "steps", "curve", "origins"}
    assert len(set(page.attribute("id"))) == len(page.attribute("id"))


def test_the_tables_are_read_without_javascript(report):
    text = Page(report_html(report)).text
    for wanted in (
        "Forecast of waves.csv", "7 steps ahead", "0.800", "9.00 %", "truths inside, %", "79",
        "64, 64", "12 345",
        "rollcast forecast waves.csv --horizon 7", "import rollcast", "rollcast, somewhere",
        "2 rolling origins",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_the_best_of_each_column_is_bold_and_a_lone_one_is_not(report):
    bold = re.findall(r"<b>(.*?)</b>", report_html(report).split("<script")[0])
    assert bold == ["0.800", "9.00 %"]


def test_what_is_empty_is_left_out():
    text = report_html(Report(title="t", headline="h")).split("<script")[0]
    assert "<section" not in text
    assert "<table" not in text


def hostile_report(report: Report) -> Report:
    bad = HOSTILE
    one = replace(report.series[0], id=bad, unit=bad)
    return Report(
        title=bad, headline=bad, series=[one, replace(one, id=bad + "2")],
        scores={bad: {"mase": 1.0, bad: 2.0}, "naive": {"mase": 2.0, bad: 1.0}},
        error_by_step={bad: np.ones(3), "naive": np.ones(3)}, training=report.training,
        settings={bad: bad}, command=bad, code=bad, data={bad: [bad]}, footer=bad,
        rolling=replace(report.rolling, id=bad, unit=bad), method=bad, unit=bad, scored_on=bad,
    )  # fmt: skip


def test_no_text_of_the_table_becomes_markup(report):
    clean, hostile = Page(report_html(report)), Page(report_html(hostile_report(report)))
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in clean.tags}
    assert not any(name.startswith("on") for _, a in hostile.tags for name in a)
    assert len(hostile.scripts) == 3
    # words of a command are wrapped one by one
    assert hostile.text.count(HOSTILE) >= 10
    assert "<" not in hostile.scripts[0]


def test_no_text_of_the_table_is_markup_to_plotly_either(report):
    drawings = json.loads(Page(report_html(hostile_report(report))).scripts[0])
    for text in strings(drawings["figures"]):
        assert not re.search(r"<(?!extra>)", text), text


def test_data_for_the_script_cannot_end_it():
    value = {HOSTILE: [HOSTILE, "\u2028\u2029 ü"]}
    assert json.loads(_json(value)) == value
    assert not set(_json(value)) & {"<", "\u2028", "\u2029"}


def test_a_report_that_cannot_be_written_leaves_the_old_one_and_nothing_else(
    report, tmp_path, monkeypatch
):
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_report(path, report)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(report, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere.*folder that exists"):
        write_report(tmp_path / "nowhere" / "report.html", report)


def test_more_series_than_are_drawn_are_counted(report):
    many = [picture(f"s{i}") for i in range(MOST_SERIES + 3)]
    page = Page(report_html(replace(report, series=many)))
    assert "3 more series are not drawn" in page.text
    assert len(json.loads(page.scripts[0])["figures"]["fan"]) == MOST_SERIES


def test_a_long_series_does_not_make_a_large_report(report):
    rows = 150_000
    long = SeriesPicture(
        "long", np.arange(rows), np.random.default_rng(0).normal(size=rows),
        np.arange(rows, rows + 7), np.zeros(7),
    )  # fmt: skip
    short = len(report_html(replace(report, series=[picture()])))
    assert len(report_html(replace(report, series=[long]))) < short + 100_000


def test_the_headline_says_by_how_much_seasonal_naive_is_beaten():
    scores = {"rollcast": {"mase": 0.8}, "seasonal_naive": {"mase": 1.0}, "naive": {"mase": 2.0}}
    text = headline(scores, what="48 steps of 414 series")
    assert text == "48 steps of 414 series: MASE 0.800, 20% lower than seasonal naive (1.000)."


def test_the_headline_admits_that_a_baseline_is_better_and_names_it():
    scores = {"rollcast": {"mase": 1.3}, "seasonal naive": {"mase": 1.0}, "linear": {"mase": 0.9}}
    text = headline(scores, what="12 steps")
    assert "30% higher than seasonal naive (1.000)" in text
    assert "Linear is better here (0.900)" in text


def test_the_headline_without_a_score_or_a_reference_claims_nothing():
    assert headline({"rollcast": {"mase": np.nan}}, what="3 steps") == "3 steps, not scored."
    assert headline({"rollcast": {"mase": 1.0}}, what="3 steps") == "3 steps: MASE 1.000."
    same = {"rollcast": {"mase": 1.0}, "seasonal naive": {"mase": 1.001}}
    assert "the same as seasonal naive" in headline(same, what="3 steps")


def test_the_best_coverage_is_the_nearest_to_its_level():
    scores = {"a": {"coverage-80": 0.95}, "b": {"coverage-80": 0.78}, "c": {"coverage-80": 0.6}}
    assert best_methods(scores, "coverage-80") == {"b"}
    assert best_methods({"a": {"width-80": 1.0}, "b": {"width-80": 2.0}}, "width-80") == set()
    assert best_methods({"a": {"mae": 1.0}, "b": {"mae": 1.0}}, "mae") == {"a", "b"}
    assert best_methods({"a": {"mae": 1.0}, "b": {"mae": np.nan}}, "mae") == set()


@pytest.mark.parametrize(
    ("metric", "value", "beside", "text"),
    [
        ("mase", 0.8, (), "0.800"),
        ("smape", 13.912, (), "13.91 %"),
        ("coverage-95", 0.9444, (), "94.4 %"),
        ("mae", 123.456, (), "123"),
        ("mae", 123.456, (0.5,), "123.456"),
        ("mae", 0.0, (), "0"),
        ("mae", 2.5e9, (), "2.5e+09"),
        ("mae", np.nan, (1.0,), "–"),
    ],
)
def test_numbers_are_as_long_as_they_need(metric, value, beside, text):
    assert metric_text(metric, value, beside=beside) == text


def test_metrics_have_readable_names():
    titles = [metric_title(m) for m in ("smape", "coverage-80", "quantile_loss", "mine_own")]
    assert titles == ["sMAPE", "coverage 80 %", "pinball loss", "mine own"]

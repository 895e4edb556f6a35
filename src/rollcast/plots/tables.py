"""The parts of the report that are plain HTML and are read without JavaScript."""

import html
import math
from collections.abc import Mapping, Sequence

from rollcast.plots.scores import Scores, best_methods, metric_text, metric_title


def escaped(text: object) -> str:
    """Text as HTML shows it, safe between tags and inside quotes, whatever a table held."""
    return html.escape(str(text), quote=True)


def score_table(scores: Scores, ours: str) -> str:
    """One row a method, one column a metric; the best of each column is bold."""
    metrics = list(dict.fromkeys(metric for row in scores.values() for metric in row))
    best = {metric: best_methods(scores, metric) for metric in metrics}
    head = "".join(f'<th scope="col">{escaped(metric_title(metric))}</th>' for metric in metrics)
    body = []
    for method, row in scores.items():
        cells = []
        for metric in metrics:
            column = [other[metric] for other in scores.values() if metric in other]
            text = escaped(metric_text(metric, row.get(metric, math.nan), beside=column))
            bold = method in best[metric]
            cells.append(f'<td class="best"><b>{text}</b></td>' if bold else f"<td>{text}</td>")
        kind = ' class="ours"' if method == ours else ""
        name = escaped(method.replace("_", " "))
        body.append(f'<tr{kind}><th scope="row">{name}</th>{"".join(cells)}</tr>')
    head = f'<tr><th scope="col">method</th>{head}</tr>'
    return (
        f'<div class="scroll" tabindex="0"><table class="scores"><thead>{head}</thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
        f'<p class="note">{escaped(_score_note(metrics))}</p>'
    )


def pair_table(pairs: Mapping[str, object]) -> str:
    """One row a name and its value."""
    rows = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(_value_text(value))}</td></tr>'
        for name, value in pairs.items()
    )
    return f'<div class="scroll"><table class="pairs"><tbody>{rows}</tbody></table></div>'


def row_table(rows: Sequence[Mapping[str, object]]) -> str:
    """One line a row, under the names of the first; a row that says it is chosen is marked."""
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in rows[0])
    body = []
    for row in rows:
        first, *rest = (escaped(_value_text(value)) for value in row.values())
        cells = "".join(f"<td>{text}</td>" for text in rest)
        kind = ' class="ours"' if row.get("chosen") else ""
        body.append(f'<tr{kind}><th scope="row">{first}</th>{cells}</tr>')
    return (
        f'<div class="scroll" tabindex="0"><table class="scores"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def interval_table(row: Mapping[str, float]) -> str:
    """From the scores of one method a line for each level of its intervals: how many truths were
    inside, and how wide they were; nothing without intervals."""
    levels = sorted(float(name[9:]) for name in row if name.startswith("coverage-"))
    measures = {
        "truths inside, %": ("coverage", 100.0),
        "width": ("width", 1.0),
        "width in the unit of MASE": ("scaled_width", 1.0),
        "pinball loss": ("pinball", 1.0),
    }
    lines = [
        {"interval": f"{level:g} %"}
        | {
            title: factor * row[f"{metric}-{level:g}"]
            for title, (metric, factor) in measures.items()
            if f"{metric}-{level:g}" in row
        }
        for level in levels
    ]
    return row_table(lines) if lines else ""


def code_block(text: str) -> str:
    """Program text as it was typed; a long line is scrolled."""
    return f'<pre tabindex="0"><code>{escaped(text)}</code></pre>'


def command_block(text: str) -> str:
    """A command, wrapped between its words only: ``--horizon`` must not break after a hyphen."""
    words = " ".join(f"<span>{escaped(word)}</span>" for word in text.split(" "))
    return f'<pre class="command"><code>{words}</code></pre>'


def section(anchor: str, title: str, *parts: str) -> str:
    """A part of the page under a heading; nothing when all parts are empty."""
    inside = "".join(part for part in parts if part)
    if not inside:
        return ""
    return f'<section id="{anchor}"><h2>{escaped(title)}</h2>{inside}</section>'


def _value_text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ") if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return ", ".join(_value_text(item) for item in value)
    return str(value)


def _score_note(metrics: list[str]) -> str:
    note = "Lower is better"
    if "mase" in metrics:
        note += "; MASE 1 is the error of seasonal naive inside the training part"
    return f"{note}. The best of each column is bold."

// Draws the figures of the page, in the colours of the theme, and again when the theme changes.
(() => {
  const { figures, twins } = JSON.parse(document.getElementById("drawings").textContent);
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  let chosen = 0;
  let range = "recent";

  // A copy in which every colour of the light page is its twin of the dark one.
  const swapped = (value) => {
    if (typeof value === "string") return twins[value] ?? value;
    if (Array.isArray(value)) return value.map(swapped);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, swapped(inner)]));
    return value;
  };
  const isDark = () => {
    const forced = document.documentElement.dataset.theme;
    return forced ? forced === "dark" : wantsDark.matches;
  };
  const draw = (place, figure) => {
    const { data, layout } = isDark() ? swapped(figure) : structuredClone(figure);
    const plot = layout.height - layout.margin.t - layout.margin.b;
    delete layout.title; // the page has its own headings, which wrap
    layout.margin.t = 12;
    // A finger on a figure scrolls the page; a mouse zooms.
    if (touch) layout.dragmode = false;
    if (place.id === "fan" && range === "all") {
      for (const axis of ["xaxis", "yaxis"]) {
        delete layout[axis].range;
        layout[axis].autorange = true;
      }
    }
    place.style.minHeight = `${layout.height}px`; // the page does not jump while it is redrawn
    const coarse = layout.meta?.dense && data.map(({ x, y }) => ({ x, y }));
    return Plotly.react(place, data, layout, {
      responsive: true, displaylogo: false, displayModeBar: false,
    }).then(() => {
      place.removeAllListeners?.("plotly_relayout");
      if (coarse) place.on("plotly_relayout", () => refine(place, coarse));
    }).then(() => {
      // A legend of many lines takes its room from the page, not from the plot.
      const missing = plot - place._fullLayout._size.h;
      if (missing > 1) return Plotly.relayout(place, { height: layout.height + missing });
    });
  };

  // All rows of a line that was thinned, decoded once.
  const decoded = new Map();
  const rowsOf = (text) => {
    if (!decoded.has(text)) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      decoded.set(text, new Float32Array(bytes.buffer));
    }
    return decoded.get(text);
  };
  // Of the rows from..to, for each of so many columns: the first, last, least and greatest.
  const M4 = (rows, from, to, columns) => {
    const kept = [];
    for (let column = 0; column < columns; column++) {
      const first = from + Math.floor((column * (to - from)) / columns);
      const end = from + Math.floor(((column + 1) * (to - from)) / columns);
      if (end <= first) continue;
      let least = first, most = first;
      for (let row = first; row < end; row++) {
        if (rows[row] < rows[least]) least = row;
        if (rows[row] > rows[most]) most = row;
      }
      kept.push(...new Set([first, least, most, end - 1].sort((a, b) => a - b)));
    }
    return kept;
  };
  // The part that is shown in full, with the thinned line on both sides of it.
  const refine = (place, coarse) => {
    const { meta, xaxis } = place.layout;
    const [low, high] = xaxis.range.map(Number);
    const fine = { x: [], y: [] };
    for (const { trace, rows: text } of meta.dense) {
      const rows = rowsOf(text);
      const { x, y } = coarse[trace];
      const from = Math.max(0, Math.floor((low - meta.start) / meta.step) - 1);
      const to = Math.min(rows.length, Math.ceil((high - meta.start) / meta.step) + 2);
      const at = (row) => meta.start + row * meta.step;
      const inside = from === 0 && to === rows.length ? null : M4(rows, from, to, place.clientWidth);
      const after = x.findIndex((one) => one >= at(to));
      const before = x.findIndex((one) => one >= at(from));
      fine.x.push(inside === null ? x : [
        ...x.slice(0, before), ...inside.map(at), ...(after < 0 ? [] : x.slice(after))]);
      fine.y.push(inside === null ? y : [
        ...y.slice(0, before),
        ...inside.map((row) => (Number.isNaN(rows[row]) ? null : rows[row])),
        ...(after < 0 ? [] : y.slice(after))]);
    }
    Plotly.restyle(place, fine, meta.dense.map(({ trace }) => trace));
  };
  const drawAll = () => {
    for (const place of document.querySelectorAll(".figure")) {
      const figure = figures[place.id];
      draw(place, Array.isArray(figure) ? figure[chosen] : figure);
    }
  };

  const drawFan = () => draw(document.getElementById("fan"), figures.fan[chosen]);
  const select = document.getElementById("series");
  if (select) {
    select.addEventListener("change", () => {
      chosen = select.selectedIndex;
      drawFan();
    });
  }
  for (const button of document.querySelectorAll("button[data-range]")) {
    button.addEventListener("click", () => {
      range = button.dataset.range;
      for (const other of document.querySelectorAll("button[data-range]"))
        other.setAttribute("aria-pressed", String(other === button));
      drawFan();
    });
  }
  wantsDark.addEventListener("change", drawAll);
  drawAll();
})();

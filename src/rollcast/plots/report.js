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
    place.style.minHeight = `${layout.height}px`;
    return Plotly.react(place, data, layout, {
      responsive: true, displaylogo: false, displayModeBar: false,
    });
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

"use strict";
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const places = document.querySelectorAll("[data-plot]");
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const paper = style.getPropertyValue("--paper").trim();
    const ink = style.getPropertyValue("--ink").trim();
    return { "font.color": ink, "hoverlabel.bgcolor": paper, "hoverlabel.font.color": ink };
  };
  const options = { responsive: true, displayModeBar: false, displaylogo: false };
  for (const place of places) {
    const figure = plots[place.dataset.plot];
    Plotly.newPlot(place, figure.data, figure.layout, options).then(() => Plotly.relayout(place, theme()));
  }
  dark.addEventListener("change", () => places.forEach((place) => Plotly.relayout(place, theme())));
})();

// Figures of plotly, in the colours of the page where they have none of their own.
"use strict";

const view = document.getElementById("view");
const OPTIONS = { responsive: true, displaylogo: false, topojsonURL: "none" };
const PLAIN = ["#fff", "white", "#E5ECF6", "rgb(229,236,246)"]; // backgrounds that templates bring

const dressed = ({ surface, text, grid }) => {
  const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid };
  return { paper_bgcolor: surface, plot_bgcolor: surface, font: { color: text }, xaxis: axis, yaxis: axis };
};

// What the figure says itself goes before what the page would like.
function layoutOf(own, colors) {
  const layout = { margin: { t: own.title ? 48 : 20, r: 16, b: 40, l: 48 }, ...own, autosize: true, width: undefined, height: undefined };
  for (const [key, wish] of Object.entries(dressed(colors))) {
    if (typeof wish === "object") layout[key] = { ...wish, ...own[key] };
    else if (!own[key] || PLAIN.includes(own[key])) layout[key] = wish;
  }
  delete layout.template?.layout?.paper_bgcolor;
  return layout;
}

viewers.follow({
  async show(_name, file, colors) {
    const { data = [], layout = {} } = JSON.parse(viewers.text(file));
    const unknown = [...new Set(data.map((trace) => trace.type ?? "scatter"))].filter((type) => !Plotly.PlotSchema.get().traces[type]);
    if (unknown.length) throw new Error(`traces of type ${unknown.join(", ")} need all of plotly; download the figure`);
    view.own = layout;
    await Plotly.newPlot(view, data, layoutOf(layout, colors), OPTIONS);
  },
  dress: (colors) => view.own && Plotly.relayout(view, layoutOf(view.own, colors)),
});

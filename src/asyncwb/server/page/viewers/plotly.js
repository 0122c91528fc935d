// Figures of plotly, in the colours of the page where they have none of their own.
"use strict";

const view = document.getElementById("view");
const IN_SPACE = ["scatter3d", "surface", "mesh3d", "isosurface", "volume", "cone", "streamtube"]; // a library of their own
const OPTIONS = { responsive: true, displaylogo: false, topojsonURL: "none" };

// A figure that chose its background keeps its colours: the page's might be invisible on it.
function layoutOf(own, { surface, text, grid }) {
  const layout = { margin: { t: own.title ? 48 : 20, r: 16, b: 40, l: 48 }, ...own, autosize: true, width: undefined, height: undefined };
  if (own.paper_bgcolor || own.plot_bgcolor) return layout;
  Object.assign(layout, { paper_bgcolor: surface, plot_bgcolor: surface, font: { color: text, ...own.font } });
  for (const axis of new Set(["xaxis", "yaxis", ...Object.keys(own).filter((key) => /^[xy]axis\d+$/.test(key))])) {
    layout[axis] = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, ...own[axis] };
  }
  for (const scene of new Set(["scene", ...Object.keys(own).filter((key) => /^scene\d+$/.test(key))])) {
    layout[scene] = { ...own[scene] };
    for (const axis of ["xaxis", "yaxis", "zaxis"]) layout[scene][axis] = { backgroundcolor: surface, gridcolor: grid, zerolinecolor: grid, ...own[scene]?.[axis] };
  }
  return layout;
}

viewers.follow({
  async show(_name, file, colors) {
    const { data = [], layout = {} } = JSON.parse(viewers.text(file));
    const types = [...new Set(data.map((trace) => trace.type ?? "scatter"))];
    await viewers.load(types.some((type) => IN_SPACE.includes(type)) ? "plotly3d" : "plotly");
    const unknown = types.filter((type) => !Plotly.PlotSchema.get().traces[type]);
    if (unknown.length) throw new Error(`traces of type ${unknown.join(", ")} need all of plotly; download the figure`);
    view.own = layout;
    await Plotly.newPlot(view, data, layoutOf(layout, colors), OPTIONS);
  },
  dress: (colors) => view.own && Plotly.relayout(view, layoutOf(view.own, colors)),
});

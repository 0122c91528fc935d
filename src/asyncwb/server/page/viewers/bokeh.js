// Documents of Bokeh, in the colours that they have.
"use strict";

viewers.follow({
  async show(_name, file) {
    const json = JSON.parse(viewers.text(file));
    if (!Array.isArray(json.roots)) throw new Error(`Bokeh ${json.version} wrote it, and this page has ${Bokeh.version}; download it`);
    const view = document.getElementById("view");
    view.className = "document";
    const places = {};
    for (const root of json.roots) {
      places[root.id] = view.appendChild(document.createElement("div"));
      if (!root.attributes.width && !root.attributes.height) root.attributes.sizing_mode ??= "stretch_both";
    }
    try {
      await Bokeh.embed.embed_items({ plot: json }, [{ docid: "plot", root_ids: Object.keys(places), roots: places }]);
    } catch (error) {
      // widgets and tables are in libraries of their own
      throw /could not resolve type/.test(error.message) ? new Error("widgets and tables need all of Bokeh; download it") : error;
    }
  },
});

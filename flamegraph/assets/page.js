/* The toolbar; putting it together. */
// Draws the chosen view again, zoomed to where these names lead.
function refresh(path) {
  main.show(data ? treeOf(view) : main.nodes);
  for (const name of path) main.focus = main.focus.kids.find((kid) => kid.name === name) || main.focus;
  main.draw();
  search();
  for (const tab of controls.tabs) set(tab, {"aria-selected": tab.value === view.tab});
  if (controls.query) controls.query.value = view.query;
  if (data) legend();
  veil();
}
function reset() {
  clear();
  Object.assign(view, {tab: main.id, query: "", range: null});
  for (const graph of graphs) if (graph !== main) graph.zoom(graph.top);
  refresh([]);
  remember();
}

// Areas of the view, largest first.
function legend() {
  const drawn = $(`.legend[data-of=${main.id}]`), {x, y, width, rows} = drawn.dataset;
  drawn.textContent = "";
  const list = html(svg(drawn, "foreignObject", {x, y: y - 3, width, height: rows * 20}), "div", {class: "areas"});
  const areas = classes.map(([, fill, title]) => ({fill, title, share: 0}));
  for (const node of main.nodes) areas[node.cls].share += node.self / main.top.total;
  for (const {fill, title, share} of areas.sort((a, b) => b.share - a.share)) {
    if (!(share >= 0.0005)) break;
    const item = html(list, "span");
    html(item, "i").style.background = fill;
    item.append(title + " " + percent(share));
  }
}

function toolbar() {
  const place = $(".bar-place"), {x, y, width} = place.dataset;
  const bar = html(svg(place.parentNode, "foreignObject", {x, y, width, height: 34, class: "bar"}), "div");
  const button = (label, title, action, toggles) => {
    const made = html(bar, "button", {type: "button", title}, label);
    const press = (pressed) => toggles && set(made, {"aria-pressed": view[toggles] = pressed});
    press(false);
    on(made, "click", () => { press(!view[toggles]); action(); });
  };
  controls.tabs = [];
  if (data) {
    const tabs = html(bar, "div", {class: "tabs", role: "tablist", "aria-label": "Views"});
    const titles = {cpu: "CPU", waits: "Waiting", executor: "Executor"};
    controls.tabs = graphs.map(({id}) => {
      const tab = html(tabs, "button", {type: "button", role: "tab", value: id}, titles[id]);
      on(tab, "click", () => { view.tab = id; refresh([]); remember(); });
      return tab;
    });
    if (data.queries.length) {
      const list = controls.query = html(bar, "select", {"aria-label": "Query"});
      for (const [id, label] of [["", "all queries"], ...data.queries]) html(list, "option", {value: id}, label);
      on(list, "change", () => { view.query = list.value; refresh(main.path()); remember(); });
    }
  }
  html(bar, "span", {class: "gap"});
  controls.search = html(bar, "input", {type: "search", placeholder: "Search functions  ( / )",
    "aria-label": "Search functions by regular expression"});
  on(controls.search, "input", () => {
    pattern = controls.search.value;
    chosen = null;
    search();
    remember(true);
  });
  controls.count = html(bar, "span", {class: "count", role: "status"});
  if (data) button("Merge recursion", "Draws direct recursion once", () => refresh([]), "merged");
  button("Icicle", "Grows downwards", () => graphs.forEach((graph) => graph.draw()), "icicle");
  button("Reset", "The whole recording (Esc)", reset);
  controls.status = set($(".status"), {role: "status"});
}

// Escape undoes one thing at a time; "/" searches.
on(document, "keydown", (event) => {
  if (!main || !(alone() || root.contains(event.target))) return;
  if (event.key === "/" && !/input|select|textarea/.test(event.target.localName)) {
    event.preventDefault();
    controls.search.focus();
  } else if (event.key === "Escape") {
    if (chosen || pattern) { clear(); search(); remember(); }
    else if (main.focus !== main.top) main.zoom(main.top);
    else reset();
  }
});

openData().catch(() => null).then((opened) => {
  data = opened;
  graphs = all(".graph").map((element) => new Graph(element));
  main = graphs[0];
  if (!main) return;
  view.tab = main.id;
  for (const title of all(".graph title")) title.remove();  // the card takes over
  toolbar();
  if (data && $(".timeline")) timeline($(".timeline"));
  for (const graph of graphs) {
    graph.listen();
    if (graph !== main) graph.draw();
  }
  for (const finding of findings) if (finding.frames.length) addShow(finding);
  root.appendChild(card);
  recall();
  on(window, "popstate", recall);
}).then(() => set(root, {"data-ready": data ? "profile" : "drawing"}));

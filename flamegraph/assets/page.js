// Draws the chosen view again, zoomed to where these names lead.
function refresh(path) {
  main.show(data ? treeOf(view) : main.nodes);
  for (const name of path) main.focus = main.focus.kids.find((kid) => kid.name === name) || main.focus;
  main.draw();
  search();
  for (const tab of controls.tabs) set(tab, {"aria-selected": tab.value === view.tab});
  controls.status.textContent = main.top.total ? "" : "no samples in this selection";
  if (controls.query) controls.query.value = view.query;
  if (data) { headline(); legend(); }
  veil();
}
function choose(path = main.path()) {
  refresh(path);
  remember();
}
const release = () => controls.toggles.forEach((press) => press(false));
function reset() {
  clear();
  Object.assign(view, {tab: main.id, query: "", range: null});
  release();
  for (const graph of graphs.slice(1)) graph.zoom(graph.top);
  choose([]);
}

// The tab's own heading, how much is shown, and what was selected.
function headline() {
  const {title, hint, unit} = graphs.find(({id}) => id === view.tab).element.dataset;
  const [heading, aside] = all(".head text"), query = view.query && "query " + view.query;
  main.unit = unit;
  heading.textContent = title;
  aside.textContent = main.amount(main.top) + " · " + ([query, span()].filter(Boolean).join(" · ") || hint);
}

function legend() {
  const drawn = $(`.legend[data-of=${main.id}]`), {x, y, width, rows} = drawn.dataset;
  drawn.textContent = "";
  const list = html(foreign(drawn, x, y - 3, width, rows * 20), "div", {class: "areas"});
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
  const bar = html(foreign(place.parentNode, x, y, width, 34, "bar"), "div");
  const button = (label, title, action, toggles) => {
    const made = html(bar, "button", {type: "button", title}, label);
    const press = (pressed) => set(made, {"aria-pressed": view[toggles] = pressed});
    if (toggles) controls.toggles.push(press);
    on(made, "click", () => { if (toggles) press(!view[toggles]); action(); });
  };
  Object.assign(controls, {tabs: [], toggles: []});
  if (data) {
    const tabs = html(bar, "div", {class: "tabs", role: "tablist", "aria-label": "Views"});
    const titles = {cpu: data.counted, waits: "Waiting", executor: "Executor"};
    controls.tabs = graphs.map(({id}) => {
      const tab = html(tabs, "button", {type: "button", role: "tab", value: id}, titles[id]);
      on(tab, "click", () => { view.tab = id; choose([]); });
      return tab;
    });
    if (data.queries.length) {
      const list = controls.query = html(bar, "select", {"aria-label": "Query"});
      for (const [id, label] of [["", "all queries"], ...data.queries]) html(list, "option", {value: id}, label);
      on(list, "change", () => { view.query = list.value; choose(); });
    }
  }
  controls.search = html(bar, "input", {type: "search", placeholder: "Search functions  ( / )",
    "aria-label": "Search functions by regular expression"});
  on(controls.search, "input", () => {
    pattern = controls.search.value;
    chosen = null;
    search();
    remember(true);
  });
  controls.count = html(bar, "span", {class: "count", role: "status"});
  if (data) button("Merge recursion", "Draws direct recursion once", () => choose(), "merged");
  button("Icicle", "Grows downwards", () => graphs.forEach((graph) => graph.draw()), "icicle");
  button("Reset", "The whole recording (Esc)", reset);
  release();
  controls.status = $(".status");
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

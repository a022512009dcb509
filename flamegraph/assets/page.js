/* Comfort for a report that is complete without it: zoom, search, views, time ranges, keyboard.
 * Shares one function scope with model.js, which comes before it.
 * No network, and text from outside only ever goes through textContent. */
const root = document.getElementById("pgflame-root");
if (!root || root.pgflame) return;
root.pgflame = true;
const $ = (selector, from = root) => from.querySelector(selector);
const all = (selector, from = root) => Array.from(from.querySelectorAll(selector));
const on = (target, type, action) => target.addEventListener(type, action);

function make(name, attributes, parent, text) {
  const html = /^(div|i|span|input|button|select|option|canvas)$/.test(name);
  const element = document.createElementNS(
    html ? "http://www.w3.org/1999/xhtml" : "http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}
const rows = (text) => text.split(";").filter(Boolean).map((row) => row.split("="));
const group = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const percent = (share) => share > 0 && share < 0.0005 ? "<0.1 %"
  : (share * 100).toFixed(share > 0.9995 ? 0 : 1) + " %";

const colours = $(".colours").dataset;
const classes = rows(colours.classes).map(([id, fill, title]) => ({id, fill, title}));
const row = Object.fromEntries(classes.map((c, i) => [c.id, i]));
const clsOf = Array.from(colours.functions, (letter) => letter.charCodeAt(0) - 65);
const waits = Object.fromEntries(rows(colours.waits));

/* ---- One graph on the page ---- */

const canvas = make("canvas").getContext("2d"), widths = new Map();
function textWidth(text) {
  if (!widths.has(text)) {
    canvas.font = "11.5px " + getComputedStyle(root).fontFamily;
    widths.set(text, canvas.measureText(text).width);
  }
  return widths.get(text);
}
function fit(text, room) {
  if (room < 14 || textWidth(text) <= room) return room < 14 ? "" : text;
  const letters = Array.from(text.slice(0, 200));
  let count = Math.floor(letters.length * room / textWidth(text));
  while (count > 1 && textWidth(letters.slice(0, count).join("") + "…") > room) --count;
  return count > 1 ? letters.slice(0, count).join("") + "…" : "";
}

const findings = all(".finding").map((element, i) => ({element, number: i + 1,
  frames: element.dataset.frames.split("\n").filter(Boolean)}));
const sheet = {width: +root.getAttribute("width"), height: +root.getAttribute("height")};
const view = {query: "", range: null, merged: false, icicle: false};
let profile = null, pattern = "", chosen = null, matches = null;
const controls = {};

class Graph {
  constructor(element) {
    Object.assign(this, {element, id: element.dataset.graph, unit: element.dataset.unit,
      width: +element.dataset.width, row: +element.dataset.row, focus: null, current: null,
      height: +element.dataset.height, boxes: [], extra: 0});
    if (!profile) this.show(modelFromDrawing(element));
    else if (this.id === "waits") this.show(collapse({tab: this.id}));
  }
  show(nodes) { this.nodes = nodes; this.model = nodes[0]; }

  // `from` fills the width, its callers stand below it. Siblings narrower than 0.3 pixels are
  // gathered into one box that says how many they are.
  layout(from) {
    const boxes = [], scale = this.width / from.total;
    for (let node = from; node; node = node.parent) boxes.unshift({node, x: 0, w: this.width, depth: node.depth});
    for (let i = from.depth; i < boxes.length; ++i) {
      const {node, merged, depth} = boxes[i];
      if (merged) continue;
      let x = boxes[i].x;
      const rest = {node, w: 0, depth: depth + 1, merged: 0, count: 0};
      const wide = node.kids.filter((kid) => kid.total * scale >= 0.3 && depth < 1000 ||
        (++rest.merged, rest.w += kid.total * scale, rest.count += kid.count, false));
      for (const kid of wide.sort((a, b) => a.name < b.name ? -1 : 1)) {
        boxes.push({node: kid, x, w: kid.total * scale, depth: depth + 1});
        x += kid.total * scale;
      }
      if (rest.w >= 0.3) boxes.push(Object.assign(rest, {x}));
    }
    return boxes;
  }

  // Callouts stand on the widest frame of a finding's first name that can carry one.
  pins(boxes) {
    const pins = new Map();
    for (const {frames, number} of this === main && view.tab === "cpu" ? findings : []) {
      let best = null;
      for (const name of frames) {
        for (const box of boxes) {
          if (!box.merged && box.node.name === name && (!best || box.w > best.w)) best = box;
        }
        if (best && best.w >= 40) break;
      }
      if (best) pins.set(best, [...pins.get(best) || [], number]);
    }
    return pins;
  }

  draw() {
    const {element, row: high} = this, from = this.focus || this.model;
    const boxes = this.boxes = from.total > 0 ? this.layout(from) : [];
    const deepest = boxes.reduce((most, box) => Math.max(most, box.depth + 1), 0);
    const height = Math.max(this.height, deepest * high), pins = this.pins(boxes), groups = [];
    const parts = ["frames", "labels", "pins"].map((name) => {
      const old = $("." + name, element), part = old.cloneNode(false);
      old.replaceWith(part);
      return part;
    });
    for (const box of boxes) {
      const {x, w, node} = box, cls = box.merged ? row.merged : node.cls;
      const y = view.icicle ? box.depth * high : height - (box.depth + 1) * high;
      groups[cls] = groups[cls] ||
        make("g", {class: classes[cls].id, fill: classes[cls].fill}, parts[0]);
      box.rect = make("rect", {x: x.toFixed(2), y, width: (w - (w > 4 ? 0.7 : 0)).toFixed(2),
        height: high - 1, class: node.depth < from.depth ? "above" : ""}, groups[cls]);
      box.rect.box = box;
      const discs = pins.get(box) || [], inset = 4 + discs.length * 16;
      const label = w > 22 ? fit(box.merged ? box.merged + " more" : node.name, w - 4 - inset) : "";
      if (label) make("text", {x: x + inset, y: y + high * 0.72}, parts[1], label);
      discs.forEach((number, i) => {
        const cx = x + (w > 17 ? 9.5 : w / 2) + i * 16, disc = make("g", {class: "disc"}, parts[2]);
        make("circle", {cx, cy: y + high / 2 - 0.5, r: 7.5, fill: "#16181b", stroke: "#fff"}, disc);
        make("text", {x: cx, y: y + high / 2 + 3.3, "text-anchor": "middle", "font-size": 10.5,
          "font-weight": 700, fill: "#fff"}, disc, number);
      });
    }
    this.grow(height - this.height);
    this.mark();
  }

  // A graph that needs more room than was reserved moves down what stands below it.
  grow(extra) {
    const below = $(".below[data-after=" + this.id + "]");
    if (below) below.setAttribute("transform", "translate(0 " + extra + ")");
    this.extra = extra;
    const height = graphs.reduce((sum, graph) => sum + graph.extra, sheet.height);
    root.setAttribute("height", height);
    root.setAttribute("viewBox", "0 0 " + sheet.width + " " + height);
  }

  // Dims what the search or the chosen finding does not speak of; outlines the current frame.
  mark() {
    for (const {rect, node, merged} of this.boxes) {
      rect.classList.toggle("dim", Boolean(matches && (merged || !matches(node.name))));
      rect.classList.toggle("current", !merged && node === this.current);
    }
  }

  // A stack with several matching frames counts once.
  matching() {
    const top = this.focus || this.model, todo = [top];
    let total = 0, count = 0;
    while (todo.length) {
      const node = todo.pop();
      if (matches(node.name)) { total += node.total; count += node.count; } else for (const kid of node.kids) todo.push(kid);
    }
    return percent(total / top.total) + " · " + group(count);
  }

  describe({node, merged, count}) {
    if (merged) return [group(merged) + " narrow frames", group(count) + " " + this.unit];
    const share = (weight) => percent(weight / this.model.total);
    return [node.name, group(node.count) + " " + this.unit + " · " + share(node.total) +
      (node.self > 0 ? " · self " + share(node.self) : ""), node.detail || detail(node.fn)];
  }

  zoom(node) {
    this.focus = node === this.model ? null : node;
    this.draw();
    if (matches) search();
    if (this === main) remember();
  }
  path() {
    const names = [];
    for (let n = this.focus; n && n.parent; n = n.parent) names.unshift(n.name);
    return names;
  }
  follow(names) {
    let node = this.model;
    for (const name of names) node = node.kids.find((kid) => kid.name === name) || node;
    this.focus = node === this.model ? null : node;
  }
}

function detail(fn) {
  if (!profile || fn < 0) return "";
  const {functions: f = {}, modules = []} = profile.facts, module = f.module && modules[f.module[fn]];
  return [module && module.path.split("/").pop(), f.tier && ["", "", "",
    "name recovered from the binary", "only its source file is known"][f.tier[fn]]]
    .filter(Boolean).join(" · ");
}

/* ---- Views, search ---- */

let graphs = [], main = null;

function search() {
  matches = null;
  let sum = "";
  if (chosen) matches = (name) => chosen.frames.includes(name);
  else if (pattern) {
    try {
      const expression = new RegExp(pattern, /[A-Z]/.test(pattern) ? "" : "i"), known = new Map();
      matches = (name) => {
        if (!known.has(name)) known.set(name, expression.test(name));
        return known.get(name);
      };
    } catch (error) { sum = "not a valid pattern"; }
  }
  controls.count.textContent = matches ? main.matching() : sum;
  for (const finding of findings) finding.element.classList.toggle("chosen", finding === chosen);
  for (const graph of graphs) graph.mark();
}

function refresh(path) {
  if (profile) main.show(collapse(view));
  main.current = null;
  main.follow(path);
  main.draw();
  search();
  if (!profile) return;
  for (const tab of controls.tabs) tab.setAttribute("aria-selected", tab.value === view.tab);
  if (controls.query) controls.query.value = view.query;
  legend();
  veil();
}

function legend() {
  const drawn = $(".legend[data-of=" + main.id + "]"), sums = classes.map(() => 0);
  for (const node of main.nodes) sums[node.cls] += node.self;
  const {x, y, width, rows: lines} = drawn.dataset;
  drawn.textContent = "";
  const list = make("div", {class: "areas"}, make("foreignObject", {x, y: y - 3, width, height: lines * 20}, drawn));
  classes.map((c, i) => [sums[i] / main.model.total, c]).filter(([share]) => share >= 0.0005)
    .sort((a, b) => b[0] - a[0]).forEach(([share, c]) => {
      const item = make("span", {}, list);
      make("i", {style: "background:" + c.fill}, item);
      item.append(c.title + " " + percent(share));
    });
}

function toolbar() {
  const {x, y, width} = $(".bar-place").dataset;
  const bar = make("div", {}, make("foreignObject", {x, y, width, height: 34, class: "bar"},
    $(".bar-place").parentNode));
  const tabs = make("div", {class: "tabs", role: "tablist", "aria-label": "Views"});
  const button = (label, title, action, toggles) => {
    const b = make("button", {type: "button", title}, bar, label);
    if (toggles) b.setAttribute("aria-pressed", false);
    on(b, "click", () => {
      if (toggles) b.setAttribute("aria-pressed", view[toggles] = !view[toggles]);
      action();
    });
  };
  controls.tabs = [];
  if (profile) {
    const has = (state) => profile.samples.some((s) => s.state === state);
    const running = has("running");
    for (const [value, label, shown] of [["cpu", "CPU", running], ["waits", "Waiting", has("waiting")],
      ["executor", "Executor", running && profile.names.some((name) => PLAN.test(name))]]) {
      if (!shown) continue;
      const tab = make("button", {type: "button", role: "tab", value}, tabs, label);
      on(tab, "click", () => { view.tab = value; refresh([]); remember(); });
      controls.tabs.push(tab);
    }
    bar.append(tabs);
    queries(bar);
  }
  make("span", {class: "gap"}, bar);
  controls.search = make("input", {type: "search", placeholder: "Search functions  ( / )",
    "aria-label": "Search functions by regular expression"}, bar);
  on(controls.search, "input", () => { pattern = controls.search.value; chosen = null; search(); remember(true); });
  controls.count = make("span", {class: "count", role: "status"}, bar);
  if (profile) button("Merge recursion", "Draw direct recursion as one frame", () => refresh([]), "merged");
  button("Icicle", "Grow downwards", () => graphs.forEach((graph) => graph.draw()), "icicle");
  button("Reset", "Back to the whole recording (Esc)", reset);
  const spot = $(".status-place");
  controls.status = make("text", {role: "status", class: "muted", x: spot.dataset.x, y: spot.dataset.y,
    "font-size": 12}, spot.parentNode);
}

function queries(bar) {
  const sums = new Map();
  for (const s of profile.samples) {
    if (s.query && s.state !== "idle") sums.set(s.query, (sums.get(s.query) || 0) + s.weight);
  }
  if (!sums.size) return;
  const texts = new Map((profile.facts.queries || []).map((q) => [q.id, q.text]));
  controls.query = make("select", {"aria-label": "Query"}, bar);
  make("option", {value: ""}, controls.query, "all queries");
  for (const [id] of [...sums].sort((a, b) => b[1] - a[1]).slice(0, 30)) {
    // Ids are unsigned numbers in JSON; beyond 2^53 they only match approximately.
    const text = texts.get(Number(BigInt.asUintN(64, BigInt(id)))) || "";
    make("option", {value: id}, controls.query, (id + "  " + text).slice(0, 60));
  }
  on(controls.query, "change", () => { view.query = controls.query.value; refresh(main.path()); remember(); });
}

function clear() {
  chosen = null;
  pattern = controls.search.value = "";
}
function reset() {
  clear();
  Object.assign(view, {tab: main.id, query: "", range: null});
  for (const graph of graphs) if (graph !== main) graph.zoom(null);
  refresh([]);
  remember();
}

/* ---- Permalinks: #z=path;of;names&v=tab&q=query&t=from-to&s=pattern ---- */

const alone = () => document.querySelectorAll("svg.pgflame").length < 2;
const key = (name) => alone() ? name : root.id + "." + name;
function remember(quietly) {
  const parts = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries({z: main.path().map(encodeURIComponent).join(";"),
    v: view.tab === main.id ? "" : view.tab, q: view.query, t: (view.range || []).join("-"), s: pattern})) {
    if (value) parts.set(key(name), value); else parts.delete(key(name));
  }
  const hash = "#" + parts;
  if (hash === (location.hash || "#")) return;
  try {
    history[quietly ? "replaceState" : "pushState"](null, "", hash);
  } catch (error) {
    location.hash = hash;  // documents without an origin may not touch the history
  }
}
function recall() {
  const parts = new URLSearchParams(location.hash.slice(1)), get = (name) => parts.get(key(name)) || "";
  const range = /^(\d+)-(\d+)$/.exec(get("t"));
  const tab = controls.tabs.find((t) => t.value === get("v"));
  Object.assign(view, {tab: tab ? tab.value : main.id, query: get("q"), range: range && [+range[1], +range[2]]});
  clear();
  pattern = controls.search.value = get("s");
  refresh(get("z").split(";").map(decodeURIComponent));
}

/* ---- Mouse and keyboard ---- */

const card = make("foreignObject", {class: "hover", width: 440, height: 160, visibility: "hidden"});
function showCard(lines, event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
  card.textContent = "";
  const box = make("div", {}, card);
  for (const line of lines) if (line) make("div", {}, box, line);
  card.setAttribute("x", Math.min(point.x + 14, sheet.width - 444));
  card.setAttribute("y", point.y + 18);
  card.setAttribute("visibility", "visible");
}

function listen(graph) {
  const {element} = graph, hide = () => card.setAttribute("visibility", "hidden");
  on(element, "mousemove", (event) => {
    if (event.target.box) showCard(graph.describe(event.target.box), event); else hide();
  });
  on(element, "mouseleave", hide);
  on(element, "click", ({target: {box}}) => {
    if (!box) return;
    hide();
    graph.current = box.node;
    graph.zoom(box.node);
  });
  for (const [name, value] of [["tabindex", 0], ["role", "application"], ["aria-label",
    "Flame graph. Arrow keys walk, Enter zooms, Escape goes back."]]) element.setAttribute(name, value);
  on(element, "keydown", (event) => {
    const node = graph.current || graph.focus || graph.model;
    const shown = (n) => graph.boxes.some((box) => box.node === n && !box.merged);
    const row = graph.boxes.filter((box) => box.node.parent === node.parent && !box.merged)
      .map((box) => box.node);
    let next = null;
    if (event.key === "ArrowUp") next = node.kids.reduce((a, b) => a && a.total >= b.total ? a : b, null);
    else if (event.key === "ArrowDown") next = node.parent;
    else if (event.key === "ArrowLeft") next = row[row.indexOf(node) - 1];
    else if (event.key === "ArrowRight") next = row[row.indexOf(node) + 1];
    else if (event.key === "Enter") graph.zoom(node);
    else return;
    event.preventDefault();
    graph.current = next && shown(next) ? next : node;
    graph.mark();
    controls.status.textContent = graph.describe({node: graph.current}).filter(Boolean).join(" · ");
  });
}

// Escape undoes one thing at a time; "/" searches.
on(document, "keydown", (event) => {
  const inside = root.contains(event.target), typing = /input|select|textarea/.test(event.target.localName);
  if (event.key === "/" && !typing && (alone() || inside)) {
    event.preventDefault();
    controls.search.focus();
  } else if (event.key === "Escape" && (alone() || inside)) {
    if (chosen || pattern) { clear(); search(); remember(); }
    else if (main.focus) main.zoom(null);
    else reset();
  }
});

// A finding lights up its frames.
function link(finding) {
  const spot = $(".show-place", finding.element).dataset;
  const text = make("text", {class: "show accent", x: spot.x, y: spot.y, "text-anchor": "end",
    "font-size": 12, tabindex: 0, role: "button", "aria-label": "show in graph: finding " +
    finding.number}, finding.element, "show in graph");
  const choose = () => {
    const next = chosen === finding ? null : finding;
    clear();
    chosen = next;
    if (view.tab !== "cpu") { view.tab = "cpu"; refresh([]); }
    search();
    if (chosen) main.element.scrollIntoView({block: "center", behavior: "smooth"});
  };
  on(text, "click", choose);
  on(text, "keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  });
}

// Drag over the timeline, or arrow keys (with shift: longer): only these seconds.
let veil = () => {};
function timeline(strip) {
  const {x, y, width, height, seconds} = strip.dataset, end = +seconds;
  const veils = [0, 1].map(() => make("rect", {y, height, class: "paper", "fill-opacity": 0.75}, strip));
  const area = make("rect", {x, y, width, height, fill: "transparent", class: "catch"}, strip);
  veil = () => {
    const [from, to] = view.range || [0, end], at = (second) => +x + width * second / end;
    veils[0].setAttribute("x", x);
    veils[0].setAttribute("width", at(from) - x);
    veils[1].setAttribute("x", at(to));
    veils[1].setAttribute("width", at(end) - at(to));
    strip.setAttribute("aria-valuenow", from);
    strip.setAttribute("aria-valuetext", view.range ? "seconds " + from + " to " + to : "whole recording");
  };
  const select = (from, to) => {
    from = Math.max(0, Math.min(Math.floor(from), end - 1));
    view.range = [from, Math.max(from + 1, Math.min(Math.ceil(to), end))];
    veil();
  };
  const apply = () => { refresh(main.path()); remember(); };
  const second = (event) => (new DOMPoint(event.clientX, event.clientY)
    .matrixTransform(strip.getScreenCTM().inverse()).x - x) / width * end;
  let start = null;
  on(area, "pointerdown", (event) => { start = second(event); area.setPointerCapture(event.pointerId); });
  on(area, "pointermove", (event) => {
    if (start !== null) select(Math.min(start, second(event)), Math.max(start, second(event)));
  });
  on(area, "pointerup", (event) => {
    if (Math.abs(second(event) - start) < end / 200) view.range = null;
    start = null;
    apply();
  });
  for (const [name, value] of Object.entries({tabindex: 0, role: "slider", "aria-label":
    "Range of the recording", "aria-valuemin": 0, "aria-valuemax": end})) strip.setAttribute(name, value);
  on(strip, "keydown", (event) => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key] * Math.ceil(end / 10);
    if (!step) return;
    event.preventDefault();
    const [from, to] = view.range || (step > 0 ? [-step, 0] : [end, end - step]);
    select(event.shiftKey ? from : from + step, to + step);
    apply();
  });
}

function start() {
  graphs = all(".graph").map((element) => new Graph(element));
  main = graphs[0];
  if (!main) return;
  view.tab = main.id;
  for (const title of all(".graph title")) title.remove();  // the card takes over
  toolbar();
  if (profile && $(".timeline")) timeline($(".timeline"));
  for (const graph of graphs) {
    listen(graph);
    if (graph !== main) graph.draw();
  }
  for (const finding of findings) if (finding.frames.length) link(finding);
  root.appendChild(card);
  recall();
  on(window, "popstate", recall);
  on(window, "hashchange", recall);
}

openProfile().catch(() => null).then((opened) => {
  profile = opened;
  start();
  root.setAttribute("data-ready", profile ? "profile" : "drawing");
});

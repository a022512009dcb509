/* Comfort for a report that is complete without it: zoom, search, views, time ranges, keyboard.
 *
 * Two sources feed one model: the embedded profile (every stack with its tags), or, when there is
 * none, the frames as drawn. Both give a tree of nodes {name, cls, total, self, count, kids, parent}.
 * Nothing here uses the network, and every text goes through textContent. */
(function () {
  "use strict";
  const root = document.getElementById("pgflame-root");
  if (!root || root.pgflame) return;
  root.pgflame = true;
  const SVG = "http://www.w3.org/2000/svg", XHTML = "http://www.w3.org/1999/xhtml";
  const MIN = 0.3;  // pixels; narrower siblings are gathered
  const $ = (selector) => root.querySelector(selector);
  const $$ = (selector) => Array.from(root.querySelectorAll(selector));

  function make(name, attributes, parent, text) {
    const element = document.createElementNS(/^(div|span|input|button|select|option|label|canvas)$/
      .test(name) ? XHTML : SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  const colours = $("metadata.colours").dataset;
  const classes = colours.classes.split(";").filter(Boolean).map((row) => {
    const [id, fill, title] = row.split("=");
    return {id, fill, title};
  });
  const classRow = Object.fromEntries(classes.map((c, i) => [c.id, i]));
  const waits = Object.fromEntries(colours.waits.split(";").filter(Boolean).map((row) => {
    const at = row.indexOf("=");
    return [row.slice(0, at), row.slice(at + 1)];
  }));

  const group = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const percent = (share) => share > 0 && share < 0.0005 ? "<0.1 %"
    : share > 0.9995 ? "100 %" : (share * 100).toFixed(1) + " %";

  /* ---- Model ------------------------------------------------------------------------------ */

  function child(parent, name, cls, fn) {
    const index = parent.index || (parent.index = new Map());
    const key = fn >= 0 ? fn : name;
    let node = index.get(key);
    if (!node) {
      node = {name, cls, fn, total: 0, self: 0, count: 0, kids: [], parent, depth: parent.depth + 1};
      index.set(key, node);
      parent.kids.push(node);
    }
    return node;
  }
  const newRoot = () => ({name: "all", cls: classRow.main, fn: -1, total: 0, self: 0, count: 0,
                          kids: [], parent: null, depth: 0});

  function addUp(node) {
    // Without recursion: stacks may be thousands of frames deep.
    const order = [node];
    for (let i = 0; i < order.length; ++i) for (const kid of order[i].kids) order.push(kid);
    for (let i = order.length; i-- > 0;) {
      const n = order[i];
      n.total += n.self;
      n.kids.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
      if (n.parent && i > 0) { n.parent.total += n.total; n.parent.count += n.count; }
    }
    return node;
  }

  // Reads the tree back from the drawn frames; their titles hold the numbers.
  function modelFromDrawing(graph) {
    const boxes = [];
    for (const g of graph.querySelector(".frames").children) {
      for (const rect of g.children) {
        const [name, numbers, detail] = rect.firstChild.textContent.split("\n");
        boxes.push({name, detail, cls: classRow[g.getAttribute("class")], numbers, kids: [], fn: -1,
                    x: +rect.getAttribute("x"), y: +rect.getAttribute("y"),
                    w: +rect.getAttribute("width")});
      }
    }
    boxes.sort((a, b) => b.y - a.y || a.x - b.x);
    const whole = boxes[0];
    const samples = (text) => +text.split(" · ")[0].replace(/\D/g, "");
    let above = [], row = [], at = 0, y = whole.y;
    for (const box of boxes) {
      if (box.y !== y) { above = row; row = []; at = 0; y = box.y; }
      row.push(box);
      box.count = samples(box.numbers);
      box.total = box.w / whole.w * samples(whole.numbers);
      const self = /self (<?)([\d.]+)/.exec(box.numbers);
      box.self = self ? +self[2] / 100 * samples(whole.numbers) : 0;
      while (at < above.length - 1 && above[at + 1].x <= box.x + 0.01) ++at;
      box.parent = box === whole ? null : above[at];
      box.depth = box.parent ? box.parent.depth + 1 : 0;
      if (box.parent) box.parent.kids.push(box);
    }
    return whole;
  }

  /* ---- The embedded profile: base64, gzip, pprof ------------------------------------------ */

  // Calls `visit(field, value)` for every field; value is a number, or a Uint8Array for messages.
  function fields(bytes, visit) {
    let at = 0;
    const varint = () => {
      let value = 0, factor = 1, byte;
      do { byte = bytes[at++]; value += (byte & 127) * factor; factor *= 128; } while (byte > 127);
      return value;
    };
    while (at < bytes.length) {
      const tag = varint(), start = at;
      if ((tag & 7) === 2) {
        const size = varint();
        visit(tag >>> 3, bytes.subarray(at, at += size));
      } else {
        visit(tag >>> 3, varint(), bytes.subarray(start, at));
      }
    }
  }
  function packed(value) {
    if (typeof value === "number") return [value];
    const numbers = [];
    for (let at = 0; at < value.length;) {
      let n = 0, factor = 1, byte;
      do { byte = value[at++]; n += (byte & 127) * factor; factor *= 128; } while (byte > 127);
      numbers.push(n);
    }
    return numbers;
  }
  // A signed 64-bit number in full, as text: query ids don't fit a double.
  function int64(bytes) {
    let value = 0n, shift = 0n;
    for (const byte of bytes) { value |= BigInt(byte & 127) << shift; shift += 7n; }
    return BigInt.asIntN(64, value).toString();
  }

  function parseProfile(bytes) {
    const strings = [], functionNames = [], locations = [], raw = [];
    const text = new TextDecoder();
    let comment = 0;
    fields(bytes, (field, value) => {
      if (field === 6) strings.push(text.decode(value));
      else if (field === 2) raw.push(value);
      else if (field === 13) comment = packed(value)[0];
      else if (field === 5) fields(value, (f, v) => { if (f === 2) functionNames.push(v); });
      else if (field === 4) {
        const inner = [];
        fields(value, (f, v) => {
          if (f === 4) fields(v, (g, w) => { if (g === 1) inner.push(w - 1); });
        });
        locations.push(inner);
      }
    });
    const facts = JSON.parse(strings[comment].slice("pgflame:".length));
    const names = functionNames.map((n) => strings[n]);
    const trie = {fn: [-1], parent: [0]}, index = new Map();
    const step = (parent, fn) => {
      const key = parent * (names.length + 1) + fn;
      let node = index.get(key);
      if (node === undefined) {
        node = trie.fn.push(fn) - 1;
        trie.parent.push(parent);
        index.set(key, node);
      }
      return node;
    };
    const samples = raw.map((message) => {
      const sample = {node: 0, state: "running", second: 0, query: "", wait: -1, count: 0, weight: 0};
      let stack = [];
      fields(message, (field, value) => {
        if (field === 1) stack = stack.concat(packed(value));
        else if (field === 2) {
          const v = packed(value);
          sample.count = v[0] + (v[2] || 0);
          sample.weight = v[1] + (v[3] || 0);
        } else if (field === 3) {
          let key = "", str = 0, num = null;
          fields(value, (f, v, bits) => {
            if (f === 1) key = strings[v]; else if (f === 2) str = v; else if (f === 3) num = [v, bits];
          });
          if (key === "state") sample.state = strings[str];
          else if (num && key === "second") sample.second = num[0];
          else if (num && key === "wait_event") sample.wait = num[0];
          else if (num && key === "query_id") sample.query = int64(num[1]);
        }
      });
      for (let i = stack.length; i-- > 0;) {
        const inner = locations[stack[i] - 1];
        for (let k = inner.length; k-- > 0;) sample.node = step(sample.node, inner[k]);
      }
      return sample;
    });
    return {names, trie, samples, facts};
  }

  async function openProfile() {
    const holder = $("metadata[data-format='pprof-gzip-base64']");
    if (!holder || typeof DecompressionStream === "undefined") return null;
    if (holder.id) holder.id = root.id + "-profile";
    const bytes = Uint8Array.from(atob(holder.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return parseProfile(new Uint8Array(await new Response(stream).arrayBuffer()));
  }

  /* ---- Views of the profile ---------------------------------------------------------------- */

  // Plan nodes of the executor (src/backend/executor/node*.c).
  const PLAN = new RegExp("^(?:Multi)?Exec(?:Parallel)?(SeqScan|SampleScan|IndexScan|IndexOnlyScan|" +
    "BitmapIndexScan|BitmapHeapScan|BitmapAnd|BitmapOr|TidScan|TidRangeScan|SubqueryScan|" +
    "FunctionScan|ValuesScan|CteScan|WorkTableScan|ForeignScan|CustomScan|TableFuncScan|NestLoop|" +
    "MergeJoin|HashJoin|Hash|Material|Memoize|Sort|IncrementalSort|Group|Agg|WindowAgg|Unique|" +
    "Gather|GatherMerge|SetOp|LockRows|Limit|Append|MergeAppend|RecursiveUnion|ModifyTable|" +
    "ProjectSet|Result)(?:Impl)?$");

  function collapse(profile, view) {
    const {names, trie, samples} = profile;
    const top = newRoot();
    const waiting = view.tab === "waits";
    const cls = (fn) => colours.functions.charCodeAt(fn) - 65;
    const wanted = samples.filter((s) =>
      (waiting ? s.state === "waiting" : s.state === "running") &&
      (!view.query || s.query === view.query) &&
      (!view.range || (s.second >= view.range[0] && s.second < view.range[1])));
    const needed = new Uint8Array(trie.fn.length);
    for (const s of wanted) for (let n = s.node; n && !needed[n]; n = trie.parent[n]) needed[n] = 1;
    const place = new Array(trie.fn.length);
    const area = new Array(trie.fn.length);  // executor view: the area of the frame nearest the leaf
    place[0] = top;
    for (let n = 1; n < place.length; ++n) {
      if (!needed[n]) continue;
      const fn = trie.fn[n], above = place[trie.parent[n]];
      if (view.tab === "executor") {
        const plan = PLAN.exec(names[fn]);
        const own = classes[cls(fn)].id;
        place[n] = plan && !(above.name === plan[1]) ? child(above, plan[1], classRow.executor, -1) : above;
        area[n] = own === "other" || own === "kernel" || own === "unnamed"
          ? area[trie.parent[n]] : cls(fn);
      } else {
        place[n] = view.merged && above.fn === fn ? above : child(above, names[fn], cls(fn), fn);
      }
    }
    for (const s of wanted) {
      let node = place[s.node];
      if (view.tab === "executor") {
        const row = area[s.node] === undefined ? classRow.other : area[s.node];
        if (node === top) node = child(top, "outside the executor", classRow.main, -1);
        node = child(node, classes[row].title, row, -1);
      } else if (waiting) {
        const name = s.wait < 0 ? "wait event unknown" : waits[s.wait] || "no wait event";
        const row = classRow[name.split(":")[0]];
        node = child(node, name, row === undefined ? classRow.other : row, -1);
      }
      node.self += s.weight;
      node.count += s.count;
    }
    return addUp(top);
  }

  /* ---- One graph on the page --------------------------------------------------------------- */

  const context = make("canvas", {}).getContext("2d");
  const widths = new Map();
  function textWidth(text) {
    if (!context) return text.length * 7.4;
    let width = widths.get(text);
    if (width === undefined) {
      context.font = "11.5px " + getComputedStyle(root).fontFamily;
      widths.set(text, width = context.measureText(text).width);
    }
    return width;
  }
  function fit(text, room) {
    if (textWidth(text) <= room) return text;
    const letters = Array.from(text.slice(0, 200));
    let count = Math.min(letters.length, Math.floor(letters.length * room / textWidth(text)));
    while (count > 1 && textWidth(letters.slice(0, count).join("") + "…") > room) --count;
    return count > 1 ? letters.slice(0, count).join("") + "…" : "";
  }

  const findings = $$(".finding").map((element, i) => ({
    element, number: i + 1, frames: element.dataset.frames.split("\n").filter(Boolean)}));

  function Graph(element) {
    const width = +element.dataset.width, row = +element.dataset.row;
    const staticHeight = +element.dataset.height, unit = element.dataset.unit;
    const self = {element, model: modelFromDrawing(element), focus: null, current: null};
    let shown = [], icicle = false, top = 0;

    // Boxes of the zoomed tree; `from` fills the width, its callers stand below it.
    self.layout = function (from) {
      const boxes = [], chain = [];
      for (let n = from; n; n = n.parent) chain.unshift(n);
      for (const n of chain) boxes.push({node: n, x: 0, w: width, depth: n.depth});
      const scale = width / from.total;
      for (let i = chain.length - 1; i < boxes.length; ++i) {
        const box = boxes[i];
        if (box.merged) continue;
        let x = box.x, rest = 0, merged = 0, count = 0;
        for (const kid of box.node.kids) {
          const w = kid.total * scale;
          if (w >= MIN && box.depth < 1000) {
            boxes.push({node: kid, x, w, depth: box.depth + 1});
            x += w;
          } else { ++merged; rest += w; count += kid.count; }
        }
        if (rest >= MIN) {
          boxes.push({node: box.node, x, w: rest, depth: box.depth + 1, merged, count});
        }
      }
      return boxes;
    };

    self.draw = function () {
      const from = self.focus || self.model;
      const boxes = from.total > 0 ? self.layout(from) : [];
      const rows = boxes.reduce((most, b) => Math.max(most, b.depth + 1), 0);
      top = Math.max(staticHeight, rows * row);
      const yOf = (box) => icicle ? box.depth * row : top - (box.depth + 1) * row;
      const frames = make("g", {class: "frames"}), labels = element.querySelector(".labels").cloneNode(false);
      const groups = new Map();
      shown = boxes;
      for (const box of boxes) {
        box.y = yOf(box);
        const cls = box.merged ? classRow.merged : box.node.cls;
        let g = groups.get(cls);
        if (!g) {
          g = make("g", {class: classes[cls].id, fill: classes[cls].fill}, frames);
          groups.set(cls, g);
        }
        box.rect = make("rect", {x: box.x.toFixed(2), y: box.y,
          width: (box.w - (box.w > 4 ? 0.7 : 0)).toFixed(2), height: row - 1}, g);
        box.rect.box = box;
        if (box.node.depth < from.depth) box.rect.setAttribute("class", "above");
        const pinned = 0;
        const label = box.w > 22 ? fit(box.merged ? box.merged + " more" : box.node.name, box.w - 8 - pinned) : "";
        if (label) make("text", {x: (box.x + 4).toFixed(2), y: box.y + row * 0.72}, labels, label).box = box;
      }
      element.querySelector(".frames").replaceWith(frames);
      element.querySelector(".labels").replaceWith(labels);
      drawPins(labels);
      grow(element, top);
      self.mark();
    };

    // The callouts: on the widest frame of a finding's first name that can carry one.
    function drawPins(labels) {
      const pins = element.querySelector(".pins");
      if (!pins || element.dataset.graph !== "cpu") return;
      pins.textContent = "";
      const used = new Map();
      for (const finding of view.tab === "cpu" ? findings : []) {
        let best = null;
        for (const name of finding.frames) {
          for (const box of shown) {
            if (!box.merged && box.node.name === name && box.w > 0 && (!best || box.w > best.w)) best = box;
          }
          if (best && best.w >= 40) break;
        }
        if (!best) continue;
        const shift = (used.get(best) || 0) * 16;
        used.set(best, (used.get(best) || 0) + 1);
        const g = make("g", {class: "disc"}, pins);
        const x = best.w >= 17 ? best.x + 9.5 + shift : best.x + best.w / 2 + shift;
        make("circle", {cx: x, cy: best.y + row / 2 - 0.5, r: 7.5, fill: "#16181b", stroke: "#fff"}, g);
        make("text", {x, y: best.y + row / 2 + 3.3, "text-anchor": "middle", "font-size": 10.5,
          "font-weight": 700, fill: "#fff"}, g, finding.number);
      }
      for (const text of labels.children) {
        const count = used.get(text.box);
        if (!count) continue;
        text.setAttribute("x", text.box.x + 4 + count * 16);
        text.textContent = fit(text.box.node.name, text.box.w - 8 - count * 16);
      }
    }

    // Dims what the search or the chosen finding does not speak of, and outlines the current frame.
    self.mark = function () {
      for (const box of shown) {
        const name = box.node.name;
        const hit = box.merged ? false : matcher ? matcher(name) : true;
        box.rect.classList.toggle("dim", Boolean(matcher) && !hit);
        box.rect.classList.toggle("current", !box.merged && box.node === self.current);
      }
      element.classList.toggle("searching", Boolean(matcher));
    };

    // Weight of the matching frames; a stack with several of them counts once.
    self.matching = function () {
      let sum = 0, count = 0;
      const todo = [self.focus || self.model];
      while (todo.length) {
        const node = todo.pop();
        if (matcher(node.name)) { sum += node.total; count += node.count; } else todo.push(...node.kids);
      }
      return {share: sum / (self.focus || self.model).total, count};
    };

    self.describe = function (box) {
      const n = box.node, whole = self.model.total;
      if (box.merged) return [group(box.merged) + " narrow frames", group(box.count) + " " + unit];
      let numbers = group(n.count) + " " + unit + " · " + percent(n.total / whole);
      if (n.self > 0) numbers += " · self " + percent(n.self / whole);
      return [n.name, numbers, n.detail || detailOf(n)].filter(Boolean);
    };

    self.zoom = function (node) {
      self.focus = node === self.model ? null : node;
      self.draw();
    };
    self.flip = function (on) { icicle = on; self.draw(); };
    self.boxOf = (node) => shown.find((box) => !box.merged && box.node === node);
    self.path = function () {
      const names = [];
      for (let n = self.focus; n && n.parent; n = n.parent) names.unshift(n.name);
      return names;
    };
    self.follow = function (names) {
      let node = self.model;
      for (const name of names) {
        const next = node.kids.find((kid) => kid.name === name);
        if (!next) break;
        node = next;
      }
      self.focus = node === self.model ? null : node;
    };
    for (const title of Array.from(element.querySelectorAll("title"))) title.remove();
    return self;
  }

  function detailOf(node) {
    if (!profile || node.fn < 0) return "";
    const facts = profile.facts.functions || {}, modules = profile.facts.modules || [];
    const module = facts.module ? modules[facts.module[node.fn]] : null;
    const parts = [module ? module.path.split("/").pop() : ""];
    if (facts.tier && facts.tier[node.fn] === 3) parts.push("name recovered from the binary");
    if (facts.tier && facts.tier[node.fn] === 4) parts.push("only its source file is known");
    return parts.filter(Boolean).join(" · ");
  }

  // A graph that needs more rows than were reserved moves what stands below it.
  const sheet = {height: +root.getAttribute("height"), width: +root.getAttribute("width")};
  const grown = new Map();
  function grow(element, height) {
    grown.set(element, height - +element.dataset.height);
    for (const below of $$(".below")) {
      if (element.compareDocumentPosition(below) & Node.DOCUMENT_POSITION_FOLLOWING &&
          below.dataset.after === element.dataset.graph) {
        below.setAttribute("transform", "translate(0 " + grown.get(element) + ")");
      }
    }
    let extra = 0;
    for (const more of grown.values()) extra += more;
    root.setAttribute("height", sheet.height + extra);
    root.setAttribute("viewBox", "0 0 " + sheet.width + " " + (sheet.height + extra));
  }

  /* ---- State, toolbar ----------------------------------------------------------------------- */

  const graphs = $$(".graph").map(Graph);
  const main = graphs[0];
  const view = {tab: main ? main.element.dataset.graph : "cpu", query: "", range: null, merged: false};
  let profile = null, matcher = null, pattern = "", chosen = null, controls = {};

  function setMatcher() {
    matcher = null;
    controls.count.textContent = "";
    if (chosen) {
      const names = new Set(chosen.frames);
      matcher = (name) => names.has(name);
    } else if (pattern) {
      try {
        const expression = new RegExp(pattern, /[A-Z]/.test(pattern) ? "" : "i");
        const known = new Map();
        matcher = (name) => {
          if (!known.has(name)) known.set(name, expression.test(name));
          return known.get(name);
        };
      } catch (error) {
        controls.count.textContent = "not a valid pattern";
      }
    }
    for (const finding of findings) finding.element.classList.toggle("chosen", finding === chosen);
    for (const graph of graphs) graph.mark();
    if (!matcher || !main) return;
    const sum = main.matching();
    controls.count.textContent = percent(sum.share) + " · " + group(sum.count);
  }

  function refresh(keepZoom) {
    if (!profile || !main) return;
    const path = keepZoom ? main.path() : [];
    main.model = collapse(profile, view);
    main.focus = main.current = null;
    main.follow(path);
    main.draw();
    drawLegend();
    setMatcher();
    for (const tab of controls.tabs) tab.setAttribute("aria-selected", tab.value === view.tab);
    if (controls.query) controls.query.value = view.query;
    drawRange();
  }

  // The legend beside the graph follows what is shown; a click lights up one area.
  function drawLegend() {
    const legend = $(".legend[data-of='" + main.element.dataset.graph + "']");
    if (!legend) return;
    const sums = new Array(classes.length).fill(0);
    const todo = [main.model];
    while (todo.length) {
      const node = todo.pop();
      sums[node.cls] += node.self;
      todo.push(...node.kids);
    }
    const order = classes.map((c, i) => i).sort((a, b) => sums[b] - sums[a]);
    const sample = legend.querySelector("text").cloneNode(false);
    const left = +legend.dataset.x, right = left + +legend.dataset.width, rows = +legend.dataset.rows;
    let x = left, line = 0;
    legend.textContent = "";
    for (const i of order) {
      const share = sums[i] / (main.model.total || 1);
      if (share < 0.0005) break;
      const text = classes[i].title + " " + percent(share);
      const width = textWidth(text) + 38;
      if (x > left && x + width > right + 20) { x = left; ++line; }
      if (line >= rows) break;
      const y = +legend.dataset.y + line * 20;
      make("rect", {x, y, width: 11, height: 11, rx: 2.5, fill: classes[i].fill, class: "swatch"}, legend);
      const label = sample.cloneNode(false);
      label.setAttribute("x", x + 17);
      label.setAttribute("y", y + 10);
      label.textContent = text;
      legend.appendChild(label);
      x += width;
    }
  }

  function buildToolbar() {
    const place = $(".bar-place");
    if (!place) return false;
    const holder = make("foreignObject", {x: place.dataset.x, y: place.dataset.y,
      width: place.dataset.width, height: 34, class: "bar"});
    place.parentNode.insertBefore(holder, place);
    const bar = make("div", {}, holder);
    controls.tabList = make("div", {class: "tabs", role: "tablist", "aria-label": "Views"}, bar);
    controls.tabs = [];
    controls.queryPlace = make("span", {}, bar);
    make("span", {class: "gap"}, bar);
    controls.search = make("input", {type: "search", placeholder: "Search functions  ( / )",
      "aria-label": "Search functions by regular expression", spellcheck: "false"}, bar);
    controls.count = make("span", {class: "count", role: "status"}, bar);
    const button = (label, title, pressed, action) => {
      const b = make("button", {type: "button", title}, bar, label);
      if (pressed) b.setAttribute("aria-pressed", "false");
      b.addEventListener("click", () => action(b));
      return b;
    };
    const toggle = (b) => {
      const on = b.getAttribute("aria-pressed") !== "true";
      b.setAttribute("aria-pressed", on);
      return on;
    };
    controls.merge = button("Merge recursion", "Draw direct recursion as one frame", true, (b) => {
      view.merged = toggle(b);
      refresh(false);
    });
    controls.merge.hidden = true;
    button("Icicle", "Grow downwards instead of upwards", true, (b) => {
      const on = toggle(b);
      for (const graph of graphs) graph.flip(on);
    });
    button("Reset", "Back to the whole recording (Esc)", false, reset);
    controls.search.addEventListener("input", () => {
      pattern = controls.search.value;
      chosen = null;
      setMatcher();
      remember(true);
    });
    return true;
  }

  function buildTabs() {
    const add = (value, label) => {
      const tab = make("button", {type: "button", role: "tab", value, "aria-selected": value === view.tab},
        controls.tabList, label);
      tab.addEventListener("click", () => { view.tab = value; refresh(false); remember(); });
      controls.tabs.push(tab);
    };
    const has = (state) => profile.samples.some((s) => s.state === state);
    if (has("running")) add("cpu", "CPU");
    if (has("waiting")) add("waits", "Waiting");
    if (profile.names.some((name) => PLAN.test(name)) && has("running")) add("executor", "Executor");
    const sums = new Map();
    for (const s of profile.samples) {
      if (s.query && s.state !== "idle") sums.set(s.query, (sums.get(s.query) || 0) + s.weight);
    }
    if (sums.size === 0) return;
    const select = controls.query = make("select", {"aria-label": "Query"}, controls.queryPlace);
    make("option", {value: ""}, select, "all queries");
    const texts = Object.fromEntries((profile.facts.queries || []).map(
      (q) => [BigInt.asIntN(64, BigInt(q.id)).toString(), q.text]));
    for (const [id] of [...sums].sort((a, b) => b[1] - a[1]).slice(0, 30)) {
      make("option", {value: id}, select, (id + "  " + (texts[id] || "")).slice(0, 60));
    }
    select.addEventListener("change", () => { view.query = select.value; refresh(true); remember(); });
  }

  function reset() {
    chosen = null;
    pattern = controls.search.value = "";
    view.query = "";
    view.range = null;
    for (const graph of graphs) { graph.focus = graph.current = null; if (graph !== main || !profile) graph.draw(); }
    refresh(false);
    setMatcher();
    remember();
  }

  /* ---- Permalinks: #z=path;of;names&v=tab&q=query&t=from-to&s=pattern ------------------------ */

  const alone = document.querySelectorAll("svg.pgflame").length < 2;
  const key = (name) => alone ? name : root.id + "." + name;
  function remember(quietly) {
    const parts = new URLSearchParams(location.hash.slice(1));
    const set = (name, value) => value ? parts.set(key(name), value) : parts.delete(key(name));
    set("z", main ? main.path().map(encodeURIComponent).join(";") : "");
    set("v", main && view.tab !== main.element.dataset.graph ? view.tab : "");
    set("q", view.query);
    set("t", view.range ? view.range.join("-") : "");
    set("s", pattern);
    const hash = "#" + parts.toString();
    if (hash === (location.hash || "#")) return;
    try {
      history[quietly ? "replaceState" : "pushState"](null, "", hash);
    } catch (error) {
      location.hash = hash;  // documents without an origin may not touch the history
    }
  }
  function recall() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const get = (name) => parts.get(key(name)) || "";
    if (!main) return;
    if (profile) {
      view.tab = get("v") || main.element.dataset.graph;
      view.query = get("q");
      const range = /^(\d+)-(\d+)$/.exec(get("t"));
      view.range = range ? [+range[1], +range[2]] : null;
      refresh(false);
    }
    pattern = controls.search.value = get("s");
    chosen = null;
    main.follow(get("z") ? get("z").split(";").map(decodeURIComponent) : []);
    main.draw();
    setMatcher();
  }

  /* ---- Mouse --------------------------------------------------------------------------------- */

  const card = make("g", {class: "card-hover", "pointer-events": "none", visibility: "hidden"}, root);
  function showCard(graph, box, event) {
    card.textContent = "";
    const back = make("rect", {class: "card-back", rx: 5}, card);
    let y = 8, wide = 0;
    graph.describe(box).forEach((line, i) => {
      for (let at = 0; at < line.length && at < 400; at += 80) {
        y += 17;
        const text = make("text", {x: 12, y, "font-size": 12.5, class: i ? "card-muted" : "card-ink"}, card,
          line.slice(at, at + 80));
        if (i === 0) text.setAttribute("font-weight", 600);
        wide = Math.max(wide, text.getComputedTextLength());
      }
    });
    back.setAttribute("width", wide + 24);
    back.setAttribute("height", y + 10);
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
    const x = Math.max(4, Math.min(point.x + 14, sheet.width - wide - 30));
    card.setAttribute("transform", "translate(" + x + " " + (point.y + 20) + ")");
    card.setAttribute("visibility", "visible");
    root.appendChild(card);
  }
  const hideCard = () => card.setAttribute("visibility", "hidden");

  function onMouse(graph) {
    const element = graph.element;
    element.addEventListener("mousemove", (event) => {
      const box = event.target.box;
      if (box) showCard(graph, box, event); else hideCard();
    });
    element.addEventListener("mouseleave", hideCard);
    element.addEventListener("click", (event) => {
      const box = event.target.box;
      if (!box) return;
      hideCard();
      graph.current = box.node;
      graph.zoom(box.node);
      if (matcher) setMatcher();
      if (graph === main) remember();
    });
  }

  /* ---- Keyboard: arrows walk, Enter zooms, Esc undoes, / searches ----------------------------- */

  function onKeys(graph) {
    const element = graph.element;
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", "Flame graph. Arrow keys walk, Enter zooms, Escape goes back.");
    element.addEventListener("keydown", (event) => {
      const node = graph.current || graph.focus || graph.model;
      const widest = (n) => n.kids.reduce((a, b) => !a || b.total > a.total ? b : a, null);
      const beside = (step) => {
        const row = node.parent ? node.parent.kids.filter(graph.boxOf) : [node];
        return row[row.indexOf(node) + step];
      };
      const moves = {ArrowUp: () => widest(node), ArrowDown: () => node.parent,
        ArrowLeft: () => beside(-1), ArrowRight: () => beside(1)};
      if (event.key === "Enter") {
        graph.zoom(node);
        if (graph === main) remember();
      } else if (moves[event.key]) {
        const next = moves[event.key]();
        if (next && graph.boxOf(next)) graph.current = next; else if (!graph.current) graph.current = node;
      } else return;
      event.preventDefault();
      graph.mark();
      controls.status.textContent = graph.describe({node: graph.current || node}).join(" · ");
    });
  }

  root.addEventListener("keydown", (event) => { if (event.key === "Escape") back(); });
  function back() {
    if (chosen || pattern) {
      chosen = null;
      pattern = controls.search.value = "";
      setMatcher();
    } else if (main && main.focus) {
      main.zoom(null);
    } else {
      reset();
    }
    remember();
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(input|select|textarea)$/i.test(event.target.localName || "");
    if (event.key === "/" && !typing && controls.search && alone) {
      event.preventDefault();
      controls.search.focus();
    } else if (event.key === "Escape" && event.target === (document.body || root)) back();
  });

  /* ---- Findings light up their frames ---------------------------------------------------------- */

  function choose(finding) {
    chosen = chosen === finding ? null : finding;
    pattern = controls.search.value = "";
    if (chosen && profile && view.tab !== "cpu") { view.tab = "cpu"; refresh(false); }
    setMatcher();
    if (chosen) main.element.scrollIntoView({block: "nearest", behavior: "smooth"});
  }
  function onFindings() {
    for (const finding of findings) {
      if (!main || finding.frames.length === 0) continue;
      const place = finding.element.querySelector(".show-place");
      const link = make("text", {class: "show accent", x: place.dataset.x, y: place.dataset.y,
        "text-anchor": "end", "font-size": 12, tabindex: 0, role: "button",
        "aria-label": "Show finding " + finding.number + " in the graph"}, finding.element, "show in graph");
      link.addEventListener("click", () => choose(finding));
      link.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(finding);
      });
    }
  }

  /* ---- Timeline: drag to select seconds --------------------------------------------------------- */

  const strip = $(".timeline");
  let veil = null;
  function drawRange() {
    if (!strip || !veil) return;
    const d = strip.dataset, left = +d.x, wide = +d.width, all = +d.seconds;
    const [from, to] = view.range || [0, all];
    const a = left + wide * from / all, b = left + wide * to / all;
    veil[0].setAttribute("x", left);
    veil[0].setAttribute("width", Math.max(0, a - left));
    veil[1].setAttribute("x", b);
    veil[1].setAttribute("width", Math.max(0, left + wide - b));
    strip.setAttribute("aria-valuetext", view.range ? "seconds " + from + " to " + to : "whole recording");
  }
  function onTimeline() {
    if (!strip) return;
    const d = strip.dataset, all = +d.seconds;
    const bar = {y: d.y, height: d.height};
    veil = [0, 1].map(() => make("rect", {...bar, class: "veil paper", "fill-opacity": 0.75}, strip));
    const catcher = make("rect", {...bar, x: d.x, width: d.width, fill: "transparent", class: "catch"}, strip);
    const second = (event) => {
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(strip.getScreenCTM().inverse());
      return Math.max(0, Math.min(all, (p.x - d.x) / d.width * all));
    };
    let start = null;
    const move = (event) => {
      const a = Math.min(start, second(event)), b = Math.max(start, second(event));
      view.range = b - a < all / 200 ? null : [Math.floor(a), Math.max(Math.floor(a) + 1, Math.ceil(b))];
      drawRange();
    };
    const apply = () => { refresh(true); remember(); };
    catcher.addEventListener("pointerdown", (event) => {
      start = second(event);
      catcher.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    catcher.addEventListener("pointermove", (event) => { if (start !== null) move(event); });
    catcher.addEventListener("pointerup", (event) => {
      if (start === null) return;
      move(event);
      start = null;
      apply();
    });
    strip.setAttribute("tabindex", "0");
    strip.setAttribute("role", "slider");
    strip.setAttribute("aria-label", "Range of the recording");
    strip.setAttribute("aria-valuemin", "0");
    strip.setAttribute("aria-valuemax", all);
    strip.setAttribute("aria-valuenow", "0");
    strip.addEventListener("keydown", (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!step) return;
      event.preventDefault();
      const tenth = Math.max(1, Math.round(all / 10));
      let [from, to] = view.range || [step > 0 ? -tenth : all, step > 0 ? 0 : all + tenth];
      if (event.shiftKey && view.range) to += step * tenth; else { from += step * tenth; to += step * tenth; }
      from = Math.max(0, Math.min(from, all - 1));
      view.range = [from, Math.max(from + 1, Math.min(to, all))];
      apply();
    });
    drawRange();
  }

  /* ---- Start -------------------------------------------------------------------------------------- */

  if (!main || !buildToolbar()) return;
  controls.status = make("text", {role: "status", class: "muted status", "font-size": 12}, main.element.parentNode);
  const place = $(".status-place");
  if (place) { controls.status.setAttribute("x", place.dataset.x); controls.status.setAttribute("y", place.dataset.y); }
  for (const graph of graphs) { graph.draw(); onMouse(graph); onKeys(graph); }
  onFindings();
  recall();
  window.addEventListener("popstate", recall);
  window.addEventListener("hashchange", recall);
  openProfile().then((opened) => {
    profile = opened;
    if (!profile) return;
    buildTabs();
    controls.merge.hidden = false;
    onTimeline();
    recall();
    root.setAttribute("data-ready", "profile");
  }).catch(() => root.setAttribute("data-ready", "drawing")).then(() => {
    if (!root.dataset.ready) root.setAttribute("data-ready", "drawing");
  });
})();

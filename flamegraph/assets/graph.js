/* One flame graph of the page. */
const ruler = html(null, "canvas").getContext("2d");
ruler.font = "11.5px " + getComputedStyle(root).fontFamily;
function fit(text, room) {
  const letters = Array.from(room < 14 ? "" : text.slice(0, 200));
  let n = letters.length, shown = letters.join(""), width;
  while (n > 1 && (width = ruler.measureText(shown).width) > room) {
    n = Math.min(n - 1, Math.ceil(n * room / width));
    shown = letters.slice(0, n).join("") + "…";
  }
  return n > 1 ? shown : "";
}

class Graph {
  constructor(element) {
    const {graph: id, unit, width, row: high, height} = element.dataset;
    Object.assign(this, {element, id, unit, width: +width, high: +high, height: +height, extra: 0});
    this.show(data ? treeOf({tab: id}) : treeFromDrawing(element));
  }
  show(nodes) {
    Object.assign(this, {nodes, top: nodes[0], focus: nodes[0], current: null, boxes: []});
  }

  // The focus fills the width, its callers stand below it. Siblings below 0.3 pixels become one box.
  layout() {
    const {focus, width} = this, boxes = [], scale = width / focus.total;
    if (!focus.total) return boxes;
    for (let node = focus; node; node = node.parent) boxes.unshift({node, x: 0, w: width, depth: node.depth});
    for (let i = focus.depth; i < boxes.length; ++i) {
      const {node, merged, depth} = boxes[i], rest = {node, w: 0, depth: depth + 1, merged: 0, count: 0};
      if (merged) continue;
      let x = boxes[i].x;
      const wide = node.kids.filter((kid) => kid.total * scale >= 0.3 && depth < 1000 ||
        (++rest.merged, rest.w += kid.total * scale, rest.count += kid.count, false));
      for (const kid of wide.sort((a, b) => a.name < b.name ? -1 : 1)) {
        boxes.push({node: kid, x, w: kid.total * scale, depth: depth + 1});
        x += kid.total * scale;
      }
      if (rest.w >= 0.3) boxes.push({...rest, x});
    }
    return boxes;
  }

  // Callouts stand on the widest frame of a finding's first name that can carry one.
  pins() {
    const pins = new Map(), wider = (a, b) => a && a.w >= b.w ? a : b;
    for (const {frames, number} of this === main && view.tab === "cpu" ? findings : []) {
      const widest = frames.map((name) =>
        this.boxes.filter((box) => !box.merged && box.node.name === name).reduce(wider, null)).filter(Boolean);
      const best = widest.find(({w}) => w >= 40) || widest.reduce(wider, null);
      if (best) pins.set(best, [...pins.get(best) || [], number]);
    }
    return pins;
  }

  draw() {
    const {element, high} = this, boxes = this.boxes = this.layout(), pins = this.pins(), groups = {};
    const height = Math.max(this.height, boxes.length && (boxes.at(-1).depth + 1) * high);
    const [frames, labels, discs] = [".frames", ".labels", ".pins"].map((part) => {
      const holder = $(part, element);
      holder.textContent = "";
      return holder;
    });
    for (const box of boxes) {
      const {x, w, node, depth} = box, [id, fill] = classes[box.merged ? row.merged : node.cls];
      const y = view.icicle ? depth * high : height - (depth + 1) * high, numbers = pins.get(box) || [];
      groups[id] ||= svg(frames, "g", {class: id, fill});
      const look = depth < this.focus.depth ? "above" : "";
      box.rect = svg(groups[id], "rect", {x, y, height: high - 1,
        width: w - (w > 4 ? 0.7 : 0), class: look});
      box.rect.box = box;
      const inset = 4 + numbers.length * 16;
      const label = fit(box.merged ? box.merged + " more" : node.name, w - 4 - inset);
      if (label) box.label = svg(labels, "text", {x: x + inset, y: y + high * 0.72, class: look}, label);
      numbers.forEach((number, i) => {
        const cx = x + (w > 17 ? 9.5 : w / 2) + i * 16, disc = $(".disc", findings[number - 1].element).cloneNode(true);
        set($("circle", disc), {cx, cy: y + high / 2 - 0.5, r: 7.5});
        set($("text", disc), {x: cx, y: y + high / 2 + 3.3, "font-size": 10.5});
        discs.append(disc);
      });
    }
    this.grow(height - this.height);
    this.mark();
  }

  // A graph that needs more room moves down what stands below it.
  grow(extra) {
    set($(`.below[data-after=${this.id}]`), {transform: `translate(0 ${extra})`});
    this.extra = extra;
    const height = graphs.reduce((sum, graph) => sum + graph.extra, sheet.height);
    set(root, {height, viewBox: `0 0 ${sheet.width} ${height}`});
  }

  // Dims what is not searched for; outlines the current frame.
  mark() {
    for (const {rect, label, node, merged} of this.boxes) {
      const dim = Boolean(matches && (merged || !matches(node.name)));
      rect.classList.toggle("dim", dim);
      label?.classList.toggle("dim", dim);
      rect.classList.toggle("current", !merged && node === this.current);
    }
  }

  // What matches in the focus; a stack with several matching frames counts once.
  matching() {
    let total = 0, count = 0;
    for (const todo = [this.focus]; todo.length;) {
      const node = todo.pop();
      if (!matches(node.name)) { todo.push(...node.kids); continue; }
      total += node.total;
      count += node.count;
    }
    return percent(total / this.focus.total) + " · " + group(count);
  }

  amount({count}) { return group(count) + " " + this.unit; }
  describe({node, merged, count}) {
    if (merged) return [group(merged) + " narrow frames", this.amount({count})];
    const share = (weight) => percent(weight / this.top.total);
    const lines = node.lines || [node.name, this.amount(node) + " · " + share(node.total) +
      (node.self > 0 ? " · self " + share(node.self) : ""), node.detail].filter(Boolean);
    return [...lines, ...findings.flatMap(({frames, number}) =>
      frames.includes(node.name) ? "finding " + number : [])];
  }

  zoom(node) {
    this.focus = node;
    this.draw();
    search();
    if (this === main) remember();
  }
  path() {
    const names = [];
    for (let node = this.focus; node.parent; node = node.parent) names.unshift(node.name);
    return names;
  }

  listen() {
    const {element} = this;
    set(element, {tabindex: 0, role: "application",
      "aria-label": "Flame graph. Arrows walk, Enter zooms, Escape goes back."});
    on(element, "mousemove", (event) => showCard(event.target.box && this.describe(event.target.box), event));
    on(element, "mouseleave", () => showCard());
    on(element, "click", ({target: {box}}) => {
      if (!box) return;
      showCard();
      this.current = box.node;
      this.zoom(box.node);
    });
    on(element, "keydown", (event) => {
      const node = this.current || this.focus, shown = this.boxes.filter((box) => !box.merged).map((box) => box.node);
      const beside = shown.filter((other) => other.parent === node.parent), at = beside.indexOf(node);
      const steps = {ArrowUp: [...node.kids].sort((a, b) => b.total - a.total)[0],
        ArrowDown: node.parent, ArrowLeft: beside[at - 1], ArrowRight: beside[at + 1], Enter: node};
      if (!this.top.total || !(event.key in steps)) return;
      event.preventDefault();
      const wanted = steps[event.key];
      this.current = shown.includes(wanted) ? wanted : node;
      if (event.key === "Enter") this.zoom(node); else search();
      controls.status.textContent = this.describe({node: this.current}).join(" · ");
    });
  }
}

const sheet = {width: +root.getAttribute("width"), height: +root.getAttribute("height")};
const foreign = (parent, x, y, width, height, name = "") =>
  svg(parent, "foreignObject", {x, y, width, height, class: name});
const card = foreign(null, 0, 0, 440, 160, "hover");
const pointOf = ({clientX, clientY}) =>
  new DOMPoint(clientX, clientY).matrixTransform(root.getScreenCTM().inverse());
function showCard(lines, event) {
  set(card, {visibility: lines ? "visible" : "hidden"});
  if (!lines) return;
  const {x, y} = pointOf(event);
  set(card, {x: Math.min(x + 14, sheet.width - 444), y: y + 18}).textContent = "";
  const box = html(card, "div");
  for (const line of lines) html(box, "div", {}, line);
}

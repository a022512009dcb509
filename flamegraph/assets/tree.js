/* Trees of frames: from the samples inside, or else from the drawing. Callers before callees. */
function addNode(nodes, parent, fields) {
  const node = {parent, total: 0, self: 0, count: 0, kids: [], depth: parent ? parent.depth + 1 : 0, ...fields};
  if (parent) parent.kids.push(node);
  nodes.push(node);
  return node;
}

// The samples of the view: sums per stack, added up towards the callers.
function treeOf({tab, query, range, merged}) {
  const {names, classes: cls, details, texts, frame, up, samples, queries} = data;
  const plan = tab === "executor" && samples.plan, waiting = +(tab === "waits");
  const wanted = query ? queries.findIndex(([id]) => id === query) + 1 : 0;
  const [self, total, count] = [0, 0, 0].map(() => new Float64Array(frame.length));
  let stack = 0;
  samples.step.forEach((step, i) => {
    stack += step;
    const n = plan ? plan[i] : stack, second = samples.second[i];
    if (samples.waiting[i] !== waiting || (query && samples.query[i] !== wanted) ||
      (range && (second < range[0] || second >= range[1]))) return;
    self[n] += samples.weight[i];
    count[n] += samples.count[i];
  });
  total.set(self);
  for (let n = frame.length; --n > 0;) {
    total[n - up[n]] += total[n];
    count[n - up[n]] += count[n];
  }
  const nodes = [], place = [];
  for (let n = 0; n < frame.length; ++n) {
    if (n && !count[n]) continue;
    const above = place[n - up[n]], f = frame[n];
    let node = above;
    if (!n || !merged || above.f !== f) {
      node = n && merged && above.kids.find((kid) => kid.f === f) ||
        addNode(nodes, above, {f, name: names[f], cls: cls[f], detail: texts[details[f]]});
      node.total += total[n];
      node.count += count[n];
    }
    node.self += self[n];
    place[n] = node;
  }
  return nodes;
}

// The boxes as drawn; their tooltips hold the numbers. A caller is the box below.
function treeFromDrawing(element) {
  const nodes = [], levels = new Map(), high = +element.dataset.row;
  const drawn = all(".frames rect", element).map((rect) => ({rect, x: +rect.getAttribute("x"),
    y: +rect.getAttribute("y"), total: +rect.getAttribute("width")}));
  for (const {rect, y, ...box} of drawn.sort((a, b) => b.y - a.y || a.x - b.x)) {
    const caller = (levels.get(y + high) || []).filter(({x}) => x <= box.x + 0.01).pop();
    const lines = $("title", rect).textContent.split("\n");
    const node = addNode(nodes, caller, {...box, lines, name: lines[0],
      cls: row[rect.parentNode.getAttribute("class")], count: +lines[1].split("·")[0].replace(/\D/g, "")});
    levels.set(y, [...levels.get(y) || [], node]);
  }
  return nodes;
}

// As made by src/report/view_data.cpp.
async function openData() {
  const holder = $(".view");
  if (!holder || !window.DecompressionStream) return null;
  const bytes = Uint8Array.from(atob(holder.textContent), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

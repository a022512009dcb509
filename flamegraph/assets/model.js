/* Where the frames come from: the embedded profile with all its tags, or the drawing when there is
 * none. Both become a tree of {name, cls, fn, total, self, count, kids, parent, depth}.
 * Shares one function scope with page.js, which follows it. */
const NONE = Object.freeze([]);  // most nodes have no callees
const newNode = (name, cls, fn, parent) => ({name, cls, fn, parent, total: 0, self: 0, count: 0,
  kids: NONE, depth: parent ? parent.depth + 1 : 0});
function add(nodes, name, cls, fn, parent) {
  const node = newNode(name, cls, fn, parent);
  if (parent) { if (parent.kids === NONE) parent.kids = [node]; else parent.kids.push(node); }
  nodes.push(node);
  return node;
}
const child = (nodes, parent, name, cls, fn = -1) =>
  parent.kids.find((kid) => kid.fn === fn && kid.name === name) || add(nodes, name, cls, fn, parent);

// Without a profile: the tree as drawn. The tooltips hold the numbers.
function modelFromDrawing(graph) {
  const boxes = all(".frames rect", graph).map((rect) => {
    const [name, numbers, detail] = $("title", rect).textContent.split("\n");
    const node = newNode(name, row[rect.parentNode.getAttribute("class")], -1, null);
    const self = /self <?([\d.]+)/.exec(numbers);
    return Object.assign(node, {detail, count: +numbers.split("·")[0].replace(/\D/g, ""),
      self: self ? self[1] / 100 : 0, x: +rect.getAttribute("x"), y: +rect.getAttribute("y"),
      total: +rect.getAttribute("width")});
  }).sort((a, b) => b.y - a.y || a.x - b.x);
  const top = boxes[0];
  let callers = [], level = [], at = 0;
  for (const box of boxes) {
    if (level.length && box.y !== level[0].y) { callers = level; level = []; at = 0; }
    level.push(box);
    box.self *= top.total;
    if (box === top) continue;
    while (at + 1 < callers.length && callers[at + 1].x <= box.x + 0.01) ++at;
    box.parent = callers[at];
    box.depth = box.parent.depth + 1;
    if (box.parent.kids === NONE) box.parent.kids = [box]; else box.parent.kids.push(box);
  }
  return boxes;
}

/* ---- The embedded profile: base64 of gzip of pprof ---- */

// A varint as a double (exact up to 2^53) and where it ends.
function varint(bytes, at) {
  let value = 0, factor = 1, byte;
  do { byte = bytes[at++]; value += (byte & 127) * factor; factor *= 128; } while (byte > 127);
  return [value, at];
}
// Calls visit(field, value, bytes): the number of a varint, or the bytes of a message.
function fields(bytes, visit) {
  for (let at = 0, tag, value; at < bytes.length;) {
    [tag, at] = varint(bytes, at);
    const start = at;
    [value, at] = varint(bytes, at);
    if ((tag & 7) === 2) visit(tag >>> 3, bytes.subarray(at, at += value));
    else visit(tag >>> 3, value, bytes.subarray(start, at));
  }
}
function packed(bytes) {
  const numbers = [];
  for (let at = 0, value; at < bytes.length; numbers.push(value)) [value, at] = varint(bytes, at);
  return numbers;
}
// A signed 64-bit number in full: query ids don't fit a double.
function int64(bytes) {
  let value = 0n;
  for (let i = bytes.length; i-- > 0;) value = value << 7n | BigInt(bytes[i] & 127);
  return String(BigInt.asIntN(64, value));
}

function parse(bytes) {
  const strings = [], nameOf = [], inlined = [], messages = [], text = new TextDecoder();
  let comment = 0;
  fields(bytes, (field, value) => {
    if (field === 6) strings.push(text.decode(value));
    else if (field === 2) messages.push(value);
    else if (field === 13) comment = typeof value === "number" ? value : packed(value)[0];
    else if (field === 5) fields(value, (f, v) => { if (f === 2) nameOf.push(v); });
    else if (field === 4) {
      const functions = [];
      fields(value, (f, line) => {
        if (f === 4) fields(line, (g, v) => { if (g === 1) functions.unshift(v - 1); });
      });
      inlined.push(functions);
    }
  });
  const names = nameOf.map((n) => strings[n]);
  // Stacks as a prefix tree: its node n is function fn[n], called from caller[n].
  const fn = [-1], caller = [0], index = new Map();
  const samples = messages.map((message) => {
    const s = {node: 0, state: "running", second: 0, query: "", wait: -1, count: 0, weight: 0};
    let stack = [];
    fields(message, (field, value) => {
      if (field === 1) stack = packed(value);
      else if (field === 2) {
        const [count, weight, intervals = 0, time = 0] = packed(value);
        s.count = count + intervals;
        s.weight = weight + time;
      } else if (field === 3) {
        let key = "";
        fields(value, (f, v, bits) => {
          if (f === 1) key = strings[v];
          else if (key === "state") s.state = strings[v];
          else if (key === "second") s.second = v;
          else if (key === "wait_event") s.wait = v;
          else if (key === "query_id") s.query = int64(bits);
        });
      }
    });
    for (const location of stack.reverse()) {
      for (const f of inlined[location - 1]) {
        const key = s.node * names.length + f;
        let next = index.get(key);
        if (next === undefined) {
          index.set(key, next = fn.push(f) - 1);
          caller.push(s.node);
        }
        s.node = next;
      }
    }
    return s;
  });
  return {names, fn, caller, samples, facts: JSON.parse(strings[comment].slice(8))};
}

async function openProfile() {
  const holder = $("metadata[data-format]");
  if (!holder || !window.DecompressionStream) return null;
  holder.id = root.id + "-profile";
  const bytes = Uint8Array.from(atob(holder.textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return parse(new Uint8Array(await new Response(stream).arrayBuffer()));
}

// Functions that run a plan node (src/backend/executor/node*.c).
const PLAN = new RegExp("^(?:Multi)?Exec(?:Parallel)?((?!Re|Init|End)\\w+Scan|NestLoop|HashJoin|" +
  "MergeJoin|Hash|Material|Memoize|(?:Incremental)?Sort|Group|(?:Window)?Agg|Unique|SetOp|Limit|" +
  "Gather(?:Merge)?|LockRows|(?:Merge)?Append|RecursiveUnion|ModifyTable|ProjectSet|Result|" +
  "Bitmap(?:And|Or))(?:Impl)?$");

function collapse(view) {
  const {names, fn, caller} = profile, nodes = [], top = add(nodes, "all", row.main, -1, null);
  const waiting = view.tab === "waits", plan = view.tab === "executor";
  const wanted = profile.samples.filter((s) => s.state === (waiting ? "waiting" : "running") &&
    (!view.query || s.query === view.query) &&
    (!view.range || (s.second >= view.range[0] && s.second < view.range[1])));
  const needed = new Uint8Array(fn.length), place = [top], area = [];
  for (const s of wanted) for (let n = s.node; n && !needed[n]; n = caller[n]) needed[n] = 1;
  for (let n = 1; n < fn.length; ++n) {
    if (!needed[n]) continue;
    const above = place[caller[n]], cls = clsOf[fn[n]];
    if (plan) {
      // Only plan nodes; on top of them the area of the last frame that is Postgres' own.
      const node = PLAN.exec(names[fn[n]]);
      place[n] = node && above.name !== node[1] ? child(nodes, above, node[1], row.executor) : above;
      area[n] = /other|kernel|unnamed/.test(classes[cls].id) ? area[caller[n]] : cls;
    } else {
      place[n] = !view.merged ? add(nodes, names[fn[n]], cls, fn[n], above)
        : above.fn === fn[n] ? above : child(nodes, above, names[fn[n]], cls, fn[n]);
    }
  }
  for (const s of wanted) {
    let node = place[s.node];
    if (plan) {
      const cls = area[s.node] || row.other;
      if (node === top) node = child(nodes, top, "outside the executor", row.main);
      node = child(nodes, node, classes[cls].title, cls);
    } else if (waiting) {
      const name = s.wait < 0 ? "wait event unknown" : waits[s.wait] || "no wait event";
      node = child(nodes, node, name, row[name.split(":")[0]] || row.other);
    }
    node.self += s.weight;
    node.count += s.count;
  }
  for (let i = nodes.length; i-- > 0;) {  // callees stand behind their callers
    const node = nodes[i];
    node.total += node.self;
    if (node.parent) { node.parent.total += node.total; node.parent.count += node.count; }
  }
  return nodes;
}

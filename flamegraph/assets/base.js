/* Comfort for a report that is complete without it. All files here become one function: nothing
 * leaks into the page around it. No network; text from outside only goes through textContent. */
const root = document.getElementById("pgflame-root");
if (!root || root.pgflame) return;
root.pgflame = true;
const $ = (selector, from = root) => from.querySelector(selector);
const all = (selector, from = root) => [...from.querySelectorAll(selector)];
const on = (target, type, action) => target.addEventListener(type, action);
const set = (element, attributes) => {
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  return element;
};
const maker = (space) => (parent, name, attributes, text = "") => {
  const element = set(document.createElementNS("http://www.w3.org/" + space, name), attributes);
  element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
};
const svg = maker("2000/svg"), html = maker("1999/xhtml");

const group = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const percent = (share) => share > 0 && share < 0.0005 ? "<0.1 %"
  : ((share || 0) * 100).toFixed(share > 0.9995 ? 0 : 1) + " %";

// [id, fill, title] of each colour class.
const classes = JSON.parse($(".classes").textContent);
const row = Object.fromEntries(classes.map(([id], i) => [id, i]));

// What the reader chose; `range` is [from, to) in seconds.
const view = {tab: "", query: "", range: null, merged: false, icicle: false};
const findings = all(".finding").map((element, i) => ({element, number: i + 1,
  frames: element.dataset.frames.split("\n").filter(Boolean)}));
const span = () => view.range ? "seconds " + view.range.join(" to ") : "";
const controls = {};
let data = null, graphs = [], main = null, pattern = "", chosen = null, matches = null;

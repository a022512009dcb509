/* Links: #z=path;of;names&v=tab&q=query&t=from-to&s=pattern; the report's id before each key when
 * several share the page. */
const alone = () => all("svg.pgflame", document).length < 2;
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
  } catch { /* documents without an origin have no history */ }
}
function recall() {
  const parts = new URLSearchParams(location.hash.slice(1)), get = (name) => parts.get(key(name)) || "";
  const range = /^(\d+)-(\d+)$/.exec(get("t")), tab = data && graphs.find(({id}) => id === get("v"));
  const query = data?.queries.find(([id]) => id === get("q"));
  Object.assign(view, {tab: (tab || main).id, query: query ? query[0] : "", range: range && [+range[1], +range[2]]});
  clear();
  pattern = controls.search.value = get("s");
  let path = [];
  try {
    path = get("z").split(";").map(decodeURIComponent);
  } catch { /* a damaged link does not zoom */ }
  refresh(path);
}

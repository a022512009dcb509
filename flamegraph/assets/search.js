/* What is lit up, and which finding is about the current frame. */
function search() {
  let complaint = "";
  matches = null;
  if (chosen) matches = (name) => chosen.frames.includes(name);
  else if (pattern) {
    try {
      const expression = new RegExp(pattern, /[A-Z]/.test(pattern) ? "" : "i");
      matches = (name) => expression.test(name);
    } catch { complaint = "not a valid pattern"; }
  }
  controls.count.textContent = matches ? main.matching() : complaint;
  const {name} = main.current || main.focus;
  for (const finding of findings)
    finding.element.classList.toggle("chosen", chosen ? finding === chosen : finding.frames.includes(name));
  for (const graph of graphs) graph.mark();
}
function clear() {
  chosen = null;
  pattern = controls.search.value = "";
}

function addShow(finding) {
  const show = set($(".show", finding.element), {tabindex: 0, role: "button",
    "aria-label": "show in graph: finding " + finding.number});
  show.textContent = "show in graph";
  const light = () => {
    const next = chosen === finding ? null : finding;
    clear();
    chosen = next;
    if (view.tab !== "cpu") { view.tab = "cpu"; refresh([]); } else search();
    if (chosen) main.element.scrollIntoView({block: "center", behavior: "smooth"});
  };
  on(show, "click", light);
  on(show, "keydown", (event) => {
    if (/^(Enter| )$/.test(event.key)) light(event.preventDefault());
  });
}

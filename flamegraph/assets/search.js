/* What is lit up: frames that match a pattern, or those of a finding; and the finding about the
 * current frame. */
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

// "show in graph" on a finding.
function addShow(finding) {
  const show = set($(".show", finding.element), {tabindex: 0, role: "button",
    "aria-label": "show in graph: finding " + finding.number});
  show.textContent = "show in graph";
  const choose = () => {
    const next = chosen === finding ? null : finding;
    clear();
    chosen = next;
    if (view.tab !== "cpu") { view.tab = "cpu"; refresh([]); } else search();
    if (chosen) main.element.scrollIntoView({block: "center", behavior: "smooth"});
  };
  on(show, "click", choose);
  on(show, "keydown", (event) => {
    if (!/^(Enter| )$/.test(event.key)) return;
    event.preventDefault();
    choose();
  });
}

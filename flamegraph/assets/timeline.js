/* Drag over the timeline, or arrow keys (with shift: longer): only these seconds. */
let veil = () => {};
function timeline(strip) {
  const {x, y, width, height, seconds} = strip.dataset, end = +seconds;
  const veils = [0, 1].map(() => svg(strip, "rect", {y, height, class: "paper", "fill-opacity": 0.75}));
  const area = svg(strip, "rect", {x, y, width, height, fill: "transparent", class: "catch"});
  set(strip, {tabindex: 0, role: "slider", "aria-label": "Range of the recording", "aria-valuemax": end});
  veil = () => {
    const [from, to] = view.range || [0, end], at = (second) => width * Math.min(second / end, 1);
    set(veils[0], {x, width: at(from)});
    set(veils[1], {x: +x + at(to), width: width - at(to)});
    set(strip, {"aria-valuenow": from, "aria-valuetext": span() || "whole recording"});
  };
  const select = (from, to) => {
    from = Math.max(0, Math.min(Math.floor(from), end - 1));
    view.range = [from, Math.max(from + 1, Math.min(Math.ceil(to), end))];
    veil();
  };
  const second = (event) => (pointOf(event).x - x) / width * end;
  let start = null;
  on(area, "pointerdown", (event) => { start = second(event); area.setPointerCapture(event.pointerId); });
  on(area, "pointermove", (event) => {
    if (start !== null) select(...[start, second(event)].sort((a, b) => a - b));
  });
  on(area, "pointerup", (event) => {
    if (Math.abs(second(event) - start) < end / 200) view.range = null;
    start = null;
    choose();
  });
  on(strip, "keydown", (event) => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key] * Math.ceil(end / 10);
    if (!step) return;
    event.preventDefault();
    const [from, to] = view.range || (step > 0 ? [-step, 0] : [end, end - step]);
    select(event.shiftKey ? from : from + step, to + step);
    choose();
  });
}

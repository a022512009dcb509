// Opens reports in headless Chromium and fails on anything written to the console.
import {mkdtempSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {chromium} from "playwright-core";

export const samples = process.env.PGFLAME_SAMPLES;
export const sample = (name) => join(samples, name + ".svg");
export const read = (name) => readFileSync(sample(name), "utf8");

// As it stands inside an HTML page.
export const inline = (name) => read(name).replace(/^<\?xml.*?\?>\s*/, "");

// Texts that leave the page or cover one another; those in frames are labelFaults' matter.
export const textFaults = (page) => page.evaluate(() => {
  const sheet = document.querySelector("svg.pgflame").getBoundingClientRect();
  const texts = Array.from(document.querySelectorAll("svg.pgflame text")).filter((t) => t.textContent.trim());
  const rows = texts.flatMap((t) => t.querySelector("tspan") ? Array.from(t.querySelectorAll("tspan")) : [t])
    .filter((t) => !t.closest(".disc") && !t.closest(".labels"))
    .map((t) => ({text: t.textContent.slice(0, 50), box: t.getBoundingClientRect()}));
  const bad = rows.filter(({box}) => box.right > sheet.right - 30 || box.left < sheet.left + 30)
    .map(({text, box}) => `outside: ${text} ${box.left}..${box.right}`);
  rows.sort((a, b) => a.box.top - b.box.top);
  rows.forEach((a, i) => {
    for (let k = i + 1; k < rows.length && rows[k].box.top < a.box.bottom - 4; ++k) {
      const b = rows[k].box;
      if (b.left < a.box.right - 1 && a.box.left < b.right - 1)
        bad.push(`overlap: ${a.text} / ${rows[k].text}`);
    }
  });
  return bad;
});

// Names that stick out of their frames.
export const labelFaults = (page) => page.evaluate(() => {
  const boxes = Array.from(document.querySelectorAll(".frames rect"), (r) => r.getBoundingClientRect());
  return Array.from(document.querySelectorAll(".labels text")).filter((text) => {
    const t = text.getBoundingClientRect(), y = t.top + t.height / 2;
    return !boxes.some((b) => b.top <= y && y <= b.bottom && b.left <= t.left && t.right <= b.right + 1);
  }).map((text) => text.textContent);
});

export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "pgflame-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    viewport: {width: 1200, height: 1000},
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--allow-file-access-from-files"],
  });
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, {recursive: true, force: true, maxRetries: 3});
    },
  };
}

// A page with the report in it; `complaints` collects console messages and uncaught errors.
export async function openReport(context, name, {hash = "", media, width = 1200} = {}) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:") && !request.url().startsWith("data:"))
      page.complaints.push("network: " + request.url());
  });
  await page.setViewportSize({width, height: 1000});
  if (media) await page.emulateMedia(media);
  await page.goto("file://" + sample(name) + hash);
  await ready(page);
  return page;
}

export async function ready(page, count = 1) {
  await page.waitForFunction(
    (n) => document.querySelectorAll("svg.pgflame[data-ready]").length === n, count);
}

// The frames as the reader sees them: {name: label, x, width}, widest first.
export function frames(page, graph = 0) {
  return page.evaluate((n) => {
    const element = document.querySelectorAll(".graph")[n];
    return Array.from(element.querySelectorAll(".frames rect"), (rect) => ({
      name: rect.box.merged ? "(merged)" : rect.box.node.name,
      x: +rect.getAttribute("x"), y: +rect.getAttribute("y"), width: +rect.getAttribute("width"),
      fill: rect.parentNode.getAttribute("fill"), dim: rect.classList.contains("dim"),
      current: rect.classList.contains("current"),
    })).sort((a, b) => b.width - a.width);
  }, graph);
}

export async function clickFrame(page, name) {
  const point = await page.evaluate((wanted) => {
    const rects = Array.from(document.querySelectorAll(".graph .frames rect"));
    const rect = rects.filter((r) => !r.box.merged && r.box.node.name === wanted)
      .sort((a, b) => b.getAttribute("width") - a.getAttribute("width"))[0];
    rect.scrollIntoView({block: "center"});
    const box = rect.getBoundingClientRect();
    return {x: box.x + box.width / 2, y: box.y + box.height / 2};
  }, name);
  await page.mouse.click(point.x, point.y);
}

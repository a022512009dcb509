// What is left where scripts and styles are not: other renderers, code hosts, paper.
import assert from "node:assert/strict";
import {execFileSync, spawnSync} from "node:child_process";
import {writeFileSync} from "node:fs";
import {join} from "node:path";
import {after, before, test} from "node:test";
import {inline, labelFaults, openBrowser, read, sample, samples, textFaults} from "./browser.mjs";

let browser;
before(async () => { browser = await openBrowser(); });
after(async () => { await browser.close(); });

const reports = ["mixed", "withheld", "hostile", "after", "diff"];
const wanted = {
  mixed: ["PostgreSQL 15.18", "CPU-bound: 71 %", "Where the time went", "On CPU, by plan node",
    "Tuple deforming: 30 % of CPU (30–31)", "Wrong if", "By query", "98.7 % of backend wall time"],
  withheld: ["too poor for a verdict", "To get findings:"],
  diff: ["What changed:", "Gone since before", "Functions that changed"],
};
const say = (name, text, how) => {
  const flat = text.replace(/\s+/g, " ");
  for (const part of wanted[name] || []) assert.ok(flat.includes(part), `${name} ${how}: ${part}`);
};

// Words with their boxes, as a PDF reader finds them.
function words(pdf) {
  const html = execFileSync("pdftotext", ["-bbox", pdf, "-"], {encoding: "utf8", maxBuffer: 1 << 26});
  const sheet = +/<page width="([\d.]+)"/.exec(html)[1];
  return {sheet, list: Array.from(html.matchAll(
    /<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)<\/word>/g),
  ([, left, top, right, bottom, text]) => ({left: +left, top: +top, right: +right, bottom: +bottom, text}))};
}

test("rsvg-convert draws every text where it belongs", () => {
  for (const name of reports) {
    const pdf = join(samples, name + ".pdf");
    execFileSync("rsvg-convert", ["--unlimited", "-f", "pdf", "-o", pdf, sample(name)]);
    say(name, execFileSync("pdftotext", ["-layout", pdf, "-"], {encoding: "utf8", maxBuffer: 1 << 26}), "in rsvg-convert");
    const {sheet, list} = words(pdf);
    assert.ok(list.length > 100, name);
    assert.deepEqual(list.filter((w) => w.left < 15 || w.right > sheet - 15), [], name);
    const overlaps = [];
    list.sort((a, b) => a.top - b.top).forEach((a, i) => {
      for (let k = i + 1; k < list.length && list[k].top < a.bottom - 5; ++k) {
        const b = list[k];
        // A combining character is a word of its own there, on top of the one it belongs to.
        if (/\p{M}/u.test(a.text + b.text)) continue;
        if (b.left < a.right - 1 && a.left < b.right - 1) overlaps.push([a.text, b.text]);
      }
    });
    assert.deepEqual(overlaps, [], name);
  }
});

// Stricter than any code host: scripts, styles, data, foreign content and every attribute that could
// hide one are gone.
function sanitised(svg) {
  return svg.replace(/<(script|style|foreignObject|metadata)\b[\s\S]*?(<\/\1>|\/>)/g, "")
    .replace(/ (style|class|on\w+|data-[\w-]+|role|aria-[\w-]+|tabindex)="[^"]*"/g, "")
    .replace(/^<svg/, '<svg class="pgflame"');
}

test("a sanitised copy says and shows the same", async () => {
  for (const name of reports) {
    const html = join(samples, "sanitised.html");
    const copy = sanitised(inline(name));
    assert.doesNotMatch(copy, /<script|<style|<metadata/);
    writeFileSync(html, `<!doctype html><meta charset="utf-8"><body style="margin:0">${copy}</body>`);
    const page = await browser.context.newPage();
    await page.goto("file://" + html);
    say(name, await page.evaluate(() => document.querySelector("svg").textContent), "sanitised");
    // Without classes, every text outside of frames keeps to its place: inside the sheet.
    const outside = await page.evaluate(() => {
      const sheet = document.querySelector("svg").getBoundingClientRect();
      return Array.from(document.querySelectorAll("svg text"), (t) => [t.textContent, t.getBoundingClientRect()])
        .filter(([text, box]) => text && (box.right > sheet.right - 15 || box.left < sheet.left + 15))
        .map(([text]) => text.slice(0, 60));
    });
    assert.deepEqual(outside, [], name);
    await page.close();
  }
});

test("an image of a sanitised copy looks like an image of the report", async () => {
  const html = join(samples, "images.html");
  writeFileSync(join(samples, "clean.svg"), sanitised(read("mixed")).replace('<svg class="pgflame"', "<svg"));
  writeFileSync(html, `<!doctype html><body><img alt="" src="mixed.svg"><img alt="" src="clean.svg"></body>`);
  const page = await browser.context.newPage();
  await page.goto("file://" + html);
  // Both drawn small: what differs is the rounding of corners and the spacing of digits.
  const {drawn, different} = await page.evaluate(async () => {
    const [one, other] = await Promise.all(Array.from(document.querySelectorAll("img"), async (image) => {
      await image.decode();
      const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
      [canvas.width, canvas.height] = [300, Math.round(image.naturalHeight / 4)];
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      return context.getImageData(0, 0, canvas.width, canvas.height).data;
    }));
    if (one.length !== other.length) throw new Error("not of the same size");
    let drawn = 0, different = 0;
    for (let i = 0; i < one.length; ++i) {
      if (one[i] !== one[0]) ++drawn;
      if (Math.abs(one[i] - other[i]) > 60) ++different;
    }
    return {drawn: drawn / one.length, different: different / one.length};
  });
  assert.ok(drawn > 0.05, `${drawn} of the sheet is drawn on`);
  assert.ok(different < 0.005, `${different} of the sheet differs`);
  await page.close();
});

test("with scripts turned off no text leaves its place", async () => {
  for (const name of reports) {
    const file = join(samples, "off.svg");
    writeFileSync(file, read(name).replace(/<script>[\s\S]*<\/script>/, ""));
    const page = await browser.context.newPage();
    await page.goto("file://" + file);
    assert.equal(await page.$("[data-ready]"), null);
    assert.deepEqual(await textFaults(page), [], name);
    assert.deepEqual(await labelFaults(page), [], name);
    await page.close();
  }
});

test("on paper everything is there, without the toolbar, and reads without colours", async () => {
  for (const name of ["mixed", "diff"]) {
    const page = await browser.context.newPage();
    await page.goto("file://" + sample(name));
    await page.waitForSelector("[data-ready]");
    const pdf = join(samples, "paper.pdf");
    writeFileSync(pdf, await page.pdf({format: "A4", printBackground: false}));
    const text = execFileSync("pdftotext", ["-layout", pdf, "-"], {encoding: "utf8", maxBuffer: 1 << 26});
    say(name, text, "on paper");
    assert.doesNotMatch(text, /Merge recursion|Icicle|show in graph/);
    await page.emulateMedia({media: "print"});
    // Without colours frames are told apart by their outlines.
    assert.notEqual(await page.$eval(".frames rect", (r) => getComputedStyle(r).stroke), "none");
    await page.close();
  }
});

const pgflame = (...args) => spawnSync(process.env.PGFLAME_BINARY, args, {encoding: "utf8", maxBuffer: 1 << 28});
const total = (folded) => folded.trim().split("\n").reduce((sum, line) => sum + +line.split(" ").pop(), 0);

test("a report is data: it converts, is compared, and is reported again", () => {
  const folded = pgflame("convert", sample("mixed"), "--to", "folded");
  assert.equal(folded.status, 0, folded.stderr);
  assert.match(folded.stdout, /;ExecScan;ExecInterpExpr;slot_getsomeattrs_int;tts_buffer_heap_getsomeattrs \d+/);
  assert.ok(total(folded.stdout) > 26_000);
  const again = join(samples, "again");
  const reported = pgflame("report", sample("mixed"), "-o", again, "--force");
  assert.equal(reported.status, 0, reported.stderr);
  assert.equal(pgflame("convert", again + ".svg", "--to", "folded").stdout, folded.stdout);
  const compared = pgflame("diff", sample("mixed"), sample("after"));
  assert.equal(compared.status, 0, compared.stderr);
  assert.match(compared.stdout, /tuple deforming/);
});

test("what carries no profile says so and what to do", () => {
  for (const [name, reason, hint] of [["diff", /compares two captures/, /open the captures/],
    ["static", /no profile inside this report/, /open the capture/]]) {
    for (const command of [["report"], ["convert", "--to", "folded"]]) {
      const done = pgflame(...command, sample(name));
      assert.equal(done.status, 1, name);
      assert.match(done.stderr, reason);
      assert.match(done.stderr, hint);
    }
  }
});

test("a selection is what is drawn and carried, also when its name is redacted", () => {
  for (const redact of [[], ["--redact"]]) {
    const base = join(samples, "selected");
    const done = pgflame("report", sample("mixed"), "--user", "batch", "-o", base, "--force", ...redact);
    assert.equal(done.status, 0, done.stderr);
    const folded = pgflame("convert", base + ".svg", "--to", "folded").stdout;
    assert.match(folded, /ExecIndexScan/);
    assert.doesNotMatch(folded, /tts_buffer_heap_getsomeattrs|AutoVacWorkerMain/);
    const strings = pgflame("audit", base + ".svg").stdout;
    assert.match(strings, /4 188 samples/);
    assert.doesNotMatch(strings, /wide_events|autovacuum worker|26 228/);
  }
});

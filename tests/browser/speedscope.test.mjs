// What `pgflame convert --to speedscope` writes opens in speedscope itself, with the same numbers.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {after, before, test} from "node:test";
import {openBrowser} from "./browser.mjs";

const release = join(dirname(createRequire(import.meta.url).resolve("speedscope/package.json")),
  "dist", "release", "index.html");
const stacks = [
  ["main;ExecSeqScan", 30], ["main;ExecSort;qsort<int>", 50], ["main", 15],
  ["main;it's \"quoted\" \\ & ünïcode", 5],
];
let browser, folder;
before(async () => {
  browser = await openBrowser();
  folder = mkdtempSync(join(tmpdir(), "pgflame-speedscope-"));
});
after(async () => {
  await browser.close();
  rmSync(folder, {recursive: true, force: true});
});

function converted() {
  const input = join(folder, "in.folded"), output = join(folder, "out.json");
  writeFileSync(input, stacks.map(([stack, count]) => `postgres;${stack} ${count}\n`).join(""));
  execFileSync(process.env.PGFLAME_BINARY,
    ["convert", input, "--to", "speedscope", "-o", output, "--force"]);
  return readFileSync(output);
}

test("speedscope lists every function with its share of the samples", async () => {
  // As speedscope's own command line tool hands over a file.
  const script = join(folder, "profile.js");
  writeFileSync(script,
    `speedscope.loadFileFromBase64("pgflame.json", "${converted().toString("base64")}")`);
  const page = await browser.context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => { errors.push(dialog.message()); dialog.dismiss(); });
  await page.goto(`file://${release}#localProfilePath=${script}`);
  await page.getByText("Sandwich").click();
  await page.getByText("ExecSeqScan").first().waitFor();
  const rows = await page.locator("table tr").allTextContents();
  const row = (name) => rows.filter((text) => text.endsWith(name));
  for (const [name, total, self] of [["main", "100%", "15%"], ["ExecSeqScan", "30%", "30%"],
    ["ExecSort", "50%", "<0.01%"], ["qsort<int>", "50%", "50%"],
    ["it's \"quoted\" \\ & ünïcode", "5.0%", "5.0%"]]) {
    assert.equal(row(name).length, 1, name + " in " + JSON.stringify(rows));
    const shares = row(name)[0].match(/<?[\d.]+%/g);
    assert.deepEqual(shares, [total, self], name + ": " + row(name)[0]);
  }
  assert.deepEqual(errors, []);
});

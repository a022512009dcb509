// What `pgflame convert --to firefox` writes opens in Firefox Profiler, with the same numbers: its
// makers' command line tool is the profiler's own code without the pages.
import assert from "node:assert/strict";
import {execFileSync, spawn} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {after, before, test} from "node:test";

const profiler = createRequire(import.meta.url).resolve("@firefox-devtools/profiler-cli");
const script = `postgres  4242 [001]  10.000000:   10101010 cpu-clock:
\t    55d0c0401000 ExecSort+0x10 (/usr/lib/postgresql/15/bin/postgres)
\t    55d0c0400000 main+0x20 (/usr/lib/postgresql/15/bin/postgres)

postgres  4242 [001]  10.500000:   10101010 cpu-clock:
\tffffffff81000010 copy_page+0x10 ([kernel.kallsyms])
\t    55d0c0401000 ExecSort+0x10 (/usr/lib/postgresql/15/bin/postgres)
\t    55d0c0400000 main+0x20 (/usr/lib/postgresql/15/bin/postgres)

postgres  4242 [001]  11.000000:   10101010 cpu-clock:
\t    55d0c0400010 main+0x30 (/usr/lib/postgresql/15/bin/postgres)

psql  777 [000]  12.000000:   10101010 cpu-clock:
\t    7f0000001000 it's "quoted" \\ ünïcode+0x1 (/usr/lib/x86_64-linux-gnu/libpq.so.5.15)

`;
let folder, environment, server;
const ask = (...words) => execFileSync(process.execPath, [profiler, ...words],
  {cwd: folder, env: environment, encoding: "utf8", stdio: "pipe"});
const askJson = (...words) => JSON.parse(ask(...words, "--json"));

// Its own "load" gives the part that answers half a second to start. Asked before it is ready, the
// client takes the session for a dead one and removes its files: so its log is read until it is.
async function load(profile) {
  server = spawn(process.execPath, [profiler, "--daemon", profile, "--session", "test"],
    {env: environment, stdio: "ignore"});
  const log = () => {
    const path = join(folder, "test.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  for (const end = Date.now() + 60_000; !log().includes("Daemon ready"); ) {
    assert.ok(Date.now() < end && server.exitCode === null, `the profiler did not start: ${log()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "pgflame-firefox-"));
  environment = {...process.env, PROFILER_CLI_SESSION_DIR: folder, PROFILER_CLI_NO_SYMBOLICATE: "1"};
  writeFileSync(join(folder, "in.script"), script);
  execFileSync(process.env.PGFLAME_BINARY,
    ["convert", join(folder, "in.script"), "--to", "firefox", "-o", join(folder, "out.json")]);
  await load(join(folder, "out.json"));
});
after(() => {
  server.kill();
  rmSync(folder, {recursive: true, force: true});
});

test("Firefox Profiler shows a track for each process, the busiest first", () => {
  const {threads} = askJson("thread", "list");
  assert.deepEqual(threads.map(({name, pid}) => [name, pid]), [["postgres", "4242"], ["psql", "777"]]);
  assert.ok(threads[0].cpuMs > 2.9 * threads[1].cpuMs, JSON.stringify(threads));
});

test("Firefox Profiler counts the same samples for every function, and knows its library", () => {
  const rows = (thread) => askJson("thread", "functions", "--thread", thread).functions
    .map((row) => [row.nameWithLibrary, row.selfSamples, row.totalSamples]).sort();
  assert.deepEqual(rows("t-0"),
    [["[kernel]!copy_page", 1, 1], ["postgres!ExecSort", 1, 2], ["postgres!main", 1, 3]]);
  assert.deepEqual(rows("t-1"), [["libpq.so.5.15!it's \"quoted\" \\ ünïcode", 1, 1]]);
});

test("Firefox Profiler tells the kernel's share", () => {
  const text = ask("thread", "samples", "--thread", "t-0");
  assert.match(text, /User\s+\S*\s+2\s+66\.7%/);
  assert.match(text, /Kernel\s+\S*\s+1\s+33\.3%/);
});

#!/usr/bin/env node
// The page of a run whose log has 100 000 lines, in a real Chromium: how long until a reader can use it, how fluid it
// is to scroll, how fast a filter answers.
//
//     bench/log_page.mjs [BINARY] [--lines 100000] [--json]
//
// One real run is made with the program's own client; its evidence is then filled up with copies of its protocol lines
// until the log is long enough, as a chatty client would have done. "Usable" is the time from the click on the link
// until the last line of the log is on the screen after a jump to the end: the page, its script, two stretches of the
// log. The first visit reads the evidence from the disk, the second finds the log in memory.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const { chromium } = createRequire(join(root, "tests/browser/package.json"))("playwright-core");
const words = process.argv.slice(2);
const json = words.includes("--json");
const at = words.indexOf("--lines");
const wanted = at >= 0 ? Number(words[at + 1]) : 100_000;
const given = words.find((word, place) => !word.startsWith("--") && words[place - 1] !== "--lines");
const binary = resolve(given ?? join(root, "target/release/vaguemestre"));
const data = mkdtempSync(join(tmpdir(), "vaguemestre-log-"));

const up = async () => {
  const server = spawn(binary, ["up", "--ports", "auto", "--json", "--data", data], { stdio: ["ignore", "pipe", "inherit"] });
  const ready = await new Promise((done, fail) => {
    let text = "";
    server.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) done(JSON.parse(text));
    });
    server.on("exit", (code) => fail(new Error(`up ended with ${code}`)));
  });
  return { server, url: ready.server };
};
const down = ({ server }) => new Promise((done) => {
  server.on("exit", done);
  server.kill("SIGTERM");
});
const cli = (...args) => execFileSync(binary, [...args, "--data", data], { stdio: ["ignore", "pipe", "ignore"] });

const FILL = `
import glob, json, sqlite3, sys
path = next(p for p in glob.glob(sys.argv[1] + "/**/*", recursive=True) if open(p, "rb").read(16).startswith(b"SQLite format 3"))
db = sqlite3.connect(path)
body = json.loads(db.execute("SELECT body FROM evidence WHERE run = 1").fetchone()[0])
events = body["events"]
lines = [event for event in events if event["fact"] == "line"]
seq = max(event["seq"] for event in events)
last = events.pop()
for n in range(int(sys.argv[2]) - len(events) - 20):
    copy = dict(lines[n % len(lines)], seq=seq + n + 1)
    copy["text"] = copy["text"][:80] + " #%d" % n
    events.append(copy)
events.append(dict(last, seq=seq + int(sys.argv[2]) + 1))
db.execute("UPDATE evidence SET body = ? WHERE run = 1", (json.dumps(body).encode(),))
db.commit()
print(len(json.dumps(body)))
`;

const middle = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const browserWith = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

let lab = await up();
try {
  cli("account", "add", "--nil", "2621", "--name", "Journal", "--psc-id", "899700000018", "--app-id", "163254178");
  cli("run", "psc-nil", "--nil", "2621", "--adapter", "lps");
  await down(lab);
  const octets = Number(execFileSync("python3", ["-c", FILL, data, String(wanted)]).toString());
  lab = await up();
  const browser = await browserWith();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, locale: "fr-FR" });
    await page.goto(`${lab.url}/nodes`); // the browser itself is warm
    const visit = async () => {
      const start = performance.now();
      await page.goto(`${lab.url}/runs/1`, { waitUntil: "commit" });
      await page.waitForSelector("#linebox.virtual #L1");
      const first = performance.now() - start;
      const total = await page.evaluate(() => {
        const box = document.getElementById("linebox");
        box.scrollTop = box.scrollHeight;
        return Number(box.dataset.matched);
      });
      await page.waitForSelector(`#L${total} .text`);
      return { first: Math.round(first), usable: Math.round(performance.now() - start), total };
    };
    const cold = await visit();
    const warm = [];
    for (let round = 0; round < 5; round += 1) warm.push(await visit());
    const frames = await page.evaluate(async () => {
      const box = document.getElementById("linebox");
      const times = [];
      let before = performance.now();
      for (let step = 0; step < 120; step += 1) {
        box.scrollTop = (box.scrollHeight * step) / 120;
        await new Promise((done) => requestAnimationFrame(done));
        times.push(performance.now() - before);
        before = performance.now();
      }
      return times.slice(1);
    });
    const start = performance.now();
    await page.fill("#log-q", "#99");
    await page.waitForFunction((total) => !document.getElementById("log-count").textContent.includes(` sur ${total}`) && document.querySelector("#lines .text")?.textContent.includes("#99"), cold.total);
    const filter = Math.round(performance.now() - start);
    const result = {
      binary, lines: cold.total, evidence_mb: Math.round(octets / 1e5) / 10,
      cold_first_line_ms: cold.first, cold_usable_ms: cold.usable,
      warm_usable_ms: middle(warm.map((visit) => visit.usable)), warm_usable_worst_ms: Math.max(...warm.map((visit) => visit.usable)),
      frame_median_ms: Math.round(middle(frames) * 10) / 10, frame_worst_ms: Math.round(Math.max(...frames)), filter_ms: filter,
    };
    console.log(json ? JSON.stringify(result) : Object.entries(result).map(([name, value]) => `${name.padEnd(22)} ${value}`).join("\n"));
    process.exitCode = result.cold_usable_ms <= 1_000 ? 0 : 1;
  } finally {
    await browser.close();
  }
} finally {
  await down(lab);
  rmSync(data, { recursive: true, force: true });
}

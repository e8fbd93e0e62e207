// Every page in both languages, at 1280 and 390 px, as pictures, each held against axe-core and looked at for content that
// is too wide. Usage: node pictures.mjs BINARY DIR
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lab } from "./lab.mjs";

const bench = await lab(process.argv[2], process.argv[3]);
const bad = (mode) => `python3 -B adapters/python/bad/bad.py ${mode}`;
const run = (...words) => { try { return JSON.parse(bench.cli("run", ...words, "--json")); } catch (error) { return JSON.parse(error.stdout); } };
const faults = [];
try {
  bench.cli("account", "add", "--nil", "2621", "--name", "SantéProMoins", "--product-version", "2.1.2", "--psc-id", "899700000018", "--app-id", "163254178");
  bench.cli("account", "add", "--nil", "2626", "--name", "SantéProPlus", "--product-version", "1.1.2", "--psc-id", "899700000026", "--app-id", "163254186", "--type", "ORG");
  const all = run("all", "--nil", "2621", "--adapter", "lps");
  const passed = all.runs.find((one) => one.job === "psc-nil").number;
  const failed = run("psc-two-cda", "--nil", "2621", "--adapter", bad("codecda-spaces")).runs[0].number;
  const unsure = run("psc-nil", "--nil", "2621", "--adapter", "true").runs[0].number;
  const { number: waiting } = await (async () => {
    const key = (await import("node:fs")).readFileSync(bench.up.api_key_file, "utf8").trim();
    const answer = await fetch(`${bench.up.server}/api/v1/campaigns`, { method: "POST", headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, body: JSON.stringify({ nil: "2626", what: "psc-mes-absent", timer_s: 600 }) });
    return { number: (await answer.json()).runs[0] };
  })();
  // Files that are checked: the mail that a run received, a mail with defects, a file with nothing in it.
  bench.cli("proof", String(all.runs.find((one) => one.job === "psc-codecda").number), "--out", join(bench.data, "checked.proof"));
  const signed = readFileSync(join(bench.data, "checked.proof"), "utf8");
  const proof = JSON.parse(signed.slice(0, signed.lastIndexOf("\nvaguemestre-sig:")));
  const mail = Buffer.from(proof.runs[0].messages[0].base64, "base64");
  const checked = async (...files) => {
    const form = new FormData();
    for (const [name, bytes] of files) form.append("file", new Blob([bytes]), name);
    const answer = await fetch(`${bench.up.server}/check`, { method: "POST", body: form, redirect: "manual" });
    return answer.headers.get("location");
  };
  const good = await checked(["message.eml", mail]);
  const defects = await checked(["sans-nil.eml", mail.toString("latin1").replace("X-MSS-NIL", "X-Nil")], ["vide.pdf", ""]);
  const pages = [
    ["verifier", "/check"], ["verifie", good], ["verifie-defauts", defects], ["verifie-oublie", "/check/oublie"],
    ["tableau-de-bord", "/"], ["jobs", "/jobs?nil=2621"], ["jobs-recherche", "/jobs?q=CONF.21"], ["job", "/jobs/psc-plain?nil=2621"], ["job-parcours", "/jobs/segur-v2-parcours?nil=2621"],
    ["executions", "/runs"], ["execution-reussie", `/runs/${passed}`], ["execution-echouee", `/runs/${failed}`], ["execution-non-concluante", `/runs/${unsure}`], ["execution-en-attente", `/runs/${waiting}`],
    ["comparaison", `/runs/compare?a=${passed}&b=${unsure}`], ["campagne", `/campaigns/${all.campaign}`], ["noeuds", "/nodes"], ["preuves", "/proofs"],
    ["comptes", "/accounts"], ["compte", "/accounts/2621"], ["compte-org", "/accounts/2626"], ["creation-de-compte", "/accounts/new"], ["modifier", "/accounts/2621/edit"], ["supprimer", "/accounts/2626/delete"],
    ["produits", "/products"], ["import", "/products/import"], ["reglages", "/settings"], ["compte-cree", "/accounts/2621?created=1"], ["informations", "/info"], ["requirements", "/requirements"], ["guide", "/guide"], ["cgu", "/terms"], ["api", "/api"], ["introuvable", "/nulle-part"], ["execution-inconnue", "/runs/29400"],
  ];
  for (const lang of ["fr", "en"]) {
    for (const width of [1280, 390]) {
      const context = await bench.browser.newContext({ locale: lang === "fr" ? "fr-FR" : "en-GB", viewport: { width, height: 900 }, bypassCSP: true });
      const page = await context.newPage();
      for (const [name, path] of pages) {
        await page.goto(bench.up.server + path);
        await page.waitForTimeout(150);
        await page.screenshot({ path: join(bench.pictures, `${name}-${lang}-${width}.png`), fullPage: true });
        faults.push(...await bench.axe(page, `${name} ${lang} ${width}`));
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (overflow > 0) faults.push(`${name} ${lang} ${width}: ${overflow} px too wide`);
      }
      await context.close();
    }
  }
  assert.deepEqual(faults, []);
  console.log(`${pages.length} pages, two languages, two widths: pictures in ${bench.pictures}, axe-core has nothing to say`);
} finally {
  await bench.end();
}

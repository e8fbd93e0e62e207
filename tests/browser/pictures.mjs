// Every page in both languages, at 1280 and 390 px, as pictures. Usage: node pictures.mjs BINARY DIR
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [binary, pictures] = [resolve(process.argv[2]), resolve(process.argv[3])];
mkdirSync(pictures, { recursive: true });
const data = mkdtempSync(join(tmpdir(), "vaguemestre-pictures-"));
const server = spawn(binary, ["up", "--ports", "auto", "--json", "--data", data], { stdio: ["ignore", "pipe", "inherit"] });
const up = await new Promise((done) => server.stdout.once("data", (chunk) => done(JSON.parse(chunk))));
const cli = (...args) => execFileSync(binary, [...args, "--data", data], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
cli("account", "add", "--nil", "2621", "--name", "SantéProMoins", "--product-version", "2.1.2", "--psc-id", "899700000018", "--app-id", "163254178");
cli("run", "all", "--nil", "2621", "--adapter", "lps");
try { cli("run", "psc-nil", "--nil", "2621", "--adapter", "python3 adapters/python/bad/missing_nil.py"); } catch { /* it must fail */ }
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
try {
  for (const lang of ["fr", "en"]) {
    for (const width of [1280, 390]) {
      const context = await browser.newContext({ locale: lang === "fr" ? "fr-FR" : "en-GB", viewport: { width, height: 900 } });
      const page = await context.newPage();
      for (const [name, path] of [["tableau-de-bord", "/"], ["comptes", "/accounts"], ["creation", "/accounts/new"], ["compte", "/accounts/2621?created=1"], ["modifier", "/accounts/2621/edit"], ["supprimer", "/accounts/2621/delete"], ["demarches", "/products"], ["import", "/products/import"], ["noeuds", "/nodes"], ["preuves", "/proofs"], ["reglages", "/settings"], ["informations", "/info"], ["guide", "/guide"], ["cgu", "/terms"], ["execution-reussie", "/runs/5"], ["execution-echouee", "/runs/6"], ["introuvable", "/nulle-part"]]) {
        await page.goto(up.server + path);
        await page.screenshot({ path: join(pictures, `${name}-${lang}-${width}.png`), fullPage: true });
      }
      await context.close();
    }
  }
  console.log(`pictures in ${pictures}`);
} finally {
  await browser.close();
  server.kill("SIGTERM");
  rmSync(data, { recursive: true, force: true });
}

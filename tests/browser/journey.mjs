// A person's first hour on the bench, in a real Chromium: register a product, copy the settings, run a job by hand, fail,
// read why, correct the client, run again, pass, compare, take the proof away and verify it. Every page on the way is
// held against axe-core. Usage: node journey.mjs BINARY PICTURES_DIR
import assert from "node:assert/strict";
import { join } from "node:path";
import { lab } from "./lab.mjs";

const bench = await lab(process.argv[2], process.argv[3]);
const address = "899700000018@mail-tests-editeur.vaguemestre.test";
const violations = [];
try {
  const context = await bench.browser.newContext({ locale: "fr-FR", viewport: { width: 1280, height: 900 }, acceptDownloads: true, bypassCSP: true });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error" && !message.text().includes("400 (Bad Request)")) problems.push(message.text()); }); // one form is refused on purpose
  const look = async (name) => {
    violations.push(...await bench.axe(page, name));
    await page.screenshot({ path: join(bench.pictures, `${name}.png`), fullPage: true });
  };

  const log = async (run) => (await page.request.get(`${bench.up.server}/runs/${run}/log.txt`)).text();

  // 1. The empty bench invites to make an account.
  await page.goto(bench.up.server);
  await look("1-accueil");
  await page.getByRole("link", { name: "Création de compte" }).first().click();
  await page.getByLabel(/^Référence produit \(NIL\)/).fill("2621");
  await page.getByLabel(/^Nom du produit/).fill("SantéProMoins <b>");
  await page.getByLabel(/^Identifiant national PSC/).fill("899700000018");
  await page.getByLabel(/^Identifiant national AUTH_CLI/).fill("899700000018");
  await page.getByRole("button", { name: "Valider" }).click();
  await page.getByRole("alert").first().waitFor();
  await look("2-compte-refuse");
  await page.getByLabel(/^Identifiant national AUTH_CLI/).fill("163254178");
  await page.getByRole("button", { name: "Valider" }).click();
  await page.getByText("Le compte a bien été ajouté. Les deux BAL sont actives.").waitFor();
  assert.ok((await page.textContent("main")).includes(address), "the mailbox's address is there to copy");
  assert.ok((await page.textContent("main")).includes("SantéProMoins <b>"), "the product's name is shown as it was typed");
  await look("3-compte");

  // 2. The tree, searched by requirement.
  await page.getByRole("link", { name: "Jobs", exact: true }).first().click();
  await page.getByText("Cas de tests de référencement SEGUR").first().waitFor();
  await look("4-jobs");
  await page.getByRole("searchbox").or(page.getByLabel(/Chercher un job/)).first().fill("CONF.16");
  await page.getByRole("button", { name: "Rechercher" }).click();
  await page.getByRole("link", { name: "MIE PSC : Indicateurs SMTP NIL (MSS-CONF.16)" }).click();

  // 3. The job's page: prerequisites are green; run by hand.
  await page.getByText("Prêt").first().waitFor();
  assert.equal(await page.getByText("En défaut").count(), 0, "every prerequisite is green");
  await look("5-job");
  await page.getByRole("button", { name: "Lancer le job" }).click();
  await page.getByRole("heading", { name: /En attente de votre action/ }).waitFor();
  await page.getByRole("button", { name: /Prolonger/ }).click();
  await page.getByRole("heading", { name: /En attente de votre action/ }).waitFor();
  await look("6-attente");

  // 4. Fail: the header is missing. What a client controls is shown as text, never as HTML.
  const subject = "Subject: <img src=x onerror=alert(1)>\r\n";
  bench.send(address, bench.token("899700000018"), address, `Message-ID: <1@lps.example>\r\nX-MSS-INS: <script>alert(1)</script>\r\n${subject}`);
  await page.getByText("Échoué").first().waitFor({ timeout: 15_000 });
  const failed = Number(page.url().match(/\/runs\/(\d+)/)[1]);
  const text = await page.textContent("main");
  assert.match(text, /X-MSS-NIL/);
  assert.match(text, /Que faire/);
  assert.match(await log(failed), /\['TEST_KO'\]\s*$/);
  assert.match(await page.title(), new RegExp(`n° ${failed}`));
  assert.equal(await page.locator("main img, main script:not([src])").count(), 0, "nothing of the client became HTML");
  await look("7-echec");

  // 5. Correct the client, run again, pass. The window is closed and opened again meanwhile: the run goes on.
  await page.getByRole("button", { name: /^Relancer/ }).click();
  await page.getByRole("heading", { name: /En attente de votre action/ }).waitFor();
  const running = page.url();
  await page.goto("about:blank");
  bench.send(address, bench.token("899700000018"), address, `Message-ID: <2@lps.example>\r\nX-MSS-NIL: 2621\r\n${subject}`);
  await page.goto(running);
  await page.getByText("Réussi").first().waitFor({ timeout: 15_000 });
  const passed = Number(page.url().match(/\/runs\/(\d+)/)[1]);
  assert.match(await log(passed), /\['TEST_OK'\]\s*$/);
  await look("8-reussi");

  // 6. Compare the two.
  await page.getByRole("link", { name: /Comparer/ }).first().click();
  await page.getByText(`n° ${failed}`).first().waitFor();
  await look("9-comparaison");

  // 7. Take the proof away; it verifies, on the command line and on the page.
  await page.goto(`${bench.up.server}/runs/${passed}`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Télécharger la preuve" }).click()]);
  const proof = join(bench.data, "journey.proof");
  await download.saveAs(proof);
  assert.match(bench.cli("verify", proof), /Preuve valide/);
  await page.goto(`${bench.up.server}/proofs`);
  await page.locator("input[type=file]").setInputFiles(proof);
  await page.getByRole("button", { name: /[Vv]érifier/ }).first().click();
  await page.getByText(/[Pp]reuve valide|Valide/).first().waitFor();
  await look("10-preuve");

  // 8. The history, in English, and on a telephone.
  await page.goto(`${bench.up.server}/runs`);
  await page.getByRole("button", { name: "English" }).click();
  await page.locator("html[lang=en]").waitFor();
  await look("11-history");
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["/", "/jobs", "/jobs/psc-nil", "/runs", `/runs/${failed}`, "/accounts", "/accounts/new"]) {
    await page.goto(bench.up.server + path);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} px too wide for a telephone`);
  }
  await look("12-telephone");
  assert.deepEqual(problems, [], "the browser reported problems");
  assert.deepEqual(violations, [], "axe-core found violations");
  console.log("browser journey: register, run by hand, fail, understand, correct, pass, compare, prove: done, axe-core has nothing to say");
} finally {
  await bench.end();
}

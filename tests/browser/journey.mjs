// A person's first minutes on the bench, in a real Chromium: register a product, run a job by hand, be judged, read
// why, take the proof away. Usage: node journey.mjs BINARY PICTURES_DIR
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [binary, pictures] = [resolve(process.argv[2]), resolve(process.argv[3])];
mkdirSync(pictures, { recursive: true });
const data = mkdtempSync(join(tmpdir(), "vaguemestre-journey-"));
const server = spawn(binary, ["up", "--ports", "auto", "--json", "--data", data], { stdio: ["ignore", "pipe", "inherit"] });
const up = await new Promise((done, fail) => {
  let text = "";
  server.stdout.on("data", (chunk) => {
    text += chunk;
    if (text.includes("\n")) done(JSON.parse(text));
  });
  server.on("exit", (code) => fail(new Error(`up ended with ${code}`)));
});
const cli = (...args) => execFileSync(binary, [...args, "--data", data], { encoding: "utf8" });

// A mail client that we did not write: Python's imaplib, on the fixed port, trusting the lab's CA only.
const imapLogin = (address, token, mechanism = "XOAUTH2") =>
  execFileSync("python3", ["-c", `
import imaplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
client = imaplib.IMAP4("localhost", int(sys.argv[2]))
client.starttls(context)
try:
    client.authenticate(sys.argv[5], lambda _: f"user={sys.argv[3]}\\x01auth=Bearer {sys.argv[4]}\\x01\\x01".encode() if _ == b"" else b"")
    client.select("INBOX")
except imaplib.IMAP4.error:
    pass
client.logout()
`, up.ca_file, String(up.imap.starttls), address, token, mechanism]);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
try {
  const context = await browser.newContext({ locale: "fr-FR", viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });

  // Register. The form is open where there is no product yet.
  await page.goto(up.server);
  await page.getByLabel("Référence produit (NIL)").fill("2621");
  await page.getByLabel("Nom du produit").fill("SantéProMoins <b>");
  await page.getByLabel("Identifiant national PSC").fill("899700000018");
  await page.getByLabel("Identifiant national AUTH_CLI").fill("163254178");
  await page.getByRole("button", { name: "Valider" }).click();
  const address = "899700000018@mail-tests-editeur.vaguemestre.test";
  await page.getByText(address).waitFor();
  assert.ok((await page.textContent("main")).includes("SantéProMoins <b>"), "the product's name is shown as it was typed");
  await picture("tableau-de-bord");

  // Run by hand and pass.
  const job = page.locator("li", { hasText: "MIE PSC : Authentification IMAP (MSS-CONF.07)" });
  await job.getByRole("button", { name: "Lancer le job" }).click();
  await page.getByRole("heading", { name: "En attente de votre action" }).waitFor();
  await picture("execution-en-attente");
  imapLogin(address, cli("psc", "token", "--identity", "899700000018").trim());
  await page.getByText("Réussi").first().waitFor({ timeout: 15_000 });
  assert.match(await page.textContent("#lines"), /TEST_OK/);
  await picture("execution-reussie");

  // Take the proof away; it verifies.
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Télécharger la preuve").click()]);
  const proof = join(data, "journey.proof");
  await download.saveAs(proof);
  assert.match(cli("verify", proof), /Preuve valide/);

  // Fail, and read why and what to do.
  await page.goto(up.server);
  await job.getByRole("button", { name: "Lancer le job" }).click();
  await page.getByRole("heading", { name: "En attente de votre action" }).waitFor();
  imapLogin(address, "not-a-token");
  await page.getByText("Échoué").first().waitFor({ timeout: 15_000 });
  const text = await page.textContent("main");
  assert.match(text, /jeton illisible/);
  assert.match(text, /Que faire/);
  await picture("execution-echouee");

  // The same in English, and on a telephone.
  await page.getByRole("button", { name: "English" }).click();
  await page.getByText("The verdict explained").waitFor();
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide for a telephone`);
  await picture("execution-390");
  assert.deepEqual(problems, [], "the browser reported problems");
  console.log("browser journey: register, run by hand, pass, prove, fail, understand: done");
} finally {
  await browser.close();
  server.kill("SIGTERM");
  rmSync(data, { recursive: true, force: true });
}

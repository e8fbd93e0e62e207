// The directory's page in a real Chromium: results while typing, the keyboard, filters, a card, copying; without a script; at
// both widths, in both languages, held against axe-core. Usage: node directory.mjs BINARY PICTURES_DIR
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { lab } from "./lab.mjs";

const bench = await lab(process.argv[2], process.argv[3]);
const at = (path) => bench.up.server + path;
const findings = [];

// A line of the extraction: 31 columns, as the State publishes them. These two people are the webinar's examples; like the
// others they do not exist.
const line = (rpps, family, given, skill, label, street, town, postcode, department) =>
  ["PER", `${given}.${family}@medecin.mssante.test`.toLowerCase(), "8", rpps, `8${rpps}`, "4", `4${rpps}001`, "", "DR", family,
    given, "C", "Civil", "10", "Médecin", skill, label, "O", `CABINET DU DR ${family}`, "", "", "", "7", "", ...street, "",
    `${postcode} ${town}`, postcode, department, "FRANCE"].join("|");
const examples = [
  ["dupont", "Dupont 97500 cardiologue", "DUPONT",
    line("99900000018", "DUPONT", "Camille", "SM04", "Cardiologie et maladies vasculaires", ["RUE", "MARECHAL FOCH"],
      "ST PIERRE", "97500", "Saint-Pierre-et-Miquelon")],
  ["gyneco", "gynéco place de l'église montluçon", "ESSAI",
    line("99900000026", "ESSAI", "Claude", "SM20", "Gynécologie-obstétrique", ["PL", "DE L EGLISE"], "MONTLUCON", "03100", "Allier")],
];

try {
  const context = await bench.browser.newContext({ locale: "fr-FR", viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const picture = (name, fullPage = false) => page.screenshot({ path: join(bench.pictures, `directory-${name}.png`), fullPage });
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);

  // No base: the page says how to get one, and nothing of "no result".
  await page.goto(at("/directory?q=dupont"));
  await page.getByText("Aucune base sur cette machine").waitFor();
  await picture("no-base");
  findings.push(...await bench.axe(page, "no base"));

  const file = join(bench.data, "extraction.txt");
  bench.cli("annuaire", "synth", "--rows", "20000", "--seed", "1", "--out", file);
  appendFileSync(file, `${examples.map((example) => example[3]).join("\n")}\n`);
  bench.cli("annuaire", "import", file);

  // Both official examples (SC.MSS/UX.41), in both languages and at both widths: the first hit is the right one.
  for (const [locale, lang] of [["fr-FR", "fr"], ["en-GB", "en"]]) {
    for (const width of [1280, 390]) {
      const shape = { locale, viewport: { width, height: 900 }, isMobile: width < 500, hasTouch: width < 500 };
      const seen = await bench.browser.newContext(shape);
      const shown = await seen.newPage();
      shown.on("pageerror", (error) => problems.push(String(error)));
      for (const [name, question, family] of examples) {
        await shown.goto(at("/directory"));
        await shown.fill("#directory-q", question);
        const first = shown.locator(".hit-name").first();
        await first.filter({ hasText: family }).waitFor();
        await shown.screenshot({ path: join(bench.pictures, `directory-${name}-${lang}-${width}.png`) });
        assert.ok(await shown.evaluate(() => document.documentElement.scrollWidth) <= width, `${name} ${width}: too wide`);
        findings.push(...await bench.axe(shown, `${name} ${lang} ${width}`));
        await first.click();
        await shown.locator("h1", { hasText: family }).waitFor();
        await shown.screenshot({ path: join(bench.pictures, `directory-${name}-card-${lang}-${width}.png`), fullPage: true });
        findings.push(...await bench.axe(shown, `${name} card ${lang} ${width}`));
      }
      await seen.close();
    }
  }

  await page.goto(at("/directory"));
  await picture("idle");
  findings.push(...await bench.axe(page, "idle"));
  await page.locator("#directory-q").pressSequentially("cardiologue", { delay: 20 });
  await page.locator(".hit").first().waitFor();
  await page.waitForURL(/q=cardiologue/);
  assert.equal(await focused(), "directory-q", "typing keeps the focus");
  await picture("typed");
  findings.push(...await bench.axe(page, "results"));

  // Arrows, Escape, Enter, and Escape back from the card to the same results.
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), "hit-name");
  await page.keyboard.press("Escape");
  assert.equal(await focused(), "directory-q");
  await page.keyboard.press("ArrowDown");
  const name = await page.locator(".hit-name").first().textContent();
  await page.keyboard.press("Enter");
  await page.waitForURL(/card/);
  assert.equal(await page.locator("h1").textContent(), name);
  await picture("card", true);
  findings.push(...await bench.axe(page, "card"));
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const address = await page.locator(".mailbox .address").first().textContent();
  await page.locator(".copy").first().click();
  await page.getByText("Copiée").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), address);
  await page.keyboard.press("Escape");
  await page.waitForURL(/directory\?q=cardiologue/);

  // A filter narrows, its chip takes it off again.
  const all = await page.locator(".directory-status").textContent();
  await page.locator(".facets a").first().click();
  await page.locator("a.chip").first().waitFor();
  assert.notEqual(await page.locator(".directory-status").textContent(), all);
  await picture("filtered");
  await page.locator("a.chip").first().click();
  await page.waitForURL(/directory\?q=cardiologue$/);
  assert.equal(await page.locator(".directory-status").textContent(), all);

  // Nothing found is said, with a way on; an outage is another thing.
  await page.goto(at("/directory?q=Dupont+98800+cardiologue"));
  await picture("relaxed");
  await page.goto(at("/directory?q=zzzzqqqq"));
  await picture("none");
  findings.push(...await bench.axe(page, "none"));
  await page.route("**/directory/hits**", (route) => route.abort());
  await page.fill("#directory-q", "lyon");
  await page.getByText("ce n’est pas une absence de résultat").or(page.getByText("ce n'est pas une absence de résultat")).waitFor();
  await picture("outage");
  await page.unroute("**/directory/hits**");

  // In English, small, and without a script.
  const small = await bench.browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const phone = await small.newPage();
  for (const [what, path] of [["small", "/directory?q=pharmacie"], ["small-fields", "/directory?q=paris&type=PER"]]) {
    await phone.goto(at(path));
    await phone.screenshot({ path: join(bench.pictures, `directory-${what}.png`) });
    const width = await phone.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${what}: ${width} px wide`);
    findings.push(...await bench.axe(phone, what));
  }
  const bare = await (await bench.browser.newContext({ javaScriptEnabled: false })).newPage();
  await bare.goto(at("/directory"));
  await bare.fill("#directory-q", "cardiologue");
  await bare.press("#directory-q", "Enter");
  await bare.locator(".hit").first().waitFor();
  await bare.locator(".hit-name").first().click();
  await bare.locator("h1").waitFor();

  assert.deepEqual(problems, []);
  assert.deepEqual(findings, []);
  console.log("ok: the directory's page");
} finally {
  await bench.end();
}

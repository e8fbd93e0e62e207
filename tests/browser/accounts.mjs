// The pages around the runs, in a real Chromium: what they do with a script and without, at both widths, in both
// languages, held against axe-core. Usage: node accounts.mjs BINARY PICTURES_DIR
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lab } from "./lab.mjs";

const bench = await lab(process.argv[2], process.argv[3]);
const at = (path) => bench.up.server + path;
const per = "899700000018@mail-tests-editeur.vaguemestre.test";
try {
  const context = await bench.browser.newContext({ locale: "fr-FR", viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));

  // Enter creates the account: it does not press the button that reads certificates.
  await page.goto(at("/accounts/new"));
  for (const [field, value] of [["name", "Produit"], ["psc_id", "899700000018"], ["app_id", "163254178"], ["nil", "2621"]]) {
    await page.fill(`#f-${field}`, value);
  }
  await page.press("#f-nil", "Enter");
  await page.getByText("Le compte a bien été ajouté. Les deux BAL sont actives.").waitFor();

  // Copier: through the clipboard, and where there is none by selecting the value.
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.locator("[data-copy=fact-per-0]").click();
  await page.locator("[data-copy=fact-per-0] .word", { hasText: "Copié" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), per);
  await page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    document.execCommand = () => false;
  });
  await page.locator("[data-copy=fact-imap-1]").click();
  await page.locator("[data-copy=fact-imap-1] .word", { hasText: "Sélectionné" }).waitFor();
  assert.equal(await page.evaluate(() => getSelection().toString()), String(bench.up.imap.starttls));

  // A prerequisite is ticked, with its date.
  await page.getByRole("button", { name: "CPx de test" }).click();
  await page.getByText(/^Fait le 20/).waitFor();

  // A certificate dropped on its zone is read at once; what was typed stays.
  const dropped = (name, text) => page.evaluateHandle(([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    return data;
  }, [name, text]);
  const pem = join(bench.data, "products/2621/auth_cli.pem");
  await page.goto(at("/accounts/new"));
  await page.fill("#f-name", "Gardé");
  await page.dispatchEvent("[data-drop]", "drop", { dataTransfer: await dropped("structure.pem", readFileSync(pem, "utf8")) });
  await page.getByText("structure.pem").waitFor();
  assert.equal(await page.inputValue("#f-app_id"), "163254178");
  assert.equal(await page.inputValue("#f-name"), "Gardé");

  // A list dropped, checked, confirmed.
  await page.goto(at("/products/import"));
  const csv = "nil;name;psc_id;app_id\n9;Neuf;91;92\n10;;93;94\n";
  await page.dispatchEvent("[data-drop]", "drop", { dataTransfer: await dropped("liste.csv", csv) });
  await page.getByRole("button", { name: "Vérifier la liste" }).click();
  await page.getByRole("button", { name: "Importer la ligne valide" }).click();
  await page.getByText("Un produit a été importé.").waitFor();

  // A file dropped on the page of checks is judged at once, and forgotten when asked.
  await page.goto(at("/check"));
  await page.dispatchEvent("[data-drop]", "drop", { dataTransfer: await dropped("message.eml", "From: <a@b.test>\r\nSubject: <b>x</b>\r\n\r\nBonjour\r\n") });
  await page.getByText("Des exigences ne sont pas respectées.").waitFor();
  assert.deepEqual(await bench.axe(page, "result of a check"), []);
  await page.getByRole("button", { name: "Oublier maintenant" }).click();
  await page.getByText("Les fichiers ont été oubliés.").waitFor();

  // The product in use is chosen with the keyboard, and the page stays.
  await page.goto(at("/products?q=n"));
  await page.locator("details.switch summary").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "9 Neuf" }).click();
  await page.waitForURL(/\/products\?q=n$/);
  assert.match(await page.locator("details.switch summary").textContent(), /9 Neuf/);
  assert.deepEqual(problems, [], "the browser reported problems");

  // Without a script, on a telephone.
  const bare = await bench.browser.newContext({ locale: "fr-FR", javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  const plain = await bare.newPage();
  await plain.goto(at("/accounts/new"));
  await plain.locator("details.menu summary").click();
  await plain.locator("details.menu").getByRole("link", { name: "Nœuds" }).click();
  await plain.getByText("Tous les services de ce banc répondent.").waitFor();
  await plain.goto(at("/accounts/new"));
  await plain.setInputFiles("#f-certificate", pem);
  await plain.getByRole("button", { name: "Lire", exact: true }).click();
  await plain.getByText("auth_cli.pem").waitFor();
  assert.equal(await plain.inputValue("#f-app_id"), "163254178");
  await plain.goto(at("/accounts/2621"));
  assert.equal(await plain.locator(".copy:visible").count(), 0, "a button that needs a script is shown without one");

  // Every page of this part, in both languages and both schemes, at both widths.
  const violations = [];
  for (const [locale, colorScheme] of [["fr-FR", "light"], ["en-GB", "dark"]]) {
    for (const width of [1280, 390]) {
      const reader = await bench.browser.newContext({ locale, colorScheme, viewport: { width, height: 900 } });
      const shown = await reader.newPage();
      for (const path of ["/", "/?q=%2F(%2F", "/accounts", "/accounts/new", "/accounts/2621?created=1", "/accounts/2621/edit",
        "/accounts/2621/delete", "/products", "/products/import", "/nodes", "/proofs", "/settings", "/info", "/guide", "/terms", "/check", "/check/gone",
        "/accounts/nope", "/nulle-part"]) {
        await shown.goto(at(path));
        violations.push(...await bench.axe(shown, `${path} ${locale} ${width}`));
        const wide = await shown.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${path} is ${wide} px too wide at ${width} px`);
      }
      await reader.close();
    }
  }
  assert.deepEqual(violations, [], "axe-core found violations");
  console.log("browser accounts: Enter, copy, tick, drop, import, switch, no script, 19 pages at two widths: done, axe-core has nothing to say");
} finally {
  await bench.end();
}

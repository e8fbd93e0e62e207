// What the browser tests share: a bench on free ports, a real Chromium, mail clients that we did not write, axe-core.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function lab(binaryArgument, picturesArgument) {
  const [binary, pictures] = [resolve(binaryArgument), resolve(picturesArgument)];
  mkdirSync(pictures, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), "vaguemestre-browser-"));
  const server = spawn(binary, ["up", "--ports", "auto", "--json", "--data", data], { stdio: ["ignore", "pipe", "inherit"] });
  const up = await new Promise((done, fail) => {
    let text = "";
    server.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) done(JSON.parse(text));
    });
    server.on("exit", (code) => fail(new Error(`up ended with ${code}`)));
  });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  const cli = (...args) => execFileSync(binary, [...args, "--data", data], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const python = (code, ...args) => execFileSync("python3", ["-c", code, ...args.map(String)], { encoding: "utf8" });
  return {
    binary, data, up, browser, pictures, cli,
    token: (identity) => cli("psc", "token", "--identity", identity).trim(),
    // Python's imaplib, on the fixed port, trusting the lab's CA only.
    imapLogin: (address, token) => python(`
import imaplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
client = imaplib.IMAP4("localhost", int(sys.argv[2]))
client.starttls(context)
try:
    client.authenticate("XOAUTH2", lambda _: f"user={sys.argv[3]}\\x01auth=Bearer {sys.argv[4]}\\x01\\x01".encode() if _ == b"" else b"")
    client.select("INBOX")
except imaplib.IMAP4.error:
    pass
client.logout()`, up.ca_file, up.imap.starttls, address, token),
    // Python's smtplib: one mail with these header lines.
    send: (address, token, to, headers) => python(`
import base64, smtplib, ssl, sys
ca, port, address, token, to, headers = sys.argv[1:7]
client = smtplib.SMTP("localhost", int(port), local_hostname="lps.example")
client.starttls(context=ssl.create_default_context(cafile=ca))
client.ehlo()
client.auth("XOAUTH2", lambda challenge=None: f"user={address}\\x01auth=Bearer {token}\\x01\\x01", initial_response_ok=True)
client.sendmail(address, [to], f"From: <{address}>\\r\\nTo: <{to}>\\r\\n{headers}MIME-Version: 1.0\\r\\nContent-Type: text/plain; charset=utf-8\\r\\n\\r\\nBonjour\\r\\n".encode())
client.quit()`, up.ca_file, up.smtp.starttls, address, token, to, headers),
    // Every rule of axe-core that it calls certain; what it finds is printed whole.
    axe: async (page, where) => {
      const found = await page.evaluate(async (source) => {
        // The pages forbid inline scripts, and rightly: axe is brought in by the browser's own evaluation.
        if (!window.axe) (0, eval)(source);
        const result = await window.axe.run(document, { resultTypes: ["violations"] });
        return result.violations.map((rule) => `${rule.id}: ${rule.help} — ${rule.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`);
      }, axeSource);
      return found.map((line) => `${where}: ${line}`);
    },
    end: async () => {
      await browser.close();
      server.removeAllListeners("exit");
      server.kill("SIGTERM");
      rmSync(data, { recursive: true, force: true });
    },
    file: (name, text) => {
      const path = join(data, name);
      writeFileSync(path, text);
      return path;
    },
  };
}

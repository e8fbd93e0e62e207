// `openid-client`, a certified OpenID client library, untouched, against the sandbox's Pro Santé Connect: login, refresh,
// introspection, decoupled login, client certificate, logout; and each fault of the sandbox makes it fail as it should.
//
// Usage: psc_openid_client.mjs BINARY. One line a check; ends with 1 where one is not as expected.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

let client, undici;
try {
  client = await import("openid-client");
  undici = await import("undici");
} catch {
  console.log("SKIP openid-client: npm ci was not done in tests/foreign");
  process.exit(0);
}

const CALLBACK = "http://127.0.0.1/callback", BYE = "http://127.0.0.1/bye";
const binary = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), "vaguemestre-psc-"));
const data = join(folder, "data");
const server = spawn(binary, ["up", "--ports", "auto", "--json", "--data", data], { stdio: ["ignore", "pipe", "ignore"] });
let failed = 0;

function expect(name, good, seen = "") {
  console.log(`  ${good ? "ok  " : "FAIL"} openid-client: ${name}`);
  if (!good) { failed += 1; console.log(`       ${String(seen).slice(0, 500)}`); }
}

// --- A person's browser, on pages that need no script.

const cookies = new Map();
async function browse(url, form) {
  const answer = await fetch(url, {
    redirect: "manual", method: form ? "POST" : "GET", body: form && new URLSearchParams(form),
    headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
  });
  for (const line of answer.headers.getSetCookie()) {
    const [name, value] = line.split(";")[0].split("=");
    cookies.set(name, value);
  }
  return { text: await answer.text(), location: answer.headers.get("location"), status: answer.status };
}
const hidden = (page, name) => new RegExp(`name="${name}" value="([^"]+)"`).exec(page.text)?.[1];
const desk = async (path, page, form) => browse(new URL(path, wallet), { seal: hidden(await browse(new URL(page, wallet)), "seal"), ...form });

async function accept(url) {
  let page = await browse(url);
  if (page.location && !page.location.startsWith(CALLBACK)) page = await browse(page.location);
  if (page.location) return new URL(page.location);
  const choice = /value="(MOBILE [^"]+)"/.exec(page.text)[1];
  const pressed = await browse(new URL("/auth/decision", wallet), { request: hidden(page, "request"), choice });
  return new URL(pressed.location);
}

async function register(client_id, more = {}) {
  const page = await desk("/clients", "/clients/edit", {
    new: "1", client_id, redirect_uris: CALLBACK, post_logout_redirect_uris: BYE, decoupled: "1", ...more,
  });
  return /class="note good"[^]*?class="mono">([^<]+)</.exec(page.text)?.[1];
}

const arm = (fault, times = "1", who = "openid-client") => desk("/faults", "/faults", { client: who, fault, times });
async function disarm() {
  for (;;) {
    const page = await browse(new URL("/faults", wallet));
    const id = /name="id" value="(\d+)"/.exec(page.text)?.[1];
    if (!id) return;
    await browse(new URL("/faults/disarm", wallet), { seal: hidden(page, "seal"), id });
  }
}

// --- The library, set up as its documentation says.

let wallet, issuer;
async function discover(secret, authentication, id = "openid-client", fetcher) {
  const options = { execute: [client.enableNonRepudiationChecks], timeout: 3 };
  if (fetcher) options[client.customFetch] = fetcher;
  const config = await client.discovery(new URL(issuer), id, secret, authentication, options);
  return config;
}

async function begin(config, more = {}) {
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const parameters = {
    redirect_uri: CALLBACK, scope: "openid scope_all", acr_values: "eidas1", state, nonce, prompt: "login",
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more,
  };
  // The wallet speaks plain HTTP on loopback, which the library rightly refuses to build an address for: its realm
  // twin, over HTTPS, leads there.
  const query = new URLSearchParams({ client_id: config.clientMetadata().client_id, response_type: "code", ...parameters });
  return { url: new URL(`${issuer}/protocol/openid-connect/auth?${query}`), verifier, state, nonce };
}

async function login(config) {
  const request = await begin(config);
  const back = await accept(request.url);
  const tokens = await client.authorizationCodeGrant(config, back, {
    pkceCodeVerifier: request.verifier, expectedState: request.state, expectedNonce: request.nonce, idTokenExpected: true,
  });
  const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  return { tokens, info };
}

const fails = async (what) => what().then(() => "it worked", (error) => error);
const told = (error) => `${error.code ?? ""} ${error.error ?? ""} ${error.message ?? error} ${error.cause?.message ?? ""}`;

try {
  const lines = createInterface({ input: server.stdout });
  const up = JSON.parse(await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    server.once("exit", () => reject(new Error("the sandbox did not start")));
  }));
  issuer = up.psc.issuer;
  const ca = readFileSync(up.ca_file, "utf8");
  undici.setGlobalDispatcher(new undici.Agent({ connect: { ca } }));
  globalThis.fetch = undici.fetch;
  wallet = (await (await fetch(up.psc.wallet_discovery)).json()).authorization_endpoint;

  await desk("/identities/samples", "/identities", {}); // people to log in as

  const secret = await register("openid-client");
  expect("a client is registered on the page and its secret shown once", Boolean(secret));
  const config = await discover(secret);

  const { tokens, info } = await login(config);
  expect("login, ID token and user information", info.SubjectNameID?.length > 5 && tokens.claims().acr === "eidas1", JSON.stringify(info));
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
  expect("refresh gives other tokens", fresh.access_token !== tokens.access_token && fresh.refresh_token !== tokens.refresh_token);
  const worth = await client.tokenIntrospection(config, fresh.access_token);
  expect("introspection", worth.active === true && worth.SubjectNameID === info.SubjectNameID, JSON.stringify(worth));
  const post = await discover(undefined, client.ClientSecretPost(secret));
  expect("client_secret_post", (await login(post)).info.sub === info.sub);
  const basic = await discover(undefined, client.ClientSecretBasic(secret));
  expect("client_secret_basic", (await login(basic)).info.sub === info.sub);

  const out = client.buildEndSessionUrl(config, { id_token_hint: fresh.id_token, post_logout_redirect_uri: BYE, state: "s1" });
  const left = await browse(out);
  expect("logout comes back with its state", left.location === `${BYE}?state=s1`, `${left.status} ${left.location}`);
  const over = await fails(() => client.refreshTokenGrant(config, fresh.refresh_token));
  expect("after the logout the refresh token is over", told(over).includes("invalid_grant"), told(over));

  // Decoupled login: asked, pending, accepted; asked, refused.
  for (const choice of ["accept", "refuse"]) {
    const begun = await client.initiateBackchannelAuthentication(config, {
      scope: "openid scope_all", acr_values: "eidas1", login_hint: info.SubjectNameID, binding_message: "42", channel: "MOBILE",
    });
    const pending = client.pollBackchannelAuthenticationGrant(config, begun).then((got) => got, (error) => error);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const page = await browse(new URL("/ecps", wallet));
    expect(`the telephone shows the message (${choice})`, page.text.includes(">42<"));
    await browse(new URL("/ecps", wallet), { seal: hidden(page, "seal"), request: hidden(page, "request"), choice });
    const answer = await pending;
    if (choice === "accept") {
      const who = answer.access_token && (await client.fetchUserInfo(config, answer.access_token, answer.claims().sub));
      expect("decoupled login", who?.SubjectNameID === info.SubjectNameID, told(answer));
    } else {
      expect("a refused decoupled login", told(answer).includes("access_denied"), told(answer));
    }
  }

  // A client certificate instead of a secret.
  execFileSync(binary, ["account", "add", "--nil", "2621", "--name", "P", "--psc-id", "899700000018", "--app-id", "163254178", "--data", data, "--json"]);
  execFileSync(binary, ["cert", "--nil", "2621", "--out", join(folder, "cert"), "--data", data, "--json"]);
  const [cert, key] = ["auth_cli.pem", "auth_cli.key"].map((name) => readFileSync(join(folder, "cert", name), "utf8"));
  const { X509Certificate } = await import("node:crypto");
  const subject = new X509Certificate(cert).subject.split("\n").reverse().join(",");
  await register("by-certificate", { certificate_subject: subject });
  const mutual = new undici.Agent({ connect: { ca, cert, key } });
  const fetcher = (url, options) => undici.fetch(url, { ...options, dispatcher: mutual });
  const certified = await discover(undefined, client.TlsClientAuth(), "by-certificate", fetcher);
  const byCertificate = await login(certified);
  expect("a client certificate instead of a secret", byCertificate.info.sub === info.sub);
  const without = await discover(undefined, client.TlsClientAuth(), "by-certificate");
  const refused = await fails(() => login(without));
  expect("without its certificate that client is refused", /invalid_client|challenge/.test(told(refused)), told(refused));

  // Faults: healthy, struck, healthy again.
  const struck = async (fault, what, sign) => {
    await arm(fault);
    const error = await fails(what);
    await disarm();
    expect(`fault ${fault} makes it fail`, error !== "it worked" && sign.test(told(error)), told(error));
  };
  const enter = () => login(config);
  await struck("expired", enter, /exp|expired/i);
  await struck("wrong-issuer", enter, /iss/i);
  await struck("wrong-key", enter, /signature/i);
  await struck("alg-none", enter, /alg|algorithm|signature|JWS/i);
  await struck("other-identity", enter, /sub/i);
  await struck("missing-claims", enter, /sub|claim/i);
  // Outages strike whatever comes first: the token endpoint here, not the wallet's page.
  const held = (await login(config)).tokens;
  const renew = () => client.refreshTokenGrant(config, held.refresh_token);
  await struck("refresh-refused", renew, /invalid_grant/);
  await struck("unavailable-503", renew, /503|unavailable|unexpected/i);
  await struck("down", renew, /fetch failed|socket|closed|other side|Unexpected|ERR/i);
  await struck("slow:5s", renew, /timeout|timed out|abort/i);
  const killed = (await login(config)).tokens;
  await struck("session-killed", () => client.refreshTokenGrant(config, killed.refresh_token), /invalid_grant/);
  await struck("jwks-rotated", enter, /key|JWK|signature/i);
  expect("with the keys fetched again it logs in", (await login(await discover(secret))).info.sub === info.sub);
} catch (error) {
  expect("no trouble", false, error.stack ?? error);
} finally {
  server.kill("SIGTERM");
  await new Promise((resolve) => (server.exitCode === null ? server.once("exit", resolve) : resolve()));
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed ? `openid-client: ${failed} not as expected` : "openid-client: as expected");
process.exit(failed ? 1 : 0);

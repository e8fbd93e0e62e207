// The code flow with `openid-client`, a certified OpenID client library. Needs `npm i openid-client@6` in the folder
// named by OPENID_CLIENT, and NODE_EXTRA_CA_CERTS. Prints what it learnt as one JSON object.
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const env = process.env;
const library = join(env.OPENID_CLIENT, "node_modules/openid-client/build/index.js");
const client = await import(pathToFileURL(library));

// The library refuses the wallet's address, which has no TLS (loopback): the realm's own authorization endpoint
// leads there.
const found = await client.discovery(new URL(env.PSC_ISSUER), env.PSC_CLIENT, env.PSC_SECRET);
const authorization_endpoint = `${env.PSC_ISSUER}/protocol/openid-connect/auth`;
const metadata = { ...found.serverMetadata(), authorization_endpoint };
const config = new client.Configuration(metadata, env.PSC_CLIENT, env.PSC_SECRET);
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const page = client.buildAuthorizationUrl(config, {
  redirect_uri: env.PSC_CALLBACK, scope: "openid scope_all", acr_values: "eidas1", state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256",
});

const shown = await fetch(page);
const html = await shown.text();
const request = /name="request" value="([^"]+)"/.exec(html)[1];
const pressed = await fetch(new URL("/auth/decision", shown.url), {
  method: "POST", redirect: "manual",
  headers: { cookie: shown.headers.get("set-cookie").split(";")[0] },
  body: new URLSearchParams({ request, choice: `CARD ${env.PSC_IDENTITY}` }),
});
const back = new URL(pressed.headers.get("location"));

const tokens = await client.authorizationCodeGrant(config, back, {
  pkceCodeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
});
const claims = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
const worth = await client.tokenIntrospection(config, fresh.access_token);
await client.tokenRevocation(config, fresh.refresh_token);
console.log(JSON.stringify({
  SubjectNameID: info.SubjectNameID, acr: claims.acr, active: worth.active,
  refreshed: fresh.access_token !== tokens.access_token,
}));

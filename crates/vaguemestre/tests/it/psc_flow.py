"""A person and a relying party in one, on Python's standard library: one JSON object on standard input says where, and
every code and token that was got comes back as JSON: {"secrets": […], "jwks": {…}}."""

import base64
import hashlib
import html
import http.cookiejar
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

ask = json.load(sys.stdin)
secrets = []


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(
    urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ask["ca"])),
    urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), Stay, urllib.request.ProxyHandler({}),
)


def call(url, form=None, bearer=None):
    """Status, headers and text of one request."""
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {bearer}"} if bearer else {})
    try:
        answer = opener.open(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read().decode()


metadata = json.loads(call(ask["discovery"])[2])
jwks = json.loads(call(metadata["jwks_uri"])[2])
if "client_id" not in ask:
    print(json.dumps({"secrets": [], "jwks": jwks}))
    sys.exit(0)


def token(**form):
    """A question to the token endpoint; what comes back is noted."""
    got = json.loads(call(metadata["token_endpoint"], {**form, "client_id": ask["client_id"], "client_secret": ask["secret"]})[2])
    secrets.extend(got[name] for name in ("access_token", "id_token", "refresh_token") if name in got)
    return got


verifier = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
query = urllib.parse.urlencode({
    "response_type": "code", "client_id": ask["client_id"], "redirect_uri": ask["redirect"], "scope": "openid scope_all",
    "acr_values": "eidas1", "state": os.urandom(16).hex(), "nonce": os.urandom(16).hex(),
    "code_challenge": challenge, "code_challenge_method": "S256",
})
wallet = metadata["authorization_endpoint"]
page = call(f"{wallet}?{query}")[2]
request = html.unescape(re.search(r'name="request" value="([^"]*)"', page).group(1))
choice = re.search(r'value="(CARD [^"]+)"', page).group(1)
back = call(urllib.parse.urljoin(wallet, "/auth/decision"), {"request": request, "choice": choice})[1]["Location"]
code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
secrets.append(code)
got = token(grant_type="authorization_code", code=code, redirect_uri=ask["redirect"], code_verifier=verifier)
for _ in range(2):
    got = token(grant_type="refresh_token", refresh_token=got["refresh_token"])
assert call(metadata["userinfo_endpoint"], bearer=got["access_token"])[0] == 200
client = {"client_id": ask["client_id"], "client_secret": ask["secret"]}
assert json.loads(call(metadata["introspection_endpoint"], {"token": got["access_token"], **client})[2])["active"]
# What must never be done, and must leave no trace either: a token in an address, a code used twice.
assert call(f"{metadata['userinfo_endpoint']}?access_token={got['access_token']}")[0] == 400
assert "error" in token(grant_type="authorization_code", code=code, redirect_uri=ask["redirect"], code_verifier=verifier)
call(f"{metadata['end_session_endpoint']}?id_token_hint={got['id_token']}")
print(json.dumps({"secrets": secrets, "jwks": jwks}))

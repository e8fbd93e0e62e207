"""An OpenID client written with the Python standard library alone: the code flow as a person's browser and an LPS's
server would do it. Prints what it learnt as one JSON object."""

import base64
import hashlib
import html.parser
import http.cookiejar
import json
import os
import secrets
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

ISSUER, CLIENT, SECRET = os.environ["PSC_ISSUER"], os.environ["PSC_CLIENT"], os.environ["PSC_SECRET"]
CALLBACK, IDENTITY = os.environ["PSC_CALLBACK"], os.environ["PSC_IDENTITY"]
TLS = ssl.create_default_context(cafile=os.environ["PSC_CA"])


class StopAtRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Buttons(html.parser.HTMLParser):
    """The form of the wallet's page: hidden fields, and the buttons' values."""

    def __init__(self):
        super().__init__()
        self.action, self.hidden, self.choices = None, {}, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and attrs["action"] != "/lang":
            self.action = attrs["action"]
        if tag == "input" and attrs.get("type") == "hidden":
            self.hidden[attrs["name"]] = attrs["value"]
        if tag == "button" and attrs.get("name") == "choice":
            self.choices.append(attrs["value"])


def opener():
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    https = urllib.request.HTTPSHandler(context=TLS)
    return urllib.request.build_opener(https, jar, StopAtRedirect, urllib.request.ProxyHandler({}))


def get(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    return json.load(opener().open(request, timeout=20))


def post(url, **form):
    pair = f"{urllib.parse.quote_plus(CLIENT)}:{urllib.parse.quote_plus(SECRET)}".encode()
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
    request.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
    try:
        body = opener().open(request, timeout=20).read()
    except urllib.error.HTTPError as refused:
        body = refused.read()
    return json.loads(body) if body else {}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def log_in(discovery):
    """A person's browser: opens the page, presses the button, is sent back."""
    verifier, state, nonce = secrets.token_urlsafe(48), secrets.token_hex(32), secrets.token_hex(32)
    query = urllib.parse.urlencode({
        "response_type": "code", "client_id": CLIENT, "redirect_uri": CALLBACK, "scope": "openid scope_all",
        "acr_values": "eidas1", "state": state, "nonce": nonce, "code_challenge_method": "S256",
        "code_challenge": b64(hashlib.sha256(verifier.encode()).digest()),
    })
    browser, form = opener(), Buttons()
    page = browser.open(f"{discovery['authorization_endpoint']}?{query}", timeout=20)
    form.feed(page.read().decode())
    choice = next(c for c in form.choices if c.endswith(IDENTITY) and c.startswith("MOBILE"))
    target = urllib.parse.urljoin(page.url, form.action)
    fields = urllib.parse.urlencode({**form.hidden, "choice": choice}).encode()
    try:
        browser.open(target, fields, timeout=20)
        sys.exit("the wallet did not send the browser back")
    except urllib.error.HTTPError as moved:
        back = urllib.parse.urlsplit(moved.headers["Location"])
    answer = dict(urllib.parse.parse_qsl(back.query))
    assert answer["state"] == state and answer["iss"] == ISSUER, answer.keys()
    return answer["code"], verifier, nonce


discovery = get(f"{ISSUER}/.well-known/wallet-openid-configuration")
token_endpoint = discovery["token_endpoint"]
code, verifier, nonce = log_in(discovery)
tokens = post(token_endpoint, grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=verifier)
claims = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))
assert claims["nonce"] == nonce and claims["iss"] == ISSUER
info = get(discovery["userinfo_endpoint"], tokens["access_token"])
fresh = post(token_endpoint, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
worth = post(discovery["introspection_endpoint"], token=fresh["access_token"])
post(discovery["revocation_endpoint"], token=fresh["refresh_token"])
try:
    get(discovery["userinfo_endpoint"], fresh["access_token"])
    after = 200
except urllib.error.HTTPError as refused:
    after = refused.code
code, _, _ = log_in(discovery)
wrong = post(token_endpoint, grant_type="authorization_code", code=code, redirect_uri=CALLBACK,
             code_verifier=secrets.token_urlsafe(48))
print(json.dumps({
    "SubjectNameID": info["SubjectNameID"], "aud": claims["aud"],
    "refreshed": fresh["access_token"] != tokens["access_token"],
    "active": worth["active"], "after_revocation": after, "wrong_verifier": wrong["error"],
}))

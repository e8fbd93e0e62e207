#!/usr/bin/env python3
"""Authlib, untouched, against the sandbox's Pro Santé Connect: login, refresh, decoupled login, client certificate,
logout; and each fault of the sandbox makes it fail as it should.

Usage: psc_authlib.py BINARY. One line a check; ends with 1 where one is not as expected.
"""

import os
import sys
import time

from psc_lab import FAILED, Lab, expect

try:
    import requests
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.jose import JsonWebToken
    from authlib.oidc.core import CodeIDToken, UserInfo
    from cryptography import x509
except ImportError as missing:
    print(f"SKIP Authlib: {missing.name} is not installed")
    sys.exit(0)

CALLBACK, BYE, NAME = "http://127.0.0.1/callback", "http://127.0.0.1/bye", "authlib"
CIBA = "urn:openid:params:grant-type:ciba"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the callback is on loopback; the sandbox itself is HTTPS


class Client:
    """The library, set up as its documentation says."""

    def __init__(self, lab, secret, method="client_secret_basic", name=NAME, cert=None):
        self.lab, self.name = lab, name
        self.session = OAuth2Session(
            name, secret, redirect_uri=CALLBACK, scope="openid scope_all", code_challenge_method="S256",
            token_endpoint_auth_method=method, default_timeout=3,
        )
        self.session.verify, self.session.cert, self.session.trust_env = lab.ca_file, cert, False
        self.keys = requests.get(lab.metadata["jwks_uri"], verify=lab.ca_file, timeout=5).json()

    def log_in(self):
        """The whole code flow, verified."""
        verifier, nonce = "v" * 20 + os.urandom(20).hex(), os.urandom(20).hex()
        url, state = self.session.create_authorization_url(
            self.lab.wallet, code_verifier=verifier, nonce=nonce, acr_values="eidas1", prompt="login"
        )
        back = self.lab.browser.accept(url, CALLBACK)
        tokens = self.session.fetch_token(
            self.lab.metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
        )
        return tokens, self.verify(tokens, nonce), self.userinfo(tokens)

    def verify(self, tokens, nonce=None):
        """The ID token, by the library's own rules."""
        claims = JsonWebToken(["RS256"]).decode(
            tokens["id_token"], self.keys, claims_cls=CodeIDToken,
            claims_options={"iss": {"essential": True, "value": self.lab.issuer}, "aud": {"essential": True, "value": self.name}},
            claims_params={"nonce": nonce, "client_id": self.name, "access_token": tokens["access_token"]},
        )
        claims.validate(leeway=30)
        self.sub = claims["sub"]
        return claims

    def userinfo(self, tokens):
        """The user information of the same person."""
        answer = self.session.get(self.lab.metadata["userinfo_endpoint"], timeout=3)
        answer.raise_for_status()
        info = UserInfo(answer.json())
        if info["sub"] != self.sub:
            raise ValueError("userinfo is of another sub")
        return info


def fails(what):
    """What an attempt that should fail says."""
    try:
        what()
    except Exception as error:  # noqa: BLE001: whatever the library raises is what is looked at
        return f"{type(error).__name__}: {error}"
    return "it worked"


def decoupled(lab, client, hint):
    """Authlib has no CIBA of its own: its session authenticates the two calls."""
    endpoint = lab.metadata["backchannel_authentication_endpoint"]
    for choice in ("accept", "refuse"):
        form = {"scope": "openid scope_all", "acr_values": "eidas1", "login_hint": hint, "binding_message": "17", "channel": "CARD"}
        asked = requests.post(endpoint, data=form, auth=(client.name, client.session.client_secret), verify=lab.ca_file, timeout=5).json()
        poll = lambda: client.session.fetch_token(lab.metadata["token_endpoint"], grant_type=CIBA, auth_req_id=asked["auth_req_id"])  # noqa: E731
        told = fails(poll)
        expect(f"Authlib: pending ({choice})", "authorization_pending" in told, told)
        told = fails(poll)
        expect(f"Authlib: too fast ({choice})", "slow_down" in told, told)
        seen = lab.answer(choice)
        expect(f"Authlib: the telephone shows the message ({choice})", ">17<" in seen.text)
        time.sleep(int(asked["interval"]) + 5.2)
        if choice == "accept":
            tokens = poll()
            expect("Authlib: decoupled login", client.verify(tokens)["sub"] == client.userinfo(tokens)["sub"])
        else:
            told = fails(poll)
            expect("Authlib: a refused decoupled login", "access_denied" in told, told)


def judge(lab):
    """Every check."""
    secret = lab.register(NAME, CALLBACK, BYE)
    client = Client(lab, secret)
    tokens, claims, info = client.log_in()
    expect("Authlib: login, ID token and user information", info["SubjectNameID"] and claims["acr"] == "eidas1", info)
    fresh = client.session.refresh_token(lab.metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
    expect("Authlib: refresh gives other tokens", fresh["access_token"] != tokens["access_token"])
    worth = client.session.introspect_token(lab.metadata["introspection_endpoint"], token=fresh["access_token"]).json()
    expect("Authlib: introspection", worth["active"] is True, worth)
    expect("Authlib: client_secret_post", Client(lab, secret, "client_secret_post").log_in()[2]["sub"] == info["sub"])

    left = lab.browser.open(
        f"{lab.metadata['end_session_endpoint']}?id_token_hint={fresh['id_token']}&post_logout_redirect_uri={BYE}&state=s1"
    )
    expect("Authlib: logout comes back with its state", left.location == f"{BYE}?state=s1", left.location)
    again = lambda: client.session.refresh_token(lab.metadata["token_endpoint"], refresh_token=fresh["refresh_token"])  # noqa: E731
    told = fails(again)
    expect("Authlib: after the logout the refresh token is over", "invalid_grant" in told, told)

    cert = lab.certificate()
    with open(cert[0], "rb") as file:
        subject = x509.load_pem_x509_certificate(file.read()).subject.rfc4514_string()
    lab.register("authlib-certificate", CALLBACK, BYE, certificate_subject=subject)
    by_certificate = Client(lab, None, "none", "authlib-certificate", cert)
    expect("Authlib: a client certificate instead of a secret", by_certificate.log_in()[2]["sub"] == info["sub"])
    told = fails(Client(lab, None, "none", "authlib-certificate").log_in)
    expect("Authlib: without its certificate that client is refused", "invalid_client" in told, told)

    for fault, sign in (
        ("expired", "expired"), ("future", "not valid yet|iat|future"), ("wrong-issuer", "iss"), ("wrong-key", "bad_signature|BadSignature"),
        ("alg-none", "alg|signature|Algorithm"), ("other-identity", "another sub"), ("missing-claims", "sub|claim"), ("jwks-rotated", "kid|key|signature"),
    ):
        lab.arm(NAME, fault)
        told = fails(client.log_in)
        lab.disarm()
        good = told != "it worked" and any(part.lower() in told.lower() for part in sign.split("|"))
        expect(f"Authlib: fault {fault} makes it fail", good, told)
    client = Client(lab, secret)  # with the keys fetched again
    # Outages strike whatever comes first: the token endpoint here, not the wallet's page.
    for fault, sign in (
        ("refresh-refused", "invalid_grant"), ("session-killed", "invalid_grant"), ("unavailable-503", "503|unavailable"),
        ("down", "Connection"), ("slow:5s", "Timeout|timed out"),
    ):
        held = client.log_in()[0]
        lab.arm(NAME, fault)
        told = fails(lambda: client.session.refresh_token(lab.metadata["token_endpoint"], refresh_token=held["refresh_token"]))
        lab.disarm()
        good = told != "it worked" and any(part.lower() in told.lower() for part in sign.split("|"))
        expect(f"Authlib: fault {fault} makes it fail", good, told)
    decoupled(lab, client, info["SubjectNameID"])


def main():
    """Starts a sandbox and takes the library through it."""
    lab = Lab(os.path.abspath(sys.argv[1]))
    try:
        judge(lab)
    finally:
        lab.stop()
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())

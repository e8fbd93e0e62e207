#!/usr/bin/env python3
"""Example of a Vaguemestre adapter, to be copied and changed.

The bench starts this program once per step. It writes one JSON object to standard input, then closes it; the program
does what is asked with its own mail client, and the LAST line of its standard output is one JSON object:

    {"outcome": "done|refused|unsupported|error", "detail": "...", "token_used_sha256": null}

Exit code 0, or 3 for "unsupported". Standard error goes to the run's log. The bench judges what it sees on the wire;
what is printed here is only shown to the person who reads the verdict.

Nothing but the standard library, Python 3.9 or later. To plug your own product in, keep `main` and replace the bodies
of `step_login`, `step_fetch` and `step_send` by calls to your software.
"""

import base64
import contextlib
import email.message
import email.policy
import email.utils
import hashlib
import imaplib
import json
import os
import smtplib
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# The name that a client gives to EHLO. The default of smtplib is the workstation's name: nobody's business.
EHLO_NAME = "[127.0.0.1]"
# A server certificate must be issued by this authority, whatever the environment (SC.MSS/CONF.27).
ISSUER = "ELEMENTAIRE ORGANISATIONS"


class Refused(Exception):
    """The server said no, or we do not trust the server: trying again would not help."""


class TokenRefused(Refused):
    """The server refused the access token: one renewal is allowed, then one more login."""


class Unsupported(Exception):
    """This adapter cannot do what is asked."""


# ---------------------------------------------------------------------------------------------------------------------
# Trust
# ---------------------------------------------------------------------------------------------------------------------


def fetch_crls(request):
    """Fetches the revocation lists (DER over plain HTTP) and returns them as PEM text.

    A list that was fetched is kept; the kept one is used where the server cannot be reached (SC.MSS/CONF.22). OpenSSL
    refuses a list past its nextUpdate by itself, so that a stale one never opens a connection.
    """
    keep = os.path.join(request["work_dir"], "crl")
    os.makedirs(keep, exist_ok=True)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy from the environment
    pems = []
    for url in request.get("crl_urls") or []:
        path = os.path.join(keep, hashlib.sha256(url.encode()).hexdigest()[:32] + ".der")
        try:
            with opener.open(url, timeout=5) as answer:
                der = answer.read(16 * 1024 * 1024)
            with open(path + ".new", "wb") as file:
                file.write(der)
            os.replace(path + ".new", path)
        except OSError as error:
            if not os.path.exists(path):
                raise Refused(f"no revocation list from {url} and none kept: {error}") from None
            with open(path, "rb") as file:
                der = file.read()
        body = base64.encodebytes(der).decode("ascii")
        pems.append(f"-----BEGIN X509 CRL-----\n{body}-----END X509 CRL-----\n")
    return "".join(pems)


def tls_context(request):
    """TLS 1.2 or later, the given anchors and no others, host name checked, revocation of the whole chain checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks host name and certificate by default
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=request["ca_file"])
    crls = fetch_crls(request)
    # The flag is set even without any list: then no server is trusted, which is what the rule asks for.
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if crls:
        path = os.path.join(request["work_dir"], "crl", "all.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(crls)
        context.load_verify_locations(cafile=path)
    auth = request["auth"]
    if auth["mechanism"] == "external":
        context.load_cert_chain(auth["cert_file"], auth["key_file"])
    return context


def check_issuer(sock):
    """The certificate is valid; it must also come from the right authority. Called before any credential is sent."""
    issuer = {key: value for part in sock.getpeercert()["issuer"] for key, value in part}
    name = issuer.get("commonName", "")
    if ISSUER not in name:
        raise Refused(f"the server's certificate was issued by {name!r}, not by {ISSUER}")


# ---------------------------------------------------------------------------------------------------------------------
# Credentials
# ---------------------------------------------------------------------------------------------------------------------


class Credentials:
    """The access token lives in memory only, is thrown away when refused, and is renewed once at most."""

    def __init__(self, request, context):
        self.auth = request["auth"]
        self.external = self.auth["mechanism"] == "external"
        self.user = self.auth.get("user") or request["mailbox"]["address"]
        self.token = self.auth.get("access_token")
        # Where the bench expects a refusal, the credential is presented as it is.
        grant = None if request.get("expect_refusal") else self.auth.get("refresh")
        self.renewable = grant if grant and grant.get("refresh_token") else None
        self.context = context
        self.used = None

    def mechanism(self):
        return "EXTERNAL" if self.external else "XOAUTH2"

    def response(self):
        """The SASL response, not yet in base64."""
        if self.external:
            return self.user.encode()
        self.used = hashlib.sha256(self.token.encode()).hexdigest()
        return f"user={self.user}\x01auth=Bearer {self.token}\x01\x01".encode()

    def renew(self):
        """Asks Pro Santé Connect for another access token (RFC 6749, section 6)."""
        grant, self.renewable = self.renewable, None
        form = urllib.parse.urlencode({
            "grant_type": "refresh_token",
            "refresh_token": grant["refresh_token"],
            "client_id": grant["client_id"],
            "client_secret": grant["client_secret"],
        })
        # A handler of our own: no proxy from the environment, our own anchors.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context)
        )
        try:
            with opener.open(grant["token_endpoint"], data=form.encode(), timeout=10) as answer:
                self.token = json.load(answer)["access_token"]
        except urllib.error.HTTPError as error:
            # Do not print the body: it may hold what must not be logged.
            raise Refused(f"Pro Santé Connect did not renew the token (HTTP {error.code})") from None


def with_one_renewal(credentials, open_session):
    """Opens a session; after a refused token: one renewal, one new connection, no loop."""
    try:
        return open_session()
    except TokenRefused:
        if not credentials.renewable:
            raise
        credentials.renew()
        return open_session()


# ---------------------------------------------------------------------------------------------------------------------
# IMAP
# ---------------------------------------------------------------------------------------------------------------------


def imap_login(request, context, credentials):
    place, timeout = request["imap"], seconds_left(request)
    if place["security"] == "tls":
        imap = imaplib.IMAP4_SSL(place["host"], place["port"], ssl_context=context, timeout=timeout)
    else:
        imap = imaplib.IMAP4(place["host"], place["port"], timeout=timeout)
        if "STARTTLS" not in imap.capabilities:
            raise Refused("the IMAP server does not offer STARTTLS: nothing was sent in clear")
        imap.starttls(context)  # forgets what was said in clear, and reads the capabilities anew
    check_issuer(imap.sock)
    if f"AUTH={credentials.mechanism()}" not in imap.capabilities:
        raise Refused(f"the IMAP server does not offer {credentials.mechanism()}")
    asked = []

    def answer(challenge):
        # First call: our response. Second call: the server's JSON refusal, which wants an empty answer.
        asked.append(challenge)
        return credentials.response() if len(asked) == 1 else b""

    try:
        imap.authenticate(credentials.mechanism(), answer)
    except imaplib.IMAP4.abort as error:
        # Some servers send the refusal and hang up at once.
        raise (TokenRefused if len(asked) > 1 else OSError)(f"IMAP connection closed: {error}") from None
    except imaplib.IMAP4.error as error:
        text = str(error)
        if any(code in text for code in ("UNAVAILABLE", "INUSE", "LIMIT")):
            raise OSError("the IMAP server is not available for now") from None
        raise (Refused if credentials.external else TokenRefused)("the IMAP server refused the login") from None
    return imap


def fetch_newest(imap, work_dir):
    imap.select("INBOX")
    _, found = imap.uid("SEARCH", None, "ALL")
    uids = found[0].split() if found and found[0] else []
    if not uids:
        return "the inbox is empty"
    newest = max(uids, key=int)
    _, data = imap.uid("FETCH", newest.decode(), "(BODY.PEEK[])")
    body = next(part[1] for part in data if isinstance(part, tuple))
    with open(os.path.join(work_dir, f"{newest.decode()}.eml"), "wb") as file:
        file.write(body)
    imap.uid("STORE", newest.decode(), "+FLAGS.SILENT", r"(\Seen)")
    return f"{len(uids)} message(s), UID {newest.decode()} read ({len(body)} octets)"


# ---------------------------------------------------------------------------------------------------------------------
# SMTP
# ---------------------------------------------------------------------------------------------------------------------


def smtp_login(request, context, credentials):
    place, timeout = request["smtp"], seconds_left(request)
    if place["security"] == "tls":
        smtp = smtplib.SMTP_SSL(place["host"], place["port"], EHLO_NAME, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(place["host"], place["port"], EHLO_NAME, timeout=timeout)
        smtp.starttls(context=context)  # SMTPNotSupportedError where STARTTLS is not offered
    check_issuer(smtp.sock)
    smtp.ehlo(EHLO_NAME)
    if credentials.mechanism() not in smtp.esmtp_features.get("auth", "").split():
        raise Refused(f"the SMTP server does not offer {credentials.mechanism()}")
    # smtplib's own `login` and `auth` do not know XOAUTH2's empty answer; three commands do it. No initial response:
    # a token is longer than the 512 octets that an AUTH line may have (RFC 4954, section 4).
    code, text = smtp.docmd("AUTH", credentials.mechanism())
    if code == 334:
        code, text = smtp.docmd(base64.b64encode(credentials.response()).decode("ascii"))
    challenged = code == 334
    try:
        if challenged:
            code, text = smtp.docmd("")  # the JSON refusal wants an empty answer
    except smtplib.SMTPServerDisconnected:
        code = 535  # refused by hanging up, as real operators do
    if code == 235:
        return smtp
    if 400 <= code < 500:
        raise OSError(f"the SMTP server refused for now ({code})")
    refusal = Refused if credentials.external or code not in (534, 535) else TokenRefused
    raise refusal(f"the SMTP server refused the login ({code})")


def compose(request):
    """A mail without document: text/plain in UTF-8, and the product's number in X-MSS-NIL on every mail."""
    facts, sender = request["message"], request["mailbox"]["address"]
    mail = email.message.EmailMessage(policy=email.policy.SMTP.clone(cte_type="7bit"))
    mail["From"] = sender
    mail["To"] = ", ".join(facts["to"])
    mail["Subject"] = facts.get("subject") or "Message de test"
    mail["Date"] = email.utils.format_datetime(email.utils.localtime())
    mail["Message-ID"] = email.utils.make_msgid(domain=sender.rsplit("@", 1)[1])
    mail["X-MSS-NIL"] = request["nil"]
    # FIN only towards a patient, and only where the professional asked for it.
    to_patient = any(address.lower().endswith("@patient.mssante.fr") for address in facts["to"])
    if to_patient and (facts.get("facts") or {}).get("close"):
        mail["X-MSS-MES"] = "FIN"
    mail.set_content(facts.get("text") or "", charset="utf-8", cte="quoted-printable")
    return bytes(mail)


def submit(smtp, sender, recipients, mail):
    """Hands a mail over to every recipient, or to none."""

    def accept(code, text, what):
        if code not in (250, 251):
            failure = OSError if 400 <= code < 500 else Refused
            raise failure(f"{what} refused: {code} {text.decode('utf-8', 'replace')}")

    accept(*smtp.mail(sender, [f"size={len(mail)}"] if smtp.has_extn("size") else []), "sender")
    for recipient in recipients:
        accept(*smtp.rcpt(recipient), f"recipient {recipient}")
    try:
        code, text = smtp.data(mail)
    except smtplib.SMTPServerDisconnected:
        # Neither accepted nor refused. A real product looks for the Message-ID before it sends again.
        raise OSError("the connection broke during DATA: the mail may have been sent") from None
    accept(code, text, "message")
    return text.decode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------------------
# Steps: what to replace by your own product
# ---------------------------------------------------------------------------------------------------------------------


def step_login(request, context, credentials):
    done = []
    if request.get("imap"):
        imap = with_one_renewal(credentials, lambda: imap_login(request, context, credentials))
        imap.logout()
        done.append("IMAP")
    if request.get("smtp"):
        smtp = with_one_renewal(credentials, lambda: smtp_login(request, context, credentials))
        smtp.quit()
        done.append("SMTP")
    if not done:
        raise ValueError("the request gives neither an IMAP nor an SMTP server")
    return "logged in and out: " + ", ".join(done)


def step_fetch(request, context, credentials):
    imap = with_one_renewal(credentials, lambda: imap_login(request, context, credentials))
    detail = fetch_newest(imap, request["work_dir"])
    imap.logout()
    return detail


def step_send(request, context, credentials):
    message = request["message"]
    if message.get("eml_file"):
        with open(message["eml_file"], "rb") as file:
            mail = file.read()
    elif message.get("documents"):
        raise Unsupported("IHE_XDM archives are not written by this example")
    else:
        mail = compose(request)
    smtp = with_one_renewal(credentials, lambda: smtp_login(request, context, credentials))
    detail = submit(smtp, request["mailbox"]["address"], message["to"], mail)
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()  # the mail is accepted: whatever happens now changes nothing
    return detail


STEPS = {"login": step_login, "logout": step_login, "fetch": step_fetch, "send": step_send}


# ---------------------------------------------------------------------------------------------------------------------
# The protocol
# ---------------------------------------------------------------------------------------------------------------------


def seconds_left(request):
    """What remains before the bench ends this process, less half a second to print the outcome; 0.1 at least."""
    return max(request["started"] + request.get("deadline_ms", 20000) / 1000 - 0.5 - time.monotonic(), 0.1)


def perform(request):
    step = STEPS.get(request.get("step"))
    if step is None:
        return "unsupported", f"the step {request.get('step')!r} is not done by this example", None
    credentials = None
    try:
        context = tls_context(request)
        credentials = Credentials(request, context)
        outcome, detail = "done", step(request, context, credentials)
    except Unsupported as error:
        outcome, detail = "unsupported", str(error)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        outcome, detail = "error", f"the TLS connection was cut: {error}"
    except (Refused, ssl.SSLError) as error:  # SSLError: a certificate that is not trusted, or ours is not
        outcome, detail = "refused", str(error)
    except smtplib.SMTPNotSupportedError as error:
        outcome, detail = "refused", f"the server does not offer what is required: {error}"
    except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, ValueError, KeyError) as error:
        outcome, detail = "error", f"{type(error).__name__}: {error}"
    return outcome, detail, credentials and credentials.used


def main():
    started = time.monotonic()
    try:
        request = json.load(sys.stdin)
        if request.get("protocol") != 1:
            raise ValueError("this adapter speaks protocol 1")
        request["started"] = started
        outcome, detail, used = perform(request)
    except (ValueError, AttributeError) as error:
        outcome, detail, used = "error", f"the request cannot be read: {type(error).__name__}", None
    print(json.dumps({"outcome": outcome, "detail": detail, "token_used_sha256": used}), flush=True)
    return 3 if outcome == "unsupported" else 0


if __name__ == "__main__":
    sys.exit(main())

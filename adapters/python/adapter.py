#!/usr/bin/env python3
"""Example of a Vaguemestre adapter, to be copied and changed.

The bench starts this program once per step. It writes one JSON object to standard input, then closes it; the program
does what is asked with its own mail client, and the LAST line of its standard output is one JSON object:

    {"outcome": "done|refused|unsupported|error", "detail": "...", "token_used_sha256": null}

Exit code 0, or 3 for "unsupported". Standard error goes to the run's log. The bench judges what it sees on the wire;
what is printed here is only shown to the person who reads the verdict.

Nothing but the standard library and `xdm.py` beside it, Python 3.9 or later. To plug your own product in, keep `main`
and replace the bodies of the functions `step_…` by calls to your software.
"""

import base64
import contextlib
import email.message
import email.parser
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

import xdm

# The name that a client gives to EHLO. The default of smtplib is the workstation's name: nobody's business.
EHLO_NAME = "[127.0.0.1]"
# A server certificate must be issued by this authority, whatever the environment (SC.MSS/CONF.27).
ISSUER = "ELEMENTAIRE ORGANISATIONS"


class Refused(Exception):
    """The server said no, or we do not trust the server: trying again would not help."""


class TokenRefused(Refused):
    """The server refused the access token: one renewal is allowed, then one more login."""


class Unknown(OSError):
    """The connection broke after the final dot: the mail may have been sent. It is never sent again without a look."""


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
        if self.auth.get("psc") and not self.token:
            self.token = psc_login(self.auth["psc"], context)
        self.refused = False  # whether the token at hand must not be presented again

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
        grant, self.renewable, self.refused = self.renewable, None, True
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
                self.token, self.refused = json.load(answer)["access_token"], False
        except urllib.error.HTTPError as error:
            # Do not print the body: it may hold what must not be logged.
            if error.code < 500:
                raise Refused(f"Pro Santé Connect did not renew the token (HTTP {error.code})") from None
            self.renewable = grant
            raise OSError(f"Pro Santé Connect is not available for now (HTTP {error.code})") from None
        except OSError:
            self.renewable = grant  # nobody answered: it may be asked again, later
            raise


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirections are looked at, not followed."""

    def redirect_request(self, *_):
        return None


def psc_login(psc, context):
    """Logs in to Pro Santé Connect as a relying party does (code flow with PKCE); gives the access token.

    In a product a browser goes from the wallet's address to the address of return, and a person answers on the way. Here
    the sandbox answers in her place, and the browser's part is to follow redirections.
    """
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), Stay()
    )
    with opener.open(psc["discovery"], timeout=10) as answer:
        metadata = json.load(answer)
    state, nonce, verifier = (base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode() for _ in range(3))
    url = f"{metadata['authorization_endpoint']}?{urllib.parse.urlencode(authorization_request(psc, state, nonce, verifier))}"
    for _ in range(5):
        try:
            with opener.open(url, timeout=10) as answer:
                raise Refused(f"the wallet shows a page (HTTP {answer.status}): nobody answers in the person's place")
        except urllib.error.HTTPError as answer:
            place = answer.headers.get("Location")
            if not place:
                raise Refused(f"the wallet refused the request (HTTP {answer.code})") from None
        url = urllib.parse.urljoin(url, place)
        if url.startswith(psc["redirect_uri"] + "?"):
            break
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    if back.get("state") != state or back.get("iss") != psc["issuer"] or "code" not in back:
        raise Refused(f"the answer of Pro Santé Connect is not the one to our request ({back.get('error', 'no code')})")
    return redeem(opener, metadata, psc, back["code"], verifier)


def authorization_request(psc, state, nonce, verifier):
    """The parameters of the request (OpenID Connect Core, section 3.1.2.1; RFC 7636)."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return {
        "response_type": "code", "client_id": psc["client_id"], "redirect_uri": psc["redirect_uri"],
        "scope": "openid scope_all", "acr_values": "eidas1", "state": state, "nonce": nonce,
        "code_challenge": challenge, "code_challenge_method": "S256", "login_hint": psc["login_hint"],
    }


def redeem(opener, metadata, psc, code, verifier):
    """Exchanges the code, once. A product verifies the ID token too (signature, issuer, audience, nonce): Python's standard
    library cannot, this example does not."""
    form = urllib.parse.urlencode({
        "grant_type": "authorization_code", "code": code, "redirect_uri": psc["redirect_uri"], "code_verifier": verifier,
        "client_id": psc["client_id"], "client_secret": psc["client_secret"],
    })
    try:
        with opener.open(metadata["token_endpoint"], data=form.encode(), timeout=10) as answer:
            return json.load(answer)["access_token"]
    except urllib.error.HTTPError as error:
        raise Refused(f"Pro Santé Connect did not exchange the code (HTTP {error.code})") from None


def with_one_renewal(credentials, open_session):
    """Opens a session; after a refused token: one renewal, one new connection, no loop."""
    if credentials.refused and credentials.renewable:
        credentials.renew()  # refused before, when Pro Santé Connect could not be reached
        return open_session()
    try:
        return open_session()
    except TokenRefused:
        if not credentials.renewable:
            raise
        credentials.renew()
        return open_session()


def again(request, attempt):
    """Tries a second and a third time, after a pause, what failed for a passing reason: the network was cut, the server
    was closing or not available. Never what the server refused for good, and never a mail whose fate nobody knows."""
    for pause in (0.3, 1.0):
        try:
            return attempt()
        except Unknown:
            raise
        except ssl.SSLCertVerificationError:
            raise
        except (OSError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError, imaplib.IMAP4.abort):
            if seconds_left(request) < pause + 1:
                raise
            time.sleep(pause)
    return attempt()


# ---------------------------------------------------------------------------------------------------------------------
# IMAP
# ---------------------------------------------------------------------------------------------------------------------


def imap_connect(request, context):
    place, timeout = request["imap"], seconds_left(request)
    if place["security"] == "tls":
        imap = imaplib.IMAP4_SSL(place["host"], place["port"], ssl_context=context, timeout=timeout)
    else:
        imap = imaplib.IMAP4(place["host"], place["port"], timeout=timeout)
        if "STARTTLS" not in imap.capabilities:
            raise Refused("the IMAP server does not offer STARTTLS: nothing was sent in clear")
        imap.starttls(context)  # forgets what was said in clear, and reads the capabilities anew
    check_issuer(imap.sock)
    return imap


def imap_login(request, context, credentials):
    imap = imap_connect(request, context)
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
    body = next((part[1] for part in data if isinstance(part, tuple)), None)
    if body is None:
        raise ValueError("the IMAP server did not give the message")
    with open(os.path.join(work_dir, f"{newest.decode()}.eml"), "wb") as file:
        file.write(body)
    imap.uid("STORE", newest.decode(), "+FLAGS.SILENT", r"(\Seen)")
    return f"{len(uids)} message(s), UID {newest.decode()} read ({len(body)} octets)"


def find_message(imap, identifier, patience):
    """The header of the message with this Message-ID; waits for it a little, as a mailbox fills while we look."""
    until = time.monotonic() + patience
    imap.select("INBOX", readonly=True)
    while True:
        _, found = imap.uid("SEARCH", None, "HEADER", "Message-ID", f'"{identifier}"')
        uids = found[0].split() if found and found[0] else []
        if uids:
            break
        if time.monotonic() > until:
            raise OSError("the message to answer is not in the inbox")
        time.sleep(0.2)
        imap.noop()
    _, data = imap.uid("FETCH", uids[-1].decode(), "(BODY.PEEK[HEADER])")
    head = next(part[1] for part in data if isinstance(part, tuple))
    return email.parser.BytesHeaderParser(policy=email.policy.default).parsebytes(head)


# ---------------------------------------------------------------------------------------------------------------------
# SMTP
# ---------------------------------------------------------------------------------------------------------------------


def smtp_connect(request, context):
    place, timeout = request["smtp"], seconds_left(request)
    if place["security"] == "tls":
        smtp = smtplib.SMTP_SSL(place["host"], place["port"], EHLO_NAME, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(place["host"], place["port"], EHLO_NAME, timeout=timeout)
        smtp.starttls(context=context)  # SMTPNotSupportedError where STARTTLS is not offered
    check_issuer(smtp.sock)
    smtp.ehlo(EHLO_NAME)
    return smtp


def smtp_login(request, context, credentials):
    smtp = smtp_connect(request, context)
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


class Policy(email.policy.EmailPolicy):
    """CRLF, ASCII on the wire, and message identifiers left whole (the library would cut long ones into encoded words)."""

    def fold_binary(self, name, value):
        if name.lower() in ("message-id", "in-reply-to", "references") or name.lower().startswith("x-mss-"):
            return f"{name}: {value}".replace("> <", ">\r\n <").encode("ascii") + b"\r\n"
        return super().fold_binary(name, value)


POLICY = Policy(linesep="\r\n", cte_type="7bit")


def compose(request, parent=None):
    """The mail that the facts ask for: documents in an IHE_XDM.zip, the X-MSS-* headers; `parent` is what it answers."""
    message, sender = request["message"], request["mailbox"]["address"]
    documents = read_documents(message.get("documents") or [])
    mail = email.message.EmailMessage(policy=POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(message["to"])
    mail["Subject"] = xdm.subject(documents) if documents else message.get("subject") or answer_subject(parent)
    mail["Date"] = email.utils.format_datetime(email.utils.localtime())
    mail["Message-ID"] = email.utils.make_msgid(domain=sender.rsplit("@", 1)[1])
    for name, value in [*threading(parent), *indicators(request, documents)]:
        mail[name] = value
    mail.set_content(message.get("text") or "", charset="utf-8", cte="quoted-printable")
    if documents:
        attach(mail, documents, sender)
    return bytes(mail)


def read_documents(paths):
    """The CDA documents of one patient: a mail never holds two patients (ECO.2.1.1)."""
    documents = []
    for name in paths:
        with open(name, "rb") as file:
            try:
                documents.append(xdm.Document(file.read()))
            except xdm.Unreadable as error:
                raise ValueError(f"{os.path.basename(name)}: {error}") from None
    if len({document.patient_key() for document in documents}) > 1:
        raise Refused("the documents are about more than one patient: nothing was sent")
    return documents


def indicators(request, documents):
    """The X-MSS-* headers: names and values."""
    message = request["message"]
    facts = message.get("facts") or {}
    found = [("X-MSS-NIL", request["nil"])]  # on every mail (ECO.2.4.3)
    if documents:  # these two on mails with documents, and on no other (ECO.2.4.1, ECO.2.4.2)
        found.append(("X-MSS-CODECDA", ",".join(document.code for document in documents)))
        found.append(("X-MSS-INS", "O" if any(document.qualified() for document in documents) else "N"))
    # FIN only towards a patient, and only where the professional asked for it (ECO.2.2.8). In the bench's own form a
    # patient is an address that `to_patient` says to be one.
    to_patient = facts.get("to_patient") or any(address.lower().endswith("@patient.mssante.fr") for address in message["to"])
    if to_patient and facts.get("close"):
        found.append(("X-MSS-MES", "FIN"))
    return found


def threading(parent):
    """What links an answer to what it answers (RFC 5322, section 3.6.4); nothing for a new mail."""
    if not parent:
        return []
    known = " ".join((parent["References"] or parent["In-Reply-To"] or "").split())
    return [("In-Reply-To", parent["Message-ID"]), ("References", f"{known} {parent['Message-ID']}".strip())]


def answer_subject(parent):
    known = " ".join((parent["Subject"] or "").split()) if parent else "Message de test"
    return known if not parent or known.lower().startswith("re:") else f"Re: {known}"


def attach(mail, documents, sender):
    """IHE_XDM.zip, and for a document made of a PDF that PDF, byte for byte.

    A structured document wants a PDF/A-1 made of its text as well (ECO.2.1.5). Python's standard library cannot make
    one: this example sends none, where a product must.
    """
    mail.add_attachment(xdm.archive(documents, sender), maintype="application", subtype="zip", filename="IHE_XDM.zip")
    for document in documents:
        pdf = document.embedded_pdf()
        if pdf:
            mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=document.pdf_name())


def submit(smtp, sender, recipients, mail):
    """Hands a mail over to every recipient, or to none."""

    def accept(code, text, what):
        if code not in (250, 251):
            failure = OSError if 400 <= code < 500 else Refused
            raise failure(f"{what} refused: {code} {text.decode('utf-8', 'replace')}")

    limit = smtp.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < len(mail):
        raise Refused(f"the mail has {len(mail)} octets, this server takes {limit} (RFC 1870): nothing was sent")
    accept(*smtp.mail(sender, [f"size={len(mail)}"] if smtp.has_extn("size") else []), "sender")
    for recipient in recipients:
        accept(*smtp.rcpt(recipient), f"recipient {recipient}")
    try:
        code, text = smtp.data(mail)
    except smtplib.SMTPServerDisconnected:
        # Neither accepted nor refused. A real product looks for the Message-ID before it sends again.
        raise Unknown("the connection broke during DATA: the mail may have been sent") from None
    accept(code, text, "message")
    return text.decode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------------------
# The directory
# ---------------------------------------------------------------------------------------------------------------------

# Criterion → (resource, parameter) of the Annuaire Santé's FHIR API. The API knows neither words nor typing errors: a
# text is the start of a value, or with :contains a part of it.
PARAMETERS = {
    "identifier": ("Practitioner", "identifier"),
    "family": ("Practitioner", "family"),
    "given": ("Practitioner", "given"),
    "profession_code": ("Practitioner", "qualification-code"),
    "specialty_code": ("Practitioner", "qualification-code"),
    "organization": ("Organization", "name"),
    "address": ("Organization", "address:contains"),
    "street": ("Organization", "address-line:contains"),
    "postcode": ("Organization", "address-postalcode"),
    "city": ("Organization", "address-city"),
    "email": ("PractitionerRole", "mailbox-mss"),
}
# What holds the address of a person at a place is the situation: it comes along.
ALONG = {"Practitioner": "PractitionerRole:practitioner", "Organization": "PractitionerRole:organization"}


class Outage(OSError):
    """The directory gave no answer that can be read. That is not "nobody was found"."""


def directory_bundle(request, url):
    """One answer of the API: a Bundle, or an Outage."""
    asked = urllib.request.Request(url, headers={"ESANTE-API-KEY": "python-adapter", "Accept": "application/fhir+json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for is_last in (False, True):
        try:
            with opener.open(asked, timeout=seconds_left(request)) as answer:
                bundle = json.load(answer)
            if bundle.get("resourceType") != "Bundle":
                raise Outage("the directory answered with something else than a Bundle")
            return bundle
        except urllib.error.HTTPError as error:
            wait = error.headers.get("Retry-After") or ""
            if error.code not in (429, 503) or is_last or not wait.isdigit() or int(wait) > 2:
                raise Outage(f"the directory answered {error.code}") from None
            time.sleep(int(wait))
        except (ValueError, AttributeError):
            raise Outage("the directory's answer cannot be read: no FHIR") from None


def directory_addresses(request, resource, pairs):
    """The mailboxes of what matches, on all pages: structures list other mail too, which has no MSSanté mark."""
    pairs = [(name, value.replace("\\", "\\\\").replace(",", "\\,")) for name, value in pairs]
    if resource in ALONG:
        pairs.append(("_revinclude", ALONG[resource]))
    base, found = request["directory"], set()
    url = f"{base}/{resource}?{urllib.parse.urlencode(pairs)}"
    while url:
        if not url.startswith(base):
            raise Outage("the link to the next page leads away from the directory")
        bundle = directory_bundle(request, url)
        for one in (entry.get("resource", {}) for entry in bundle.get("entry", [])):
            for telecom in one.get("telecom", []):
                if "MSSANTE" in json.dumps(telecom.get("extension", [])) and one.get("active") is not False:
                    found.add(telecom["value"].lower())
        url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
    return found


def look_up(request):
    """The addresses of those who match every criterion: one search of people, one of places, and what both gave."""
    query, asked = request["message"]["facts"]["query"], {}
    for criterion, (resource, parameter) in PARAMETERS.items():
        if query.get(criterion):
            asked.setdefault(resource, []).append((parameter, query[criterion]))
    if not asked:
        raise Unsupported("no criterion that this example knows")
    return set.intersection(*(directory_addresses(request, *one) for one in asked.items()))


def recipients(request):
    """Whom to write to: those named, else the one whom the directory has."""
    message = request["message"]
    if not message["to"] and (message.get("facts") or {}).get("query"):
        found = look_up(request)
        if len(found) != 1:
            raise ValueError(f"{len(found)} entries of the directory match: nothing was sent")
        message["to"] = sorted(found)
    return message["to"]


# ---------------------------------------------------------------------------------------------------------------------
# Steps: what to replace by your own product
# ---------------------------------------------------------------------------------------------------------------------


def step_login(request, context, credentials):
    if request.get("dns") and not (request.get("imap") or request.get("smtp")):
        raise Unsupported("Python's standard library has no DNS resolver: no autoconfiguration in this example")
    done = []
    if request.get("imap"):
        imap = again(request, lambda: with_one_renewal(credentials, lambda: imap_login(request, context, credentials)))
        imap.logout()
        done.append("IMAP")
    if request.get("smtp"):
        smtp = again(request, lambda: with_one_renewal(credentials, lambda: smtp_login(request, context, credentials)))
        smtp.quit()
        done.append("SMTP")
    if not done:
        raise ValueError("the request gives neither an IMAP nor an SMTP server")
    return "logged in and out: " + ", ".join(done)


def step_fetch(request, context, credentials):
    def attempt():
        imap = with_one_renewal(credentials, lambda: imap_login(request, context, credentials))
        detail = fetch_newest(imap, request["work_dir"])
        imap.logout()
        return detail

    return again(request, attempt)


def step_search(request, context, credentials):
    found = sorted(look_up(request))
    return f"{len(found)} found: {', '.join(found[:3])}" if found else "nobody in the directory matches"


def step_send(request, context, credentials):
    message = request["message"]
    recipients(request)
    if message.get("eml_file"):
        with open(message["eml_file"], "rb") as file:
            mail = file.read()
    else:
        mail = compose(request)
    return deliver(request, context, credentials, message["to"], mail)


def step_reply(request, context, credentials):
    """Finds the message by its identifier, and answers it."""
    original = request["message"]["facts"]["in_reply_to"]
    imap = with_one_renewal(credentials, lambda: imap_login(request, context, credentials))
    parent = find_message(imap, original, seconds_left(request) / 2)
    imap.logout()
    request["message"]["to"] = request["message"].get("to") or [email.utils.parseaddr(parent["From"])[1]]
    return deliver(request, context, credentials, request["message"]["to"], compose(request, parent))


def deliver(request, context, credentials, recipients, mail):
    def attempt():
        smtp = with_one_renewal(credentials, lambda: smtp_login(request, context, credentials))
        detail = submit(smtp, request["mailbox"]["address"], recipients, mail)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()  # the mail is accepted: whatever happens now changes nothing
        return detail

    return again(request, attempt)  # the same bytes, so the same Message-ID


STEPS = {"login": step_login, "logout": step_login, "fetch": step_fetch, "send": step_send, "reply": step_reply, "search": step_search}


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

#!/usr/bin/env python3
"""BAD CLIENTS in one program: each mode is the example adapter, with one thing broken.

Usage: bad.py MODE as an adapter, bad.py alone for the list. Where the files beside this one share no code with the
example, these share all of it but the fault: whatever the bench says against them is about that fault.
"""

import contextlib
import imaplib
import os
import smtplib
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
sys.dont_write_bytecode = True

import adapter  # noqa: E402

MODES = {}


def mode(name, requirement):
    """Notes a mode: its name, the requirement that it breaks, its description, and what breaks it."""

    def note(breaks):
        MODES[name] = (requirement, breaks.__doc__, breaks)
        return breaks

    return note


def change_headers(change):
    """Has the X-MSS-* headers changed: `change(headers, request, documents)` works on a dictionary."""
    honest = adapter.indicators

    def indicators(request, documents):
        headers = dict(honest(request, documents))
        change(headers, request, documents)
        return list(headers.items())

    adapter.indicators = indicators


# ---------------------------------------------------------------------------------------------------------------------
# Connections
# ---------------------------------------------------------------------------------------------------------------------


def before_starttls(imap_line, smtp_line):
    """Has a line said in clear just before STARTTLS; the answer is read and ignored. A line may be a function."""
    imap_starttls, smtp_starttls = imaplib.IMAP4.starttls, smtplib.SMTP.starttls

    def imap(self, *arguments):
        self.send(b"e1 " + (imap_line() if callable(imap_line) else imap_line) + b"\r\n")
        while (answer := self.readline()) and not answer.startswith(b"e1 "):
            pass
        return imap_starttls(self, *arguments)

    def smtp(self, *arguments, **named):
        self.docmd(smtp_line() if callable(smtp_line) else smtp_line)
        return smtp_starttls(self, *arguments, **named)

    imaplib.IMAP4.starttls, smtplib.SMTP.starttls = imap, smtp


@mode("clear-login", "SC.MSS/CONF.07")
def clear_login():
    """sends its login in clear, then does STARTTLS and logs in again"""
    made = []
    honest = adapter.Credentials.__init__

    def remember(self, *arguments):
        honest(self, *arguments)
        made.append(self)

    adapter.Credentials.__init__ = remember

    def line():
        return f"{made[0].mechanism()} {adapter.base64.b64encode(made[0].response()).decode()}"

    before_starttls(lambda: f"AUTHENTICATE {line()}".encode(), lambda: f"AUTH {line()}")


@mode("early-command", "SC.MSS/CONF.05 SC.MSS/CONF.06")
def early_command():
    """opens a mailbox, or names a sender, before STARTTLS"""
    before_starttls(b"SELECT INBOX", "MAIL FROM:<nobody@mail.test>")


@mode("no-second-ehlo", "SC.MSS/CONF.05")
def no_second_ehlo():
    """believes after STARTTLS what the server said in clear before it: no second EHLO"""
    ehlo, starttls = smtplib.SMTP.ehlo, smtplib.SMTP.starttls

    def once(self, *arguments):
        return (250, b"") if isinstance(self.sock, ssl.SSLSocket) else ehlo(self, *arguments)

    def keep(self, *arguments, **named):
        answer = starttls(self, *arguments, **named)
        self.esmtp_features["auth"] = "XOAUTH2 EXTERNAL"
        return answer

    smtplib.SMTP.ehlo, smtplib.SMTP.starttls = once, keep


@mode("old-tls", "SC.MSS/CONF.01")
def old_tls():
    """accepts TLS 1.1"""
    honest = adapter.tls_context

    def context(request):
        made = honest(request)
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.TLSv1
        return made

    adapter.tls_context = context


@mode("any-suite", "SC.MSS/CONF.03")
def any_suite():
    """offers every cipher suite that its library knows, those without encryption or authentication too"""
    honest = adapter.tls_context

    def context(request):
        made = honest(request)
        made.set_ciphers("ALL:eNULL:aNULL:@SECLEVEL=0")
        return made

    adapter.tls_context = context


@mode("wrong-mechanism", "SC.MSS/CONF.07 SC.MSS/CONF.12")
def wrong_mechanism():
    """logs in with the mechanism PLAIN"""

    def plain(credentials):
        return f"\0{credentials.user}\0password".encode()

    def imap_login(request, context, credentials):
        imap = adapter.imap_connect(request, context)
        try:
            imap.authenticate("PLAIN", lambda _: plain(credentials))
        except imaplib.IMAP4.error as error:
            raise adapter.Refused(f"PLAIN: {error}") from None
        return imap

    def smtp_login(request, context, credentials):
        smtp = adapter.smtp_connect(request, context)
        code, _ = smtp.docmd("AUTH", "PLAIN " + adapter.base64.b64encode(plain(credentials)).decode())
        if code != 235:
            raise adapter.Refused(f"PLAIN: {code}")
        return smtp

    adapter.imap_login, adapter.smtp_login = imap_login, smtp_login


@mode("no-certificate", "SC.MSS/CONF.12")
def no_certificate():
    """asks for EXTERNAL and shows no certificate"""
    ssl.SSLContext.load_cert_chain = lambda *_: None


@mode("stale-token", "SC.MSS/CONF.11")
def stale_token():
    """presents the token that was just refused, instead of asking for another one"""

    def renew(self):
        self.renewable = None

    adapter.Credentials.renew = renew


@mode("no-renewal", "SC.MSS/CONF.11")
def no_renewal():
    """gives up at the first refused token"""
    adapter.with_one_renewal = lambda _, open_session: open_session()


@mode("goes-on-without-psc", "SC.MSS/CONF.10")
def goes_on_without_psc():
    """presents the old token once more when PSC has said that the session is over"""

    def with_one_renewal(credentials, open_session):
        try:
            return open_session()
        except adapter.TokenRefused:
            with contextlib.suppress(adapter.Refused):
                credentials.renew()
            return open_session()

    adapter.with_one_renewal = with_one_renewal


@mode("besieges-psc", "SC.MSS/CONF.08")
def besieges_psc():
    """asks a PSC that does not answer ten times in a row"""
    honest = adapter.Credentials.renew

    def renew(self):
        for _ in range(9):
            with contextlib.suppress(OSError):
                return honest(self)
        return honest(self)

    adapter.Credentials.renew = renew


@mode("renews-always", "SC.MSS/CONF.08")
def renews_always():
    """asks PSC for a token before each login, whatever the life of the one at hand"""
    imap_login, smtp_login = adapter.imap_login, adapter.smtp_login

    def first(login):
        def renewed(request, context, credentials):
            credentials.renew()
            return login(request, context, credentials)

        return renewed

    adapter.imap_login, adapter.smtp_login = first(imap_login), first(smtp_login)


@mode("small-buffer", "SC.MSS/CONF.07")
def small_buffer():
    """has room for 4 096 characters of a token"""
    honest = adapter.Credentials.response

    def response(self):
        self.token = self.token[:4096]
        self.renewable = None
        return honest(self)

    adapter.Credentials.response = response


@mode("long-auth-line", "SC.MSS/CONF.07")
def long_auth_line():
    """sends the token in the line of AUTH"""

    def smtp_login(request, context, credentials):
        smtp = adapter.smtp_connect(request, context)
        code, _ = smtp.docmd("AUTH", f"{credentials.mechanism()} {adapter.base64.b64encode(credentials.response()).decode()}")
        if code != 235:
            raise adapter.Refused(str(code))
        return smtp

    adapter.smtp_login = smtp_login


@mode("initial-response-always", "SC.MSS/CONF.07")
def initial_response_always():
    """sends the token in the line of AUTHENTICATE, announced or not"""

    def imap_login(request, context, credentials):
        imap = adapter.imap_connect(request, context)
        response = adapter.base64.b64encode(credentials.response()).decode()
        imap.send(f"i1 AUTHENTICATE {credentials.mechanism()} {response}\r\n".encode())
        while (line := imap.readline()) and not line.startswith((b"i1 ", b"+")):
            pass
        if line.startswith(b"+"):
            imap.send(b"*\r\n")
            imap.readline()
        if not line.startswith(b"i1 OK"):
            raise adapter.Refused("the IMAP server refused the login")
        imap.state = "AUTH"
        return imap

    adapter.imap_login = imap_login


def change_request(change):
    """Has the authorization request to PSC changed."""
    honest = adapter.authorization_request

    def request(*arguments):
        made = honest(*arguments)
        change(made)
        return made

    adapter.authorization_request = request


@mode("no-state", "SC.PSC.01")
def no_state():
    """asks PSC for a login without `state`"""
    change_request(lambda made: made.pop("state"))


@mode("no-nonce", "SC.PSC.01")
def no_nonce():
    """asks PSC for a login without `nonce`"""
    change_request(lambda made: made.pop("nonce"))


@mode("no-pkce", "SC.PSC.01")
def no_pkce():
    """asks PSC for a login without PKCE"""
    change_request(lambda made: (made.pop("code_challenge"), made.pop("code_challenge_method")))


@mode("near-redirect", "SC.PSC.01")
def near_redirect():
    """gives an address of return with a slash more than the registered one"""
    change_request(lambda made: made.update(redirect_uri=made["redirect_uri"] + "/"))


@mode("code-twice", "SC.PSC.01")
def code_twice():
    """exchanges the same code twice"""
    honest = adapter.redeem

    def redeem(*arguments):
        honest(*arguments)
        return honest(*arguments)

    adapter.redeem = redeem


@mode("first-mailbox", "SC.MSS/CONF.07")
def first_mailbox():
    """opens the mailbox that it opened first in a run, whichever it is told to"""
    honest = adapter.Credentials.__init__

    def remember(self, request, context):
        honest(self, request, context)
        kept = os.path.join(request["work_dir"], "mailbox")
        if os.path.exists(kept):
            with open(kept) as file:
                self.user = file.read()
        with open(kept, "w") as file:
            file.write(self.user)

    adapter.Credentials.__init__ = remember


def remembered():
    """The credentials of this process, once they are made."""
    made = []
    honest = adapter.Credentials.__init__

    def remember(self, *arguments):
        honest(self, *arguments)
        made.append(self)

    adapter.Credentials.__init__ = remember
    return made


@mode("token-in-message-id", "SC.MSS/CONF.28")
def token_in_message_id():
    """makes its Message-IDs of the token"""
    made = remembered()
    adapter.email.utils.make_msgid = lambda domain=None: f"<{made[0].token[:500]}@{domain}>"


@mode("token-in-address", "SC.MSS/CONF.28")
def token_in_address():
    """puts the refresh token into the address of PSC's token endpoint too"""
    honest = adapter.Credentials.renew

    def renew(self):
        grant = self.renewable
        query = adapter.urllib.parse.urlencode({"refresh_token": grant["refresh_token"]})
        self.renewable = {**grant, "token_endpoint": f"{grant['token_endpoint']}?{query}"}
        honest(self)

    adapter.Credentials.renew = renew


# ---------------------------------------------------------------------------------------------------------------------
# Servers that misbehave
# ---------------------------------------------------------------------------------------------------------------------


@mode("trusts-all", "SC.MSS/CONF.01 SC.MSS/CONF.03 SC.MSS/CONF.22 SC.MSS/CONF.27")
def trusts_all():
    """accepts every certificate, every version of TLS and every suite"""
    honest = adapter.tls_context

    def context(request):
        made = honest(request)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        made.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.TLSv1
        return made

    adapter.tls_context, adapter.check_issuer = context, lambda sock: None


@mode("any-issuer", "SC.MSS/CONF.27")
def any_issuer():
    """accepts every authority under the lab's root, the domaine Personnes too"""
    adapter.check_issuer = lambda sock: None


@mode("goes-on-in-clear", "SC.MSS/CONF.05 SC.MSS/CONF.06 SC.MSS/CONF.07 SC.MSS/CONF.12")
def goes_on_in_clear():
    """logs in in clear where STARTTLS is not to be had"""
    imap_connect, smtp_connect = adapter.imap_connect, adapter.smtp_connect

    def imap(request, context):
        try:
            return imap_connect(request, context)
        except (adapter.Refused, imaplib.IMAP4.error):
            clear = imaplib.IMAP4(request["imap"]["host"], request["imap"]["port"], timeout=5)
            clear.send(b"x1 AUTHENTICATE PLAIN AGEAYg==\r\n")
            clear.readline()
            raise adapter.Refused("in clear") from None

    def smtp(request, context):
        try:
            return smtp_connect(request, context)
        except (adapter.Refused, smtplib.SMTPException):
            clear = smtplib.SMTP(request["smtp"]["host"], request["smtp"]["port"], "[127.0.0.1]", timeout=5)
            clear.ehlo("[127.0.0.1]")
            clear.docmd("AUTH", "PLAIN AGEAYg==")
            raise adapter.Refused("in clear") from None

    adapter.imap_connect, adapter.smtp_connect = imap, smtp


@mode("token-as-password", "SC.MSS/CONF.05 SC.MSS/CONF.06 SC.MSS/CONF.07")
def token_as_password():
    """logs in with PLAIN where the server says that it takes it, the token for a password, whoever said so"""
    imap_login, smtp_login = adapter.imap_login, adapter.smtp_login

    def plain(credentials):
        return adapter.base64.b64encode(f"\0{credentials.user}\0{credentials.token}".encode()).decode()

    class Believing(imaplib.IMAP4):
        """Reads what was said in clear behind the answer to STARTTLS as if it had come under TLS."""

        def starttls(self, context=None):
            self.send(b"s1 STARTTLS\r\n")
            while not self.readline().startswith(b"s1 "):
                pass
            self.sock.settimeout(0.2)
            try:
                injected = self.readline()
            except OSError:
                injected = b""
            self.sock.settimeout(5)
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
            self.file = self._file = self.sock.makefile("rb")
            self._get_capabilities()
            if b"AUTH=PLAIN" in injected:
                self.capabilities += ("AUTH=PLAIN",)

    def imap(request, context, credentials):
        client = Believing(request["imap"]["host"], request["imap"]["port"], timeout=5)
        client.starttls(context)
        if "AUTH=PLAIN" not in client.capabilities:
            return imap_login(request, context, credentials)
        client.send(f"x1 AUTHENTICATE PLAIN {plain(credentials)}\r\n".encode())
        client.readline()
        raise adapter.Refused("PLAIN")

    def smtp(request, context, credentials):
        client = smtplib.SMTP(request["smtp"]["host"], request["smtp"]["port"], "[127.0.0.1]", timeout=5)
        client.ehlo("[127.0.0.1]")
        client.putcmd("STARTTLS")
        client.getreply()
        client.sock.settimeout(0.2)
        try:
            injected = client.file.readline()
        except OSError:
            injected = b""
        client.sock.settimeout(5)
        client.sock = context.wrap_socket(client.sock, server_hostname="localhost")
        client.file = None
        client.ehlo("[127.0.0.1]")
        if b"PLAIN" not in injected and "PLAIN" not in client.esmtp_features.get("auth", ""):
            client.close()
            return smtp_login(request, context, credentials)
        client.docmd("AUTH", "PLAIN " + plain(credentials))
        raise adapter.Refused("PLAIN")

    adapter.imap_login, adapter.smtp_login = imap, smtp


@mode("loops", "SC.MSS/CONF.08")
def loops():
    """begins again at once, ten times, whatever went wrong"""
    for name, honest in list(adapter.STEPS.items()):

        def again(request, context, credentials, honest=honest):
            for _ in range(9):
                try:
                    return honest(request, context, credentials)
                except Exception:  # the point of this client
                    credentials.renewable = None
            return honest(request, context, credentials)

        adapter.STEPS[name] = again


@mode("connects-for-ever", "SC.MSS/CONF.08")
def connects_for_ever():
    """opens ten connections and drops them before it logs in"""
    imap_login, smtp_login = adapter.imap_login, adapter.smtp_login

    def many(where):
        for _ in range(10):
            with contextlib.suppress(OSError):
                socket.create_connection((where["host"], where["port"]), timeout=2).close()

    def imap(request, context, credentials):
        many(request["imap"])
        return imap_login(request, context, credentials)

    def smtp(request, context, credentials):
        many(request["smtp"])
        return smtp_login(request, context, credentials)

    adapter.imap_login, adapter.smtp_login = imap, smtp


@mode("gives-up", "SC.MSS/CONF.11 SC.MSS/CONF.05")
def gives_up():
    """tries once, and never again, whatever the reason"""
    adapter.again = lambda request, attempt: attempt()
    adapter.with_one_renewal = lambda _, open_session: open_session()


@mode("sends-again", "SC.MSS/CONF.05 SC.MSS/CONF.08")
def sends_again():
    """sends the message again whenever it does not hear of its acceptance, and once more for good measure"""
    honest = adapter.submit

    def submit(smtp, sender, recipients, mail):
        honest(smtp, sender, recipients, mail)
        return honest(smtp, sender, recipients, mail)

    def twice(request, attempt):
        try:
            return attempt()
        except Exception:  # the point of this client
            return attempt()

    adapter.submit, adapter.again = submit, twice


@mode("impatient", "SC.MSS/CONF.08")
def impatient():
    """waits for a second, and no longer"""
    adapter.seconds_left = lambda request: 1.0
    adapter.again = lambda request, attempt: attempt()


@mode("token-again", "SC.MSS/CONF.11")
def token_again():
    """answers the challenge of a refused token with the token"""
    honest = adapter.imap_login

    def imap_login(request, context, credentials):
        imap = adapter.imap_connect(request, context)
        try:
            imap.authenticate(credentials.mechanism(), lambda _: credentials.response())
        except imaplib.IMAP4.error as error:
            raise adapter.TokenRefused(str(error)) from None
        return imap

    def smtp_login(request, context, credentials):
        smtp = adapter.smtp_connect(request, context)
        code, _ = smtp.docmd("AUTH", credentials.mechanism())
        while code == 334:
            code, _ = smtp.docmd(adapter.base64.b64encode(credentials.response()).decode("ascii"))
        if code != 235:
            raise adapter.TokenRefused(str(code))
        return smtp

    del honest
    adapter.imap_login, adapter.smtp_login = imap_login, smtp_login


@mode("remembers-uids", "SC.MSS/CONF.06")
def remembers_uids():
    """asks for the UID that it knows, without looking at UIDVALIDITY"""

    def fetch(imap, work_dir):
        imap.select("INBOX")
        known = os.path.join(work_dir, "uid")
        if not os.path.exists(known):
            _, found = imap.uid("SEARCH", None, "ALL")
            with open(known, "wb") as file:
                file.write(found[0].split()[-1])
        with open(known, "rb") as file:
            imap.uid("FETCH", file.read().decode(), "(FLAGS)")
        return "read"

    adapter.fetch_newest = fetch


@mode("wrong-mechanism-later", "SC.MSS/CONF.01 SC.MSS/CONF.07 SC.MSS/CONF.08 SC.MSS/CONF.12")
def wrong_mechanism_later():
    """logs in as it must the first time in a run, and with PLAIN ever after"""
    honest = adapter.tls_context

    def context(request):
        mark = os.path.join(request["work_dir"], "been-here")
        if os.path.exists(mark):
            wrong_mechanism()
        open(mark, "w").close()
        return honest(request)

    adapter.tls_context = context


@mode("half-reader", "SC.MSS/CONF.06")
def half_reader():
    """takes the first piece of a literal for the whole of it, and hangs up"""
    def read(self, size):
        piece = self.file.read1(size)
        if len(piece) < size:
            self.sock.close()
            raise imaplib.IMAP4.error("the message is too short")
        return piece

    imaplib.IMAP4.read, adapter.again = read, lambda request, attempt: attempt()


@mode("ignores-size", "SC.MSS/CONF.05")
def ignores_size():
    """sends whatever the size that the server takes"""
    smtplib.SMTP.has_extn = lambda self, name: name.lower() != "size" and name.lower() in self.esmtp_features
    honest = adapter.submit

    def submit(smtp, *arguments):
        smtp.esmtp_features.pop("size", None)
        return honest(smtp, *arguments)

    adapter.submit = submit


def look_up(request, service, patience):
    """The host and port of one SRV record, asked for once over UDP; None without a good answer."""
    server, domain = request["dns"], request["mailbox"]["address"].rpartition("@")[2]
    name = b"".join(bytes([len(label)]) + label.encode() for label in f"{service}._tcp.{domain}".split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(patience)
        udp.sendto(b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + name + b"\0\x21\0\1", (server["host"], server["port"]))
        try:
            answer = udp.recv(4096)
        except OSError:
            return None
    if answer[2] & 2 or answer[3] & 15 or answer[6:8] == b"\0\0":
        return None
    at = 12 + len(name) + 4
    at += (2 if answer[at] & 0xC0 else answer.index(b"\0", at) - at + 1) + 14
    port = int.from_bytes(answer[at : at + 2], "big")
    return {"host": "localhost", "port": port, "security": "starttls"} if port else None


def discovers(patience, remember):
    """Has hosts and ports looked up, as the honest adapter cannot."""
    honest = adapter.step_login

    def login(request, context, credentials):
        if request.get("dns"):
            for protocol, service in (("imap", "_imap"), ("smtp", "_submission")):
                kept = os.path.join(request["work_dir"], protocol)
                if remember and os.path.exists(kept):
                    with open(kept) as file:
                        place = adapter.json.load(file)
                else:
                    # Where nothing is known, nobody answers.
                    place = look_up(request, service, patience) or {"host": "localhost", "port": 1, "security": "starttls"}
                    with open(kept, "w") as file:
                        adapter.json.dump(place, file)
                request[protocol] = place
        return honest(request, context, credentials)

    adapter.STEPS["login"] = login


@mode("remembers-servers", "SC.MSS/CONF.04")
def remembers_servers():
    """looks the servers up once, and goes there for ever"""
    discovers(5, True)


@mode("asks-once", "SC.MSS/CONF.04")
def asks_once():
    """asks the DNS once over UDP, for half a second, and gives up where the answer is not there and whole"""
    discovers(0.5, False)


@mode("frightened", "SC.MSS/CONF.06")
def frightened():
    """hangs up at the first untagged response that it does not know"""
    honest = adapter.fetch_newest

    def fetch(imap, work_dir):
        imap.select("INBOX")
        if any("VAGUEMESTRE" in name.upper() for name in imap.untagged_responses):
            imap.sock.close()
            raise OSError("what was that?")
        return honest(imap, work_dir)

    adapter.fetch_newest, adapter.again = fetch, lambda request, attempt: attempt()


# ---------------------------------------------------------------------------------------------------------------------
# X-MSS-NIL
# ---------------------------------------------------------------------------------------------------------------------


@mode("no-nil", "SC.MSS/CONF.16")
def no_nil():
    """leaves X-MSS-NIL out"""
    change_headers(lambda headers, *_: headers.pop("X-MSS-NIL"))


@mode("other-nil", "SC.MSS/CONF.16")
def other_nil():
    """gives another product's number in X-MSS-NIL"""
    change_headers(lambda headers, request, _: headers.update({"X-MSS-NIL": request["nil"] + "0"}))


@mode("no-nil-on-documents", "SC.MSS/CONF.16")
def no_nil_on_documents():
    """sends X-MSS-NIL, but not with documents"""
    change_headers(lambda headers, _, documents: headers.pop("X-MSS-NIL") if documents else None)


@mode("no-nil-on-replies", "SC.MSS/CONF.16")
def no_nil_on_replies():
    """sends X-MSS-NIL, but not on an answer"""
    change_headers(lambda headers, request, _: headers.pop("X-MSS-NIL") if request["step"] == "reply" else None)


# ---------------------------------------------------------------------------------------------------------------------
# X-MSS-INS, X-MSS-CODECDA
# ---------------------------------------------------------------------------------------------------------------------


@mode("no-ins", "SC.MSS/CONF.14")
def no_ins():
    """leaves X-MSS-INS out"""
    change_headers(lambda headers, *_: headers.pop("X-MSS-INS", None))


@mode("small-ins", "SC.MSS/CONF.14")
def small_ins():
    """writes the value of X-MSS-INS in lower case"""
    change_headers(lambda headers, *_: headers.update({"X-MSS-INS": headers["X-MSS-INS"].lower()}) if "X-MSS-INS" in headers else None)


@mode("ins-always", "SC.MSS/CONF.14")
def ins_always():
    """says X-MSS-INS: O for an INS that is not qualified"""
    change_headers(lambda headers, *_: headers.update({"X-MSS-INS": "O"}) if "X-MSS-INS" in headers else None)


@mode("ins-on-plain", "SC.MSS/CONF.14")
def ins_on_plain():
    """sends X-MSS-INS: N on a mail without document"""
    change_headers(lambda headers, *_: headers.setdefault("X-MSS-INS", "N"))


@mode("no-codecda", "SC.MSS/CONF.15")
def no_codecda():
    """leaves X-MSS-CODECDA out"""
    change_headers(lambda headers, *_: headers.pop("X-MSS-CODECDA", None))


def recode(change):
    """Has X-MSS-CODECDA changed, where there is one."""

    def apply(headers, _, documents):
        if documents:
            headers["X-MSS-CODECDA"] = change(headers["X-MSS-CODECDA"], documents)

    change_headers(apply)


@mode("label-as-code", "SC.MSS/CONF.15")
def label_as_code():
    """writes the name of the coding system before the code in X-MSS-CODECDA"""
    recode(lambda value, _: f"LOINC:{value}")


@mode("one-code", "SC.MSS/CONF.15")
def one_code():
    """writes the first document's code only in X-MSS-CODECDA"""
    recode(lambda value, _: value.partition(",")[0])


@mode("codecda-spaces", "SC.MSS/CONF.15")
def codecda_spaces():
    """writes a space after the comma in X-MSS-CODECDA"""
    recode(lambda value, _: value.replace(",", ", "))


@mode("codecda-on-plain", "SC.MSS/CONF.15")
def codecda_on_plain():
    """sends X-MSS-CODECDA on a mail without document"""
    change_headers(lambda headers, *_: headers.setdefault("X-MSS-CODECDA", "11490-0"))


# ---------------------------------------------------------------------------------------------------------------------
# X-MSS-MES
# ---------------------------------------------------------------------------------------------------------------------


def asked(request, what):
    return bool((request["message"].get("facts") or {}).get(what))


@mode("no-mes", "SC.MSS/CONF.21")
def no_mes():
    """leaves X-MSS-MES out"""
    change_headers(lambda headers, *_: headers.pop("X-MSS-MES", None))


@mode("small-mes", "SC.MSS/CONF.21")
def small_mes():
    """writes X-MSS-MES: fin in lower case"""
    change_headers(lambda headers, *_: headers.update({"X-MSS-MES": "fin"}) if "X-MSS-MES" in headers else None)


@mode("mes-always", "SC.MSS/CONF.21")
def mes_always():
    """closes every exchange with a patient, asked for or not"""
    change_headers(lambda headers, request, _: headers.update({"X-MSS-MES": "FIN"}) if asked(request, "to_patient") else None)


@mode("mes-to-professional", "SC.MSS/CONF.21")
def mes_to_professional():
    """closes the exchange with a professional too"""
    change_headers(lambda headers, request, _: headers.update({"X-MSS-MES": "FIN"}) if asked(request, "close") else None)


@mode("mes-on-plain", "SC.MSS/CONF.21")
def mes_on_plain():
    """sends X-MSS-MES: FIN on every mail"""
    change_headers(lambda headers, *_: headers.update({"X-MSS-MES": "FIN"}))


# ---------------------------------------------------------------------------------------------------------------------
# Answers
# ---------------------------------------------------------------------------------------------------------------------


@mode("no-in-reply-to", "MSS/va1.08")
def no_in_reply_to():
    """answers with a new mail: neither In-Reply-To nor References"""
    adapter.threading = lambda parent: []


@mode("bare-message-id", "MSS/va1.12")
def bare_message_id():
    """writes a bare number where a Message-ID is due"""
    adapter.email.utils.make_msgid = lambda domain=None: str(int(adapter.time.time() * 1000))


# ---------------------------------------------------------------------------------------------------------------------
# The directory
# ---------------------------------------------------------------------------------------------------------------------


def typed(request):
    """An address that somebody might type: the surname at the sender's own domain."""
    query = request["message"]["facts"]["query"]
    return f"{query.get('family', 'dupont').lower().replace(' ', '-')}@{request['mailbox']['address'].rpartition('@')[2]}"


@mode("sends-without-searching", "SC.MSS/CONF.20")
def sends_without_searching():
    """types an address instead of looking one up"""
    adapter.look_up = lambda request: {typed(request)}


@mode("types-the-address", "SC.MSS/CONF.20")
def types_the_address():
    """looks somebody up, and then types the address"""
    honest = adapter.look_up

    def look_up(request):
        honest(request)
        return {typed(request)}

    adapter.look_up = look_up


@mode("one-criterion", "SC.MSS/CONF.20 SC.MSS/UX.41")
def one_criterion():
    """searches by the first criterion only, and writes to somebody else whom that finds too"""

    def look_up(request):
        query, own = request["message"]["facts"]["query"], request["mailbox"]["address"].rpartition("@")[2]
        criterion = next(name for name in adapter.PARAMETERS if query.get(name))
        resource, parameter = adapter.PARAMETERS[criterion]
        found = sorted(adapter.directory_addresses(request, resource, [(parameter, query[criterion])]))
        return {next((address for address in found if not address.endswith(f"@{own}")), found[0])}

    adapter.look_up = look_up


@mode("ignores-criterion", "SC.MSS/UX.41")
def ignores_criterion():
    """lists the directory, whatever is asked"""
    adapter.look_up = lambda request: adapter.directory_addresses(request, "PractitionerRole", [("_count", "50")])


@mode("outage-is-empty", "SC.MSS/CONF.20")
def outage_is_empty():
    """takes whatever is no Bundle, or not there within a second, for an empty one: nobody was found, all went well"""
    honest = adapter.step_send

    def bundle(request, url):
        asked = adapter.urllib.request.Request(url, headers={"ESANTE-API-KEY": "bad-client"})
        try:
            with adapter.urllib.request.urlopen(asked, timeout=1) as answer:
                return adapter.json.load(answer)
        except (OSError, ValueError):
            return {}

    def send(request, context, credentials):
        try:
            return honest(request, context, credentials)
        except ValueError as error:
            return f"no result ({error})"

    adapter.directory_bundle, adapter.STEPS["send"] = bundle, send


@mode("invents-addresses", "SC.MSS/CONF.20")
def invents_addresses():
    """types an address where the directory does not answer"""
    honest = adapter.look_up

    def look_up(request):
        try:
            return honest(request)
        except adapter.Outage:
            return {typed(request)}

    adapter.look_up = look_up


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in MODES:
        print("usage: bad.py MODE, as an adapter; the modes are:", file=sys.stderr)
        for name, (requirement, description, _) in MODES.items():
            print(f"  {name:24} {requirement:30} {description}", file=sys.stderr)
        return 2
    MODES[sys.argv[1]][2]()
    return adapter.main()


if __name__ == "__main__":
    sys.exit(main())

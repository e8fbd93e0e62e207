"""What the bad clients share: sockets, lines and logins by hand.

It shares nothing with ../adapter.py, so that a fault of the example cannot hide behind the same fault here.
"""

import base64
import email.utils
import json
import os
import quopri
import socket
import ssl
import sys


def ask():
    """The bench's request."""
    return json.load(sys.stdin)


def tell(outcome, detail):
    """The last line, and the exit code."""
    print(json.dumps({"outcome": outcome, "detail": detail, "token_used_sha256": None}), flush=True)
    sys.exit(3 if outcome == "unsupported" else 0)


class Line:
    """A connection that reads and writes lines."""

    def __init__(self, place, timeout=10):
        self.place = place
        self.socket = socket.create_connection((place["host"], place["port"]), timeout)
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def hear(self):
        return self.file.readline(65536).decode("utf-8", "replace").rstrip("\r\n")

    def secure(self, request, with_certificate=True):
        context = ssl.create_default_context(cafile=request["ca_file"])
        if with_certificate and request["auth"]["mechanism"] == "external":
            context.load_cert_chain(request["auth"]["cert_file"], request["auth"]["key_file"])
        self.socket = context.wrap_socket(self.socket, server_hostname=self.place["host"])
        self.file = self.socket.makefile("rb")


class Imap(Line):
    def end(self, tag):
        """Reads up to the tagged line, or a continuation, or the end of the connection."""
        while True:
            line = self.hear()
            if not line or line.startswith(tag + " ") or line.startswith("+"):
                return line

    def greet(self, request, with_certificate=True):
        if self.place["security"] == "tls":
            self.secure(request, with_certificate)
            self.hear()
        else:
            self.hear()
            self.say("b1 STARTTLS")
            self.end("b1")
            self.secure(request, with_certificate)

    def login(self, mechanism, response):
        self.say(f"b2 AUTHENTICATE {mechanism}")
        if not self.end("b2").startswith("+"):
            return False
        self.say(response)
        line = self.end("b2")
        if line.startswith("+"):
            self.say("")
            line = self.end("b2")
        return line.startswith("b2 OK")

    def leave(self):
        self.say("b9 LOGOUT")
        self.end("b9")


class Smtp(Line):
    def reply(self):
        """The code and the last line of a reply; 0 at the end of the connection."""
        while True:
            line = self.hear()
            if len(line) < 4 or line[3] != "-":
                return (int(line[:3]) if line[:3].isdigit() else 0), line

    def command(self, text):
        self.say(text)
        return self.reply()

    def greet(self, request, with_certificate=True):
        if self.place["security"] == "tls":
            self.secure(request, with_certificate)
            self.reply()
        else:
            self.reply()
            self.command("EHLO [127.0.0.1]")
            self.command("STARTTLS")
            self.secure(request, with_certificate)
        self.command("EHLO [127.0.0.1]")

    def login(self, mechanism, response):
        code, _ = self.command(f"AUTH {mechanism}")
        if code == 334:
            code, _ = self.command(response)
        if code == 334:
            code, _ = self.command("")
        return code == 235

    def post(self, sender, recipients, mail):
        """True where the server took the mail."""
        replies = [self.command(f"MAIL FROM:<{sender}>")]
        replies += [self.command(f"RCPT TO:<{recipient}>") for recipient in recipients]
        if any(code != 250 for code, _ in replies) or self.command("DATA")[0] != 354:
            return False
        return self.command("\r\n".join("." + line if line.startswith(".") else line for line in mail) + "\r\n.")[0] == 250

    def leave(self):
        self.command("QUIT")


def b64(text):
    return base64.b64encode(text.encode()).decode()


def xoauth2(user, token):
    return b64(f"user={user}\x01auth=Bearer {token}\x01\x01")


def user(request):
    return request["auth"].get("user") or request["mailbox"]["address"]


def right_login(request):
    """Mechanism and response as a good client has them."""
    if request["auth"]["mechanism"] == "external":
        return "EXTERNAL", b64(request["mailbox"]["address"])
    return "XOAUTH2", xoauth2(user(request), request["auth"]["access_token"])


def places(request):
    """The sessions that a step opens: for a login every server given, for a send the SMTP server."""
    if request["step"] not in ("login", "send"):
        tell("unsupported", "this bad client logs in and sends only")
    if request["step"] == "login" and request.get("imap"):
        yield Imap(request["imap"])
    if request.get("smtp"):
        yield Smtp(request["smtp"])


def try_logins(request, mechanism, response, with_certificate=True):
    """Logs in everywhere with a credential that ought to be refused, and says what happened."""
    accepted = []
    for line in places(request):
        try:
            line.greet(request, with_certificate)
            accepted.append(line.login(mechanism, response))
        except (OSError, ssl.SSLError):
            accepted.append(False)  # the server closed the door, which is a refusal too
    if any(accepted):
        tell("done", "the server took a credential that it ought to refuse")
    tell("refused", "every login was refused, as it ought to be")


def send(request, headers):
    """Logs in as a good client does, and sends one mail with these headers besides the usual ones."""
    mechanism, response = right_login(request)
    if request["step"] == "login":
        taken = []
        for line in places(request):
            line.greet(request)
            taken.append(line.login(mechanism, response))
            line.leave()
        tell("done" if taken and all(taken) else "refused", "logged in as a good client does")
    message, sender = request["message"], request["mailbox"]["address"]
    mail = [
        f"From: <{sender}>",
        "To: " + ", ".join(f"<{address}>" for address in message["to"]),
        f"Subject: =?utf-8?B?{b64(message.get('subject') or 'Message de test')}?=",
        f"Date: {email.utils.formatdate()}",
        f"Message-ID: <{request['run']}.{os.urandom(6).hex()}@{sender.rsplit('@', 1)[1]}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        *headers,
        "",
        *quopri.encodestring((message.get("text") or "").encode()).decode().splitlines(),
    ]
    for line in places(request):
        line.greet(request)
        if not line.login(mechanism, response):
            tell("refused", "the login was refused")
        taken = line.post(sender, message["to"], mail)
        line.leave()
        tell("done" if taken else "refused", "the mail was " + ("accepted" if taken else "refused"))
    tell("error", "the request gives no SMTP server")

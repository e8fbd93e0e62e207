"""A mail client for tests, on Python's standard library: one JSON object on standard input says what to do, and what
happened is told as JSON, one object a line. A refusal by the server is told; anything unexpected ends the program."""

import base64
import hashlib
import imaplib
import json
import smtplib
import socket
import ssl
import sys
import time

ask = json.load(sys.stdin)


def tell(**what):
    print(json.dumps(what), flush=True)


def context():
    made = ssl.create_default_context(cafile=ask["ca"])
    if "cert" in ask:
        made.load_cert_chain(ask["cert"], ask["key"])
    if ask.get("trusts_all"):
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def mechanism():
    return "EXTERNAL" if "cert" in ask else "XOAUTH2"


def response():
    if "cert" in ask:
        return ask["user"].encode()
    return f"user={ask['user']}\x01auth=Bearer {ask['token']}\x01\x01".encode()


# IMAP


def imap_open():
    if ask.get("implicit"):
        return imaplib.IMAP4_SSL("localhost", ask["port"], ssl_context=context(), timeout=20)
    imap = imaplib.IMAP4("localhost", ask["port"], timeout=20)
    imap.starttls(context())
    return imap


def imap_enter():
    """The session, or the refusal: final text and challenge."""
    imap, heard = imap_open(), []

    def answer(challenge):
        heard.append(challenge)
        return response() if len(heard) == 1 else b""

    try:
        imap.authenticate(mechanism(), answer)
    except imaplib.IMAP4.error as error:
        return None, {"ok": False, "text": str(error), "challenge": b"".join(heard[1:]).decode()}
    return imap, {"ok": True, "text": "", "challenge": ""}


def imap_login():
    try:
        imap, told = imap_enter()
    except ssl.SSLCertVerificationError as error:
        return tell(ok=False, text=str(error), challenge="")
    if imap:
        imap.logout()
    tell(**told)


def imap_password():
    """LOGIN with a password, under TLS."""
    imap = imap_open()
    try:
        imap.login(ask["user"], "secret-password")
        tell(ok=True, text="")
    except imaplib.IMAP4.error as error:
        tell(ok=False, text=str(error))


def imap_fetch():
    imap, told = imap_enter()
    if not imap:
        return tell(**told)
    imap.select("INBOX", readonly=True)
    _, found = imap.uid("SEARCH", None, "ALL")
    bodies = []
    for uid in found[0].split():
        _, data = imap.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
        bodies.append(base64.b64encode(next(part[1] for part in data if isinstance(part, tuple))).decode())
    imap.logout()
    tell(ok=True, bodies=bodies)


def clear():
    """Speaks without TLS: sends these lines one after the other and tells every line of the answers."""
    with socket.create_connection(("localhost", ask["port"]), 20) as plain:
        plain.settimeout(0.4)
        heard = b""
        for line in ["", *ask["lines"]]:
            if line:
                plain.sendall(line.encode() + b"\r\n")
            try:
                while chunk := plain.recv(65536):
                    heard += chunk
                    if ask.get("fast") and heard.endswith(b"\n"):
                        break
            except TimeoutError:
                pass
    tell(lines=heard.decode("utf-8", "replace").splitlines())


# SMTP


def smtp_open():
    name = ask.get("ehlo", "[127.0.0.1]")
    if ask.get("implicit"):
        smtp = smtplib.SMTP_SSL("localhost", ask["port"], name, timeout=20, context=context())
    else:
        smtp = smtplib.SMTP("localhost", ask["port"], name, timeout=20)
        smtp.starttls(context=context())
    smtp.ehlo(name)
    return smtp


def smtp_enter():
    smtp = smtp_open()
    code, text = smtp.docmd("AUTH", mechanism())
    challenge = b""
    if code == 334:
        code, text = smtp.docmd(base64.b64encode(response()).decode())
    if code == 334:
        challenge = base64.b64decode(text)
        code, text = smtp.docmd("")
    return smtp, {"ok": code == 235, "code": code, "text": text.decode(), "challenge": challenge.decode()}


def smtp_login():
    smtp, told = smtp_enter()
    smtp.quit()
    tell(**told)


def smtp_rcpt():
    """Logs in, names a sender and one recipient, and leaves."""
    smtp, told = smtp_enter()
    if told["ok"]:
        smtp.mail(ask["user"])
        code, text = smtp.rcpt(ask["to"])
        told = {"ok": code == 250, "code": code, "text": text.decode()}
    smtp.quit()
    tell(**told)


def smtp_send():
    """Sends `count` mails on one connection, each told as soon as its 250 is there; then waits, connected."""
    smtp, told = smtp_enter()
    if not told["ok"]:
        return tell(**told)
    for number in range(ask.get("count", 1)):
        head = [f"From: <{ask['user']}>", f"To: <{ask['to']}>", *ask.get("headers", []), f"X-Number: {number}"]
        mail = "\r\n".join([*head, "", ask.get("text", "Bonjour"), ".a line with a dot", ""]).encode()
        smtp.mail(ask["user"])
        smtp.rcpt(ask["to"])
        code, text = smtp.data(mail)
        tell(
            ok=code == 250,
            code=code,
            text=text.decode(),
            sha256=hashlib.sha256(mail).hexdigest(),
            mail=base64.b64encode(mail).decode(),
        )
    if ask.get("stay"):
        time.sleep(30)
    smtp.quit()


globals()[ask["do"]]()

"""A whole IMAP session with Python's imaplib, which knows nothing of this server.

usage: session.py starttls|tls|external PORT CA USER TOKEN_OR_PEM EXPIRED_TOKEN
"""
import email
import imaplib
import ssl
import sys
import time

mode, port, ca, user, credential, expired = sys.argv[1:7]
context = ssl.create_default_context(cafile=ca)
if mode == "external":
    context.load_cert_chain(credential)


def connect():
    if mode == "tls":
        return imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context)
    connection = imaplib.IMAP4("localhost", int(port))
    assert "AUTH=XOAUTH2" not in connection.capabilities, connection.capabilities
    assert "LOGINDISABLED" in connection.capabilities
    connection.starttls(context)
    return connection


def response(token):
    return lambda challenge: b"" if challenge else f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


if mode == "external":
    m = connect()
    assert "AUTH=EXTERNAL" in m.capabilities, m.capabilities
    ok(m.authenticate("EXTERNAL", lambda _: user.encode()))
    ok(m.select("INBOX"))
    m.logout()
    sys.exit(0)

m = connect()
try:
    m.authenticate("XOAUTH2", response(expired))
    raise SystemExit("an expired token was accepted")
except imaplib.IMAP4.error as error:
    assert "EXPIRED" in str(error), error
ok(m.authenticate("XOAUTH2", response(credential)))
assert any(b"\\Sent" in line for line in ok(m.list()))
message = f"From: a@b.example\r\nTo: {user}\r\nSubject: essai {mode}\r\n\r\n".encode() + b"x" * 5000 + b"\r\n"
before = int(ok(m.select("INBOX"))[0])
assert b"APPENDUID" in ok(m.append("INBOX", "(\\Flagged)", imaplib.Time2Internaldate(time.time()), message))[0]
assert int(ok(m.select("INBOX"))[0]) == before + 1
number = ok(m.search(None, "FLAGGED", "SUBJECT", f'"essai {mode}"'))[0].split()[-1]
assert number == str(before + 1).encode(), number
fetched = ok(m.fetch(number, "(UID FLAGS RFC822.SIZE BODY.PEEK[])"))
assert fetched[0][1] == message
assert email.message_from_bytes(fetched[0][1])["Subject"] == f"essai {mode}"
assert b"\\Seen" not in ok(m.fetch(number, "(FLAGS)"))[0]
ok(m.fetch(number, "(RFC822)"))
assert b"\\Seen" in ok(m.fetch(number, "(FLAGS)"))[0]
ok(m.store(number, "+FLAGS", "(\\Answered $MDNSent)"))
assert b"$MDNSent" in ok(m.fetch(number, "(FLAGS)"))[0]
uid = ok(m.fetch(number, "(UID)"))[0].split()[-1].rstrip(b")").decode()
ok(m.uid("COPY", uid, "Archive"))
ok(m.create("Dossier/Sous"))
ok(m.subscribe("Dossier/Sous"))
assert any(b"Dossier/Sous" in line for line in ok(m.lsub()))
ok(m.rename("Dossier/Sous", "Dossier/Autre"))
ok(m.delete("Dossier/Autre"))
ok(m.status("Archive", "(MESSAGES UIDNEXT UNSEEN)"))
assert b"(" in ok(m.namespace())[0]

# imaplib of this Python has no IDLE: by hand, on its own connection.
tag = m._new_tag()
m.send(tag + b" IDLE\r\n")
assert m.readline().startswith(b"+ ")
other = connect()
ok(other.authenticate("XOAUTH2", response(credential)))
ok(other.append("INBOX", None, None, message))
assert m.readline().strip() == f"* {before + 2} EXISTS".encode()
m.send(b"DONE\r\n")
while not (line := m.readline()).startswith(tag):
    assert line.endswith(b" RECENT\r\n"), line
assert line.startswith(tag + b" OK"), line
other.logout()

ok(m.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)"))
assert number in ok(m.expunge())
ok(m.check())
ok(m.close())
m.logout()

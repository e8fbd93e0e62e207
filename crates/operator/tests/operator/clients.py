"""Clients of the standard library: `clients.py old|login imap|imaps|smtp|smtps PORT CA [default|low]`, tokens on standard input."""

import imaplib
import smtplib
import ssl
import sys
import warnings

warnings.simplefilter("ignore")
what, protocol, port, ca = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=ca)
if sys.argv[5:] == ["low"]:
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def connect():
    if protocol == "imaps":
        client = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
    elif protocol == "smtps":
        client = smtplib.SMTP_SSL("localhost", port, local_hostname="[127.0.0.1]", context=context)
        client.ehlo()
    elif protocol == "imap":
        client = imaplib.IMAP4("localhost", port)
        client.starttls(context)
    else:
        client = smtplib.SMTP("localhost", port, local_hostname="[127.0.0.1]")
        client.starttls(context=context)
        client.ehlo()
    return client


def login(client, user, token):
    text = f"user={user}\x01auth=Bearer {token}\x01\x01"
    if protocol.startswith("imap"):
        # Empty on the second call: the challenge of a refusal is answered with an empty line.
        answers = [text.encode(), b""]
        client.authenticate("XOAUTH2", lambda _: answers.pop(0))
    else:
        client.auth("XOAUTH2", lambda challenge=None: text if not challenge else "", initial_response_ok=False)


if what == "old":
    connect()
else:
    for line in sys.stdin:
        user, token = line.split()
        try:
            client = connect()
            login(client, user, token)
            print("accepted")
        except (imaplib.IMAP4.error, smtplib.SMTPException) as error:
            print("refused", error)

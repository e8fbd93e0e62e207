"""What Python's imaplib meets on a server that does wrong: one JSON line for each step, up to the first that fails.

usage: faults.py clear|tls PORT CA USER TOKEN STEP...
"""
import imaplib
import json
import ssl
import sys
import time

mode, port, ca, user, token = sys.argv[1:6]
context = ssl.create_default_context(cafile=ca)
client, literals, challenges = None, [], []


class Witness:
    """Counts the octets of literals as they come."""

    def read(self, size):
        literals.append(0)
        data = b""
        while len(data) < size:
            piece = super().read(min(size - len(data), 1))
            if not piece:
                break
            data += piece
            literals[-1] += len(piece)
        return data


class Clear(Witness, imaplib.IMAP4):
    pass


class Tls(Witness, imaplib.IMAP4_SSL):
    pass


def xoauth2(challenge):
    if challenge:
        challenges.append(challenge.decode())
        return b""
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def connect():
    global client
    if mode == "tls":
        client = Tls("localhost", int(port), ssl_context=context, timeout=3)
    else:
        client = Clear("localhost", int(port), timeout=3)
    return client.welcome.decode().strip()


def starttls():
    return client.starttls(context)


def again():
    """Hangs up, and comes back."""
    client.shutdown()
    return connect()


def login():
    return client.authenticate("XOAUTH2", xoauth2)


def fetch():
    status, data = client.uid("FETCH", "1", "(BODY.PEEK[])")
    return [status, len(data[0][1]) if isinstance(data[0], tuple) else str(data)]


def append():
    return client.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"y" * 5000 + b"\r\n")


def idle():
    client.send(client._new_tag() + b" IDLE\r\n")
    return [client.readline().decode().strip(), client.readline().decode().strip()]


STEPS = {
    "connect": connect,
    "again": again,
    "starttls": starttls,
    "login": login,
    "capability": lambda: " ".join(client.capabilities),
    "select": lambda: client.select("INBOX"),
    "uidvalidity": lambda: client.response("UIDVALIDITY"),
    "status": lambda: client.status("Archive", "(UIDVALIDITY)"),
    "noop": lambda: client.noop(),
    "exists": lambda: client.response("EXISTS"),
    "fetch": fetch,
    "append": append,
    "idle": idle,
    "logout": lambda: client.logout(),
    "challenges": lambda: challenges,
}

for step in sys.argv[6:]:
    begin = time.monotonic()
    literals.clear()
    try:
        result, failed = STEPS[step](), False
    except Exception as error:  # whatever it is, it is what this client makes of the fault
        result, failed = f"{type(error).__name__}: {error}", True
    seconds = round(time.monotonic() - begin, 3)
    line = {"step": step, "failed": failed, "result": result, "seconds": seconds, "literals": literals}
    print(json.dumps(line, default=lambda value: value.decode("latin-1")), flush=True)
    if failed:
        break

"""The applicative mailbox of a sandbox of one's own, by Python's own clients: what the trials of hard times stand on.

Every mail has a number in its `X-Trial` field, and a body that follows from it, so that what comes back can be told whole.
"""

import hashlib
import imaplib
import json
import pathlib
import re
import smtplib
import ssl
import subprocess
import threading

DOMAIN = "mail-tests-editeur.vaguemestre.test"
APP = f"163254178@{DOMAIN}"
imaplib.Commands.setdefault("MOVE", ("SELECTED",))


class Sandbox:
    """A server on a data directory; it can be killed and started again."""

    def __init__(self, binary, data, certificates):
        self.binary, self.data, self.certificates = binary, str(data), pathlib.Path(certificates)
        self.process, self.log, self.tls = None, [], None

    def cli(self, *arguments):
        return subprocess.run([self.binary, *arguments, "--data", self.data], capture_output=True, text=True, check=True).stdout

    def start(self):
        """Starts the server; its first line says where it listens."""
        self.process = subprocess.Popen(
            [self.binary, "up", "--ports", "auto", "--json", "--data", self.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        process = self.process
        threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True).start()
        line = process.stdout.readline()
        if not line:
            process.wait()
            raise AssertionError(f"the server does not open: {''.join(self.log[-20:])}")
        self.up = json.loads(line)

    def register(self):
        """The product, and its certificate."""
        self.cli("account", "add", "--nil", "2621", "--name", "Trial", "--psc-id", "899700000018", "--app-id", "163254178")
        self.cli("cert", "--nil", "2621", "--out", str(self.certificates), "--json")
        self.tls = ssl.create_default_context(cafile=self.up["ca_file"])
        self.tls.load_cert_chain(self.certificates / "auth_cli.pem", self.certificates / "auth_cli.key")

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=30)

    def smtp(self):
        client = smtplib.SMTP_SSL("localhost", self.up["smtp"]["tls"], local_hostname="trial.lab", context=self.tls, timeout=20)
        client.ehlo()
        code, text = client.docmd("AUTH", "EXTERNAL =")
        assert code == 235, (code, text)
        return client

    def imap(self, folder=None):
        client = imaplib.IMAP4_SSL("localhost", self.up["imap"]["tls"], ssl_context=self.tls, timeout=20)
        client.authenticate("EXTERNAL", lambda _: b"")
        if folder:
            kind, answer = client.select(folder)
            assert kind == "OK", answer
        return client


def mail(number, size):
    """The mail of that number; `size` is about its octets."""
    seed = hashlib.sha256(str(number).encode()).hexdigest()
    line = (seed + "\r\n") * max(1, size // 66)
    return f"From: <{APP}>\r\nTo: <{APP}>\r\nSubject: {seed[:8]}\r\nX-Trial: {number} {size}\r\nX-MSS-NIL: 2621\r\n\r\n{line}".encode()


def listing(client, folder, known=()):
    """`{uid: number}` of a folder; the mails whose UID is not in `known` are read whole and compared."""
    kind, answer = client.select(folder, readonly=True)
    assert kind == "OK", answer
    validity = client.untagged_responses["UIDVALIDITY"][0]
    found = {}
    if int(answer[0]) == 0:
        return validity, found
    kind, rows = client.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (X-TRIAL)])")
    assert kind == "OK", rows
    for row in rows:
        if isinstance(row, tuple):
            uid = int(re.search(rb"UID (\d+)", row[0]).group(1))
            number, size = map(int, row[1].split(b":")[1].split())
            assert uid not in found, f"UID {uid} twice in {folder}"
            found[uid] = number
            if uid not in known:
                kind, whole = client.uid("FETCH", str(uid), "(BODY.PEEK[])")
                assert kind == "OK" and whole[0][1].endswith(mail(number, size)), f"mail {number} in {folder} is not what was sent"
    return validity, found

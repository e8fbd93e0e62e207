#!/usr/bin/env python3
"""The scripts of docs/faults against clients that we did not write, on `vaguemestre faulty`.

Usage: faults_smtp.py BINARY [NAME…]. One line a script; ends with 1 where a client saw something else than the script says,
where the journal does not say what the client heard, where a fault was not reached, or where the mailbox does not hold what
it should. Clients: smtplib, imaplib, raw sockets, curl and msmtp (SKIP where they are not installed).
"""

import concurrent.futures
import imaplib
import json
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
GALLERY = pathlib.Path(__file__).resolve().parents[2] / "docs/faults"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-faults-"))
CASES = []


class Faulty:
    """A server at work on a script; what it reports once it has ended."""

    keys = None

    def __init__(self, script, *options):
        self.home = pathlib.Path(tempfile.mkdtemp(dir=WORK))
        if Faulty.keys:  # keys are slow to make
            shutil.copytree(Faulty.keys, self.home / "pki")
            os.chmod(self.home / "pki", 0o700)
        path = script if os.sep in str(script) else GALLERY / f"{script}.toml"
        command = [BINARY, "faulty", "--script", str(path), "--data", str(self.home), "--messages", "0",
                   "--report", str(self.home / "report.json"), "--json", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.up = json.loads(line)
        Faulty.keys = Faulty.keys or shutil.copytree(self.home / "pki", WORK / "keys")
        self.address, self.token = self.up["address"], self.up["token"]
        self.port, self.report, self.clients = self.up["smtp"]["starttls"], None, []
        self.context = ssl.create_default_context(cafile=self.up["ca_file"])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        rest, self.log = self.process.communicate(timeout=20)
        if kind:
            return
        assert rest == "", f"more than one object: {rest}"
        self.report = json.loads((self.home / "report.json").read_text())
        missed = [fault["name"] for fault in self.report["faults"] if not fault["happened"]]
        assert not missed and self.report["reached"] and self.process.returncode == 0, (missed, self.process.returncode)
        self.agree()

    def agree(self):
        """What each client heard is what the journal says was said to it, word for word."""
        said, order = {}, []
        for event in self.report["events"]:
            fact = event["fact"] if isinstance(event["fact"], dict) else event
            if fact["fact"] == "connected":
                order.append(event["connection"])
                said[event["connection"]] = (int(fact["origin"]["peer"].rsplit(":", 1)[1]), [])
            elif fact["fact"] == "line" and fact["direction"] == "S" and event["connection"] in said:
                said[event["connection"]][1].append(fact["text"])
        by_port = dict(said.values())
        for client in self.clients:
            journal = by_port[client.own_port][: len(client.heard)]
            assert client.heard == journal, f"heard {client.heard}\njournal {journal}"

    def client(self):
        """smtplib, connected; it remembers what it heard."""
        return Client(self)

    def secured(self):
        client = self.client()
        client.ehlo()
        client.starttls(context=self.context)
        client.ehlo()
        return client

    def logged_in(self):
        client = self.secured()
        assert self.login(client)[0] == 235
        return client

    def login(self, client):
        response = f"user={self.address}\x01auth=Bearer {self.token}\x01\x01"
        return client.auth("XOAUTH2", lambda challenge=None: "" if challenge else response)

    def send(self, client, *to):
        to = to or (self.address,)
        data = f"From: <{self.address}>\r\nTo: {', '.join(to)}\r\nSubject: faults\r\nMessage-ID: <1@faulty.test>\r\n\r\nHi\r\n"
        return client.sendmail(self.address, list(to), data)

    def imap(self, login=True):
        client = imaplib.IMAP4("localhost", self.up["imap"]["starttls"], timeout=30)
        if login:
            client.starttls(self.context)
            client.authenticate("XOAUTH2", self.response)
        return client

    def response(self, challenge):
        return b"" if challenge else f"user={self.address}\x01auth=Bearer {self.token}\x01\x01".encode()

    def stored(self):
        client = self.imap()
        count = int(client.select("INBOX", readonly=True)[1][0])
        client.logout()
        return count

    def facts(self, kind):
        facts = [event["fact"] if isinstance(event["fact"], dict) else event for event in self.report["events"]]
        return [fact for fact in facts if fact["fact"] == kind]


class Client(smtplib.SMTP):
    """smtplib that remembers each line of each reply."""

    def __init__(self, faulty):
        self.heard, self.own_port = [], None
        faulty.clients.append(self)
        super().__init__("localhost", faulty.port, timeout=60)

    def _get_socket(self, *arguments):
        sock = super()._get_socket(*arguments)
        self.own_port = sock.getsockname()[1]
        return sock

    def getreply(self):
        code, message = super().getreply()
        lines = message.decode().split("\n")
        self.heard += [f"{code}{'-' if at < len(lines) - 1 else ' '}{line}".strip() for at, line in enumerate(lines)]
        return code, message


def case(function):
    CASES.append((function.__name__.replace("_", "-"), function))
    return function


def refused(kind, call):
    """The exception that a call ends with."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


@case
def starttls_stripped():
    with Faulty("starttls-stripped") as faulty:
        client = faulty.client()
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] == 454
        client.quit()
        assert "STARTTLS" not in faulty.imap(login=False).capabilities
        for name, command in submitters(faulty):
            outcome = subprocess.run(command, capture_output=True, timeout=30, input=b"Subject: x\r\n\r\nx\r\n")
            assert outcome.returncode != 0, f"{name} went on without TLS"
    assert not faulty.facts("auth") and not faulty.facts("mail"), "somebody sent a token in clear"


@case
def starttls_injected():
    with Faulty("starttls-injected") as faulty:
        with socket.create_connection(("localhost", faulty.port), timeout=10) as raw:
            raw.recv(1000)
            raw.sendall(b"EHLO raw\r\n")
            raw.recv(4000)
            raw.sendall(b"STARTTLS\r\n")
            assert raw.recv(4000) == b"220 2.0.0 Ready to start TLS\r\n250 AUTH PLAIN LOGIN\r\n"
        client = faulty.logged_in()
        faulty.send(client)
        client.quit()
        assert faulty.stored() == 1


@case
def certificate_expired():
    with Faulty("certificate-expired") as faulty:
        client = faulty.client()
        client.ehlo()
        error = refused(ssl.SSLCertVerificationError, lambda: client.starttls(context=faulty.context))
        assert "expired" in str(error), error
        faulty.logged_in().quit()
    assert len(faulty.facts("auth")) == 1


@case
def greeting_slow():
    with Faulty("greeting-slow") as faulty:
        began = time.monotonic()
        client = faulty.client()
        assert 19.5 < time.monotonic() - began < 30
        client.quit()


@case
def greeting_trickle():
    with Faulty("greeting-trickle") as faulty:
        with socket.create_connection(("localhost", faulty.port), timeout=10) as raw:
            assert raw.recv(100) == b"2"
            began = time.monotonic()
            assert [raw.recv(100) for _ in range(3)] == [b"2", b"0", b" "]
            assert 2.5 < time.monotonic() - began < 6


@case
def token_refused():
    with Faulty("token-refused") as faulty:
        client = faulty.secured()
        error = refused(smtplib.SMTPAuthenticationError, lambda: faulty.login(client))
        assert error.smtp_code == 535, error
        assert faulty.login(client)[0] == 235
        client.quit()
        refused(imaplib.IMAP4.error, faulty.imap)
        faulty.imap().logout()
    outcomes = [fact["auth"]["outcome"] for fact in faulty.facts("auth")]
    assert len(outcomes) == 4 and "token_refused" in json.dumps(outcomes[0]), outcomes
    assert faulty.token not in json.dumps(faulty.report) and faulty.token not in faulty.log


@case
def login_unavailable():
    with Faulty("login-unavailable") as faulty:
        client = faulty.secured()
        assert refused(smtplib.SMTPAuthenticationError, lambda: faulty.login(client)).smtp_code == 454
        assert faulty.login(client)[0] == 235
        client.quit()
        assert "UNAVAILABLE" in str(refused(imaplib.IMAP4.error, faulty.imap))
        faulty.imap().logout()


@case
def smtp_421():
    with Faulty("smtp-421") as faulty:
        client = faulty.logged_in()
        assert refused(smtplib.SMTPSenderRefused, lambda: faulty.send(client)).smtp_code == 421
        client = faulty.logged_in()
        faulty.send(client)
        client.quit()
        assert faulty.stored() == 1


@case
def smtp_greylist():
    with Faulty("smtp-greylist") as faulty:
        client = faulty.logged_in()
        left = faulty.send(client, "one@faulty.test", "two@faulty.test")
        assert list(left) == ["one@faulty.test"] and left["one@faulty.test"][0] == 450, left
        assert faulty.send(client, "one@faulty.test") == {}
        client.quit()
        assert faulty.stored() == 2
    assert [mail["mail"]["to"] for mail in faulty.facts("mail")] == [["two@faulty.test"], ["one@faulty.test"]]


def refused_content(script, code):
    with Faulty(script) as faulty:
        client = faulty.logged_in()
        assert refused(smtplib.SMTPDataError, lambda: faulty.send(client)).smtp_code == code
        client.quit()
        assert faulty.stored() == 0


@case
def smtp_554():
    refused_content("smtp-554", 554)
    for name in ("curl", "msmtp"):
        with Faulty("smtp-554") as faulty:
            found = dict(submitters(faulty)).get(name)
            if not found:
                print(f"SKIP {name}: not installed, or without XOAUTH2")
                client = faulty.logged_in()
                refused(smtplib.SMTPDataError, lambda: faulty.send(client))
                continue
            message = f"From: <{faulty.address}>\r\nTo: <{faulty.address}>\r\nSubject: x\r\n\r\nx\r\n".encode()
            outcome = subprocess.run(found, capture_output=True, timeout=30, input=message)
            assert outcome.returncode != 0, (name, outcome)
            assert faulty.stored() == 0


@case
def smtp_size():
    refused_content("smtp-size", 552)


@case
def smtp_lost_not_stored():
    with Faulty("smtp-lost-not-stored") as faulty:
        client = faulty.logged_in()
        refused(smtplib.SMTPServerDisconnected, lambda: faulty.send(client))
        assert faulty.stored() == 0
    assert not faulty.facts("mail")


@case
def smtp_lost_stored():
    with Faulty("smtp-lost-stored") as faulty:
        client = faulty.logged_in()
        refused(smtplib.SMTPServerDisconnected, lambda: faulty.send(client))
        assert faulty.stored() == 1
    assert len(faulty.facts("mail")) == 1


@case
def smtp_odd_replies():
    with Faulty("smtp-odd-replies") as faulty:
        client = faulty.logged_in()
        assert client.noop() == (250, b"first\nsecond\nthird")
        assert client.rset() == (250, b"")
        began = time.monotonic()
        faulty.send(client)
        assert time.monotonic() - began > 1.9
        client.quit()
        assert faulty.stored() == 1


@case
def a_bad_script_and_a_fault_that_nobody_meets():
    path = WORK / "bad.toml"
    path.write_text('[[fault]]\nat = "handshake"\ndo = { tls = "expird" }\n')
    outcome = subprocess.run([BINARY, "faulty", "--script", str(path), "--json"], capture_output=True, text=True, timeout=30)
    error = json.loads(outcome.stdout)["error"]
    assert outcome.returncode == 2 and error["code"] == "bad_input", outcome
    assert f"{path}: line 3:" in error["message"] and "expired" in error["message"], error
    path.write_text('[[fault]]\nat = "dot"\ndo = "cut"\n')
    faulty = Faulty(path)
    faulty.logged_in().quit()
    faulty.process.send_signal(signal.SIGTERM)
    _, log = faulty.process.communicate(timeout=20)
    assert faulty.process.returncode == 1 and "dot" in log, (faulty.process.returncode, log)
    with Faulty("smtp-554", "--once") as faulty:
        client = faulty.logged_in()
        refused(smtplib.SMTPDataError, lambda: faulty.send(client))
        assert faulty.process.wait(timeout=10) == 0


def submitters(faulty):
    """curl and msmtp, told to insist on TLS."""
    if shutil.which("curl"):
        yield "curl", ["curl", "-sS", "--ssl-reqd", "--cacert", faulty.up["ca_file"], "--url",
                       f"smtp://localhost:{faulty.port}", "--mail-from", faulty.address, "--mail-rcpt", faulty.address,
                       "--user", faulty.address, "--oauth2-bearer", faulty.token, "--login-options", "AUTH=XOAUTH2",
                       "--upload-file", "-", "--max-time", "20"]
    features = subprocess.run(["msmtp", "--version"], capture_output=True, text=True) if shutil.which("msmtp") else None
    if features and "xoauth2" in features.stdout.lower():
        yield "msmtp", ["msmtp", "--host=localhost", f"--port={faulty.port}", "--tls=on", "--tls-starttls=on",
                        f"--tls-trust-file={faulty.up['ca_file']}", "--auth=xoauth2", f"--user={faulty.address}",
                        f"--passwordeval=echo {faulty.token}", f"--from={faulty.address}", faulty.address]


def outcome(name, function):
    """Runs one case; whether it went as the script says."""
    try:
        function()
        print(f"ok {name}", flush=True)
        return True
    except Exception as error:  # noqa: BLE001: each case is told
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
        return False


def main():
    wanted = [case for case in CASES if not sys.argv[2:] or case[0] in sys.argv[2:]]
    good = outcome(*wanted[0])  # alone: it makes the keys that the others copy
    with concurrent.futures.ThreadPoolExecutor(6) as pool:  # most of the time is waiting for what is slow on purpose
        good = all(list(pool.map(lambda case: outcome(*case), wanted[1:]))) and good
    shutil.rmtree(WORK, ignore_errors=True)
    return 0 if good else 1


sys.exit(main())

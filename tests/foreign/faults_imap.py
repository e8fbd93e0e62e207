#!/usr/bin/env python3
"""The IMAP scripts of docs/faults against clients that we did not write, on `vaguemestre faulty`.

Usage: faults_imap.py BINARY [NAME…]. One line a script; ends with 1 where a client saw something else than the script says,
where the journal does not say what the client heard, where a fault was not reached, or where the same script and the same
seed give another transcript. Clients: imaplib, and imapclient (SKIP where it is not installed).
"""

import imaplib
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile

try:
    import imapclient
except ImportError:
    imapclient = None

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
GALLERY = pathlib.Path(__file__).resolve().parents[2] / "docs/faults"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-faults-"))
CASES = []


class Faulty:
    """A server at work on a script; its report once it has ended, compared with what the clients heard."""

    keys = None

    def __init__(self, script, *options):
        self.home = pathlib.Path(tempfile.mkdtemp(dir=WORK))
        if Faulty.keys:  # keys are slow to make
            shutil.copytree(Faulty.keys, self.home / "pki")
            os.chmod(self.home / "pki", 0o700)
        path = script if isinstance(script, pathlib.Path) else GALLERY / f"{script}.toml"
        command = [BINARY, "faulty", "--script", str(path), "--data", str(self.home), "--json",
                   "--report", str(self.home / "report.json"), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.up = json.loads(line)
        Faulty.keys = Faulty.keys or shutil.copytree(self.home / "pki", WORK / "keys")
        self.address, self.token, self.port = self.up["address"], self.up["token"], self.up["imap"]["tls"]
        self.context, self.clients = ssl.create_default_context(cafile=self.up["ca_file"]), []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        _, self.log = self.process.communicate(timeout=20)
        if kind:
            return
        self.report = json.loads((self.home / "report.json").read_text())
        missed = [fault["name"] for fault in self.report["faults"] if not fault["happened"]]
        assert not missed and self.report["reached"] and self.process.returncode == 0, (missed, self.process.returncode)
        assert self.token not in json.dumps(self.report) + self.log, "the token is in the report or in the log"
        said = self.said()
        for client in self.clients:
            journal = [line.rstrip("\r\n") for line in said[client.own_port]]
            heard = [line for line in client.heard if journal_line(line)]
            lost = [line for line in heard if line not in journal]
            assert not lost, f"heard {lost}\njournal {journal}"

    def said(self):
        """What the journal says was said, by the port of the client."""
        ports, lines = {}, {}
        for event in self.report["events"]:
            fact = event["fact"] if isinstance(event["fact"], dict) else event
            if fact["fact"] == "connected":
                ports[event["connection"]] = int(fact["origin"]["peer"].rsplit(":", 1)[1])
                lines[ports[event["connection"]]] = []
            elif fact["fact"] == "line" and fact["direction"] == "S" and event["connection"] in ports:
                lines[ports[event["connection"]]].append(fact["text"])
        return lines

    def transcript(self):
        """The journal in order, without what differs from one start to the next: hours, ports, identifiers."""
        kept = []
        for event in self.report["events"]:
            fact = event["fact"] if isinstance(event["fact"], dict) else event
            if fact["fact"] == "line":
                kept.append((fact["direction"], re.sub(r"\b[A-Z]{4}\d+\b|\d{6,}", "#", fact["text"])))
            elif fact["fact"] == "fault":
                kept.append(("fault", fact.get("point"), fact.get("name"), fact.get("nth")))
        return kept

    def faults(self):
        """The names of the faults, as the journal tells them in order."""
        facts = [event["fact"] if isinstance(event["fact"], dict) else event for event in self.report["events"]]
        return [fact["name"] for fact in facts if fact["fact"] == "fault"]

    def client(self):
        client = Client(self)
        client.authenticate("XOAUTH2", self.response)
        return client

    def other(self):
        """imapclient, logged in; nothing where it is not installed."""
        if imapclient is None:
            print("SKIP imapclient: not installed")
            return None
        client = imapclient.IMAPClient("localhost", self.port, ssl=True, ssl_context=self.context, timeout=20)
        client.oauth2_login(self.address, self.token)
        return client

    def response(self, challenge):
        return b"" if challenge else f"user={self.address}\x01auth=Bearer {self.token}\x01\x01".encode()


def journal_line(line):
    """Whether a line is an answer of the server, and not a part of a message."""
    return re.match(r"(\* |\+ |[A-Z]{4}\d+ (OK|NO|BAD) )", line) and not line.endswith("}")


class Client(imaplib.IMAP4_SSL):
    """imaplib that remembers each line."""

    def __init__(self, faulty):
        self.heard = []
        super().__init__("localhost", faulty.port, ssl_context=faulty.context, timeout=20)
        self.own_port = self.sock.getsockname()[1]
        faulty.clients.append(self)

    def readline(self):
        line = super().readline()
        self.heard.append(line.decode(errors="replace").rstrip("\r\n"))
        return line


def case(function):
    CASES.append((function.__name__.replace("_", "-"), function))
    return function


def refused(kind, call):
    """The exception that a call ends with."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError("nothing was refused")


GONE = (imaplib.IMAP4.abort, OSError)


def whole(client):
    """Message 1, which must be whole."""
    client.select("INBOX")
    parts = client.fetch("1", "(BODY.PEEK[])")[1]
    assert parts[0][1].endswith(b"End of the sample message 1.\r\n"), parts[0][1][-80:]
    client.logout()


@case
def imap_cut_literal():
    with Faulty("imap-cut-literal") as faulty:
        client = faulty.client()
        client.select("INBOX")
        refused(GONE, lambda: client.fetch("1", "(BODY.PEEK[])"))
        whole(faulty.client())
    assert faulty.faults() == ["cut in the middle of a message"], faulty.faults()
    if imapclient:
        with Faulty("imap-cut-literal") as faulty:
            client = faulty.other()
            client.select_folder("INBOX")
            refused(GONE, lambda: client.fetch([1], ["BODY.PEEK[]"]))
            client = faulty.other()
            client.select_folder("INBOX")
            assert client.fetch([1], ["BODY.PEEK[]"])[1][b"BODY[]"].endswith(b"End of the sample message 1.\r\n")
            client.logout()


@case
def imap_bye_fetch():
    with Faulty("imap-bye-fetch") as faulty:
        client = faulty.client()
        client.select("INBOX")
        error = refused(GONE, lambda: client.fetch("1", "(FLAGS)"))
        assert "* BYE Server going down" in client.heard, (error, client.heard)
        whole(faulty.client())
    assert faulty.faults() == ["goodbye during FETCH"], faulty.faults()


@case
def imap_uidvalidity():
    with Faulty("imap-uidvalidity") as faulty:
        client = faulty.client()
        client.select("INBOX")
        before = client.response("UIDVALIDITY")[1][0]
        client.select("INBOX")
        assert client.response("UIDVALIDITY")[1][0] == b"4242" != before
        client.logout()
        client = faulty.client()
        assert b"4242" in client.status("INBOX", "(UIDVALIDITY)")[1][0]
        client.logout()
        other = faulty.other()
        if other:
            assert other.select_folder("INBOX")[b"UIDVALIDITY"] == 4242
            other.logout()


@case
def imap_overquota():
    def append(client):
        return client.append("Sent", None, None, b"Subject: copy\r\n\r\ncopy\r\n")

    with Faulty("imap-overquota") as faulty:
        client = faulty.client()
        if client.select("Sent")[0] != "OK":
            client.create("Sent")
        kind, text = append(client)
        assert kind == "NO" and b"[OVERQUOTA]" in text[0], (kind, text)
        assert client.select("Sent")[1] == [b"0"], "a copy that was refused is there"
        assert append(client)[0] == "OK"
        assert client.select("Sent")[1] == [b"1"]
        client.logout()


@case
def same_seed_same_transcript():
    path = WORK / "lot.toml"
    path.write_text('[[fault]]\nat = "command"\nprotocol = "imap"\ncommand = "NOOP"\ntimes = 0\npercent = 50\n'
                    'do = { answer = "NO Not now" }\n')

    def told(seed):
        with Faulty(path, "--seed", seed, "--messages", "1") as faulty:
            client = faulty.client()
            kinds = []
            for at in range(40):
                kinds.append(client.noop()[0])
                if at % 4 == 3:
                    client.select("INBOX")  # ten refused commands in a row would close the connection
            client.logout()
        return kinds, faulty.transcript()

    first, again, another = told("7"), told("7"), told("8")
    assert first == again, f"two transcripts of one seed:\n{first}\n{again}"
    assert first[0] != another[0] and {"OK", "NO"} == set(first[0]), (first[0], another[0])


@case
def bad_scripts_say_where():
    for text, line, word in (
        ('[[fault]]\nat = "comand"\ndo = "cut"\n', 2, "command"),
        ('[[fault]]\nat = "command"\ndo = "cutt"\n', 3, "cut"),
        ('[[fault]]\nat = "command"\nprotocol = "imapp"\ndo = "cut"\n', 3, "imap"),
        ('[[fault]]\nat = "command"\nskipp = 1\ndo = "cut"\n', 3, "skip"),
        ('seed = 1\n\n[[fault]]\nat = "handshake"\ndo = { tls = "expird" }\n', 5, "expired"),
        ('[[fault]\nat = "command"\n', 1, ""),
    ):
        path = WORK / "bad.toml"
        path.write_text(text)
        outcome = subprocess.run([BINARY, "faulty", "--script", str(path), "--json"], capture_output=True, text=True, timeout=30)
        assert outcome.returncode == 2, (text, outcome)
        message = json.loads(outcome.stdout)["error"]["message"]
        assert re.search(rf"line {line}\b", message) and word in message and str(path) in message, (text, message)


def main():
    wanted, failed = sys.argv[2:], []
    for name, function in CASES:
        if wanted and name not in wanted:
            continue
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:  # noqa: BLE001: each case is told
            failed.append(name)
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())

#!/usr/bin/env python3
"""The example adapters by themselves: what they refuse, and what they say of it.

Usage: adapters.py BINARY. Each adapter is called as the bench calls it, on a sandbox of its own: no credential goes to a
server without STARTTLS or without a known anchor or revocation list; a kept list is used (SC.MSS/CONF.22); an unreadable
request is an error, an unknown step unsupported; a mail never holds two patients.
"""

import http.server
import json
import pathlib
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.request

BINARY = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
ADAPTERS = {
    "python": ["python3", "-B", str(ROOT / "adapters/python/adapter.py")],
    "curl": ["bash", str(ROOT / "adapters/curl/adapter.sh")],
    "node": ["node", str(ROOT / "adapters/node/adapter.mjs")],
}
ADDRESS = "899700000018@mail-tests-editeur.vaguemestre.test"
FAILED = []


class Bare(socketserver.StreamRequestHandler):
    """IMAP or SMTP without STARTTLS, which would take any login; what it heard is kept."""

    heard = []

    def handle(self):
        imap = self.server.imap
        self.wfile.write(b"* OK ready\r\n" if imap else b"220 ready\r\n")
        for line in self.rfile:
            self.heard.append(line)
            tag, _, rest = line.strip().partition(b" ")
            if imap and rest.upper() == b"CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n")
            if imap:
                self.wfile.write(tag + (b" OK fine\r\n" if not rest.upper().startswith(b"STARTTLS") else b" BAD no\r\n"))
            else:
                self.wfile.write(b"250-bare\r\n250 AUTH XOAUTH2\r\n" if tag.upper() == b"EHLO" else b"502 no\r\n")


def bare(imap):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Bare)
    server.imap, server.daemon_threads = imap, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"host": "localhost", "port": server.server_address[1], "security": "starttls"}


def crl_server(urls):
    """A server of our own for the lists at `urls`, under their place."""
    bodies = [urllib.request.urlopen(url, timeout=5).read() for url in urls]

    class Lists(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = bodies[int(self.path[1:])]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Lists)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def cda(name):
    """The least of a document: a code, and a patient."""
    return (
        f'<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="2.25.1"/><code code="11490-0" displayName="Lettre"/><recordTarget>'
        f'<patientRole><id root="1.2.250.1.213.1.4.10" extension="{name}"/><patient><name><family qualifier="BR">{name}</family>'
        f'<given qualifier="BR">A</given></name><administrativeGenderCode code="F"/><birthTime value="19800101"/></patient>'
        f"</patientRole></recordTarget></ClinicalDocument>"
    )


def call(name, text):
    done = subprocess.run(ADAPTERS[name], input=text, capture_output=True, text=True, timeout=60)
    lines = done.stdout.strip().splitlines() or [f'{{"outcome": "nothing", "detail": {json.dumps(done.stderr[-500:])}}}']
    return done.returncode, json.loads(lines[-1])


def expect(name, what, found, outcome, code=0):
    right = found[0] == code and found[1]["outcome"] in outcome.split("|")
    print(f"  {'ok  ' if right else 'FAIL'} {name}: {what}: {found[1]['outcome']}")
    if not right:
        FAILED.append(name)
        print(f"       {found}")


def judge(up, folder):
    def cli(*arguments):
        command = [BINARY, *arguments, "--data", str(folder / "data")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    cli("account", "add", "--nil", "2621", "--name", "Adapters", "--psc-id", "899700000018", "--app-id", "163254178")
    for patient in ("UN", "DEUX"):
        (folder / f"{patient}.xml").write_text(cda(patient))
    imap, smtp = ({"host": "localhost", "port": up[name]["starttls"], "security": "starttls"} for name in ("imap", "smtp"))

    for name in ADAPTERS:
        work = folder / name
        work.mkdir()

        def ask(**changes):
            token = cli("psc", "token", "--identity", "899700000018").strip()
            request = {
                "protocol": 1, "run": 1, "job": "x", "step": "login", "deadline_ms": 20000, "work_dir": str(work), "imap": {},
                "smtp": {}, "mailbox": {"type": "PER", "address": ADDRESS}, "ca_file": up["ca_file"], "crl_urls": up["crl_urls"],
                "auth": {"mechanism": "xoauth2", "user": ADDRESS, "access_token": token}, "nil": "2621", "expect_refusal": False,
                "message": None, "field of the future": [1], **changes,
            }
            return call(name, json.dumps(request))

        def message(**facts):
            return {"to": [ADDRESS], "subject": None, "text": "é\n.\n", "documents": [], "facts": {}, "eml_file": None, **facts}

        expect(name, "no revocation list, none kept", ask(imap=imap, crl_urls=["http://127.0.0.1:9/a.crl"]), "refused")
        expect(name, "no revocation list known", ask(imap=imap, crl_urls=[]), "refused")
        expect(name, "IMAP and SMTP", ask(imap=imap, smtp=smtp), "done")
        tls = {"imap": {**imap, "port": up["imap"]["tls"], "security": "tls"}, "smtp": {**smtp, "port": up["smtp"]["tls"], "security": "tls"}}
        expect(name, "IMAP and SMTP with implicit TLS", ask(**tls), "done")
        other = folder / "other.pem"
        if not other.exists():
            key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other"]
            subprocess.run([*key, "-keyout", str(folder / "other.key"), "-out", str(other)], check=True, capture_output=True)
        lists = crl_server(up["crl_urls"])
        away = [f"http://127.0.0.1:{lists.server_address[1]}/{at}" for at in range(len(up["crl_urls"]))]
        expect(name, "revocation lists fetched", ask(imap=imap, crl_urls=away), "done")
        lists.shutdown()
        lists.server_close()
        expect(name, "revocation lists kept", ask(imap=imap, crl_urls=away), "done")
        expect(name, "another anchor", ask(imap=imap, ca_file=str(other)), "refused")
        expect(name, "another anchor, SMTP", ask(smtp=smtp, ca_file=str(other)), "refused")
        Bare.heard.clear()
        expect(name, "IMAP without STARTTLS", ask(imap=bare(True)), "refused|error")
        expect(name, "SMTP without STARTTLS", ask(smtp=bare(False)), "refused|error")
        if not Bare.heard or any(b"AUTH" in line.upper() for line in Bare.heard):
            FAILED.append(name)
            print(f"  FAIL {name}: what a server without STARTTLS heard: {Bare.heard}")
        refused = ask(imap=imap, auth={"mechanism": "xoauth2", "user": ADDRESS, "access_token": "not-a-token"})
        expect(name, "a refused token and nothing to renew it with", refused, "refused")
        expect(name, "a recipient out of the trust space", ask(step="send", smtp=smtp, message=message(to=["dr@example.org"])), "refused")
        expect(name, "a mail to itself", ask(step="send", smtp=smtp, message=message()), "done")
        patients = message(documents=[str(folder / "UN.xml"), str(folder / "DEUX.xml")])
        code = 3 if name == "curl" else 0
        expect(name, "documents of two patients", ask(step="send", smtp=smtp, message=patients), "refused|error|unsupported", code)
        broken = message(documents=[up["ca_file"]])
        expect(name, "a document that is none", ask(step="send", smtp=smtp, message=broken), "refused|error|unsupported", code)
        expect(name, "an unknown step", ask(step="dance"), "unsupported", 3)
        expect(name, "another protocol", call(name, '{"protocol": 2}'), "error")
        expect(name, "no JSON", call(name, "hello"), "error")
        expect(name, "a server that does not answer", ask(imap={**imap, "port": 9}), "error|refused")


def main():
    for program in ("jq", "curl", "node", "openssl"):
        if not shutil.which(program):
            print(f"SKIP {program}: not installed")
            return 0
    if not (ROOT / "adapters/node/node_modules/imapflow").is_dir():
        print("SKIP imapflow: not installed (npm ci in adapters/node)")
        ADAPTERS.pop("node")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-adapters-"))
    command = [BINARY, "up", "--ports", "auto", "--json", "--data", str(folder / "data")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        judge(json.loads(server.stdout.readline()), folder)
    finally:
        server.terminate()
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Clients that we did not write, against the sandbox: each logs in, reads or sends, and is refused when it must be.

Usage: clients.py BINARY. Prints one line a client; a client that is not installed prints `SKIP name: reason`.
Ends with 1 where one does not behave as expected.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BINARY = os.path.abspath(sys.argv[1])
FAILED = []
DONE = 0


def run(*command, **options):
    """Runs a command, for a minute at most; returns its exit code and what it printed."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        options.pop("stdin")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    except subprocess.TimeoutExpired as late:
        return -1, f"no end after 60 s: {(late.stdout or b'')[-500:]}"
    return done.returncode, done.stdout + done.stderr


def expect(name, condition, output=""):
    """Notes one result."""
    global DONE
    DONE += 1
    print(f"  {'ok  ' if condition else 'FAIL'} {name}")
    if not condition:
        FAILED.append(name)
        print("       " + output.strip().replace("\n", "\n       ")[-1500:])


def have(program):
    """Whether a program is installed."""
    if shutil.which(program):
        return True
    print(f"SKIP {program}: not installed")
    return False


def main():
    """Starts a sandbox and takes every client through it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-foreign-"))
    data = folder / "data"
    server = subprocess.Popen(
        [BINARY, "up", "--ports", "auto", "--json", "--data", str(data)], stdout=subprocess.PIPE, text=True
    )
    try:
        judge(json.loads(server.stdout.readline()), data, folder)
    finally:
        server.terminate()
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{DONE - len(FAILED)} passed, {len(FAILED)} failed")
    return 1 if FAILED else 0


def judge(up, data, folder):
    """Every client, in turn."""

    def cli(*arguments):
        return subprocess.run([BINARY, *arguments, "--data", str(data)], capture_output=True, text=True, check=True).stdout

    cli("account", "add", "--nil", "2621", "--name", "Foreign", "--psc-id", "899700000018", "--app-id", "163254178")
    cli("cert", "--nil", "2621", "--out", str(folder / "certs"), "--json")
    domain = "mail-tests-editeur.vaguemestre.test"
    per, app = f"899700000018@{domain}", f"163254178@{domain}"
    ca, cert, key = up["ca_file"], str(folder / "certs/auth_cli.pem"), str(folder / "certs/auth_cli.key")
    imap, smtp = up["imap"], up["smtp"]
    token = lambda: cli("psc", "token", "--identity", "899700000018").strip()  # noqa: E731
    message = folder / "message.eml"
    message.write_bytes(
        f"From: <{per}>\r\nTo: <{per}>\r\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\r\nMessage-ID: <foreign@{domain}>\r\n"
        f"X-MSS-NIL: 2621\r\n\r\nBonjour.\r\n".encode()
    )

    if have("curl"):
        send = ["curl", "-sS", "--ssl-reqd", "--url", f"smtp://localhost:{smtp['starttls']}/lps", "--cacert", ca, "-T", str(message)]
        code, out = run(*send, "-u", f"{per}:", "--oauth2-bearer", token(), "--mail-from", per, "--mail-rcpt", per)
        expect("curl sends by SMTP, STARTTLS, XOAUTH2", code == 0, out)
        code, out = run(*send, "-u", f"{per}:", "--oauth2-bearer", "nonsense", "--mail-from", per, "--mail-rcpt", per)
        expect("curl is refused with a wrong token (exit 67)", code == 67, f"exit {code} {out}")
        code, out = run(*send, "-u", f"{per}:", "--oauth2-bearer", token(), "--mail-from", per, "--mail-rcpt", "dr@example.org")
        expect("curl cannot send out of the trust space (exit 55)", code == 55, f"exit {code} {out}")
        fetch = ["curl", "-sS", "--cacert", ca, "--url", f"imaps://localhost:{imap['tls']}/INBOX;MAILINDEX=1"]
        code, out = run(*fetch, "-u", f"{per}:", "--oauth2-bearer", token())
        expect("curl reads that message by IMAPS, XOAUTH2", code == 0 and "X-MSS-NIL: 2621" in out, out)
        code, out = run(
            "curl", "-sS", "--cacert", ca, "--cert", cert, "--key", key, "--login-options", "AUTH=EXTERNAL", "-u", f"{app}:",
            "--url", f"imaps://localhost:{imap['tls']}", "-X", "STATUS INBOX (MESSAGES)",
        )
        expect("curl opens the applicative mailbox with its certificate", code == 0 and "MESSAGES 0" in out, out)
        code, out = run(
            "curl", "-sS", "--cacert", ca, "--login-options", "AUTH=EXTERNAL", "-u", f"{app}:",
            "--url", f"imaps://localhost:{imap['tls']}", "-X", "STATUS INBOX (MESSAGES)",
        )
        expect("curl is refused there without a certificate (exit 67)", code == 67, f"exit {code} {out}")
        code, out = run("curl", "-sS", "--url", f"imaps://localhost:{imap['tls']}")
        expect("curl refuses the lab without its anchor (exit 60)", code == 60, f"exit {code} {out}")

    if have("msmtp"):
        secret = folder / "token"
        secret.write_text(token())
        code, out = run(
            "msmtp", "--host=localhost", f"--port={smtp['starttls']}", "--tls=on", "--tls-starttls=on", f"--tls-trust-file={ca}",
            "--auth=xoauth2", f"--user={per}", f"--passwordeval=cat {secret}", f"--from={per}", per, input=message.read_text(),
        )
        expect("msmtp sends by SMTP, STARTTLS, XOAUTH2", code == 0, out)

    if have("mutt"):
        (folder / "token.sh").write_text(f"#!/bin/sh\nexec '{BINARY}' psc token --identity 899700000018 --data '{data}'\n")
        (folder / "token.sh").chmod(0o700)
        (folder / "muttrc").write_text(
            f'set folder="imaps://localhost:{imap["tls"]}"\nset spoolfile="+INBOX"\nset imap_user="{per}"\n'
            f'set imap_authenticators="xoauth2"\nset imap_oauth_refresh_command="{folder}/token.sh"\n'
            f'set certificate_file="{ca}"\nset ssl_force_tls=yes\nset ssl_usesystemcerts=no\n'
            f'set header_cache=""\nset quit=yes\nset sleep_time=0\nset wait_key=no\n'
        )
        dump = folder / "mutt.txt"
        code, out = run(
            "script", "-qec", f"mutt -F {folder}/muttrc -e 'push <pipe-message>cat>{dump}<enter><quit>'", "/dev/null",
            env={**os.environ, "TERM": "xterm", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        )
        expect("mutt reads a message by IMAPS, XOAUTH2", dump.exists() and "X-MSS-NIL" in dump.read_text(), out)

    if have("mbsync"):
        (folder / "mail").mkdir()
        (folder / "mbsyncrc").write_text(
            f"IMAPAccount lab\nHost localhost\nPort {imap['tls']}\nUser {per}\nPassCmd \"cat {folder}/token-mbsync\"\n"
            f"AuthMechs XOAUTH2\nSSLType IMAPS\nSystemCertificates no\nCertificateFile {ca}\n\nIMAPStore far\nAccount lab\n\n"
            f"MaildirStore near\nPath {folder}/mail/\nInbox {folder}/mail/INBOX\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Both\nSync All\nSyncState *\n"
        )
        (folder / "token-mbsync").write_text(token())
        code, out = run("mbsync", "-c", str(folder / "mbsyncrc"), "all")
        got = len(list((folder / "mail/INBOX").glob("*/*"))) if (folder / "mail/INBOX").exists() else 0
        if "XOAUTH2" in out and "SASL" in out and code != 0:
            print("SKIP mbsync: its SASL library has no XOAUTH2")
        else:
            expect("mbsync copies the mailbox by IMAPS, XOAUTH2", code == 0 and got >= 1, f"exit {code}, {got} messages {out}")
            (folder / "token-mbsync").write_text(token())
            before = sorted(path.name for path in (folder / "mail/INBOX").glob("*/*"))
            code, out = run("mbsync", "-c", str(folder / "mbsyncrc"), "all")
            after = sorted(path.name for path in (folder / "mail/INBOX").glob("*/*"))
            expect("mbsync, once more: nothing changes", code == 0 and before == after, out)

    if have("openssl"):
        base = ["openssl", "s_client", "-connect", f"localhost:{imap['starttls']}", "-starttls", "imap", "-CAfile", ca, "-verify_return_error"]
        code, out = run(*base, "-brief", input="x LOGOUT\r\n")
        expect("openssl verifies the lab's chain over STARTTLS", code == 0 and "Verification: OK" in out, out)
        code, out = run(*base, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", input="x LOGOUT\r\n")
        expect("openssl is refused in TLS 1.1", code != 0, out)


if __name__ == "__main__":
    sys.exit(main())

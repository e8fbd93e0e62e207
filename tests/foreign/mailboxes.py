#!/usr/bin/env python3
"""Mail clients that keep or rearrange a whole mailbox: mbsync both ways, offlineimap, neomutt, imapclient.

Usage: mailboxes.py BINARY [MESSAGES]. Prints one line a client; what is not installed prints `SKIP name: reason`. Ends with
1 where one does not behave as expected. Half of MESSAGES (5 000) is made on the server, half in the Maildir.
"""

import json
import mailbox
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time

import mailbox_of_trials as trials
from clients import expect, have, run
import clients

BINARY = os.path.abspath(sys.argv[1])
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
USER = f"899700000018@{trials.DOMAIN}"


def text(number):
    """One small mail; its Message-ID says which."""
    return (
        f"From: <{USER}>\r\nTo: <{USER}>\r\nSubject: n {number}\r\nMessage-ID: <{number}@trial>\r\n"
        f"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\n\r\nBonjour {number}.\r\n"
    ).encode()


def main():
    """One sandbox; each client on its own folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-mailboxes-"))
    sandbox = trials.Sandbox(BINARY, folder / "data", folder / "certs")
    sandbox.start()
    try:
        sandbox.register()
        Trial(sandbox, folder).all()
    finally:
        sandbox.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{clients.DONE - len(clients.FAILED)} passed, {len(clients.FAILED)} failed")
    return 1 if clients.FAILED else 0


class Trial:
    """The professional's mailbox, opened with tokens."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        self.port, self.ca = sandbox.up["imap"]["tls"], sandbox.up["ca_file"]

    def token(self):
        return self.sandbox.cli("psc", "token", "--identity", "899700000018").strip()

    def imap(self):
        """Python's own client, to look at what the others have done."""
        import imaplib

        client = imaplib.IMAP4_SSL("localhost", self.port, ssl_context=ssl.create_default_context(cafile=self.ca))
        token = self.token()
        client.authenticate("XOAUTH2", lambda _: f"user={USER}\x01auth=Bearer {token}\x01\x01".encode())
        return client

    def on_server(self, name):
        """Message-ID and flags of every message of a folder."""
        client = self.imap()
        found = {}
        if client.select(name, readonly=True)[1] == [b"0"]:
            return found
        kind, answer = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        for part in answer:
            if isinstance(part, tuple):
                flags = re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).split()
                found[part[1].split(b"<")[1].split(b">")[0].decode()] = {b"\\Flagged", b"\\Seen"} & set(flags)
        client.logout()
        return found

    def all(self):
        if have("mbsync"):
            self.mbsync()
        if have("offlineimap"):
            self.offlineimap()
        if have("neomutt"):
            self.neomutt()
        self.imapclient()

    def mbsync(self):
        half = MESSAGES // 2
        client = self.imap()
        client.create("Two")
        for number in range(half):
            client.append("Two", r"(\Seen)" if number % 2 else None, None, text(number))
        client.logout()
        (self.folder / "near").mkdir()
        near = mailbox.Maildir(self.folder / "near" / "Two", create=True)
        for number in range(half, MESSAGES):
            message = mailbox.MaildirMessage(text(number).replace(b"\r\n", b"\n"))
            message.set_subdir("cur")
            message.set_flags("FS" if number % 3 == 0 else "S")
            near.add(message)
        (self.folder / "mbsyncrc").write_text(
            f"IMAPAccount lab\nHost localhost\nPort {self.port}\nUser {USER}\nPassCmd \"cat {self.folder}/token\"\n"
            f"AuthMechs XOAUTH2\nSSLType IMAPS\nSystemCertificates no\nCertificateFile {self.ca}\n\nIMAPStore far\nAccount lab\n\n"
            f"MaildirStore near\nPath {self.folder}/near/\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns Two\nCreate Both\nExpunge Both\nSync All\nSyncState *\n"
        )

        def sync():
            (self.folder / "token").write_text(self.token())
            return subprocess.run(
                ["mbsync", "-c", str(self.folder / "mbsyncrc"), "all"], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
            )

        def on_disk():
            return {
                message["Message-ID"].strip("<>"): {
                    flag for flag, letter in ((b"\\Flagged", "F"), (b"\\Seen", "S")) if letter in message.get_flags()
                }
                for message in mailbox.Maildir(self.folder / "near" / "Two", create=False)
            }

        begun = time.monotonic()
        done = sync()
        if done.returncode and "SASL" in done.stderr:
            print("SKIP mbsync: its SASL library has no XOAUTH2")
            return
        far, here = self.on_server("Two"), on_disk()
        expect(
            f"mbsync, both ways, {MESSAGES} messages: the two sides are one ({time.monotonic() - begun:.0f} s)",
            done.returncode == 0 and len(far) == MESSAGES and far == here,
            f"{done.stderr} {len(far)} there, {len(here)} here, {len([k for k in far if far[k] != here.get(k)])} differ",
        )
        # Changes on both sides, then again.
        client = self.imap()
        client.select("Two")
        client.store("1:100", "+FLAGS", r"(\Flagged)")
        client.store("101:150", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.logout()
        box = mailbox.Maildir(self.folder / "near" / "Two", create=False)
        wanted = {f"{number}@trial" for number in range(half, half + 50)}
        for key in [key for key, message in box.items() if message["Message-ID"].strip("<>") in wanted]:
            message = box[key]
            message.set_flags(message.get_flags() + "T")
            box[key] = message
        done = sync()
        far, here = self.on_server("Two"), on_disk()
        expect(
            "mbsync takes changes and removals both ways",
            done.returncode == 0 and len(far) == MESSAGES - 100 and far == here,
            f"{done.stderr} {len(far)} there, {len(here)} here",
        )
        done = sync()
        expect("mbsync once more: no difference", done.returncode == 0 and self.on_server("Two") == far and on_disk() == here, done.stderr)

    def offlineimap(self):
        client = self.imap()
        client.create("Offline")
        for number in range(200):
            client.append("Offline", None, None, text(number))
        client.logout()
        config = self.folder / "offlineimaprc"
        code = 'import subprocess\ndef token():\n    return subprocess.check_output(%r, text=True).strip()\n'
        command = [BINARY, "psc", "token", "--identity", "899700000018", "--data", self.sandbox.data]
        (self.folder / "token.py").write_text(code % (command,))
        config.write_text(
            f"[general]\naccounts = lab\npythonfile = {self.folder}/token.py\nmetadata = {self.folder}/offline-state\n"
            f"[Account lab]\nlocalrepository = near\nremoterepository = far\n"
            f"[Repository near]\ntype = Maildir\nlocalfolders = {self.folder}/offline\n"
            f"[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {self.port}\nremoteuser = {USER}\nssl = yes\n"
            f"sslcacertfile = {self.ca}\nauth_mechanisms = XOAUTH2\noauth2_access_token_eval = token()\n"
            f"folderfilter = lambda name: name == 'Offline'\n"
        )
        environment = {**os.environ, "HOME": str(self.folder)}
        command = ("offlineimap", "-c", str(config), "-o", "-u", "quiet")
        code, out = run(*command, env=environment)
        box = self.folder / "offline" / "Offline"
        count = lambda: sum(len(list((box / sub).iterdir())) for sub in ("cur", "new")) if box.exists() else 0  # noqa: E731
        expect("offlineimap copies a folder by XOAUTH2", code == 0 and count() == 200, f"exit {code}, {count()} messages {out}")
        if not count():
            return
        first = next((box / "new").iterdir(), None) or next((box / "cur").iterdir())
        first.unlink()
        added = mailbox.Maildir(box, create=False)
        added.add(mailbox.MaildirMessage(text(999).replace(b"\r\n", b"\n")))
        code, out = run(*command, env=environment)
        far = self.on_server("Offline")
        expect("offlineimap takes a removal and a new message back", code == 0 and len(far) == 200 and "999@trial" in far, out)

    def neomutt(self):
        (self.folder / "token.sh").write_text(
            f"#!/bin/sh\nexec '{BINARY}' psc token --identity 899700000018 --data '{self.sandbox.data}'\n"
        )
        (self.folder / "token.sh").chmod(0o700)
        client = self.imap()
        client.append("INBOX", None, None, text(7))
        client.logout()
        (self.folder / "neomuttrc").write_text(
            f'set folder="imaps://localhost:{self.port}"\nset spoolfile="+INBOX"\nset imap_user="{USER}"\n'
            f'set imap_authenticators="xoauth2"\nset imap_oauth_refresh_command="{self.folder}/token.sh"\n'
            f'set certificate_file="{self.ca}"\nset ssl_force_tls=yes\nset ssl_usesystemcerts=no\nset imap_condstore=yes\n'
            f'set imap_qresync=yes\nset header_cache="{self.folder}/cache"\nset quit=yes\nset sleep_time=0\nset wait_key=no\nset delete=yes\n'
            'set confirmappend=no\nset confirmcreate=no\n'
        )
        environment = {**os.environ, "TERM": "xterm", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        dump = self.folder / "neomutt.txt"
        for keys, name in (
            (f"<pipe-message>cat>{dump}<enter><flag-message><quit>", "neomutt reads and flags by XOAUTH2, CONDSTORE and QRESYNC"),
            ("<copy-message>=Archive<enter><quit>", "neomutt comes back with its cache, and copies"),
        ):
            code, out = run("script", "-qec", f"neomutt -F {self.folder}/neomuttrc -e 'push {keys}'", "/dev/null", env=environment)
            far = self.on_server("INBOX")
            good = dump.exists() and "Bonjour 7" in dump.read_text() and b"\\Flagged" in far.get("7@trial", ())
            if "copies" in name:
                good = good and "7@trial" in self.on_server("Archive")
            expect(name, good, out[-800:] + str(far))

    def imapclient(self):
        try:
            import imapclient
        except ImportError:
            print("SKIP imapclient: not installed")
            return
        context = ssl.create_default_context(cafile=self.ca)
        with imapclient.IMAPClient("localhost", port=self.port, ssl_context=context) as client:
            try:
                client.oauth2_login(USER, "nonsense")
                refused = False
            except imapclient.exceptions.LoginError:
                refused = True
        expect("imapclient is refused with a wrong token", refused)
        with imapclient.IMAPClient("localhost", port=self.port, ssl_context=context) as client:
            client.oauth2_login(USER, self.token())
            client.create_folder("Été/2026")
            client.subscribe_folder("Été/2026")
            names = [name for _, _, name in client.list_folders()]
            client.select_folder("Été/2026")
            for number in range(5):
                client.append("Été/2026", text(number), flags=[imapclient.SEEN] if number == 2 else [])
            client.noop()
            unseen = client.search(["UNSEEN", "SUBJECT", "n "])
            odd = client.sort("REVERSE SUBJECT")
            threads = client.thread("REFERENCES")
            found = client.fetch(unseen, ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "FLAGS", "INTERNALDATE", "MODSEQ"])
            client.idle()
            other = self.imap()
            other.append(imapclient.imap_utf7.encode("Été/2026").decode(), None, None, text(8))
            other.logout()
            told = client.idle_check(timeout=10)
            client.idle_done()
            client.move(unseen[:1], "Archive")
            client.add_flags(unseen[1], [imapclient.DELETED])
            client.expunge([unseen[1]])
            quota = client.get_quota_root("INBOX")
            expect(
                "imapclient: folders, search, sort, threads, idle, move, quota",
                "Été/2026" in names and len(unseen) == 4 and len(odd) == 5 and len(threads) == 5
                and found[unseen[0]][b"ENVELOPE"].message_id == b"<0@trial>" and found[unseen[0]][b"RFC822.SIZE"] == len(text(0))
                and (6, b"EXISTS") in told and len(client.search("ALL")) == 4 and quota is not None,
                json.dumps([names, unseen, odd, str(threads), str(told), client.search("ALL")], default=str),
            )


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The server on a disk that fills up: it refuses for now, loses nothing, and takes mail again once there is room.

Usage: disk_full.py BINARY. Needs a mount of its own (a tmpfs in a private mount namespace); without it, prints SKIP.
"""

import os
import pathlib
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time

from mailbox_of_trials import APP, Sandbox, listing, mail

BINARY = os.path.abspath(sys.argv[1])
SIZE = 64  # MB: a first start takes some of it
BALLAST = 16  # MB, removed when the disk has been full


def private():
    """This program again, in a mount namespace of its own: whatever happens, the mount goes with it."""
    if os.environ.get("VAGUEMESTRE_OWN_MOUNTS"):
        return
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"], capture_output=True).returncode != 0:
        print("SKIP disk full: no mount namespace can be made here")
        sys.exit(0)
    os.environ["VAGUEMESTRE_OWN_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


def fill_by_smtp(sandbox, ledger, numbers):
    """Sends until the server refuses: for now (4xx), saying so."""
    client = sandbox.smtp()
    for number in numbers:
        try:
            client.sendmail(APP, [APP], mail(number, 200_000))
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused) as refusal:
            code = refusal.smtp_code if hasattr(refusal, "smtp_code") else list(refusal.recipients.values())[0][0]
            assert 400 <= code < 500, f"a full disk is no permanent failure: {refusal}"
            assert client.noop()[0] == 250, "the session goes on"
            client.quit()
            return f"{code}"
        ledger.add(number)
    raise AssertionError("the disk never filled up")


def fill_by_append(sandbox, ledger, numbers):
    client = sandbox.imap()
    for number in numbers:
        kind, answer = client.append("INBOX", None, None, mail(number, 50_000))
        if kind != "OK":
            assert kind == "NO", f"a full disk is not the client's fault: {kind} {answer}"
            assert client.noop()[0] == "OK", "the session goes on"
            client.logout()
            return answer[0].decode(errors="replace")
        ledger.add(number)
    raise AssertionError("the disk never filled up")


def check(sandbox, ledger, numbers_asked):
    client = sandbox.imap()
    _, found = listing(client, "INBOX")
    numbers = list(found.values())
    assert len(numbers) == len(set(numbers)), "a mail is there twice"
    assert ledger <= set(numbers), f"acknowledged and lost: {sorted(ledger - set(numbers))}"
    assert set(numbers) <= numbers_asked, "a mail that nobody sent"
    client.logout()
    return len(numbers)


def main():
    private()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-full-"))
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(disk)], check=True)
    sandbox, ledger, asked = Sandbox(BINARY, disk / "data", folder / "certs"), set(), set(range(1, 10_000))
    try:
        sandbox.start()
        sandbox.register()
        (disk / "ballast").write_bytes(b"\0" * BALLAST * 1024 * 1024)
        told = fill_by_smtp(sandbox, ledger, range(1, 1_000))
        also = fill_by_append(sandbox, ledger, range(1_000, 2_000))
        print(f"  full after {len(ledger)} mails; SMTP says {told}, IMAP says {also}")
        check(sandbox, ledger, asked)
        (disk / "ballast").unlink()
        after, numbers = set(), iter(range(2_000, 2_200))
        deadline = time.monotonic() + 20
        while len(after) < 5:
            number = next(numbers)
            try:
                client = sandbox.smtp()
                client.sendmail(APP, [APP], mail(number, 20_000))
                after.add(number)
                client.quit()
            except smtplib.SMTPException as refusal:
                assert time.monotonic() < deadline, f"there is room again, and mail is still refused: {refusal}"
                time.sleep(0.2)
        ledger |= after
        check(sandbox, ledger, asked)
        sandbox.kill()
        sandbox.start()
        held = check(sandbox, ledger, asked)
        assert sandbox.stop() == 0
        assert not [line for line in sandbox.log if "panicked" in line], "a panic"
        print(f"  room again: taken by itself; {held} mails held after a kill and a start, {len(ledger)} acknowledged; none lost, none twice")
    except BaseException:
        print("".join(sandbox.log[-20:]))
        if sandbox.process and sandbox.process.poll() is None:
            sandbox.process.kill()
        raise
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


main()

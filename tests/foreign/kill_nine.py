#!/usr/bin/env python3
"""The server killed with SIGKILL in the middle of deliveries, appends, copies and moves, again and again.

Usage: kill_nine.py BINARY [ROUNDS [SEED]]. After each restart, which needs no help: whatever was acknowledged is there,
whole and once; what was not is there once or not at all; what was moved is in one place; what was expunged stays away;
UIDs and UIDVALIDITY go on.
"""

import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

from mailbox_of_trials import APP, Sandbox, listing, mail

BINARY = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
FOLDERS = ("INBOX", "Archive")
# After so many rounds everything is expunged, so that a round stays short.
PURGE = 25


class Ledger:
    """What the clients asked, and what they were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.asked, self.acknowledged, self.moved, self.gone = set(), set(), set(), set()

    def number(self):
        with self.lock:
            self.next += 1
            self.asked.add(self.next)
            return self.next

    def size(self, number):
        return 400_000 if number % 17 == 0 else 2_000


def deliver(sandbox, ledger, stop):
    client = sandbox.smtp()
    while not stop.is_set():
        number = ledger.number()
        client.sendmail(APP, [APP], mail(number, ledger.size(number)))
        ledger.acknowledged.add(number)


def append(sandbox, ledger, stop):
    client = sandbox.imap()
    while not stop.is_set():
        number = ledger.number()
        kind, answer = client.append("INBOX", None, None, mail(number, ledger.size(number)))
        assert kind == "OK", answer
        ledger.acknowledged.add(number)


def move(sandbox, ledger, stop):
    client = sandbox.imap("INBOX")
    while not stop.is_set():
        client.noop()
        kind, rows = client.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (X-TRIAL)])")
        assert kind == "OK", rows
        numbers = {}
        for row in rows:
            if isinstance(row, tuple):
                numbers[int(row[0].split(b"UID ")[1].split()[0])] = int(row[1].split(b":")[1].split()[0])
        for uid, number in list(numbers.items())[:3]:
            kind, answer = client.uid("MOVE", str(uid), "Archive")
            assert kind == "OK", answer
            ledger.moved.add(number)


def trial(sandbox, ledger, seconds):
    """The clients at work, until the kill."""
    stop, faults = threading.Event(), []

    def work(what):
        try:
            what(sandbox, ledger, stop)
        except AssertionError as fault:
            if sandbox.process.poll() is None and not stop.is_set():
                faults.append(f"{what.__name__}: {fault}")
        except Exception:  # the connection broke, as it must
            pass

    threads = [threading.Thread(target=work, args=(what,)) for what in (deliver, append, move)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    sandbox.kill()
    stop.set()
    for thread in threads:
        thread.join()
    return faults


def check(sandbox, ledger, seen, validities):
    """What is in the folders is what the ledger allows."""
    client = sandbox.imap()
    places = {}
    for folder in FOLDERS:
        validity, found = listing(client, folder, seen[folder])
        assert validities.setdefault(folder, validity) == validity, f"UIDVALIDITY of {folder} changed"
        newest = max(seen[folder], default=0)
        for uid, number in found.items():
            assert uid in seen[folder] or uid > newest, f"UID {uid} of {folder} came back"
            places.setdefault(number, []).append(folder)
        seen[folder] = seen[folder] | set(found)
    for number, folders in places.items():
        assert len(folders) == 1, f"mail {number} is in {folders}"
        assert number in ledger.asked, f"mail {number} was never sent"
        assert number not in ledger.gone, f"mail {number} was expunged and came back"
    for number in ledger.acknowledged - ledger.gone:
        assert number in places, f"mail {number} was acknowledged and is lost"
    for number in ledger.moved - ledger.gone:
        assert places[number] == ["Archive"], f"mail {number} was moved and is in {places[number]}"
    client.logout()
    return len(places)


def purge(sandbox, ledger, seen):
    """Everything is expunged, by a client that is told so."""
    for folder in FOLDERS:
        client = sandbox.imap(folder)
        kind, rows = client.uid("SEARCH", "ALL")
        if rows[0]:
            assert client.store("1:*", "+FLAGS.SILENT", "\\Deleted")[0] == "OK"
            assert client.expunge()[0] == "OK"
        client.logout()
    ledger.gone = set(ledger.asked)


def main():
    chance = random.Random(SEED)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-kill-"))
    sandbox, ledger = Sandbox(BINARY, folder / "data", folder / "certs"), Ledger()
    seen, validities = {name: set() for name in FOLDERS}, {}
    begun = time.monotonic()
    slowest = 0.0
    try:
        sandbox.start()
        sandbox.register()
        for round_number in range(1, ROUNDS + 1):
            faults = trial(sandbox, ledger, 0.02 + chance.random() * 0.4)
            assert not faults, faults
            started = time.monotonic()
            sandbox.start()
            slowest = max(slowest, time.monotonic() - started)
            held = check(sandbox, ledger, seen, validities)
            if round_number % PURGE == 0:
                purge(sandbox, ledger, seen)
                print(f"  {round_number} kills: {len(ledger.acknowledged)} acknowledged, {len(ledger.moved)} moved, {held} held", flush=True)
        assert sandbox.stop() == 0, "the server does not end well"
        broken = [line for line in sandbox.log if "ERROR" in line or "panicked" in line]
        assert not broken, f"the server logged errors of its own: {broken[:5]}"
    except BaseException:
        print(f"seed {SEED}; the data directory is kept: {folder}")
        if sandbox.process and sandbox.process.poll() is None:
            sandbox.process.kill()
        raise
    shutil.rmtree(folder, ignore_errors=True)
    print(
        f"killed {ROUNDS} times in {time.monotonic() - begun:.0f} s (seed {SEED}): {len(ledger.acknowledged)} mails acknowledged, "
        f"{len(ledger.moved)} moved; none lost, none twice; slowest start {slowest:.1f} s"
    )


main()

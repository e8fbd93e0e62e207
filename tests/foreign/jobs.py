#!/usr/bin/env python3
"""Every job, with clients that pass and a foreign one that fails for the stated reason, as a printed table.

Usage: jobs.py BINARY [--full]. The fast set runs every job with the product's own connector and with the bad client
meant for it; --full adds the adapters for Python, curl and Node, on every job, and the other bad clients.

Ends with 1 where a good client did not pass (curl may be unsupported on documents), where a bad one is not failed
for the requirement that it breaks, or where a job has no bad client.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

BINARY = os.path.abspath(sys.argv[1])
FULL = "--full" in sys.argv[2:]
ROOT = pathlib.Path(__file__).resolve().parents[2]
NIL = "2621"

# Job → (bad client, requirement of the failed check). The first one of a job is in the fast set.
BAD = {
    "psc-auth-imap": [("wrong-mechanism", "SC.MSS/CONF.07"), ("clear-login", "SC.MSS/CONF.07")],
    "psc-auth-smtp": [("clear-login", "SC.MSS/CONF.07"), ("wrong-mechanism", "SC.MSS/CONF.07")],
    "cert-auth-imap": [("no-certificate", "SC.MSS/CONF.12"), ("wrong-mechanism", "SC.MSS/CONF.12")],
    "cert-auth-smtp": [("wrong-mechanism", "SC.MSS/CONF.12"), ("no-certificate", "SC.MSS/CONF.12")],
    "psc-starttls-imap": [("early-command", "SC.MSS/CONF.06"), ("clear-login", "SC.MSS/CONF.06")],
    "psc-starttls-smtp": [("no-second-ehlo", "SC.MSS/CONF.05"), ("early-command", "SC.MSS/CONF.05")],
    "cert-starttls-imap": [("clear-login", "SC.MSS/CONF.06")],
    "cert-starttls-smtp": [("early-command", "SC.MSS/CONF.05"), ("no-second-ehlo", "SC.MSS/CONF.05")],
    "psc-tls-floor": [("old-tls", "SC.MSS/CONF.01")],
    "cert-tls-floor": [("old-tls", "SC.MSS/CONF.01")],
    "psc-tls-suites": [("any-suite", "SC.MSS/CONF.03")],
    "cert-tls-suites": [("any-suite", "SC.MSS/CONF.03")],
    "psc-ins": [("no-ins", "SC.MSS/CONF.14"), ("no-nil-on-documents", "SC.MSS/CONF.16")],
    "cert-ins": [("small-ins", "SC.MSS/CONF.14")],
    "psc-ins-n": [("ins-always", "SC.MSS/CONF.14")],
    "cert-ins-n": [("ins-always", "SC.MSS/CONF.14"), ("no-ins", "SC.MSS/CONF.14")],
    "psc-codecda": [("no-codecda", "SC.MSS/CONF.15")],
    "cert-codecda": [("label-as-code", "SC.MSS/CONF.15")],
    "psc-two-cda": [("one-code", "SC.MSS/CONF.15")],
    "cert-two-cda": [("codecda-spaces", "SC.MSS/CONF.15")],
    "psc-nil": [("no-nil", "SC.MSS/CONF.16"), ("other-nil", "SC.MSS/CONF.16")],
    "cert-nil": [("other-nil", "SC.MSS/CONF.16")],
    "psc-plain": [("ins-on-plain", "SC.MSS/CONF.14"), ("mes-on-plain", "SC.MSS/CONF.21")],
    "cert-plain": [("codecda-on-plain", "SC.MSS/CONF.15")],
    "psc-mes": [("no-mes", "SC.MSS/CONF.21")],
    "cert-mes": [("small-mes", "SC.MSS/CONF.21")],
    "psc-mes-patient": [("small-mes", "SC.MSS/CONF.21")],
    "cert-mes-patient": [("no-mes", "SC.MSS/CONF.21")],
    "psc-mes-absent": [("mes-to-professional", "SC.MSS/CONF.21")],
    "cert-mes-absent": [("mes-always", "SC.MSS/CONF.21")],
    "psc-reply": [("no-in-reply-to", "MSS/va1.08"), ("bare-message-id", "MSS/va1.12")],
    "cert-reply": [("no-nil-on-replies", "SC.MSS/CONF.16")],
    "psc-token-refused": [("stale-token", "SC.MSS/CONF.11"), ("no-renewal", "SC.MSS/CONF.11")],
    "psc-login-flow": [(mode, "SC.PSC.01") for mode in ("no-state", "code-twice", "no-nonce", "no-pkce", "near-redirect")],
    "psc-token-refused-smtp": [("stale-token", "SC.MSS/CONF.11"), ("no-renewal", "SC.MSS/CONF.11")],
    "psc-smtp-token-kept": [("token-in-message-id", "SC.MSS/CONF.28"), ("token-in-address", "SC.MSS/CONF.28")],
    "psc-imap-token-kept": [("token-in-address", "SC.MSS/CONF.28")],
    "psc-directory": [
        ("types-the-address", "SC.MSS/CONF.20"),
        ("sends-without-searching", "SC.MSS/CONF.20"),
        ("one-criterion", "SC.MSS/CONF.20"),
    ],
    "segur-v2-parcours": [("ins-always", "SC.MSS/CONF.14"), ("one-code", "SC.MSS/CONF.15")],
}
# Jobs of a family (bench: scenarios/families): how the name ends → bad client. The first that fits.
EITHER = ["1.3-only", "missing-intermediate", "revoked-ocsp", "dhe-only", "certificate-required", "foreign-client-ca"]
FAMILIES = [
    *[(f"-tls-{name}", "connects-for-ever") for name in EITHER],
    *[(f"-tls-{name}", "wrong-mechanism-later") for name in ["1.2-only", "no-client-certificate", "several-client-cas"]],
    ("-tls-", "trusts-all"),
    ("-token-expired", "stale-token"),
    ("-token-ends", "gives-up"),
    ("-tokens-", "loops"),
    ("-session-killed", "goes-on-without-psc"),
    ("-refresh-refused", "goes-on-without-psc"),
    ("-psc-once-unavailable", "gives-up"),
    ("-psc-down-mail-up", "renews-always"),
    ("-psc-down", "besieges-psc"),
    ("psc-smtp-long-token", "long-auth-line"),
    ("-long-token", "small-buffer"),
    ("-no-sasl-ir", "initial-response-always"),
    ("-few-connections", "connects-for-ever"),
    ("-other-mailbox", "first-mailbox"),
    ("psc-directory-by-name-", "one-criterion"),
    ("psc-directory-by-specialty-street-", "one-criterion"),
    ("psc-directory-by-", "ignores-criterion"),
    ("psc-directory-down", "invents-addresses"),
    ("psc-directory-key-refused", "invents-addresses"),
    ("psc-directory-", "outage-is-empty"),
    ("psc-dns-moved", "remembers-servers"),
    ("psc-dns-nxdomain", "remembers-servers"),
    ("psc-dns-not-offered", "remembers-servers"),
    ("psc-dns-", "asks-once"),
    ("-no-starttls", "goes-on-in-clear"),
    ("-starttls-refused", "goes-on-in-clear"),
    ("-injected", "token-as-password"),
    ("-passwords-only", "token-as-password"),
    ("-login-unavailable", "gives-up"),
    ("-login-refused", "loops"),
    ("-challenge", "token-again"),
    ("-bye-at-greeting", "gives-up"),
    ("-closing-at-greeting", "gives-up"),
    ("-reset", "gives-up"),
    ("-slow-greeting", "impatient"),
    ("-trickle", "wrong-mechanism-later"),
    ("-cut-literal", "gives-up"),
    ("-reset-literal", "gives-up"),
    ("-bye-fetch", "gives-up"),
    ("-unsolicited", "frightened"),
    ("-slow-fetch", "impatient"),
    ("-split-fetch", "half-reader"),
    ("-uidvalidity", "remembers-uids"),
    ("-select-busy", "gives-up"),
    ("-fetch-refused", "loops"),
    ("-greylist", "gives-up"),
    ("-unknown-recipient", "loops"),
    ("-refused-after-dot", "loops"),
    ("-closing", "gives-up"),
    ("-cut-before-dot", "sends-again"),
    ("-cut-after-dot", "sends-again"),
    ("-later-after-dot", "gives-up"),
    ("-slow-data", "impatient"),
    ("-slow-accept", "sends-again"),
    ("-many-lines", "sends-again"),
    ("-size", "ignores-size"),
]
# Bad client → what the failed check must say that it received.
SAID = {
    "wrong-mechanism": "PLAIN",
    "clear-login": "en clair",
    "no-certificate": "Aucun certificat",
    "early-command": "en clair",
    "no-second-ehlo": "AUTH",
    "old-tls": "TLS 1.1 accepté",
    "any-suite": "Suites à ne jamais proposer",
    "no-ins": "X-MSS-INS absent",
    "no-nil-on-documents": "absent",
    "small-ins": "X-MSS-INS: o",
    "ins-always": "X-MSS-INS: O",
    "no-codecda": "X-MSS-CODECDA absent",
    "label-as-code": "LOINC:",
    "one-code": "X-MSS-CODECDA: 11490-0",
    "codecda-spaces": ", ",
    "no-nil": "absent",
    "other-nil": "X-MSS-NIL: 26210",
    "ins-on-plain": "X-MSS-INS: N",
    "mes-on-plain": "X-MSS-MES: FIN",
    "codecda-on-plain": "X-MSS-CODECDA: 11490-0",
    "no-mes": "X-MSS-MES absent",
    "small-mes": "X-MSS-MES: fin",
    "mes-to-professional": "X-MSS-MES: FIN",
    "mes-always": "X-MSS-MES: FIN",
    "no-in-reply-to": "In-Reply-To",
    "bare-message-id": "Message-ID",
    "no-nil-on-replies": "absent",
    "stale-token": "réutilisé",
    "no-renewal": "pas de nouvelle connexion",
    "trusts-all": "accepté",
    "connects-for-ever": ("tentative(s)", "connexion(s)"),
    "wrong-mechanism-later": "Aucune connexion acceptée",
    "goes-on-in-clear": "en clair",
    "token-as-password": "PLAIN",
    "gives-up": ("Pas de nouvelle connexion", "Pas de connexion acceptée", "jamais"),
    "goes-on-without-psc": "après la fin de la session",
    "besieges-psc": "demande(s) à PSC",
    "renews-always": "Aucune connexion acceptée",
    "no-state": "state is missing",
    "no-nonce": "nonce is missing",
    "no-pkce": "code_challenge",
    "near-redirect": "redirect",
    "code-twice": "used already",
    "first-mailbox": "Autre boîte demandée",
    "small-buffer": "Aucune connexion acceptée",
    "long-auth-line": "Ligne AUTH",
    "initial-response-always": "Réponse initiale",
    "token-in-message-id": "Jeton dans un message",
    "token-in-address": "dans l’adresse",
    "loops": "tentative(s)",
    "token-again": "Autre chose",
    "impatient": ("abandonné", "jamais"),
    "frightened": "abandonné",
    "half-reader": "jamais",
    "remembers-uids": "non relu",
    "sends-again": ("accepté 2 fois", "accepté 3 fois"),
    "ignores-size": "SIZE",
    "remembers-servers": "que le DNS ne donne plus",
    "asks-once": "pas de connexion acceptée",
    "sends-without-searching": "sans recherche dans l’annuaire",
    "types-the-address": "n’a pas donné cette adresse",
    "one-criterion": "une autre entrée",
    "ignores-criterion": "sans le critère",
    "outage-is-empty": "absence de résultat",
    "invents-addresses": "n’a pas donné cette adresse",
}


def bad_clients(job):
    """The bad clients meant for a job, each with the requirement that it breaks."""
    if job["id"] in BAD:
        return BAD[job["id"]]
    return next(([(mode, job["requirements"][0])] for part, mode in FAMILIES if part in job["id"]), [])


def says(mode, received):
    said = SAID[mode]
    return any(part in received for part in ([said] if isinstance(said, str) else said))
ADAPTERS = ROOT / "adapters"
BAD_CLIENT = f"python3 -B '{ADAPTERS}/python/bad/bad.py'"
# In the fast set the Rust tests take two good clients through every job.
GOOD = {}
if FULL:
    GOOD["lps"] = "lps"
    GOOD["python"] = f"python3 -B '{ADAPTERS}/python/adapter.py'"
    if shutil.which("curl") and shutil.which("jq"):
        GOOD["curl"] = f"env 'PATH=@shim:{os.environ['PATH']}' bash '{ADAPTERS}/curl/adapter.sh'"
    else:
        print("SKIP curl: curl or jq is not installed")
    if (ADAPTERS / "node/node_modules/imapflow").is_dir():
        GOOD["node"] = f"node '{ADAPTERS}/node/adapter.mjs'"
    else:
        print("SKIP imapflow: not installed (npm ci in adapters/node)")
SIGNS = {"passed": "passed", "unsupported": "n/a", "failed": "FAILED", "inconclusive": "UNSURE"}


WAY = re.compile(r"^(psc|cert)-(imap|smtp)-")


class Bench:
    """A bench on free ports, with one product, in a folder of its own."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-jobs-"))
        command = [BINARY, "up", "--ports", "auto", "--json", "--data", str(self.folder / "data")]
        with open(self.folder / "log", "wb") as log:
            self.server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        if not self.server.stdout.readline():
            sys.exit("the bench does not start:\n" + (self.folder / "log").read_text()[-2000:])
        self.cli("account", "add", "--nil", NIL, "--name", "Table", "--psc-id", "899700000018", "--app-id", "163254178")
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def cli(self, *arguments):
        """A command's JSON object; its exit code under `exit`."""
        command = [BINARY, *arguments, "--json", "--data", str(self.folder / "data")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return {**json.loads(done.stdout or "{}"), "exit": done.returncode}

    def shim(self):
        """A `curl` that notes its arguments before it is curl: no secret may be among them."""
        folder = self.folder / "shim"
        folder.mkdir(exist_ok=True)
        program = folder / "curl"
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{folder}/arguments'\nexec '{shutil.which('curl')}' \"$@\"\n")
        program.chmod(0o755)
        return folder

    def run(self, what, adapter):
        """The runs of a job, a group or all, by job."""
        done = self.cli("run", what, "--nil", NIL, "--accelerated", "--adapter", adapter.replace("@shim", str(self.shim())))
        if "runs" not in done:
            return {what: {"verdict": "error", "reason": done.get("error", {}).get("message", "?"), "checks": []}}
        return {run["job"]: run for run in done["runs"]}


def needs_documents(job):
    return "xdm" in job["needs"]


def against(bench, job, mode, requirement):
    """What the bench says of a bad client: whether it is the stated reason, and that reason."""
    run = bench.run(job, f"{BAD_CLIENT} {mode}")[job]
    failed = [check for check in run["checks"] if check["outcome"] == "failed"]
    told = [check for check in failed if check["requirement"] == requirement and says(mode, check["received"])]
    others = {check["requirement"] for check in failed} - {requirement}
    if run["verdict"] == "failed" and told:
        also = f"  (also: {', '.join(sorted(others))})" if others else ""
        return True, f"{requirement}: {told[0]['received']}{also}"
    why = run.get("reason") or "; ".join(f"{c['requirement']} {c['outcome']}: {c['received']}" for c in run["checks"] if c["outcome"] != "passed")
    return False, f"NOT SEEN: the run is {run['verdict']} ({why})"


def main():
    started, wrong = time.monotonic(), []
    with Bench() as bench:
        jobs = {job["id"]: job for job in bench.cli("jobs")["jobs"] if job["automation"] == "auto"}
        wrong += [f"{job}: no bad client is meant for it" for job in jobs if not bad_clients(jobs[job])]
        wrong += [f"{job}: there is no such job" for job in BAD if job not in jobs]
        # One campaign a client, one after the other: their runs would only queue for the same mailboxes.
        good, took = {}, {}
        for name, command in GOOD.items():
            begun = time.monotonic()
            good[name], took[name] = bench.run("all", command), time.monotonic() - begun
        for name, runs in good.items():
            for job in jobs:
                run = runs.get(job, {"verdict": "absent"})
                # curl composes no documents, and what the examples do not do against bad servers is shown, not asked for.
                allowed = name == "curl" and needs_documents(jobs[job]) and run["verdict"] == "unsupported"
                allowed |= name != "lps" and job not in BAD
                # No more do those for curl and Node look anybody up.
                allowed |= name in ("curl", "node") and "directory" in jobs[job]["needs"]
                if run["verdict"] != "passed" and not allowed:
                    problems = [f"{c['requirement']} {c['outcome']}: {c['received']}" for c in run.get("checks", []) if c["outcome"] != "passed"]
                    wrong.append(f"{job} with {name}: {run['verdict']} {run.get('reason', '')} {problems} {run.get('adapter', '')}")
        if "curl" in GOOD:
            arguments = (bench.folder / "shim/arguments").read_text()
            if "--config" not in arguments or "eyJ" in arguments or "bearer" in arguments.lower():
                wrong.append("the curl adapter hands a secret over as an argument, or was not run")
        # PER and APP run side by side.
        cases = [(job, *case) for job in jobs for case in bad_clients(jobs[job])[: None if FULL else 1]]
        if not FULL:
            # A variant of a family exists in up to four ways, which differ in mailbox and protocol: one of them here.
            kinds = {}
            for case in cases:
                kinds.setdefault(case if case[0] in BAD else (WAY.sub("", case[0]), case[1]), case)
            cases = list(kinds.values())
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(lambda case: against(bench, *case), cases))
    width = max(len(job) for job in jobs)
    print(f"{'job':{width}}  " + "  ".join(f"{name:6}" for name in GOOD) + f"  {'bad client':22}  failed check")
    last = None
    for (job, mode, _), (right, reason) in zip(cases, seen):
        words = [SIGNS.get(good[name].get(job, {}).get("verdict"), "?") if job != last else "" for name in GOOD]
        print(f"{job if job != last else '':{width}}  " + "  ".join(f"{word:6}" for word in words) + f"  {mode:22}  {' '.join(reason.split())[:150]}")
        last = job
        if not right:
            wrong.append(f"{job} with bad client {mode}: {reason}")
    clients = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()) or "good clients: in the Rust tests"
    print(f"{len(jobs)} jobs ({clients}), {len(cases)} bad client runs, {time.monotonic() - started:.1f} s")
    for line in wrong:
        print("WRONG", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

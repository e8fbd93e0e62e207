#!/usr/bin/env python3
"""Reads testssl.sh's JSON files: ends with 1 where one holds a finding of severity MEDIUM or worse that is not expected.

The scans are given the lab's own authority (--add-ca): it is in no public store, and must be in none.
"""

import json
import sys

# What testssl.sh may say of a healthy endpoint, and why it stands.
EXPECTED = {
    "cipher_order": "every suite offered is AEAD with forward secrecy: the client, who knows its hardware, chooses",
    "engine_problem": "about the openssl that scans, not about the endpoint",
}
WORSE = ("MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")

bad = False
for name in sys.argv[1:]:
    try:
        with open(name, encoding="utf-8") as file:
            findings = json.load(file)
    except ValueError:
        print(f"{name}: cut short: the scan did not end")
        bad = True
        continue
    where = next((f"{f['ip'].split('/')[0]}:{f['port']}" for f in findings if f["id"] == "TLS1_2"), None)
    if where is None:
        print(f"{name}: no protocol was tried: the scan is no scan")
        bad = True
        continue
    print(f"{where}: {len(findings)} findings")
    for finding in findings:
        if finding["severity"] not in WORSE:
            continue
        reason = EXPECTED.get(finding["id"])
        print(f"  {finding['severity']} {finding['id']}: {finding['finding']}" + (f" (expected: {reason})" if reason else ""))
        bad = bad or reason is None
print("testssl: see above" if bad else "testssl: nothing unexpected")
sys.exit(bad)

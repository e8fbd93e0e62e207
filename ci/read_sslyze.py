#!/usr/bin/env python3
"""Reads sslyze's JSON: ends with 1 where a healthy endpoint offers less than TLS 1.2, a weak suite, or a known flaw."""

import json
import sys

BAD = 0
for server in json.load(open(sys.argv[1], encoding="utf-8"))["server_scan_results"]:
    where = f"{server['server_location']['hostname']}:{server['server_location']['port']}"
    result = server["scan_result"]
    if result is None:
        print(f"{where}: not scanned ({server['scan_status']})")
        BAD = 1
        continue
    for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"):
        part = result[f"{version}_cipher_suites"]["result"]
        accepted = [suite["cipher_suite"]["name"] for suite in (part or {}).get("accepted_cipher_suites", [])]
        if accepted:
            print(f"{where}: {version}: {', '.join(accepted)}")
        weak = [name for name in accepted if "CBC" in name or name.startswith("TLS_RSA_") or "DHE_RSA" in name and "ECDHE" not in name]
        if weak or (accepted and version not in ("tls_1_2", "tls_1_3")):
            print(f"{where}: must not offer {version} {weak}")
            BAD = 1
    heartbleed = (result["heartbleed"]["result"] or {}).get("is_vulnerable_to_heartbleed")
    robot = (result["robot"]["result"] or {}).get("robot_result", "")
    if heartbleed or "VULNERABLE_" in robot and "NOT_VULNERABLE" not in robot:
        print(f"{where}: known flaw (heartbleed {heartbleed}, robot {robot})")
        BAD = 1
print("sslyze: nothing to say" if not BAD else "sslyze: see above")
sys.exit(BAD)

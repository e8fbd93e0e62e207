#!/usr/bin/env python3
"""Reads what a scanner says of a server of the TLS lab: ends with 1 where it does not see the fault that the name claims.

Usage: read_tls_lab.py expired|tls-1.2-only sslyze|testssl FILE.
"""

import datetime
import json
import sys

VERSIONS = ("tls_1_1", "tls_1_2", "tls_1_3")


def expired(scanner, found):
    """Whether the scanner says that the certificate is out of date."""
    if scanner == "testssl":
        return any("cert_expirationStatus" in finding["id"] and "expired" in finding["finding"] for finding in found)
    about = found["server_scan_results"][0]["scan_result"]["certificate_info"]["result"]
    ends = [chain["received_certificate_chain"][0]["not_valid_after"] for chain in about["certificate_deployments"]]
    return bool(ends) and all(moment(end) < datetime.datetime.now(datetime.timezone.utc) for end in ends)


def moment(text):
    """An instant, in UTC where the text says no zone."""
    read = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return read if read.tzinfo else read.replace(tzinfo=datetime.timezone.utc)


def offered(scanner, found):
    """The versions of TLS that the scanner was offered."""
    if scanner == "testssl":
        said = {finding["id"]: finding["finding"] for finding in found}
        return [name for name in VERSIONS if said[name.upper().replace("_", "", 1)].startswith("offered")]
    result = found["server_scan_results"][0]["scan_result"]
    return [name for name in VERSIONS if (result[f"{name}_cipher_suites"]["result"] or {}).get("accepted_cipher_suites")]


name, scanner, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    found = json.load(file)
read, wanted = (expired, True) if name == "expired" else (offered, ["tls_1_2"])
said = read(scanner, found)
print(f"{name}, {scanner}: {read.__name__} {said}{'' if said == wanted else f', where it should be {wanted}'}")
sys.exit(said != wanted)

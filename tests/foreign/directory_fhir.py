#!/usr/bin/env python3
"""The directory's sandbox, paged through by somebody else's FHIR client (fhirpy, PyPI).

Usage: directory_fhir.py BINARY. Prints SKIP and ends with 0 where fhirpy is not installed (ci/requirements.txt).
Ends with 1 where the pages do not add up, an include is missing, or an outcome is not taken for an error.
"""

import json
import os
import subprocess
import sys
import time

try:
    from fhirpy import SyncFHIRClient
    from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound
except ImportError:
    print("SKIP fhirpy: not installed (pip install -r ci/requirements.txt)")
    sys.exit(0)

BINARY = os.path.abspath(sys.argv[1])
ROWS = 400
FAILED = []


def check(what, is_so, seen=""):
    print(f"{'ok    ' if is_so else 'FAILED'} {what}{'' if is_so else f': {seen}'}")
    if not is_so:
        FAILED.append(what)


def refused(what, call, kinds=(OperationOutcome, ResourceNotFound)):
    try:
        check(what, False, call())
    except kinds as error:
        check(what, True, error)


command = [BINARY, "annuaire", "serve", "--port", "0", "--rows", str(ROWS), "--seed", "3", "--json"]
server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
try:
    base = json.loads(server.stdout.readline())["directory"]
    client = SyncFHIRClient(base, extra_headers={"ESANTE-API-KEY": "fhirpy"})

    def unhurried(iterator):
        """At most 16 calls a second: one application has 17."""
        for item in iterator:
            yield item
            time.sleep(0.004)

    statement = client.execute("metadata", method="get")
    check("CapabilityStatement", statement["fhirVersion"] == "4.0.1", statement)

    people = list(unhurried(client.resources("Practitioner").limit(25)))
    ids = {person["id"] for person in people}
    counted = client.resources("Practitioner").search(_total="accurate", _count=1).fetch_raw()["total"]
    check(f"{counted} practitioners in pages of 25", len(people) == len(ids) == counted > 100, len(people))

    boxes = [telecom["value"] for role in unhurried(client.resources("PractitionerRole").limit(50))
             for telecom in role.get("telecom", [])]
    check("every box of a situation once", len(boxes) == len(set(boxes)) > 100, len(boxes))
    check("domains of the sandbox only", all(box.endswith(".mssante.test") for box in boxes))

    time.sleep(1)
    found = client.resources("PractitionerRole").search(**{"mailbox-mss": boxes[0]})
    bundle = found.include("PractitionerRole", "practitioner").include("PractitionerRole", "organization").fetch_raw()
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    check("an exact address with its person and its place",
          kinds == ["PractitionerRole", "Practitioner", "Organization"], kinds)

    family = people[0]["name"][0]["family"]
    same = client.resources("Practitioner").search(family__exact=family).fetch_all()
    check(":exact", same and all(one["name"][0]["family"] == family for one in same), same)
    one = client.reference("Practitioner", people[0]["id"]).to_resource()
    check("read by id", one["id"] == people[0]["id"])

    time.sleep(1)
    refused("an unknown parameter is an outcome", lambda: client.resources("Practitioner").search(_summary="count").fetch())
    refused("an unknown id is not found", lambda: client.reference("Practitioner", "003-0-1").to_resource())
    bare = SyncFHIRClient(base)
    refused("no key, no answer", lambda: bare.resources("Practitioner").fetch(), (Exception,))
finally:
    server.terminate()
    server.wait(10)
check("ends with 0 on SIGTERM", server.returncode == 0, server.returncode)
sys.exit(1 if FAILED else 0)

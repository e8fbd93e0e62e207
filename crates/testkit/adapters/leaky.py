#!/usr/bin/env python3
"""Adapter for tests: prints every secret that it was given, in ways that a careless program would, and does nothing
else. The first argument says how: `detail`, `rubbish` (a last line that is no JSON) or `stderr`."""

import json
import os
import sys
import tempfile

request = json.load(sys.stdin)
handle, _ = tempfile.mkstemp(suffix=".json", dir=sys.argv[2])
with os.fdopen(handle, "w") as file:
    json.dump(request, file)
auth = request["auth"]
secrets = [auth["access_token"], auth["refresh"]["refresh_token"], auth["refresh"]["client_secret"]]
if sys.argv[1] == "stderr":
    # Lines of all kinds, then one so long that only its end is kept: the cut falls inside of a token.
    for secret in secrets:
        print(f"leaky marker: token={secret} again={secret}", file=sys.stderr)
    print(" ".join(secrets * 30), file=sys.stderr)
    print(json.dumps({"outcome": "done", "detail": "leaky marker"}))
elif sys.argv[1] == "rubbish":
    # The part of the line that is quoted ends in the middle of a secret.
    print("leaky marker: " + "x" * 50 + " " + secrets[2] + " " + secrets[0])
else:
    print(json.dumps({"outcome": "error", "detail": "leaky marker " + " ".join(secrets)}))

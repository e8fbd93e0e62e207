#!/usr/bin/env python3
"""Adapter for tests: a product that only reads. `send` is not supported; the rest is the adapter of the argument."""

import json
import subprocess
import sys

given = sys.stdin.buffer.read()
if json.loads(given)["step"] == "send":
    print(json.dumps({"outcome": "unsupported", "detail": "this product only reads"}))
    sys.exit(3)
sys.exit(subprocess.run([sys.executable, sys.argv[1]], input=given, check=False).returncode)

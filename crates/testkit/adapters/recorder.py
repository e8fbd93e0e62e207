#!/usr/bin/env python3
"""Adapter for tests: keeps what it was given in the folder of its first argument, then is the adapter of the second."""

import os
import subprocess
import sys
import tempfile

given = sys.stdin.buffer.read()
handle, _ = tempfile.mkstemp(suffix=".json", dir=sys.argv[1])
with os.fdopen(handle, "wb") as file:
    file.write(given)
sys.exit(subprocess.run([sys.executable, sys.argv[2]], input=given, check=False).returncode)

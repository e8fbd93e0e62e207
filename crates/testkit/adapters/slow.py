#!/usr/bin/env python3
"""Adapter for tests: takes its time (seconds in the first argument), then is the adapter of the second."""

import subprocess
import sys
import time

given = sys.stdin.buffer.read()
time.sleep(float(sys.argv[1]))
sys.exit(subprocess.run([sys.executable, sys.argv[2]], input=given, check=False).returncode)

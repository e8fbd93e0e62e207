#!/usr/bin/env python3
"""BAD CLIENT: does nothing, with a child, and ignores TERM (only KILL to the whole process group ends it).

It ends by itself after ten minutes, so that a bench which forgets it does not keep it for ever.
"""

import os
import signal
import time

import wire

wire.ask()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
time.sleep(600)

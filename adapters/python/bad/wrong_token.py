#!/usr/bin/env python3
"""BAD CLIENT: one character of the token's signature is another one (no such token was ever issued by PSC)."""

import wire

request = wire.ask()
if request["auth"]["mechanism"] != "xoauth2":
    wire.tell("unsupported", "there is no token to tamper with")
head, dot, signature = request["auth"]["access_token"].rpartition(".")
# In the middle: the last character of base64 has bits that mean nothing.
middle = len(signature) // 2
other = "A" if signature[middle] != "A" else "B"
token = head + dot + signature[:middle] + other + signature[middle + 1 :]
wire.try_logins(request, "XOAUTH2", wire.xoauth2(wire.user(request), token))

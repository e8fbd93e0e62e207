#!/usr/bin/env python3
"""Writes anew what Dovecot answers in the transcripts beside this file.

Needs Debian's dovecot-imapd, and root (Dovecot serves nobody's mail as root, so it runs as `nobody`).
A transcript holds, line by line:
  # a remark
  1> a command of session 1, without its tag; {validity}, {modseq} and what `=` has kept are filled in
  1< a line that session 1 is answered, its tag and the text for people left out
  1. waits for one line that session 1 is told unasked
  = name    keeps the last HIGHESTMODSEQ that was told
IDLE is answered by its continuation, DONE by the end of IDLE; COMPRESS is followed by compressed octets.
Sessions start when they are first spoken to. Usage: record.py FILE...
"""
import os, re, shutil, subprocess, sys, tempfile, zlib

CONF = """
base_dir = {dir}/run
log_path = {dir}/log
mail_location = maildir:{dir}/mail:LAYOUT=fs
mail_plugins = quota zlib
ssl = no
first_valid_uid = 1
first_valid_gid = 1
protocol imap {{
  mail_plugins = quota imap_quota imap_zlib
}}
plugin {{
  quota = maildir:
  quota_rule = *:storage=1024:messages=100
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
}}
"""
NOBODY = 65534


class Session:
    def __init__(self, conf):
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", "USER=x",
                   f"HOME={os.path.dirname(conf)}", "/usr/lib/dovecot/imap", "-c", conf]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, bufsize=0)
        self.buffer, self.packer, self.unpacker = b"", None, None
        assert self.line().startswith("* PREAUTH")

    def line(self):
        while b"\r\n" not in self.buffer:
            octets = self.process.stdout.read(65536)
            assert octets, "Dovecot has gone"
            self.buffer += self.unpacker.decompress(octets) if self.unpacker else octets
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        line = line.decode()
        coded = re.match(r"\* (OK|NO|BYE) \[[^]]*\]", line)
        return coded.group(0) if coded else line

    def ask(self, text):
        octets = text.encode().replace(b"\\r\\n", b"\r\n") + b"\r\n"
        octets = octets if text == "DONE" else b"t " + octets
        if self.packer:
            octets = self.packer.compress(octets) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        self.process.stdin.write(octets)
        lines = []
        while True:
            line = self.line()
            if text == "IDLE" and line.startswith("+"):
                return lines + ["+"]
            done = re.match(r"t (OK|NO|BAD)( \[[^]]*\])?", line)
            if done:
                if text == "COMPRESS DEFLATE" and not self.packer:
                    self.packer, self.unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
                return lines + [done.group(1) + (done.group(2) or "")]
            lines.append(line)


def record(path):
    directory = tempfile.mkdtemp()
    os.makedirs(f"{directory}/mail")
    conf = f"{directory}/dovecot.conf"
    with open(conf, "w") as file:
        file.write(CONF.format(dir=directory))
    subprocess.check_call(["chown", "-R", str(NOBODY), directory])
    sessions, kept, out = {}, {}, []
    for line in open(path).read().splitlines():
        if re.match(r"\d< ", line):
            continue
        out.append(line)
        if line.startswith("= "):
            kept[line[2:]] = kept["modseq"]
        elif re.match(r"\d\.", line):
            out.append(f"{line[0]}< {sessions[line[0]].line()}")
        elif re.match(r"\d> ", line):
            who, text = line[0], line[3:]
            for name, value in kept.items():
                text = text.replace("{%s}" % name, value)
            if who not in sessions:
                sessions[who] = Session(conf)
            for answer in sessions[who].ask(text):
                for name, word in (("modseq", "HIGHESTMODSEQ"), ("validity", "UIDVALIDITY")):
                    found = re.search(r"\[%s (\d+)\]" % word, answer)
                    if found:
                        kept[name] = found.group(1)
                out.append(f"{who}< {answer}")
    for session in sessions.values():
        session.process.kill()
    shutil.rmtree(directory)
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")


for name in sys.argv[1:]:
    record(name)

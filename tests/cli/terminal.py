"""Runs a command on a terminal of some columns and writes what a person would see of its standard error, line by
line, as it is drawn: terminal.py COLUMNS COMMAND..."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

columns, command = int(sys.argv[1]), sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
seen = b""
while True:
    try:
        more = os.read(master, 65536)
    except OSError:
        break
    if not more:
        break
    seen += more
for line in re.split(r"[\r\n]+", seen.decode(errors="replace")):
    print(line.replace("\033[K", "<K>"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

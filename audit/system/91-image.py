#!/usr/bin/env python3
"""The kernel's view of each running process: no page writable and executable, no page of the program's file writable.

readelf shows what a file promises (`make elf`); that relocated data really became read-only, which nobody does for a program
without a loader but the program itself, only /proc/PID/maps shows. Looked at when all is ready and the cages are closed.
"""
from house import *

own_namespace()
daemon = Daemon()
daemon.log.touch()
daemon.start()
processes = {"bailiffd": daemon.process.pid, **daemon.roles()}
check(len(processes) == 4, f"four processes: {', '.join(processes)}")
for name, pid in processes.items():
    try:
        maps = [line.split(maxsplit=5) for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()]
    except PermissionError:
        skip("not allowed to read /proc/PID/maps of a process that is not dumpable")
    # Address, permissions, offset, device, inode, path. The ring of io_setup(2) has an inode too, that of no program.
    image = str(os.stat(f"/proc/{pid}/exe").st_ino)
    pages = [(m[1], m[4] == image) for m in maps]
    check(any(of_file for _, of_file in pages), f"{name}: {len(pages)} mappings, {sum(f for _, f in pages)} of its file")
    check(not any("w" in p and "x" in p for p, _ in pages), f"{name}: none is writable and executable")
    check(not any("w" in p for p, of_file in pages if of_file), f"{name}: none of its file is writable")
check(daemon.stop() == 0, "orderly end")
ok("no writable code, no writable image in any of the four processes")

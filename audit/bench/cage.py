"""What a launch costs: `bailiff-cage` with all layers and its record, beside a bare fork and exec, and other tools as they are here.

Run by bench.py --only cage, in a mount and network namespace of its own, or by itself. One program of 140 bytes that ends at once is
started again and again, the launchers in turn, so that whatever else the machine does meets all of them. The clock runs from before
posix_spawn(3) until the launcher is reaped, all of it at a real-time priority: the row `bare` is what that costs by itself. The
record lies on the file system of the temporary directory, and is synced. Nothing here is fetched; what the
distribution holds is installed by `install`, as root and when asked. ZJAIL and NSJAIL name programs that are elsewhere.
"""
import contextlib, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
# Milliseconds, KiB: the project's bars.
PINNED_MS, FRESH_MS, PEAK_KIB = 0.5, 1.0, 1024
CODE = {"x86_64": "31ffb8e70000000f05", "aarch64": "000080d2c80b80d2010000d4"}


def nothing(path):
    """A static program that ends with code 0: one segment, no libc."""
    code = bytes.fromhex(CODE[os.uname().machine])
    base, size = 0x400000, 120 + len(code)
    word = lambda n, width=8: n.to_bytes(width, "little")
    machine = {"x86_64": 62, "aarch64": 183}[os.uname().machine]
    header = (b"\x7fELF\2\1\1" + bytes(9) + word(2, 2) + word(machine, 2) + word(1, 4) + word(base + 120) + word(64) + word(0) + word(0, 4)
              + word(64, 2) + word(56, 2) + word(1, 2) + bytes(6))
    segment = word(1, 4) + word(5, 4) + word(0) + word(base) + word(base) + word(size) + word(size) + word(0x1000)
    path.write_bytes(header + segment + code)
    path.chmod(0o755)


def install():
    """bubblewrap from the distribution."""
    if os.geteuid() == 0 and (os.environ.get("CI") or os.environ.get("BAILIFF_INSTALL")) and not shutil.which("bwrap") and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "bubblewrap"]):
            subprocess.run(["apt-get", *words], env=env, capture_output=True)


def launchers(home, tool):
    """Each launcher that is here: its name and its words; and the names of those that are not."""
    program, record = home / "root" / "nothing", home / "record.jsonl"
    (home / "root").mkdir()
    nothing(program)
    cage = [tool, "--record", record, "--exec", f"{program}:/nothing"]
    everything = [*cage, "--calls", "static"]
    pinned = home / "net"
    pinned.touch()
    subprocess.run(["unshare", f"--net={pinned}", "true"], check=True)
    all_of_them = {
        "bare fork and exec": [program],
        "bailiff-cage, pinned net": [*everything, "--pinned-net", pinned, "--", "/nothing"],
        "bailiff-cage, fresh net": [*everything, "--", "/nothing"],
        "bailiff-cage, pinned, no record": [*everything[:1], *everything[3:], "--pinned-net", pinned, "--", "/nothing"],
        "bailiff-cage, default calls": [*cage, "--pinned-net", pinned, "--", "/nothing"],
    }
    which = lambda name: shutil.which(name, path=PATHS)
    absent = []
    # What every cage must do, and nothing else: audit/bench/launch.rs. The bars were set where it took 0.447 to 0.472 ms.
    run = subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "--offline", "--features", "captive", "--bin", "bailiff-launch-floor"],
                         cwd=pathlib.Path(__file__).parents[2], capture_output=True)
    floor = pathlib.Path(tool).with_name("bailiff-launch-floor")
    if run.returncode == 0 and floor.exists():
        all_of_them["the floor, pinned net"] = [floor, home / "root", pinned, "/nothing"]
    if which("unshare"):
        all_of_them["unshare -mpniuf"] = [which("unshare"), "-mpniuf", f"--root={home / 'root'}", "/nothing"]
    if which("setpriv"):
        all_of_them["setpriv"] = [which("setpriv"), "--reuid", 65534, "--regid", 65534, "--clear-groups", "--no-new-privs", "--bounding-set=-all", program]
    namespaces = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--ro-bind", home / "root", "/", "--cap-drop", "ALL", "--as-pid-1"]
    for name, words in (("bwrap, same namespaces", ["bwrap", "--unshare-net", *namespaces, "/nothing"]),
                        ("bwrap, no net", ["bwrap", *namespaces, "/nothing"]),
                        ("bwrap --unshare-all, own init", ["bwrap", "--unshare-all", "--ro-bind", home / "root", "/", "/nothing"]),
                        ("nsjail", [os.environ.get("NSJAIL", "nsjail"), "-Mo", "-q", "-c", home / "root", "--", "/nothing"]),
                        ("Z-Jail", [os.environ.get("ZJAIL", "z_jail"), f"--root={home / 'root'}", "--seccomp-enforce", "--", "/nothing"])):
        path = which(str(words[0]))
        if path:
            all_of_them[name] = [path, *words[1:]]
        else:
            absent.append(name)
    return {name: list(map(str, words)) for name, words in all_of_them.items()}, absent


def once(words, quiet):
    begin = time.perf_counter_ns()
    pid = os.posix_spawn(words[0], words, {}, file_actions=[(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in quiet])
    _, status, used = os.wait4(pid, 0)
    return time.perf_counter_ns() - begin, os.waitstatus_to_exitcode(status), (used.ru_utime + used.ru_stime) * 1e3


def peak(home, tool):
    """The largest VmHWM of the launcher and of the cage's first process, while a program sleeps in it, in KiB."""
    read, write = os.pipe()
    source = shutil.which("cat")
    roots = [w for d in ("/usr", "/lib", "/lib64") if os.path.exists(d) for w in ("--exec", d)]
    process = subprocess.Popen([str(tool), "--record", str(home / "peak.jsonl"), *roots, "--", os.path.realpath(source)], stdin=read, stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    figures = {}

    def look(pid, name):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        figures[name] = int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")))
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    for child in look(process.pid, "launcher"):
        look(child, "first process")
    os.close(write), os.close(read)
    process.wait()
    return figures


def measure(home, tool, rounds=20, each=10):
    """Prints the table; the figures, and whether the bars are met."""
    home = pathlib.Path(home)
    os.chmod(home, 0o755)
    try:
        return table(home, tool, rounds, each)
    finally:
        subprocess.run(["umount", home / "net"], capture_output=True)


def table(home, tool, rounds, each):
    figures = {"rows": [], "met": True}
    names, figures["absent"] = launchers(home, tool)
    times = {name: [] for name in names}
    cpu = {name: [] for name in names}
    # Not by a nice value: a launcher that begins a session of its own leaves it behind (sched_autogroup).
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("at the priority of everybody else: not root")
    for name, words in list(names.items()):
        code = once(words, (1, 2))[1]
        if code:
            print(f"{name}: left with {code}, not measured")
            run = subprocess.run(words, capture_output=True, text=True)
            print("   ", (run.stderr or run.stdout).strip()[:300])
            figures["met"] = figures["met"] and not name.startswith("bailiff")
            del names[name]
    for _ in range(rounds):
        for name, words in names.items():
            for _ in range(each):
                took, code, used = once(words, (1, 2))
                times[name].append(took / 1e6)
                cpu[name].append(used)
    print(f"\nlaunch of a program that ends at once: milliseconds, {rounds * each} runs each, in turn\n{'':32}{'median':>9}{'p10':>9}{'p90':>9}{'cpu':>9}")
    for name in names:
        ordered = sorted(times[name])
        row = {"name": name, "median": statistics.median(ordered), "p10": ordered[len(ordered) // 10], "p90": ordered[len(ordered) * 9 // 10],
               "cpu": statistics.mean(cpu[name])}
        bar = {"bailiff-cage, pinned net": PINNED_MS, "bailiff-cage, fresh net": FRESH_MS}.get(name)
        note = ""
        if bar:
            row["met"] = row["median"] < bar
            figures["met"] &= row["met"]
            note = f"  bar {bar} ms: {'met' if row['met'] else 'MISSED'}"
        figures["rows"].append(row)
        print(f"{name:32}{row['median']:9.3f}{row['p10']:9.3f}{row['p90']:9.3f}{row['cpu']:9.3f}{note}")
    for name in figures["absent"]:
        print(f"{name}: absent")
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    figures["peak"] = peak(home, tool)
    most = max(figures["peak"].values())
    figures["met"] &= most < PEAK_KIB
    print(f"peak memory, KiB: {', '.join(f'{name} {kib}' for name, kib in figures['peak'].items())}  bar {PEAK_KIB}: {'met' if most < PEAK_KIB else 'MISSED'}")
    return figures


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
    from house import BIN, own_namespace
    if "BAILIFF_HOST_NET" not in os.environ:
        install()
    own_namespace(mount=True)
    with tempfile.TemporaryDirectory(prefix="bailiff-bench-") as folder:
        sys.exit(0 if measure(folder, BIN / "bailiff-cage")["met"] else 1)

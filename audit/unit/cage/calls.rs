//! System calls of bailiff-cage: names, sets, the filter as the kernel would run it, the listener on real calls.
//!
//! Run by `cargo test --test unit cage::calls`. In: nothing. Out: nothing, or the number and the arguments for which filter
//! and rules differ. Never: filters the test program itself: one thread of it, and what that starts.
use super::policy;
use crate::calls::checks::{Answer, Check, Given, check};
use crate::calls::{self, Set, aarch64, x86_64};
use crate::filter::{Fate, Grants, program};
use crate::listen::Listener;
use crate::listen::files::{EXECUTES, WATCHED};
use crate::outcome::{Access, Denial, Why};
use crate::policy::{Calls, Net, Policy, Watch};
use bailiff::shims::arch::AUDIT_ARCH;
use bailiff::shims::cage::notify;
use bailiff::shims::confine::Instruction;
use bailiff::shims::io::{PollFd, ppoll};
use std::collections::BTreeMap;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::mpsc::channel;

const ALLOW: u32 = 0x7fff_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const KILL: u32 = 0x8000_0000;

/// What the kernel would make of a call (classic BPF on `struct seccomp_data`).
fn run(program: &[Instruction], arch: u32, number: u32, args: [u64; 6]) -> u32 {
    let mut data = [number, arch, 0, 0].map(u32::to_le_bytes).concat();
    args.iter().for_each(|arg| data.extend_from_slice(&arg.to_le_bytes()));
    let (mut at, mut a) = (0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        let jump = |holds| usize::from(if holds { jt } else { jf });
        at += 1;
        match code {
            0x20 => a = u32::from_le_bytes(data[k as usize..][..4].try_into().unwrap()),
            0x54 => a &= k,
            0x05 => at += k as usize,
            0x15 => at += jump(a == k),
            0x35 => at += jump(a >= k),
            0x06 => return k,
            other => panic!("operation {other:#x}"),
        }
    }
}

fn nr(name: &str) -> u32 {
    calls::number(name).unwrap()
}

pub(crate) fn with(calls: Calls, net: Net, no_write_exec: bool, watch: Watch) -> Policy {
    Policy { calls, net, no_write_exec, watch, ..policy() }
}

fn list(names: &[&str]) -> Calls {
    Calls::Listed(names.iter().map(|name| String::from(*name)).collect())
}

/// Policies of all kinds; the last list is the worst for the search: every second call.
fn policies() -> Vec<Policy> {
    let second: Vec<&str> = calls::all().map(|(_, name)| name).step_by(2).collect();
    let mut all = Vec::new();
    for calls in
        [Calls::Static, Calls::Default, list(&["read", "ptrace"]), list(&["default", "bpf"]), list(&second)]
    {
        for net in [Net::None, Net::Loopback, Net::Host] {
            for (wx, watch) in [(false, Watch::Calls), (true, Watch::Calls), (false, Watch::Files)] {
                all.push(with(calls.clone(), net, wx, watch));
            }
        }
    }
    all
}

/// Values at which an argument may change sides: those that the tests name, with bits added, high and low.
fn values(check: &Check) -> Vec<u64> {
    let mut values = vec![0, 1, u64::MAX];
    for test in check.clauses.iter().flat_map(|clause| clause.when) {
        values.extend(test.values.iter().copied());
        values.extend([test.mask, test.mask & test.mask.wrapping_neg()]);
    }
    let near = |v: u64| [v, v | 1 << 32, v | 1 << 63, v ^ 1, v | 0o4000, v & 0xffff_ffff];
    let mut values: Vec<u64> = values.into_iter().flat_map(near).collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[test]
fn the_filter_is_what_the_rules_say() {
    for policy in policies() {
        let (program, grants) = (program(&policy).unwrap(), Grants::new(&policy).unwrap());
        assert!(program.len() <= 4096, "{} instructions", program.len());
        let watched = |n| match policy.watch {
            Watch::Files => WATCHED.has(n),
            Watch::Calls => EXECUTES.has(n),
        };
        for number in 0..600 {
            let expected = |args: &[u64; 6]| match grants.fate(number) {
                _ if watched(number) => NOTIFY,
                Fate::Allowed => ALLOW,
                Fate::Refused => NOTIFY,
                Fate::Checked(check) if check.answer(args) == Answer::Allow => ALLOW,
                Fate::Checked(_) => NOTIFY,
            };
            let Fate::Checked(check) = grants.fate(number) else {
                assert_eq!(
                    run(&program, AUDIT_ARCH, number, [u64::MAX; 6]),
                    expected(&[u64::MAX; 6]),
                    "{number}"
                );
                continue;
            };
            let mut looked: Vec<usize> =
                check.clauses.iter().flat_map(|c| c.when).map(|t| t.arg.into()).collect();
            looked.sort_unstable();
            looked.dedup();
            let values = values(check);
            for mut at in 0..values.len().pow(looked.len() as u32) {
                let mut args = [0x5555_5555_5555_5555; 6];
                for arg in &looked {
                    args[*arg] = values[at % values.len()];
                    at /= values.len();
                }
                let got = run(&program, AUDIT_ARCH, number, args);
                assert_eq!(got, expected(&args), "{:?} {args:x?}", calls::name(number));
            }
        }
    }
}

#[test]
fn foreign_tables_of_calls_end_the_process() {
    for policy in policies() {
        let program = program(&policy).unwrap();
        for number in [0, 1, 59, 512, 0x4000_0000, u32::MAX] {
            for arch in [0x4000_0003, 0x4000_0028, 0, !AUDIT_ARCH] {
                assert_eq!(run(&program, arch, number, [0; 6]), KILL);
            }
        }
        for number in [0x4000_0000, 0x4000_0001, 0x4000_0200, 0x8000_0000, u32::MAX] {
            assert_eq!(run(&program, AUDIT_ARCH, number, [0; 6]), KILL);
        }
        for number in [470, 511, 512, 513, 547, 1000, 0x3fff_ffff] {
            assert_eq!(run(&program, AUDIT_ARCH, number, [0; 6]), NOTIFY);
        }
    }
}

/// A call, its first arguments, and whether `default` allows it without network and with no_write_exec.
type Trick = (&'static str, [u64; 3], bool);

#[test]
fn arguments_with_tricks() {
    const HIGH: u64 = 1 << 32;
    const TRICKS: [Trick; 45] = [
        ("ioctl", [0, 0x5412, 0], false),
        ("ioctl", [0, 0x5412 | HIGH, 0], false),
        ("ioctl", [0, 0x541c | 1 << 63, 0], false),
        ("ioctl", [0, 0x540e, 0], false),
        ("ioctl", [0, 0x5401, 0], true),
        ("ioctl", [0, 0x5401 | HIGH, 0], true),
        // A pointer whose low half is zero is a pointer; a process id's high half is nothing.
        ("prlimit64", [1, 7, HIGH], false),
        ("prlimit64", [1, 7, 0], true),
        ("prlimit64", [0, 7, HIGH], true),
        ("prlimit64", [HIGH, 7, HIGH], true),
        ("prlimit64", [1 | HIGH, 7, 1], false),
        ("clone", [17, 0, 0], true),
        ("clone", [0x003d_0f00, 0, 0], true),
        ("clone", [0x1000_0000 | 17, 0, 0], false),
        ("clone", [0x1000_0000 | HIGH, 0, 0], false),
        ("clone", [0x4000_0000, 0, 0], false),
        ("clone", [HIGH << 8 | 17, 0, 0], true),
        ("socket", [1, 1, 0], true),
        ("socket", [1 | HIGH, 1, 0], true),
        ("socket", [2, 1, 0], false),
        ("socket", [2 | HIGH, 1, 0], false),
        ("socket", [40, 1, 0], false),
        ("socket", [16, 3, 0], false),
        ("socketpair", [1, 1, 0], true),
        ("socketpair", [2, 1, 0], false),
        ("personality", [0, 0, 0], true),
        ("personality", [0xffff_ffff, 0, 0], true),
        ("personality", [u64::MAX, 0, 0], true),
        ("personality", [0x40_0000, 0, 0], false),
        ("personality", [0x4_0000 | HIGH, 0, 0], false),
        ("fchmod", [3, 0o755, 0], true),
        ("fchmod", [3, 0o4755, 0], false),
        ("fchmod", [3, 0o2000 | HIGH, 0], false),
        ("fchmodat2", [3, 0, 0o4000], false),
        ("mknodat", [3, 0, 0o100_644], true),
        ("mknodat", [3, 0, 0o20_644], false),
        ("mknodat", [3, 0, 0o60_644 | HIGH], false),
        ("prctl", [15, 1, 0], true),
        ("prctl", [1, 9, 0], true),
        ("prctl", [1, 0, 0], false),
        ("prctl", [22 | HIGH, 2, 0], false),
        ("prctl", [4, 1, 0], false),
        ("mmap", [0, 4096, 7 | HIGH], false),
        ("mmap", [0, 4096, 5], true),
        ("mprotect", [0, 4096, 4], false),
    ];
    let program = program(&with(Calls::Default, Net::None, true, Watch::Calls)).unwrap();
    for (name, [a, b, c], allowed) in TRICKS {
        let got = run(&program, AUDIT_ARCH, nr(name), [a, b, c, 0, 0, 0]);
        assert_eq!(got, if allowed { ALLOW } else { NOTIFY }, "{name} {a:#x} {b:#x} {c:#x}");
    }
    // openat looks at the mode only where it makes a file.
    for (flags, mode, allowed) in
        [(0, 0o4755, true), (0o100, 0o644, true), (0o100, 0o4755, false), (0o20_200_000, 0o2000, false)]
    {
        let got = run(&program, AUDIT_ARCH, nr("openat"), [0, 0, flags, mode, 0, 0]);
        assert_eq!(got, if allowed { ALLOW } else { NOTIFY }, "openat {flags:o} {mode:o}");
    }
}

#[test]
fn memory_of_static() {
    let program = program(&with(Calls::Static, Net::None, false, Watch::Calls)).unwrap();
    for (prot, flags, allowed) in [
        (3, 0x22, true),
        (5, 2, true),
        (1, 1, true),
        (0, 0x4022, true),
        (7, 2, false),
        (5, 0x22, false),
        (3, 1, false),
        (3 | 1 << 32, 3 | 1 << 32, false),
        (3, 0x21, false),
        (1, 0x21, false),
    ] {
        let got = run(&program, AUDIT_ARCH, nr("mmap"), [0, 4096, prot, flags, 0, 0]);
        assert_eq!(got, if allowed { ALLOW } else { NOTIFY }, "{prot:#x} {flags:#x}");
    }
    for (prot, allowed) in [(1, true), (3, true), (0, true), (5, false), (7, false), (4, false)] {
        let got = run(&program, AUDIT_ARCH, nr("mprotect"), [0, 4096, prot, 0, 0, 0]);
        assert_eq!(got, if allowed { ALLOW } else { NOTIFY }, "mprotect {prot:#x}");
    }
}

#[test]
fn sockets_by_network() {
    for (net, family, kind, protocol, allowed) in [
        (Net::None, 2, 1, 0, false),
        (Net::Loopback, 2, 1, 0, true),
        (Net::Loopback, 10, 2 | 0o2_004_000, 17, true),
        (Net::Loopback, 2, 3, 0, false),
        (Net::Host, 2, 3 | 0o2_000_000, 255, false),
        (Net::Host, 2, 2, 1, false),
        (Net::Host, 10, 1, 6, true),
        (Net::Host, 2, 1, 132, false),
        (Net::Host, 1, 5, 0, true),
        (Net::Host, 40, 1, 0, false),
        (Net::Host, 16, 3, 0, false),
        (Net::Host, 17, 3, 0, false),
        (Net::Host, 38, 5, 0, false),
    ] {
        let program = program(&with(Calls::Default, net, false, Watch::Calls)).unwrap();
        let got = run(&program, AUDIT_ARCH, nr("socket"), [family, kind, protocol, 0, 0, 0]);
        assert_eq!(got, if allowed { ALLOW } else { NOTIFY }, "{net:?} {family} {kind} {protocol}");
    }
}

fn names(table: &[(u32, &'static str)]) -> BTreeMap<u32, &'static str> {
    let row = |(first, names): &(u32, &'static str)| (*first..).zip(names.split(' ')).collect::<Vec<_>>();
    table.iter().flat_map(row).collect()
}

#[test]
fn names_and_numbers() {
    assert_eq!(
        calls::all().count(),
        names(if cfg!(target_arch = "x86_64") { x86_64::NAMES } else { aarch64::NAMES }).len()
    );
    for (number, name) in calls::all() {
        assert_eq!(calls::number(name), Some(number));
    }
    for (number, name) in bailiff::shims::arch::NAMES {
        assert_eq!(calls::name(*number), Some(*name));
    }
    let (x, a) = (names(x86_64::NAMES), names(aarch64::NAMES));
    for (n, name) in [
        (0, "read"),
        (59, "execve"),
        (334, "rseq"),
        (336, "uprobe"),
        (424, "pidfd_send_signal"),
        (469, "file_setattr"),
    ] {
        assert_eq!(x.get(&n), Some(&name));
    }
    for (n, name) in [
        (56, "openat"),
        (220, "clone"),
        (221, "execve"),
        (260, "wait4"),
        (293, "rseq"),
        (435, "clone3"),
        (469, "file_setattr"),
    ] {
        assert_eq!(a.get(&n), Some(&name));
    }
    // From 424 on all architectures count alike, and aarch64 has no call that x86_64 lacks.
    assert!(x.range(424..).eq(a.range(424..)));
    assert!(a.values().all(|name| x.values().any(|known| known == name)));
    assert_eq!(calls::name(400).or(calls::name(511)).or(calls::name(512)).or(calls::name(u32::MAX)), None);
    assert_eq!((calls::number(""), calls::number("reed"), calls::number("read write")), (None, None, None));
    assert_eq!(
        (calls::nearest("reed"), calls::nearest("mmapp"), calls::nearest("nonsense")),
        (Some("read"), Some("mmap"), None)
    );
}

#[test]
fn a_list_names_what_is_there() {
    let refusal = |names: &[&str]| program(&with(list(names), Net::None, false, Watch::Calls)).unwrap_err();
    assert_eq!(refusal(&["read", "ptrase"]), "calls: there is no system call ptrase: ptrace is meant?");
    assert_eq!(refusal(&["a\nb\u{1b}"]), "calls: there is no system call a\\x0ab\\x1b");
    let all = program(&with(list(&["default", "ptrace"]), Net::None, false, Watch::Calls)).unwrap();
    assert_eq!(run(&all, AUDIT_ARCH, nr("ptrace"), [0; 6]), ALLOW);
    let few = program(&with(list(&["read"]), Net::None, false, Watch::Calls)).unwrap();
    for (name, allowed) in [("read", true), ("lseek", false), ("exit_group", true), ("rt_sigreturn", true)] {
        assert_eq!(run(&few, AUDIT_ARCH, nr(name), [0; 6]) == ALLOW, allowed, "{name}");
    }
}

/// Calls that neither `static` nor `default` has: each was thought of.
const REFUSED: &str = "io_setup io_destroy io_getevents io_submit io_cancel io_pgetevents io_uring_setup io_uring_enter \
    io_uring_register ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_open pidfd_getfd \
    get_robust_list move_pages migrate_pages set_mempolicy_home_node remap_file_pages memfd_create memfd_secret userfaultfd \
    perf_event_open bpf seccomp clone3 openat2 unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen \
    fsconfig fsmount fspick mount_setattr open_tree_attr statmount listmount name_to_handle_at open_by_handle_at \
    fanotify_init fanotify_mark quotactl quotactl_fd swapon swapoff acct syslog reboot kexec_load kexec_file_load init_module \
    delete_module finit_module create_module get_kernel_syms query_module settimeofday clock_settime clock_adjtime adjtimex \
    sethostname setdomainname iopl ioperm modify_ldt add_key request_key keyctl capset setuid setgid setreuid setregid \
    setfsuid setfsgid setgroups setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr \
    setxattrat removexattrat file_setattr lsm_get_self_attr lsm_set_self_attr lsm_list_modules vhangup lookup_dcookie sysfs \
    ustat uselib _sysctl nfsservctl getpmsg putpmsg afs_syscall tuxcall security set_thread_area get_thread_area \
    epoll_ctl_old epoll_wait_old vserver uretprobe uprobe";

#[test]
fn every_call_is_decided() {
    for (number, name) in calls::all() {
        let refused = REFUSED.split_whitespace().any(|known| known == name);
        assert_ne!(Set::DEFAULT.has(number), refused, "{name}");
        assert!(Set::DEFAULT.has(number) || !Set::STATIC.has(number), "{name}");
    }
    for never in ["fork", "clone", "clone3", "execve", "socket", "kill", "rename", "mkdir"] {
        assert!(!Set::STATIC.has(nr(never)), "{never}");
    }
    // A misspelt name would leave its call out of a set, or without a check.
    let given = Given { net: Net::None, narrow: false, no_write_exec: true };
    let checked = calls::all().filter(|(number, _)| check(*number, given).is_some()).count();
    assert_eq!(checked, if cfg!(target_arch = "x86_64") { 23 } else { 19 });
}

/// What a thread under this policy does, and what the listener says of it.
pub(crate) fn watched<T: Send + 'static>(
    policy: &Policy,
    act: impl FnOnce() -> T + Send + 'static,
) -> (T, Vec<Denial>, Vec<Access>) {
    let program = program(policy).unwrap();
    let (tell, hear) = channel();
    let thread = std::thread::spawn(move || {
        bailiff::shims::identity::set_no_new_privs().unwrap();
        tell.send(notify::install(&program)).unwrap();
        act()
    });
    let mut listener = Listener::new(hear.recv().unwrap().unwrap(), policy);
    while !listener.is_over() {
        let mut slots = [PollFd::readable(listener.fd())];
        let _ = ppoll(&mut slots, None);
        let waits = slots[0].has_data();
        listener.answer(waits);
    }
    let (denials, accesses) = listener.finish();
    (thread.join().unwrap(), denials, accesses)
}

fn errno<T>(result: std::io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

/// A directory of this test's own.
fn directory(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("bailiff-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path.canonicalize().unwrap()
}

#[test]
fn refused_calls_are_named() {
    const EPERM: Option<i32> = Some(1);
    let policy = with(Calls::Default, Net::None, false, Watch::Calls);
    let place = directory("calls");
    let (old, new) = (place.join("old"), place.join("new"));
    std::fs::write(&old, "x").unwrap();
    let (path, path_new) = (old.clone(), new.clone());
    let (errors, denials, accesses) = watched(&policy, move || {
        let made =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o2755).open(&path_new);
        let errors = [
            errno(std::net::TcpListener::bind("127.0.0.1:0")),
            errno(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4755))),
            errno(made),
            bailiff::shims::mount::unshare(0x1002_0000).err().map(|e| e.0.into()),
            errno(std::net::TcpListener::bind("127.0.0.1:0")),
        ];
        // Quietly: the library asks for clone3, hears that it is not there, and goes on.
        assert_eq!(std::thread::spawn(|| 7).join().ok(), Some(7));
        assert!(std::os::unix::net::UnixStream::pair().is_ok());
        assert!(std::process::Command::new("/bin/true").status().unwrap().success());
        errors
    });
    assert_eq!(errors, [EPERM; 5]);
    let said: Vec<_> = denials
        .iter()
        .map(|d| {
            assert_eq!(
                (d.why, d.program.clone()),
                (Why::Call, std::env::current_exe().unwrap().into_os_string().into_encoded_bytes())
            );
            (
                d.call.as_str(),
                String::from_utf8_lossy(d.path.as_deref().unwrap_or(b"")).into_owned(),
                d.rule.as_str(),
                d.allow.as_str(),
                d.count,
            )
        })
        .collect();
    let chmod = if cfg!(target_arch = "x86_64") { "chmod" } else { "fchmodat" };
    let set_id = "no set-user-ID or set-group-ID bit";
    let shown = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let expected = [
        ("openat", shown(&new), set_id, "", 1),
        (
            "socket",
            "AF_INET SOCK_STREAM".into(),
            "net = \"none\": sockets of the family unix only",
            "net = \"loopback\"",
            2,
        ),
        (chmod, shown(&old), set_id, "", 1),
        (
            "unshare",
            "CLONE_NEWNS CLONE_NEWUSER".into(),
            "calls = \"default\": without unshare",
            "calls = [\"default\", \"unshare\"]",
            1,
        ),
    ];
    assert_eq!(said, expected);
    assert_eq!(accesses, []);
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn watched_files_are_noted() {
    let place = directory("files");
    let (inside, outside) = (place.join("inside"), place.join("outside"));
    std::fs::create_dir_all(outside.join("deep")).unwrap();
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::write(outside.join("missed"), "x").unwrap();
    std::fs::write(inside.join("read"), "x").unwrap();
    std::os::unix::fs::symlink("read", inside.join("link")).unwrap();
    let bytes = |path: &std::path::Path| path.as_os_str().as_encoded_bytes().to_vec();
    let twin = Some((bytes(&inside), bytes(&outside)));
    let policy = Policy { twin, ..with(Calls::Default, Net::None, false, Watch::Files) };
    let within = inside.clone();
    let (errors, denials, accesses) = watched(&policy, move || {
        assert!(std::fs::read(within.join("./link")).is_ok());
        assert!(std::fs::write(within.join("written"), "x").is_ok());
        assert!(std::fs::rename(within.join("written"), within.join("moved")).is_ok());
        assert!(std::fs::metadata(within.join("deep")).is_err());
        assert!(std::fs::metadata(within.join("nowhere")).is_err());
        assert!(std::process::Command::new("/bin/true").status().unwrap().success());
        [errno(std::fs::read(within.join("missed"))), errno(std::fs::read_dir(within.join("deep")))]
    });
    assert_eq!(errors, [Some(2); 2]);
    let said: Vec<_> = denials.iter().map(|d| (d.why, d.path.clone().unwrap(), d.allow.clone())).collect();
    let expected = ["missed", "deep"].map(|name| {
        let path = inside.join(name);
        (Why::Undeclared, bytes(&path), format!("ro = [\"{}\"]", path.display()))
    });
    assert_eq!(said, expected);
    let own: Vec<_> = accesses
        .iter()
        .filter_map(|a| {
            Some((std::str::from_utf8(&a.path).ok()?.strip_prefix(inside.to_str()?)?, a.write, a.execute))
        })
        .collect();
    assert_eq!(
        own,
        [
            ("/link", false, false),
            ("/moved", true, false),
            ("/read", false, false),
            ("/written", true, false)
        ]
    );
    assert!(accesses.iter().any(|a| a.execute && a.path.ends_with(b"/true")));
    std::fs::remove_dir_all(place).unwrap();
}

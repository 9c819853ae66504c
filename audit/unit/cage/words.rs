//! The tool's command line: flags to a policy, its defaults, what needs a reason, what is refused.
use crate::policy::{Calls, Kind, Net, Policy, Watch};
use crate::words::keys::{FLAG, Form, KEYS, UNHASHED};
use crate::words::value::{absolute, distance, hash, pair, plain, size, time_ms, user};
use crate::words::{HELP, Request, parse};

const PAGE: &str = include_str!("../../../docs/man/bailiff-cage.1");

fn env(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"TERM" => Some(b"vt100"),
        _ => None,
    }
}

fn request(words: &'static str) -> Result<Request, String> {
    parse(words.split_whitespace().map(str::as_bytes), &env)
}

fn policy(words: &'static str) -> Policy {
    match request(words) {
        Ok(Request::Run(policy)) => policy,
        other => panic!("{words}: {other:?}"),
    }
}

fn refusal(words: &'static str) -> String {
    request(words).map(|_| ()).unwrap_err()
}

fn kind<'a>(policy: &'a Policy, path: &str) -> Option<&'a Kind> {
    policy.places.iter().find(|place| place.path == path.as_bytes()).map(|place| &place.kind)
}

fn bound(source: &str, write: bool, execute: bool) -> Kind {
    Kind::Bind { source: source.into(), write, execute }
}

#[test]
fn without_flags_there_is_the_system_and_nothing_else() {
    let policy = policy("-- /bin/ls /");
    assert_eq!(policy.command, [b"/bin/ls".to_vec(), b"/".to_vec()]);
    assert_eq!((policy.net, policy.watch, policy.strict), (Net::None, Watch::Calls, false));
    assert_eq!((policy.calls, policy.cwd.as_slice()), (Calls::Default, &b"/"[..]));
    assert_eq!(policy.env, [b"PATH=/usr/bin:/bin".to_vec()]);
    assert_eq!(
        (policy.limits.processes, policy.limits.descriptors, policy.limits.wall_ms),
        (Some(256), 256, None)
    );
    assert_eq!((policy.root, policy.record, policy.reasons.len()), (None, None, 0));
    let paths: Vec<String> =
        policy.places.iter().map(|place| String::from_utf8_lossy(&place.path).into_owned()).collect();
    assert!(
        paths.is_sorted() && paths.contains(&"/usr".into()) && paths.contains(&"/tmp".into()),
        "{paths:?}"
    );
    assert!(
        !paths.iter().any(|path| matches!(path.as_str(), "/etc" | "/home" | "/root" | "/var")),
        "{paths:?}"
    );
}

#[test]
fn flags_reach_their_fields() {
    let policy = policy(
        "run --ro /a --rw=/b:/c --exec /d --net loopback --calls static --wall 1m30s --cpu 5s --memory 512M --file-size none \
         --processes none --descriptors 64 --env TERM --env HOME=/h --env NONE --user 7:8 --no-proc --no-dev=false --strict \
         --watch files --keep-fd 9 --reason why --expect-hash \
         00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF --landlock 4 --quiet --status-fd 5 \
         --record /r --append-only --cwd /c -- x --net host",
    );
    assert_eq!(kind(&policy, "/a"), Some(&bound("/a", false, false)));
    assert_eq!(kind(&policy, "/c"), Some(&bound("/b", true, false)));
    assert_eq!(kind(&policy, "/d"), Some(&bound("/d", false, true)));
    assert_eq!(kind(&policy, "/usr"), None, "who names what may be executed gets nothing else");
    assert_eq!((policy.net, policy.calls, policy.watch), (Net::Loopback, Calls::Static, Watch::Files));
    let limits = policy.limits;
    assert_eq!((limits.wall_ms, limits.cpu_s, limits.memory), (Some(90_000), Some(5), Some(512 << 20)));
    assert_eq!((limits.file_size, limits.processes, limits.descriptors), (None, None, 64));
    assert_eq!(policy.env.last().unwrap(), b"HOME=/h");
    assert!(policy.env.contains(&b"TERM=vt100".to_vec()) && policy.env.len() == 3);
    assert_eq!((policy.user, policy.proc, policy.dev, policy.strict), (Some((7, 8)), false, true, true));
    assert_eq!(
        (policy.keep, policy.landlock, policy.quiet, policy.status_fd),
        (vec![9], Some(4), true, Some(5))
    );
    assert_eq!((policy.record, policy.append_only, policy.cwd), (Some(b"/r".to_vec()), true, b"/c".to_vec()));
    assert_eq!(policy.expect_hash.unwrap()[..2], [0, 0x11]);
    assert_eq!(policy.command, [b"x".to_vec(), b"--net".to_vec(), b"host".to_vec()]);
}

#[test]
fn what_is_wide_needs_a_reason_and_keeps_it() {
    for (words, what) in [
        ("--net host -- x", "net = \"host\""),
        ("--rw /etc -- x", "rw = \"/etc\""),
        ("--rw . --exec . -- x", "rw and exec = "),
        ("--root / -- x", "root = \"/\""),
        ("--ro /:/host -- x", "the whole of \"/\""),
        ("--user 0 -- x", "user = \"0\""),
        ("--keep-fd 5 -- x", "keep_fd = 5"),
        ("--calls default,ptrace -- x", "calls = [\"ptrace\"]"),
    ] {
        let said = refusal(words);
        assert!(said.starts_with(what) && said.contains("needs a reason"), "{said}");
    }
    let policy = policy("--net host --reason tests --calls default,ptrace,bpf -- x");
    let reasons = [("net = \"host\"", "tests"), ("calls = [\"ptrace\", \"bpf\"]", "tests")];
    assert_eq!(policy.reasons, reasons.map(|(what, why)| (what.into(), why.into())));
    // Here one may write anyway; a narrower list is no widening; learn sees the whole host.
    assert_eq!(policy_reasons("--rw . -- x") + policy_reasons("--calls read,write -- x"), 0);
    let Ok(Request::Learn(learn)) = request("learn -- x") else { panic!() };
    assert_eq!((learn.root, learn.reasons.len()), (Some(b"/".to_vec()), 0));
}

fn policy_reasons(words: &'static str) -> usize {
    policy(words).reasons.len()
}

#[test]
fn wrong_words_are_named() {
    for (words, expected) in [
        ("--nte host -- x", "--nte: no such flag; the nearest is --net"),
        ("--no_proc -- x", "--no_proc: no such flag; the nearest is --no-proc"),
        ("--net", "--net: expected a value behind it"),
        ("--net moon -- x", "--net: expected \"none\", \"loopback\" or \"host\", not moon"),
        ("--strict=maybe -- x", "--strict: expected true or false, not maybe"),
        (
            "--calls read,nope -- x",
            "--calls: expected static, default, or names of system calls, not read,nope",
        ),
        ("--rw /a/../b -- x", "--rw: expected PATH or PATH:INSIDE"),
        ("--in x -- x", "--in: no such flag"),
        ("ls", "ls: expected run, learn, step"),
        ("run", "expected a command"),
        ("--policy /nope/x -- x", "/nope/x: ENOENT"),
        ("--cage x -- x", "--cage: expected --policy FILE"),
        ("step x", "step: expected --policy FILE"),
        ("step --policy f x y", "y: expected one step's name"),
        ("doctor x", "x: expected nothing behind doctor"),
    ] {
        let said = refusal(words);
        assert!(said.starts_with(expected), "{words}: {said}");
    }
    assert!(
        matches!(request("--help"), Ok(Request::Help)) && matches!(request("run --help"), Ok(Request::Help))
    );
    assert!(request("--explain").is_err() && matches!(request("explain"), Ok(Request::Explain(_))));
    assert!(
        matches!(request("doctor"), Ok(Request::Doctor))
            && matches!(request("version"), Ok(Request::Version))
    );
}

#[test]
fn the_jobserver_is_kept_without_a_reason() {
    use std::os::fd::AsRawFd;
    let (from, to) = std::io::pipe().unwrap();
    let two = format!("MAKEFLAGS= -j --jobserver-auth={},{}", from.as_raw_fd(), to.as_raw_fd()).leak();
    let flags = two.strip_prefix("MAKEFLAGS=").unwrap().as_bytes();
    let words = || "--jobserver -- make".split_whitespace().map(str::as_bytes);
    let Ok(Request::Run(policy)) = parse(words(), &|_| Some(flags)) else { panic!() };
    assert_eq!(policy.keep, [from.as_raw_fd(), to.as_raw_fd()].map(|n| u32::try_from(n).unwrap()));
    assert!(policy.env.contains(&two.as_bytes().to_vec()));
    let Ok(Request::Run(policy)) = parse(words(), &|_| Some(b"--jobserver-auth=198,199")) else { panic!() };
    assert!(policy.keep.is_empty(), "nothing is open there");
    assert!(parse(words(), &|_| Some(b"--jobserver-auth=fifo:")).is_err());
}

#[test]
fn the_hash_is_of_what_is_granted() {
    let hash = |words| policy(words).hash;
    let bare = hash("-- x");
    assert_eq!(
        bare,
        hash("--net none --descriptors 256 --quiet --record /r -- y z"),
        "what is so anyway, and what grants nothing"
    );
    assert_eq!(hash("--net loopback --wall 5s -- x"), hash("--wall 5s --net host --net loopback -- x"));
    for other in
        ["--net loopback -- x", "--env A=1 -- x", "--env A -- x", "--calls static -- x", "--ro /a -- x"]
    {
        assert_ne!(bare, hash(other), "{other}");
    }
}

#[test]
fn values_are_taken_whole_or_not() {
    assert_eq!(
        ["500ms", "1h30m", "2d", "1m1m", "", "5", "1s2h", "0s", "99999999999999999999s"]
            .map(|t| time_ms(t.as_bytes())),
        { [Some(500), Some(5_400_000), Some(172_800_000), None, None, None, None, None, None] }
    );
    assert_eq!(["4096", "2K", "1T", "K", "", "5m", "99999999999T"].map(|t| size(t.as_bytes())), {
        [Some(4096), Some(2048), Some(1 << 40), None, None, None, None]
    });
    let text = |path: Option<Vec<u8>>| path.map(|p| String::from_utf8(p).unwrap());
    assert_eq!(
        ["/", "//a/./b/", "/a/..", "a", ""].map(|t| text(plain(t.as_bytes())).unwrap_or_default()),
        ["/", "/a/b", "", "", ""]
    );
    let from = |t: &str| text(absolute(b"/w/x", t.as_bytes())).unwrap_or_default();
    assert_eq!(
        ["a", ".", "..", "../../../a", "./../y", "a/../b", "/z"].map(from),
        ["/w/x/a", "/w/x", "/w", "/a", "/w/y", "", "/z"]
    );
    assert_eq!(absolute(b"", b"a"), None, "nobody knows where that is");
    let two = pair(b"/w", b"a:/b:/c").unwrap();
    assert_eq!((two.0.as_slice(), two.1.as_slice()), (&b"/w/a:/b"[..], &b"/c"[..]));
    assert_eq!(
        ["1", "1:2", "4294967295", "-1", "a", "1:"].map(|t| user(t.as_bytes())),
        [Some((1, 1)), Some((1, 2)), None, None, None, None]
    );
    assert_eq!((hash(b"00"), hash(&[b'0'; 64]), hash(&[b'g'; 64])), (None, Some([0; 32]), None));
    assert_eq!((distance(b"net", b"nte"), distance(b"", b"abc"), distance(b"wall", b"wall")), (2, 3, 0));
}

#[test]
fn every_key_is_in_the_page_and_every_flag_in_the_help() {
    assert!(KEYS.is_sorted_by_key(|key| key.name), "the canonical text follows the table");
    for key in &KEYS {
        assert!(
            PAGE.lines().any(|line| line == format!(".It Cm {}", key.name)),
            "the page lacks {}",
            key.name
        );
        let flag = format!("--{}", key.name.replace('_', "-"));
        if key.is_in(FLAG) {
            assert!(HELP.contains(&flag), "help lacks {flag}");
        }
        assert!(
            key.form == Form::List
                || key.default.is_empty()
                || !key.is_in(UNHASHED)
                || key.default == "false"
        );
    }
}

//! The verdict: what each observation comes to, alone and together.
use super::{outcome, policy};
use crate::outcome::{Access, Denial, End, Outcome, Why};
use crate::policy::{Net, Policy, Watch};
use crate::verdict::{Verdict, exit_code, judge, score};

fn denial(why: Why) -> Denial {
    Denial {
        why,
        call: "openat".into(),
        number: 257,
        args: [0; 6],
        path: Some(b"/etc/shadow".to_vec()),
        pid: 3,
        program: b"/bin/cat".to_vec(),
        rule: String::new(),
        allow: String::new(),
        count: 1,
    }
}

fn read(path: &str) -> Access {
    Access { path: path.into(), write: false, execute: false }
}

type Case = (&'static str, fn(&mut Policy, &mut Outcome));

/// Each changes one thing of a run that is otherwise beyond doubt.
const DOUBTS: [Case; 11] = [
    ("exit", |_, o| o.end = End::Exit(1)),
    ("signal", |_, o| o.end = End::Signal(11)),
    ("signal", |_, o| o.end = End::Told(15)),
    ("denial", |_, o| o.denials = vec![denial(Why::Undeclared), denial(Why::Call)]),
    ("network", |p, _| p.net = Net::Host),
    ("missing layer", |_, o| o.missing = vec!["landlock".into()]),
    ("randomness", |_, o| o.accesses = vec![read("/etc/passwd"), read("/dev/urandom")]),
    ("randomness", |_, o| o.accesses = vec![read("/proc/sys/kernel/random/uuid")]),
    ("left running", |_, o| o.left = vec![b"sleep".to_vec()]),
    ("clock", |_, o| o.accesses = vec![read("/proc/uptime")]),
    ("files not watched", |p, _| p.watch = Watch::Calls),
];

const FORBIDDEN: [Case; 7] = [
    ("left running", |p, o| (p.strict, o.left) = (true, vec![b"sleep".to_vec()])),
    ("hash mismatch", |p, o| (p.expect_hash, o.program_hash) = (Some([1; 32]), [2; 32])),
    ("set-up", |_, o| o.end = End::Open { step: "mount".into(), errno: 1 }),
    ("limit", |_, o| o.end = End::Wall),
    ("limit", |_, o| (o.end, o.limit) = (End::Signal(24), Some("cpu"))),
    ("denial", |p, o| (p.strict, o.denials) = (true, vec![denial(Why::ReadOnly)])),
    ("denial", |p, o| (p.strict, o.denials) = (true, vec![denial(Why::Call)])),
];

fn judged(change: fn(&mut Policy, &mut Outcome), equal: Option<bool>) -> (Verdict, Vec<&'static str>, u32) {
    let (mut policy, mut outcome) = (policy(), outcome());
    change(&mut policy, &mut outcome);
    let (verdict, seen) = judge(&policy, &outcome, equal, &[]);
    (verdict, seen.iter().filter(|o| o.weight > 0).map(|o| o.what).collect(), score(&seen))
}

#[test]
fn only_two_equal_runs_are_deterministic() {
    assert_eq!(judged(|_, _| {}, Some(true)), (Verdict::Deterministic, vec![], 0));
    assert_eq!(judged(|_, _| {}, None), (Verdict::Uncertain, vec!["unverified"], 1));
    assert_eq!(judged(|_, _| {}, Some(false)), (Verdict::Reject, vec!["outputs differ"], 100));
}

#[test]
fn each_doubt_is_enough_to_be_uncertain() {
    for (what, change) in DOUBTS {
        let (verdict, seen, _) = judged(change, None);
        assert!(verdict == Verdict::Uncertain && seen.contains(&what), "{what}: {seen:?}");
        // A second run that left the same bytes answers for what another clock or another random number would change.
        let answered = matches!(what, "randomness" | "clock");
        let expected =
            if answered { (Verdict::Deterministic, vec![]) } else { (Verdict::Uncertain, vec![what]) };
        let (verdict, seen, _) = judged(change, Some(true));
        assert_eq!((verdict, seen), expected);
    }
}

/// All at once, and what else there is of doubts.
#[test]
fn no_number_of_doubts_rejects() {
    let all = |p: &mut Policy, o: &mut Outcome| {
        DOUBTS.iter().for_each(|(_, change)| change(p, o));
        o.accesses = vec![read("/dev/random"), read("/proc/stat")];
        o.left = vec![b"sleep".to_vec()];
        p.learn = true;
    };
    let (mut policy, mut outcome) = (policy(), outcome());
    all(&mut policy, &mut outcome);
    let (verdict, seen) = judge(&policy, &outcome, None, &[b"a".to_vec()]);
    assert_eq!((verdict, score(&seen)), (Verdict::Uncertain, 99), "{seen:?}");
}

#[test]
fn what_is_forbidden_rejects() {
    for (what, change) in FORBIDDEN {
        for equal in [None, Some(true)] {
            let (verdict, seen, sum) = judged(change, equal);
            assert!(verdict == Verdict::Reject && seen.contains(&what) && sum >= 100, "{what}: {seen:?}");
        }
    }
    let (mut policy, extra) = (policy(), [b"core".to_vec()]);
    assert_eq!(judge(&policy, &outcome(), Some(true), &extra).0, Verdict::Uncertain);
    policy.strict = true;
    assert_eq!(judge(&policy, &outcome(), Some(true), &extra).0, Verdict::Reject);
    policy.expect_hash = Some([0; 32]);
    assert_eq!(judge(&policy, &outcome(), Some(true), &[]).0, Verdict::Deterministic);
}

/// Each different thing once, whatever the order in which it came.
#[test]
fn what_it_is_about() {
    let mut outcome = outcome();
    outcome.denials = vec![denial(Why::Call), denial(Why::Undeclared), denial(Why::ReadOnly)];
    let (_, seen) = judge(&policy(), &outcome, None, &[]);
    let about = &seen.iter().find(|o| o.what == "denial").unwrap().about;
    assert_eq!(*about, [b"/etc/shadow".to_vec(), b"openat".to_vec()]);
}

#[test]
fn exit_codes() {
    use Verdict::{Deterministic, Reject, Uncertain};
    let open = || End::Open { step: String::new(), errno: 1 };
    for (end, equal, verdict, code) in [
        (End::Exit(0), Some(true), Deterministic, 0),
        (End::Exit(7), None, Uncertain, 7),
        (End::Exit(0), None, Reject, 122),
        (End::Exit(7), Some(true), Reject, 122),
        (End::Exit(0), Some(false), Reject, 124),
        (End::Signal(9), None, Reject, 137),
        (End::Told(15), None, Uncertain, 143),
        (End::Wall, None, Reject, 123),
        (open(), None, Reject, 121),
    ] {
        let run = Outcome { end, ..outcome() };
        assert_eq!(exit_code(&run, equal, verdict), code, "{:?}", run.end);
    }
}

//! filters/sshd.filter: vectors, hostile names, and the figures on an annotated log when one is given.
use super::crooked::Crooked;
use super::filters::{ALL, scan_message, sources};
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::engine;
use bailiff::shared::pure::filter::{FILTERS, named};
use std::time::Instant;

const VECTORS: &str = include_str!("../vectors/sshd.txt");

fn sshd() -> u8 {
    named(b"sshd").unwrap()
}

fn mode(name: &str) -> u8 {
    FILTERS[usize::from(sshd())].mode(name.as_bytes()).unwrap_or_else(|| panic!("mode {name}"))
}

fn addr(text: &str) -> Option<Addr> {
    Addr::parse(text.as_bytes())
}

/// A line of audit/vectors/sshd.txt: MODE, ADDRESS or `-`, WEIGHT or `-`, the log line.
#[test]
fn vectors_hold() {
    let mut held = 0;
    for (n, vector) in VECTORS.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        let mut fields = vector.splitn(4, ' ');
        let mut field = || fields.next().unwrap_or_else(|| panic!("line {}: too few fields", n + 1));
        let (modes, peer, weight, line) = (mode(field()), field(), field(), field());
        let got = engine::scan(sshd(), modes, line.as_bytes());
        let expected = (peer != "-").then(|| (addr(peer).unwrap(), weight.parse::<u16>().unwrap()));
        assert_eq!(got.map(|m| (m.addr, m.weight)), expected, "audit/vectors/sshd.txt:{}: {line}", n + 1);
        held += 1;
    }
    assert!(held >= 60, "only {held} vectors");
}

#[test]
fn a_repeated_line_counts_as_often_as_it_says_but_at_most_a_thousand_times() {
    for (times, weight) in
        [("0", 1), ("1", 1), ("5", 5), ("1000", 1000), ("1001", 1000), ("18446744073709551615", 1000)]
    {
        let line = format!(
            "Nov 21 19:55:47 host sshd[288]: message repeated {times} times: [ Failed password for root from 192.0.2.9 port 4242 ssh2]"
        );
        let got = engine::scan(sshd(), ALL, line.as_bytes()).map(|m| m.weight);
        assert_eq!(got, Some(weight), "{times}");
    }
    for times in ["", "x", "-1", "18446744073709551616"] {
        let line = format!(
            "Nov 21 19:55:47 host sshd[288]: message repeated {times} times: [ Failed password for root from 192.0.2.9 port 4242 ssh2]"
        );
        assert_eq!(engine::scan(sshd(), ALL, line.as_bytes()), None, "{times}");
    }
}

#[test]
fn a_method_that_pushes_the_true_address_off_the_end_frames_nobody() {
    // sshd cuts its message at 1,023 bytes: the client's method is chosen so that his fake ends exactly there.
    let fake = " from 203.0.113.99 port 22 ssh2";
    for cut in [1019, 1020, 1021, 1022, 1023] {
        let message = format!("Failed {}{fake}", "x".repeat(cut - 7 - fake.len()));
        assert_eq!(message.len(), cut);
        assert_eq!(scan_message(sshd(), ALL, message.as_bytes()), None);
    }
}

/// What sshd writes, with what an outsider chooses marked: `{}` by bytes of at most the number given.
const WRITTEN: &[(&str, usize)] = &[
    ("Failed password for invalid user {} from {peer} port 4242 ssh2", 100),
    ("Failed {} for root from {peer} port 4242 ssh2", 800),
    ("Failed {} for invalid user ghost from {peer} port 4242 ssh2", 800),
    ("Failed keyboard-interactive/pam for invalid user {} from {peer} port 4242 ssh2", 100),
    (
        "Failed publickey for invalid user {} from {peer} port 4242 ssh2: RSA SHA256:mmwi6fvKZ3yFhVlbKLDVcNnwzmW7LXmGMRVJDkMoxzU",
        100,
    ),
    (
        "Failed publickey for invalid user ghost from {peer} port 4242 ssh2: RSA-CERT SHA256:mmwi ID \"{}\" (serial 5) CA RSA SHA256:mmwi",
        200,
    ),
    (
        "Failed hostbased for {} from {peer} port 4242 ssh2: RSA SHA256:mmwi, client user \"alice\", client host \"h\"",
        100,
    ),
    (
        "Failed hostbased for alice from {peer} port 4242 ssh2: RSA SHA256:mmwi, client user \"{}\", client host \"h\"",
        100,
    ),
    (
        "Failed hostbased for alice from {peer} port 4242 ssh2: RSA SHA256:mmwi, client user \"alice\", client host \"{}\"",
        100,
    ),
    ("Invalid user {} from {peer} port 4242", 100),
    (
        "error: maximum authentication attempts exceeded for invalid user {} from {peer} port 4242 ssh2 [preauth]",
        100,
    ),
    ("User {} from {peer} not allowed because not listed in AllowUsers", 100),
    ("error: PAM: Authentication failure for illegal user {} from {peer}", 100),
    (
        "error: PAM: User not known to the underlying authentication module for illegal user {} from {peer}",
        100,
    ),
    ("refused connect from {} ({peer})", 200),
    ("Received disconnect from {peer} port 4242:11: {} [preauth]", 400),
    ("error: Received disconnect from {peer} port 4242:3: {} [preauth]", 400),
    ("Disconnecting invalid user {} {peer} port 4242: Too many authentication failures [preauth]", 180),
    (
        "Disconnecting invalid user ghost {peer} port 4242: Change of username or service not allowed: ({} [preauth]",
        56,
    ),
    (
        "Disconnecting invalid user {} {peer} port 4242: Change of username or service not allowed: ({} [preauth]",
        56,
    ),
    ("Connection closed by invalid user {} {peer} port 4242 [preauth]", 180),
    ("Connection reset by authenticating user {} {peer} port 4242 [preauth]", 180),
    ("Disconnected from invalid user {} {peer} port 4242 [preauth]", 180),
    (
        "ssh_dispatch_run_fatal: Connection from invalid user {} {peer} port 4242: incomplete message [preauth]",
        180,
    ),
    ("Bad protocol version identification '{}' from {peer} port 4242", 200),
    ("Protocol major versions differ for {peer} port 4242: SSH-2.0-OpenSSH_9.2 vs. {}", 200),
    ("Unable to negotiate with {peer} port 4242: no matching cipher found. Their offer: {} [preauth]", 200),
    ("banner exchange: Connection from {peer} port 4242: {}", 100),
    (
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={peer}  user={}",
        100,
    ),
];

/// The same for lines that accuse nobody. Whoever writes ` [preauth]` into his own farewell accuses himself.
const INNOCENT: &[(&str, usize)] = &[
    ("Accepted password for {} from {peer} port 4242 ssh2", 100),
    ("Postponed keyboard-interactive for invalid user {} from {peer} port 4242 ssh2 [preauth]", 100),
    ("Failed publickey for {} from {peer} port 4242 ssh2: RSA SHA256:mmwi", 100),
    ("Received disconnect from {peer} port 4242:11: {}", 400),
    ("Disconnected from user {} {peer} port 4242", 180),
    ("Connection closed by user {} {peer} port 4242", 180),
    ("Connection from {peer} port 4242 on 192.0.2.1 port 22 rdomain \"{}\"", 100),
    ("error: kex_exchange_identification: client sent invalid protocol identifier \"{}\"", 200),
    ("input_userauth_request: invalid user {} [preauth]", 100),
    ("Starting session: command for {} from {peer} port 4242 id 0", 100),
    (
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=client.example  user={}",
        100,
    ),
    ("reverse mapping checking getaddrinfo for {} [{peer}] failed.", 200),
];

const PEER: &str = "192.0.2.9";
const VICTIM: &str = "203.0.113.99";
const VICTIM6: &str = "2001:db8:dead::99";

/// Pieces of which hostile names are made: whole messages of every pattern, their halves around the address, the
/// literals of every pattern, and addresses. All name a victim.
fn pieces() -> Vec<String> {
    let filter = sources().swap_remove(usize::from(sshd()));
    let mut pieces: Vec<String> = [
        VICTIM,
        VICTIM6,
        "::ffff:203.0.113.99",
        "[203.0.113.99]:22",
        "[2001:db8:dead::99]:22",
        " ",
        "port 22",
        "ssh2",
        ":",
        "\"",
        "'",
        ")",
        "\\",
        "x",
    ]
    .map(str::to_owned)
    .to_vec();
    for rule in &filter.rules {
        for example in &rule.examples {
            let Some(peer) = &example.addr else { continue };
            let Some((_, message)) = example.text.split_once(": ") else { continue };
            let message = message.replace(peer.as_str(), VICTIM);
            if let Some(at) = message.find(VICTIM) {
                let word = message[..at].trim_end().rfind(' ').unwrap_or(0);
                pieces.push(message[at..].to_owned());
                pieces.push(message[word..].to_owned());
                pieces.push(message[word..at + VICTIM.len()].to_owned());
            }
            pieces.push(message);
        }
    }
    for (written, _) in WRITTEN.iter().chain(INNOCENT) {
        pieces.push(written.replace("{peer}", VICTIM).replace("{}", "x"));
        pieces.extend(written.replace("{peer}", VICTIM).split("{}").map(str::to_owned));
    }
    pieces
}

#[test]
fn hostile_names_frame_nobody() {
    let pieces = pieces();
    let borrowed: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let mut random = Crooked::new(42);
    let peer = addr(PEER).unwrap();
    let (mut lines, mut hidden, mut written_lines) = (0u32, 0u32, 0u32);
    let mut hidden_by = vec![0u32; WRITTEN.len()];
    let start = Instant::now();
    let mut filling = String::new();
    for round in 0..250_000u32 {
        let is_innocent = round % 5 == 4;
        let (templates, which) = if is_innocent {
            (INNOCENT, random.below(INNOCENT.len() as u64))
        } else {
            (WRITTEN, random.below(WRITTEN.len() as u64))
        };
        let (written, longest) = templates[which as usize];
        filling.clear();
        for _ in 0..=random.below(3) {
            filling.push_str(random.pick(&borrowed));
            if random.below(3) == 0 {
                filling.push(' ');
            }
        }
        if filling.len() > longest {
            // The service cuts it, at either end of what the outsider would like to keep.
            let cut = filling.len() - longest;
            let keep = if random.below(2) == 0 { 0..longest } else { cut..filling.len() };
            filling = filling[keep].to_owned();
        }
        let message = written.replace("{peer}", PEER).replace("{}", &filling);
        let got = scan_message(sshd(), ALL, message.as_bytes());
        lines += 1;
        match got {
            Some(m) => assert_eq!(m.addr, peer, "framed by: {message}"),
            None if is_innocent => {}
            None => {
                hidden += 1;
                hidden_by[which as usize] += 1;
            }
        }
        written_lines += u32::from(!is_innocent);
    }
    let took = start.elapsed();
    println!("hostile names: {lines} lines in {took:?}, framed 0, hidden {hidden} of {written_lines}");
    for ((written, _), n) in WRITTEN.iter().zip(&hidden_by).filter(|(_, n)| **n > 0) {
        println!("  hidden {n:6}  {written}");
    }
    assert!(took.as_secs() < 100, "{took:?}");
}

/// With BAILIFF_SPEED=1 (release build): nanoseconds a line on a mix.
#[test]
fn speed() {
    if std::env::var("BAILIFF_SPEED").is_err() {
        println!("skipped: BAILIFF_SPEED is not set");
        return;
    }
    let hits: Vec<String> = sources()[usize::from(sshd())]
        .rules
        .iter()
        .flat_map(|r| r.examples.iter().filter(|e| e.addr.is_some()).map(|e| e.text.clone()))
        .collect();
    let others: Vec<String> = [
        "Nov 21 19:55:53 victim CRON[296]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
        "Nov 21 19:55:53 victim systemd-logind[296]: New session 12 of user alice.",
        "2026-11-21T19:55:53.413909+00:00 victim sudo: alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls",
    ].map(str::to_owned).to_vec();
    let accepted: Vec<String> = [
        "Nov 21 19:55:53 victim sshd[296]: Accepted publickey for alice from 198.51.100.66 port 52972 ssh2: ED25519 SHA256:mmwi6f",
        "Nov 21 19:55:53 victim sshd[296]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
    ].map(str::to_owned).to_vec();
    let common = vec![
        hits[4].clone(),
        hits[5].clone(),
        "Nov 21 19:55:43 victim sshd[284]: Invalid user ghost from 198.51.100.66 port 59094".to_owned(),
    ];
    let mix: Vec<String> = common.iter().chain(&others).chain(&others).chain(&accepted).cloned().collect();
    for (name, lines) in [
        ("other programs", &others),
        ("sshd, no failure", &accepted),
        ("common failures", &common),
        ("every example", &hits),
        ("mix, 30 % failures", &mix),
    ] {
        let n = 2_000_000 / lines.len();
        let mut best = f64::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..n {
                for line in lines {
                    std::hint::black_box(engine::scan(
                        sshd(),
                        mode("normal"),
                        std::hint::black_box(line.as_bytes()),
                    ));
                }
            }
            best = best.min(start.elapsed().as_nanos() as f64 / (n * lines.len()) as f64);
        }
        println!("{name:20} {best:6.1} ns a line, {:5.1} M lines/s", 1000.0 / best);
    }
}

//! A log in the shape of a busy host's auth.log, the same bytes for the same arguments. PERCENT of its lines are failures
//! of sshd in six forms, from 20,000 IPv4 and 2,000 IPv6 addresses (198.18.0.0/15 and 2001:db8::/32, no two in one /64) of
//! which few are busy and most are not. The rest: CRON, sudo, systemd-logind, logins that went well, and what attackers
//! leave behind, harmless by itself. With PERCENT 0 there is no line by sshd that accuses anybody.
use std::fmt::Write as _;

pub(crate) const NAMES: [&str; 16] = [
    "admin", "test", "oracle", "postgres", "ubuntu", "user", "git", "ftpuser", "guest", "pi", "support",
    "deploy", "jenkins", "mysql", "nagios", "backup",
];
const VALID: [&str; 5] = ["root", "root", "root", "daemon", "www-data"];
const STAFF: [&str; 4] = ["alice", "bob", "carol", "deploy"];
const IPV4: u64 = 20_000;
const IPV6: u64 = 2_000;

/// xorshift64*: the same numbers on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 32) * end >> 32
    }

    pub(crate) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    /// The number of an address: the lower ones come far more often.
    fn address(&mut self) -> u64 {
        let share = self.below(1 << 20) as f64 / (1u64 << 20) as f64;
        ((share * share * share) * (IPV4 + IPV6) as f64) as u64
    }
}

/// The text of an address.
pub(crate) fn address(number: u64) -> String {
    // An odd factor spreads both kinds over all ranks.
    let number = number * 7919 % (IPV4 + IPV6);
    match number.checked_sub(IPV4) {
        None => format!("198.{}.{}.{}", 18 + (number * 5 >> 16), number * 5 >> 8 & 255, number * 5 & 255),
        Some(n) => format!("2001:db8:{:x}:{:x}::{:x}", n + 1, n * 31 % 65536 + 1, n * 17 % 65536 + 1),
    }
}

fn failure(random: &mut Random, from: &str) -> String {
    let port = 1024 + random.below(64000);
    let valid = random.pick(&VALID);
    match random.below(100) {
        0..34 => format!("Failed password for {valid} from {from} port {port} ssh2"),
        34..62 => {
            format!("Failed password for invalid user {} from {from} port {port} ssh2", random.pick(&NAMES))
        }
        62..86 => format!("Invalid user {} from {from} port {port}", random.pick(&NAMES)),
        86..91 => format!(
            "error: maximum authentication attempts exceeded for {valid} from {from} port {port} ssh2 [preauth]"
        ),
        91..95 => format!("User {valid} from {from} not allowed because not listed in AllowUsers"),
        _ => format!("error: PAM: Authentication failure for {valid} from {from}"),
    }
}

/// A line that accuses nobody: its program and message.
fn other(random: &mut Random, last: &str) -> (String, String) {
    let (pid, port, staff) = (300 + random.below(4_000_000), 1024 + random.below(64000), random.pick(&STAFF));
    let sshd = format!("sshd[{pid}]");
    let office = format!("203.0.113.{}", 1 + random.below(30));
    match random.below(100) {
        0..13 => (format!("CRON[{pid}]"), "pam_unix(cron:session): session closed for user root".into()),
        13..26 => {
            let text = "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)";
            (format!("CRON[{pid}]"), text.into())
        }
        26..31 => {
            let text = format!(
                "   {staff} : TTY=pts/1 ; PWD=/home/{staff} ; USER=root ; COMMAND=/usr/bin/apt-get update"
            );
            ("sudo".into(), text)
        }
        31..36 => ("sudo".into(), "pam_unix(sudo:session): session closed for user root".into()),
        36..46 => {
            ("systemd-logind[612]".into(), format!("New session {} of user {staff}.", random.below(100_000)))
        }
        46..53 => {
            let key = format!("{:043x}", u128::from(random.next()) << 64 | u128::from(random.next()));
            (
                sshd,
                format!(
                    "Accepted publickey for {staff} from {office} port {port} ssh2: ED25519 SHA256:{key}"
                ),
            )
        }
        53..60 => {
            (sshd, format!("pam_unix(sshd:session): session opened for user {staff}(uid=1000) by (uid=0)"))
        }
        60..65 => (sshd, format!("Received disconnect from {office} port {port}:11: disconnected by user")),
        65..70 => (sshd, format!("Disconnected from user {staff} {office} port {port}")),
        70..80 => {
            (sshd, format!("Connection closed by authenticating user root {last} port {port} [preauth]"))
        }
        80..94 => (
            sshd,
            format!("Disconnected from invalid user {} {last} port {port} [preauth]", random.pick(&NAMES)),
        ),
        _ => (sshd, format!("Connection closed by {last} port {port} [preauth]")),
    }
}

/// A failure in so many of a hundred cases, or another line.
pub(crate) fn auth(random: &mut Random, from: &str, percent: u64) -> (String, String) {
    if random.below(100) < percent {
        return (format!("sshd[{}]", 300 + random.below(4_000_000)), failure(random, from));
    }
    other(random, from)
}

/// Writes the log, and prints what is in it.
pub(crate) fn run(path: &str, stamp: &str, count: u64, percent: u64) {
    let mut random = Random(20_261_121);
    let mut failures = vec![0u32; (IPV4 + IPV6) as usize];
    let mut text = String::with_capacity(count as usize * 110);
    let mut last = address(0);
    for n in 0..count {
        let (program, message) = if random.below(100) < percent {
            // Each address once, then as it comes.
            let total: u32 = if n < 4 * (IPV4 + IPV6) { (n / 4) as u32 } else { u32::MAX };
            let number =
                if n % 4 == 0 && u64::from(total) < IPV4 + IPV6 { total.into() } else { random.address() };
            failures[number as usize] += 1;
            last = address(number);
            (format!("sshd[{}]", 300 + random.below(4_000_000)), failure(&mut random, &last))
        } else {
            other(&mut random, &last)
        };
        let _ = writeln!(text, "{stamp} web01 {program}: {message}");
    }
    std::fs::write(path, &text).expect("the file");
    let due = failures.iter().filter(|n| **n >= 5).count();
    let (all, seen) = (failures.iter().sum::<u32>(), failures.iter().filter(|n| **n > 0).count());
    println!(
        "{{\"lines\": {count}, \"bytes\": {}, \"failures\": {all}, \"addresses\": {seen}, \"due\": {due}}}",
        text.len()
    );
}

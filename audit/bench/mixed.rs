//! One log into which everything goes: the auth.log of lines.rs, a mail server, a name server, the kernel, services; one
//! line in five a web server's access log; some JSON, and other services' own layouts. The same bytes for the same arguments.
use super::lines::{NAMES, Random, address, auth};
use std::fmt::Write as _;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "curl/8.5.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];
const PATHS: [&str; 8] = [
    "/",
    "/index.html",
    "/static/app.js?v=31",
    "/images/logo.png",
    "/api/v1/items?page=7",
    "/login",
    "/wp-login.php",
    "/blog/2026/11/how-to-log",
];

/// A line of a web server: most requests go well.
fn access(random: &mut Random) -> String {
    let (peer, path, agent) = (address(random.below(22_000)), random.pick(&PATHS), random.pick(&AGENTS));
    let (method, size) = (random.pick(&["GET", "GET", "GET", "POST"]), random.below(90_000));
    let status = [200, 200, 200, 200, 304, 301, 404, 403, 401, 500][random.below(10) as usize];
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!(
        "{peer} - - [21/Nov/2026:{hour:02}:{minute:02}:{second:02} +0100] \"{method} {path} HTTP/1.1\" {status} {size} \
         \"https://www.example.com/\" \"{agent}\""
    )
}

fn json(random: &mut Random) -> String {
    let (peer, path) = (address(random.below(22_000)), random.pick(&PATHS));
    let status = [200, 200, 304, 401][random.below(4) as usize];
    match random.below(3) {
        0 => format!(
            "{{\"level\":\"info\",\"ts\":1795287339.{:06},\"logger\":\"http.log.access\",\"msg\":\"handled request\",\"request\":\
             {{\"remote_ip\":\"{peer}\",\"remote_port\":\"{}\",\"client_ip\":\"{peer}\",\"proto\":\"HTTP/2.0\",\"method\":\"GET\",\
             \"host\":\"example.com\",\"uri\":\"{path}\"}},\"bytes_read\":0,\"duration\":0.0{},\"status\":{status}}}",
            random.below(1_000_000),
            random.below(65_536),
            random.below(10_000)
        ),
        1 => format!(
            "{{\"time\":\"2026-11-21T19:55:39+01:00\",\"level\":\"warn\",\"app\":\"web\",\"message\":\"slow query\",\"ms\":{}}}",
            random.below(9_000)
        ),
        _ => format!(
            "time=\"2026-11-21T19:55:39+01:00\" level=info msg=\"request done\" path={path} status={status} ip={peer}"
        ),
    }
}

/// A service's own layout: its time, its words.
fn own(random: &mut Random) -> String {
    let (peer, path, number) = (address(random.below(22_000)), random.pick(&PATHS), random.below(100_000));
    match random.below(4) {
        0 => format!(
            "2026/11/21 19:55:39 [error] 2865#0: *{number} open() \"/var/www{path}\" failed (2: No such file or directory), \
             client: {peer}, server: www.example.com, request: \"GET {path} HTTP/1.1\", host: \"www.example.com\""
        ),
        1 => format!(
            "2026-11-21 19:55:39.{:03} UTC [{number}] LOG:  checkpoint complete: wrote 44 buffers",
            number % 1000
        ),
        2 => format!(
            "{number}:M 21 Nov 2026 19:55:39.{:03} * Background saving terminated with success",
            number % 1000
        ),
        _ => format!(
            "2026-11-21T19:55:39.{:06}Z {number} [Note] [MY-010914] [Server] Aborted connection {number} to db: 'shop'",
            number
        ),
    }
}

/// A daemon's line in syslog: its program and message.
fn daemon(random: &mut Random) -> (String, String) {
    let (pid, peer, name) =
        (300 + random.below(4_000_000), address(random.below(22_000)), random.pick(&NAMES));
    let id = format!("{:08X}", random.below(1 << 32));
    let of = |program: &str, text: String| (format!("{program}[{pid}]"), text);
    match random.below(100) {
        0..9 => of("postfix/smtpd", format!("connect from unknown[{peer}]")),
        9..18 => of(
            "postfix/smtpd",
            format!("disconnect from unknown[{peer}] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"),
        ),
        18..22 => of(
            "postfix/smtpd",
            format!(
                "warning: unknown[{peer}]: SASL LOGIN authentication failed: authentication failure, sasl_username={name}"
            ),
        ),
        22..26 => of(
            "postfix/smtpd",
            format!(
                "NOQUEUE: reject: RCPT from unknown[{peer}]: 454 4.7.1 <{name}@other.example>: Relay access denied; \
                 from=<a@example.org> to=<{name}@other.example> proto=ESMTP helo=<x.example>"
            ),
        ),
        26..34 => of("postfix/cleanup", format!("{id}: message-id=<{id}.{pid}@mail.example.com>")),
        34..42 => {
            of("postfix/qmgr", format!("{id}: from=<{name}@example.com>, size={pid}, nrcpt=1 (queue active)"))
        }
        42..50 => of(
            "postfix/smtp",
            format!(
                "{id}: to=<{name}@example.net>, relay=mx.example.net[192.0.2.25]:25, delay=1.2, dsn=2.0.0, status=sent (250 OK)"
            ),
        ),
        50..56 => of(
            "dovecot",
            format!(
                "imap-login: Login: user=<{name}>, method=PLAIN, rip={peer}, lip=192.0.2.1, mpid={pid}, TLS, session=<{id}>"
            ),
        ),
        56..60 => of(
            "dovecot",
            format!(
                "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{name}>, method=PLAIN, rip={peer}, \
                 lip=192.0.2.1, TLS, session=<{id}>"
            ),
        ),
        60..68 => of(
            "dovecot",
            format!("imap({name})<{pid}><{id}>: Logged out in=84 out=1302 deleted=0 expunged=0"),
        ),
        68..74 => of(
            "named",
            format!(
                "client @0x7f{id} {peer}#{} (example.com): query: example.com IN A +E(0)K (192.0.2.1)",
                pid % 60_000
            ),
        ),
        74..77 => of(
            "named",
            format!(
                "client @0x7f{id} {peer}#{} (example.com): query (cache) 'example.com/ANY/IN' denied",
                pid % 60_000
            ),
        ),
        77..86 => (
            "kernel".to_owned(),
            format!(
                "[{pid}.{:06}] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:12:34:56 SRC={peer} DST=192.0.2.1 LEN=40 TTL=243 PROTO=TCP DPT=23",
                pid
            ),
        ),
        86..92 => {
            ("systemd[1]".to_owned(), format!("Started session-{pid}.scope - Session {pid} of User {name}."))
        }
        92..96 => ("systemd[1]".to_owned(), "logrotate.service: Deactivated successfully.".to_owned()),
        _ => of(
            "containerd",
            format!("time=\"2026-11-21T19:55:39+01:00\" level=info msg=\"shim disconnected\" id={id}"),
        ),
    }
}

/// Writes the log, and prints how many lines it has and bytes.
pub(crate) fn run(path: &str, stamp: &str, count: u64) {
    let mut random = Random(20_261_122);
    let mut text = String::with_capacity(count as usize * 140);
    for _ in 0..count {
        let (program, message) = match random.below(100) {
            0..35 => {
                let from = address(random.below(22_000));
                auth(&mut random, &from, 30)
            }
            35..72 => daemon(&mut random),
            kind => {
                let line = match kind {
                    72..92 => access(&mut random),
                    92..96 => json(&mut random),
                    _ => own(&mut random),
                };
                let _ = writeln!(text, "{line}");
                continue;
            }
        };
        let _ = writeln!(text, "{stamp} web01 {program}: {message}");
    }
    std::fs::write(path, &text).expect("the file");
    println!("{{\"lines\": {count}, \"bytes\": {}}}", text.len());
}

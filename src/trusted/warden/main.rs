//! `bailiffd`: the warden. Reads the configuration, opens the logs and hands them down, starts the other programs in their
//! cages, and takes all down when one of them ends.
//!
//! Runs: as root, with the capabilities and calls of its row in `cages`. In: argv, the configuration, signals, names of
//! directory entries, pulses. Out: descriptors and settings, downwards only; notes to the service manager. Never: reads a
//! byte of a log, writes to the firewall, runs anything but bailiff's own programs.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod accounts;
mod config;
mod directories;
mod family;
mod former;
mod own;
mod privilege;
mod renames;
mod roles;
#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;
mod run;
mod sources;
mod state;
mod walk;

use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::base::notify::Notify;
use bailiff::shared::cages::{ROLES, Role, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shared::pure::settings::{Cpu, Missing, Settings};
use bailiff::shared::pure::wire::source::Launch;
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::identity::uids;
use bailiff::shims::process::{Start, processors, set_nice, set_processors, signals};
use family::{Ended, House};
use own::{Own, Place};
use run::generation;

/// Exit codes: usage or configuration; a kernel that refused.
const USAGE: u8 = 100;
const SYSTEM: u8 = 111;
const SECOND: u64 = 1_000_000_000;
/// What watcher, enforcer and the warden itself may take of the ceiling; the tracker gets the rest.
const OTHERS: u64 = 16 << 20;

/// The command line.
struct Words {
    config: &'static [u8],
    check: bool,
    dry_run: bool,
}

fn words(start: &Start) -> Option<Words> {
    let mut words = Words { config: b"/etc/bailiff/bailiff.toml", check: false, dry_run: false };
    let mut rest = (1..=u8::MAX).map_while(|index| start.arg(index.into()));
    while let Some(word) = rest.next() {
        match word {
            b"--check" => words.check = true,
            b"--dry-run" => words.dry_run = true,
            b"--config" => words.config = rest.next()?,
            _ => return None,
        }
    }
    Some(words)
}

fn main(start: &Start) -> u8 {
    let mut log = Log::new("bailiffd");
    let Some(words) = words(start) else {
        log.say(Level::Error, "usage: bailiffd [--config FILE] [--check] [--dry-run]");
        return USAGE;
    };
    let (mut settings, mut own) = (Settings::EMPTY, Own::NONE);
    // Only root can start the cage in which filters are compiled.
    if words.check && uids() != Ok([0; 3]) {
        return check(&words, &log, &mut own, &mut settings);
    }
    // Its programs are opened before the cage closes only because this needs no input from anybody.
    let opened = roles::Programs::beside_own().and_then(|programs| Ok((programs, signals()?)));
    let (programs, signals) = match opened {
        Ok(opened) => opened,
        Err(errno) => return failed(&log, "bailiff's own programs, beside this one", errno),
    };
    if let Err((what, errno)) = privilege::close() {
        return failed(&log, what, errno);
    }
    let Ok(strict) = is_host() else { return failed(&log, "/proc/self/uid_map", Errno::ENOENT) };
    if let Err(code) = read_all(&words, strict, &log, &programs, &mut own, &mut settings) {
        return code;
    }
    if words.check {
        return good(&words, &log, &settings);
    }
    let beat_ns = beat(start);
    loop {
        log.steps = settings.terms.steps;
        let notify = Notify::new(start.env(b"NOTIFY_SOCKET"));
        let house = House { log: &log, notify, signals: &signals, programs: &programs, beat_ns };
        let (mut next, mut next_own) = (Settings::EMPTY, Own::NONE);
        let reload = || read_all(&words, strict, &log, &programs, &mut next_own, &mut next).is_ok();
        match serve(&house, (&settings, &own), &words, strict, reload) {
            Ok(Ended::Stop(code)) => return code,
            Ok(Ended::Reload) => {
                log.say(Level::Notice, "the new configuration is in force");
                (settings, own) = (next, next_own);
            }
            Err(code) => return code,
        }
    }
}

/// `--check` without privilege: reads the configuration. Where the operator has filters of his own, what they say is not
/// known: any name of a filter is taken.
fn check(words: &Words, log: &Log, own: &mut Own, settings: &mut Settings) -> u8 {
    let place = Place { config: words.config, strict: false, log };
    if !own.find(place) {
        return USAGE;
    }
    let image = if own.is_any() { None } else { Some(&[][..]) };
    if !config::load(words.config, false, log, image, settings) {
        return USAGE;
    }
    if own.is_any() {
        log.say(
            Level::Warning,
            "filters/*.filter are not checked: that is done in a cage, which only root can start",
        );
    }
    good(words, log, settings)
}

/// Says what the configuration comes to.
fn good(words: &Words, log: &Log, settings: &Settings) -> u8 {
    log.line(Level::Notice, |t| {
        t.quoted(words.config).bytes(b": good: jails");
        for jail in settings.terms.jails() {
            t.byte(b' ').bytes(jail.name.bytes());
        }
    });
    0
}

/// Reads the configuration. Where the operator has filters of his own, twice: once for the account that compiles them,
/// and again when it is known what they say. The error is the exit code, and the reason was said.
fn read_all(
    words: &Words,
    strict: bool,
    log: &Log,
    programs: &roles::Programs,
    own: &mut Own,
    to: &mut Settings,
) -> Result<(), u8> {
    let place = Place { config: words.config, strict, log };
    let load = |image, to: &mut Settings| match config::load(words.config, strict, log, image, to) {
        true => Ok(()),
        false => Err(USAGE),
    };
    if !own.find(place) {
        return Err(USAGE);
    }
    if own.is_any() {
        load(None, to)?;
        let launches = launches(to, strict, log)?;
        let launch = launches.iter().find(|(role, _)| *role == Role::Watcher).map(|(_, launch)| launch);
        own.compile(place, programs, launch.ok_or(SYSTEM)?)?;
    }
    load(Some(own.image()), to)
}

fn failed(log: &Log, what: &str, errno: Errno) -> u8 {
    log.refused(Level::Error, what, errno);
    SYSTEM
}

/// Whether this is a user namespace that maps all ids: the host's, or one like it. In one that maps a single user, what
/// is owned by others cannot be told apart, and all is that user's anyway.
fn is_host() -> Result<bool, Errno> {
    accounts::is_mapped(61_000)
}

/// Between two pings: two seconds, or a third of what the service manager's watchdog allows.
fn beat(start: &Start) -> u64 {
    let watchdog_us = start.env(b"WATCHDOG_USEC").and_then(decimal).unwrap_or(u64::MAX);
    (2 * SECOND).min((watchdog_us / 3).saturating_mul(1000)).max(SECOND / 10)
}

/// One generation, from the opened state to its end.
fn serve(
    house: &House<'_>,
    (settings, own): (&Settings, &Own),
    words: &Words,
    strict: bool,
    reload: impl FnMut() -> bool,
) -> Result<Ended, u8> {
    let log = house.log;
    let launches = launches(settings, strict, log)?;
    placement(settings, log);
    let until = monotonic_ns().saturating_add(10 * SECOND);
    let wait = || {
        let _ = bailiff::shared::base::turn::wait(&mut [], 0, Some(SECOND / 50));
        monotonic_ns() < until
    };
    let state =
        state::open_all(settings, strict, words.dry_run, wait).map_err(|state::Unopened(what, errno)| {
            let _ = failed(log, what, errno);
            if errno == Errno::EACCES || errno == Errno::ENOENT { USAGE } else { SYSTEM }
        })?;
    let boot_id = state::boot_id().map_err(|errno| failed(log, "/proc/sys/kernel/random/boot_id", errno))?;
    let image = u32::try_from(own.image().len()).unwrap_or(0);
    let terms = Terms::from_settings(settings, words.dry_run, boot_id, image).encode();
    let mut sources =
        sources::Sources::new(settings, strict).map_err(|errno| failed(log, "inotify", errno))?;
    if sources.count() == 0 {
        log.say(Level::Warning, "no jail has a source: only an operator can ban");
    }
    let [(_, first), ..] = launches;
    let launch = |role: Role| launches.into_iter().find(|(r, _)| *r == role).map_or(first, |(_, l)| l);
    generation(house, state, (&terms, own), launch, &mut sources, reload)
        .map_err(|errno| failed(log, "the roles could not be started or watched", errno))
}

/// How each role is started: its account, or the one user there is.
fn launches(settings: &Settings, strict: bool, log: &Log) -> Result<[(Role, Launch); 3], u8> {
    let own = uids().map_err(|errno| failed(log, "getresuid", errno))?;
    let warn = settings.missing == Missing::Warn;
    if !strict && !warn {
        log.say(
            Level::Error,
            "missing: own user ids: this user namespace maps one user only; see daemon.missing",
        );
        return Err(USAGE);
    }
    if !strict {
        log.say(
            Level::Warning,
            "missing: own user ids: this user namespace maps one user, so the roles are kept apart by namespaces, \
             seccomp and Landlock only",
        );
    }
    let memory = settings.terms.memory.saturating_sub(OTHERS);
    let mut all = ROLES.map(|role| (role, Launch { uid: own[0], gid: 0, own_ids: strict, warn, memory }));
    for (index, (role, launch)) in (0..3u32).zip(all.iter_mut()).filter(|_| strict) {
        let ids = match settings.uid_base {
            Some(base) => Some((base.wrapping_add(index), base.wrapping_add(index))),
            None => accounts::user(cage(*role).user).map_err(|errno| failed(log, "/etc/passwd", errno))?,
        };
        let Some((uid, gid)) = ids.filter(|(uid, gid)| *uid != 0 && *gid != 0) else {
            log.line(Level::Error, |t| {
                t.bytes(b"no account ").bytes(cage(*role).user.as_bytes());
                t.bytes(
                    b": make it (systemd-sysusers, docs/systemd/bailiff.sysusers) or set daemon.uid_base",
                );
            });
            return Err(USAGE);
        };
        (launch.uid, launch.gid) = (uid, gid);
    }
    Ok(all)
}

/// Puts the daemon on one processor and before ordinary work: the way from a line to a ban then needs no wake-up of
/// another processor. Inherited by the roles; none of them keeps the power to change it.
fn placement(settings: &Settings, log: &Log) {
    let chosen = match (settings.cpu, processors()) {
        (Cpu::Any, _) | (_, Err(_)) => None,
        (Cpu::One(number), _) => Some(number),
        (Cpu::Auto, Ok(set)) => highest(&set),
    };
    if let Some(number) = chosen {
        let mut set = [0u64; 16];
        if let Some(word) = set.get_mut(usize::from(number / 64)) {
            *word = 1u64.wrapping_shl((number % 64).into());
        }
        if let Err(errno) = set_processors(&set) {
            log.refused(Level::Warning, "daemon.cpu", errno);
        }
    }
    if let Err(errno) = set_nice(-10) {
        log.refused(
            Level::Warning,
            "missing: nice -10 (CAP_SYS_NICE): bans may come later under load",
            errno,
        );
    }
}

/// The highest processor of a set: the lowest one takes most interrupts.
fn highest(set: &[u64; 16]) -> Option<u16> {
    let (index, word) = (0..16u16).zip(set).rfind(|(_, word)| **word != 0)?;
    let bit = u16::try_from(63u32.saturating_sub(word.leading_zeros())).ok()?;
    index.checked_mul(64)?.checked_add(bit)
}

//! The one door to the firewall: what the configuration and this host's own addresses forbid does not pass, whoever asks.
//!
//! Runs in: the enforcer. In: verdicts of the tracker, which is not trusted; the terms; this host's addresses and gateways.
//! Out: a `Ban`, or the refusal by name. Never: asks the kernel, remembers a verdict.
use super::element::{Width, key};
use super::hosts::Known;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shared::pure::wire::verdict::{Action, Refusal, Verdict};

/// What is nobody's to ban: unspecified (which is each set's sentinel too), loopback, link-local, multicast.
const SPECIAL: [Prefix; 8] = [
    Prefix { addr: Addr::v4([0; 4]), len: 32 },
    Prefix { addr: Addr::v4([127, 0, 0, 0]), len: 8 },
    Prefix { addr: Addr::v4([169, 254, 0, 0]), len: 16 },
    Prefix { addr: Addr::v4([224, 0, 0, 0]), len: 4 },
    Prefix { addr: Addr([0; 16]), len: 128 },
    Prefix { addr: Addr([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), len: 128 },
    Prefix { addr: Addr([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), len: 10 },
    Prefix { addr: Addr([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), len: 8 },
];

/// A verdict that the guard has let pass: having one proves it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ban {
    verdict: Verdict,
    width: &'static Width,
}

impl Ban {
    /// The verdict.
    pub(crate) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The key of its element.
    pub(crate) fn key(&self) -> &[u8] {
        key(&self.verdict.prefix.addr)
    }

    /// What follows the jail's name in the name of its set.
    pub(crate) fn suffix(&self) -> &'static [u8] {
        self.width.suffix
    }
}

/// The guard with its bucket of tokens: one for each ban, `rate` more each second, at most `max_bans`.
pub(crate) struct Guard<'a> {
    terms: &'a Terms,
    /// In billionths of a token, so that one nanosecond at one token a second counts.
    level: u64,
    filled_ns: u64,
}

const TOKEN: u64 = 1_000_000_000;

impl<'a> Guard<'a> {
    /// With these terms and a full bucket.
    pub(crate) fn new(terms: &'a Terms, now_ns: u64) -> Self {
        Self { terms, level: u64::from(terms.max_bans).saturating_mul(TOKEN), filled_ns: now_ns }
    }

    /// Whether this verdict may pass.
    pub(crate) fn admit(&mut self, verdict: &Verdict, known: &Known, now_ns: u64) -> Result<Ban, Refusal> {
        let prefix = &verdict.prefix;
        if verdict.jail >= self.terms.jail_count {
            return Err(Refusal::Jail);
        }
        let width = Width::of(prefix).ok_or(Refusal::TooWide)?;
        let ban = Ban { verdict: *verdict, width };
        match verdict.action {
            // Lifting and asking harm nobody, but the sentinels must stay.
            Action::Unban | Action::Ask if ban.key() == width.sentinel() => Err(Refusal::Special),
            Action::Unban | Action::Ask => Ok(ban),
            Action::Ban | Action::Extend => {
                check(self.terms, verdict, known)?;
                self.spend(now_ns)?;
                Ok(ban)
            }
        }
    }

    fn spend(&mut self, now_ns: u64) -> Result<(), Refusal> {
        let passed_ns = now_ns.saturating_sub(self.filled_ns);
        let most = u64::from(self.terms.max_bans).saturating_mul(TOKEN);
        let more = passed_ns.saturating_mul(self.terms.rate.into());
        self.filled_ns = now_ns;
        self.level = self.level.saturating_add(more).min(most);
        self.level = self.level.checked_sub(TOKEN).ok_or(Refusal::Rate)?;
        Ok(())
    }
}

/// What the configuration and this host's addresses say.
fn check(terms: &Terms, verdict: &Verdict, known: &Known) -> Result<(), Refusal> {
    let Verdict { prefix, duration_s, .. } = verdict;
    let widest = if prefix.addr.is_v4() { terms.widest4 } else { terms.widest6 };
    let lasts_too_long = *duration_s == 0 || *duration_s > terms.max_bantime_s;
    let meets = |networks: &[Prefix]| networks.iter().any(|network| network.meets(prefix));
    let held = known.all().find(|(addr, _)| prefix.holds(addr));
    match () {
        () if prefix.len < widest => Err(Refusal::TooWide),
        () if terms.max_bantime_s != 0 && lasts_too_long => Err(Refusal::TooLong),
        () if meets(terms.never_ban()) => Err(Refusal::NeverBan),
        () if meets(&SPECIAL) => Err(Refusal::Special),
        () => match held {
            Some((_, gateway)) => Err(if gateway { Refusal::Gateway } else { Refusal::OwnAddress }),
            None => Ok(()),
        },
    }
}

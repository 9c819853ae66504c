//! The one door to the firewall: what the configuration and this host's own addresses forbid does not pass, whoever asks.
//!
//! Runs in: the enforcer. In: verdicts of the tracker, which is not trusted; the terms; this host's addresses and gateways.
//! Out: a `Ban`, or the refusal by name. Never: asks the kernel, remembers a verdict.
use super::element::{Width, key};
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

    /// Whether this verdict may pass. `known` are this host's own addresses, and its gateways.
    pub(crate) fn admit(
        &mut self,
        verdict: &Verdict,
        known: [&[[u8; 16]]; 2],
        now_ns: u64,
    ) -> Result<Ban, Refusal> {
        let prefix = &verdict.prefix;
        if verdict.jail >= self.terms.jail_count {
            return Err(Refusal::Jail);
        }
        let width = Width::of(prefix).ok_or(Refusal::TooWide)?;
        let ban = Ban { verdict: *verdict, width };
        match verdict.action {
            // Lifting and asking harm nobody, but the sentinels must stay.
            Action::Unban | Action::Ask if key(&prefix.addr) == width.sentinel() => Err(Refusal::Special),
            Action::Unban | Action::Ask => Ok(ban),
            Action::Ban | Action::Extend => {
                self.bounds(verdict)?;
                addresses(self.terms, prefix, known)?;
                self.spend(now_ns)?;
                Ok(ban)
            }
        }
    }

    fn bounds(&self, verdict: &Verdict) -> Result<(), Refusal> {
        let widest = if verdict.prefix.addr.is_v4() { self.terms.widest4 } else { self.terms.widest6 };
        let most_s = self.terms.max_bantime_s;
        if verdict.prefix.len < widest {
            return Err(Refusal::TooWide);
        }
        if most_s != 0 && (verdict.duration_s == 0 || verdict.duration_s > most_s) {
            return Err(Refusal::TooLong);
        }
        Ok(())
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

fn addresses(terms: &Terms, prefix: &Prefix, [own, gateways]: [&[[u8; 16]]; 2]) -> Result<(), Refusal> {
    if terms.never_ban().iter().any(|never| never.meets(prefix)) {
        return Err(Refusal::NeverBan);
    }
    if SPECIAL.iter().any(|special| special.meets(prefix)) {
        return Err(Refusal::Special);
    }
    if own.iter().any(|addr| prefix.holds(&Addr(*addr))) {
        return Err(Refusal::OwnAddress);
    }
    if gateways.iter().any(|addr| prefix.holds(&Addr(*addr))) {
        return Err(Refusal::Gateway);
    }
    Ok(())
}

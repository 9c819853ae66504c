//! Internet addresses and prefixes.
//!
//! Runs in: every program. In: text from logs, configuration and operators, not trusted. Out: `Addr`, `Prefix`.
//! Never: looks a name up, accepts an address that is written in an ambiguous form (leading zeros, octal, scope).

/// An IPv4 or IPv6 address. IPv4 is held as `::ffff:a.b.c.d`, so an IPv4-mapped IPv6 address *is* that IPv4
/// address: the two spellings cannot be told apart after parsing, and never count as two offenders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Addr(pub [u8; 16]);

const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

impl Addr {
    /// The IPv4 address of these octets.
    pub const fn v4(o: [u8; 4]) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, o[0], o[1], o[2], o[3]])
    }

    /// Whether this is an IPv4 address.
    pub fn is_v4(&self) -> bool {
        self.0.starts_with(&MAPPED)
    }

    /// The four octets, if this is an IPv4 address.
    pub fn octets4(&self) -> Option<[u8; 4]> {
        self.0.strip_prefix(&MAPPED)?.try_into().ok()
    }

    /// Bits in an address of this family: 32 or 128.
    pub fn bits(&self) -> u8 {
        if self.is_v4() { 32 } else { 128 }
    }

    /// This address with all but its first `len` bits (counted in its own family) cleared.
    pub fn masked(&self, len: u8) -> Self {
        let bits = self.bits();
        if len >= bits {
            return *self;
        }
        let keep = u32::from(len) + if bits == 32 { 96 } else { 0 };
        let value = u128::from_be_bytes(self.0);
        let mask = match keep {
            0 => 0,
            n => u128::MAX.checked_shl(128u32.saturating_sub(n)).unwrap_or(0),
        };
        Self((value & mask).to_be_bytes())
    }

    /// Parses one whole address: dotted decimal, or RFC 4291 section 2.2 text without scope or brackets.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.contains(&b':') { parse_v6(text) } else { Some(Self::v4(parse_v4(text)?)) }
    }

    /// Writes the canonical text (RFC 5952 section 4) and returns the part of `out` that holds it.
    pub fn write<'a>(&self, out: &'a mut [u8; 40]) -> &'a [u8] {
        let mut w = super::bytes::Text::new(out);
        match self.octets4() {
            Some([a, b, c, d]) => {
                w.dec(a.into()).byte(b'.').dec(b.into()).byte(b'.');
                w.dec(c.into()).byte(b'.').dec(d.into());
            }
            None => write_v6(&self.groups(), &mut w),
        }
        w.finish()
    }

    fn groups(&self) -> [u16; 8] {
        let mut groups = [0u16; 8];
        for (group, pair) in groups.iter_mut().zip(self.0.as_chunks::<2>().0) {
            *group = u16::from_be_bytes(*pair);
        }
        groups
    }
}

/// A network: every address whose first `len` bits equal those of `addr`. The bits behind are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefix {
    /// The network's first address.
    pub addr: Addr,
    /// Length in bits, counted in the address's own family: at most 32 or 128.
    pub len: u8,
}

impl Prefix {
    /// The network of this length around `addr`; a length beyond the family's is the family's.
    pub fn around(addr: Addr, len: u8) -> Self {
        let len = len.min(addr.bits());
        Self { addr: addr.masked(len), len }
    }

    /// Whether `addr` lies in this network.
    pub fn holds(&self, addr: &Addr) -> bool {
        addr.is_v4() == self.addr.is_v4() && addr.masked(self.len) == self.addr
    }

    /// Whether the two networks share an address.
    pub fn meets(&self, other: &Self) -> bool {
        if self.len <= other.len { self.holds(&other.addr) } else { other.holds(&self.addr) }
    }

    /// Parses `ADDRESS` or `ADDRESS/LEN`. `None` also where bits behind the length are set, which is
    /// always somebody's mistake. A mapped IPv4 network's length counts in IPv4 bits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let Some(slash) = text.iter().position(|b| *b == b'/') else {
            let addr = Addr::parse(text)?;
            return Some(Self { addr, len: addr.bits() });
        };
        let (addr, len) = text.split_at_checked(slash)?;
        let addr = Addr::parse(addr)?;
        let len: u8 = super::bytes::decimal(len.get(1..)?)?.try_into().ok()?;
        let whole = Self::around(addr, len);
        (len <= addr.bits() && whole.addr == addr).then_some(whole)
    }
}

fn parse_v4(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0u8; 4];
    let mut parts = text.split(|b| *b == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.len() > 1 && part.first() == Some(&b'0') || part.len() > 3 {
            return None;
        }
        *octet = super::bytes::decimal(part)?.try_into().ok()?;
    }
    parts.next().is_none().then_some(octets)
}

/// One to four hexadecimal digits, and what stands behind them.
fn group(text: &[u8]) -> Option<(u16, &[u8])> {
    let (mut value, mut rest, mut left) = (0u16, text, 4u8);
    while let [b @ (b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F'), behind @ ..] = rest {
        left = left.checked_sub(1)?;
        let digit = if *b <= b'9' { b.wrapping_sub(b'0') } else { (b | 0x20).wrapping_sub(b'a' - 10) };
        value = value.wrapping_shl(4) | u16::from(digit);
        rest = behind;
    }
    (left < 4).then_some((value, rest))
}

/// The groups of an address, how many there are, and at which of them `::` stands.
fn groups_v6(text: &[u8]) -> Option<([u16; 8], usize, Option<usize>)> {
    let (mut groups, mut n, mut gap) = ([0u16; 8], 0usize, None);
    let mut rest = text;
    if let Some(behind) = text.strip_prefix(b"::") {
        (gap, rest) = (Some(0), behind);
    }
    while !rest.is_empty() || n == 0 && gap.is_none() {
        let (value, behind) = group(rest)?;
        if behind.starts_with(b".") {
            let [a, b, c, d] = parse_v4(rest)?;
            *groups.get_mut(n)? = u16::from_be_bytes([a, b]);
            *groups.get_mut(n + 1)? = u16::from_be_bytes([c, d]);
            return Some((groups, n + 2, gap));
        }
        *groups.get_mut(n)? = value;
        n += 1;
        rest = match behind {
            [] => behind,
            [b':', b':', behind @ ..] if gap.is_none() => {
                gap = Some(n);
                behind
            }
            [b':', behind @ ..] if !behind.is_empty() => behind,
            _ => return None,
        };
    }
    Some((groups, n, gap))
}

fn parse_v6(text: &[u8]) -> Option<Addr> {
    let (groups, n, gap) = groups_v6(text)?;
    // `::` stands for at least one group.
    if n != 8 && gap.is_none() || n > 7 && gap.is_some() {
        return None;
    }
    let (front, back) = groups.get(..n)?.split_at_checked(gap.unwrap_or(n))?;
    let mut bytes = [0u8; 16];
    let pairs = bytes.as_chunks_mut::<2>().0;
    pairs.iter_mut().zip(front).for_each(|(pair, group)| *pair = group.to_be_bytes());
    pairs.iter_mut().rev().zip(back.iter().rev()).for_each(|(pair, group)| *pair = group.to_be_bytes());
    Some(Addr(bytes))
}

/// The longest run of two or more zero groups, the first of equals (RFC 5952 section 4.2), as start and length.
fn zero_run(groups: &[u16; 8]) -> (usize, usize) {
    let mut best = (8, 1);
    let mut run = (0, 0);
    for (i, group) in groups.iter().enumerate() {
        run = match (group, run.1) {
            (0, 0) => (i, 1),
            (0, n) => (run.0, n + 1),
            _ => (0, 0),
        };
        if run.1 > best.1 {
            best = run;
        }
    }
    best
}

fn write_v6(groups: &[u16; 8], w: &mut super::bytes::Text<'_>) {
    let (start, run) = zero_run(groups);
    let end = start + run;
    for (i, group) in groups.iter().enumerate() {
        if i == start {
            w.bytes(b"::");
        }
        if i >= start && i < end {
            continue;
        }
        if i > 0 && i != end {
            w.byte(b':');
        }
        w.hex(u64::from(*group), 1);
    }
}

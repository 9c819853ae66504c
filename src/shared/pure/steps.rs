//! Patterns as data: what the filter compiler makes of a pattern, and its reading of a message. The generated
//! match code says the same in Rust; this runs the operator's own filters, and the compiler's examples.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: steps from the compiler, a message, any
//! bytes, hostile. Out: whether the pattern takes it, and whom it accuses. Never: goes back on a choice; steps
//! that no compiler writes take no message.

use super::addr::Addr;
use super::peer;
use super::scan;

/// One step: its byte, and what stands behind it in the code.
pub mod op {
    /// A length, bytes.
    pub const LIT: u8 = 1;
    /// A count; so many lengths and bytes.
    pub const ALT: u8 = 2;
    /// Nothing.
    pub const NUMBER: u8 = 3;
    /// Nothing.
    pub const HEX: u8 = 4;
    /// Nothing.
    pub const NAME: u8 = 5;
    /// Nothing.
    pub const BLANKS: u8 = 6;
    /// The byte at which it ends.
    pub const WORD: u8 = 7;
    /// Nothing.
    pub const QUOTED: u8 = 8;
    /// A length, the bytes that it never holds, how many bytes the literal beside it holds; `TO_END` of these
    /// where nothing stands beside it.
    pub const NOT: u8 = 9;
    /// Which form of address, and 1 where it is the accused.
    pub const ADDR: u8 = 10;
    /// Two bytes of length, steps.
    pub const OPT: u8 = 11;
    /// A length, the literal that opens the part; two bytes of length, the part's other steps.
    pub const ONCE: u8 = 12;
    /// As `ONCE`, without an address.
    pub const FIND: u8 = 13;
    /// Nothing: what follows is read from the end.
    pub const BACK: u8 = 14;
    /// Nothing: what is left may be anything. The last step, or none.
    pub const TEXT: u8 = 15;
    /// As `NOT`, within 255 bytes.
    pub const NEAR: u8 = 16;
}

/// In `NOT`: it goes to the end of what is left.
pub const TO_END: u8 = 255;

/// Deepest nesting of optional parts.
const DEPTH: u8 = 6;

/// What a reading tells beside its answer: text that an outsider chooses, and the bytes it never holds.
pub trait Free<'a> {
    /// This part of the message is free.
    fn free(&mut self, _text: &'a [u8], _never: &'a [u8]) {}
}

impl Free<'_> for () {}

/// Whom the message's part accuses, if these steps take all of it: `Some(None)` for steps without the accused.
pub fn take<'a>(code: &'a [u8], message: &'a [u8], free: &mut impl Free<'a>) -> Option<Option<Addr>> {
    let mut state = State { addr: None, back: false, text: false, inside: false };
    let rest = read(code, message, &mut state, free, DEPTH)?;
    if state.text {
        free.free(rest, &[]);
    }
    (state.text || rest.is_empty()).then_some(state.addr)
}

struct State {
    addr: Option<Addr>,
    back: bool,
    text: bool,
    /// In a part that is searched for: none is searched for within it.
    inside: bool,
}

/// Steps not yet taken.
struct Code<'a>(&'a [u8]);

impl<'a> Code<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.bytes(length.into())
    }

    fn steps(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_le_bytes([self.byte()?, self.byte()?]);
        self.bytes(length.into())
    }
}

fn read<'a>(
    code: &'a [u8],
    message: &'a [u8],
    state: &mut State,
    free: &mut impl Free<'a>,
    depth: u8,
) -> Option<&'a [u8]> {
    let (mut code, mut s) = (Code(code), message);
    let depth = depth.checked_sub(1)?;
    while let Some(step) = code.byte() {
        s = match step {
            op::LIT => lit(s, code.text()?, state.back)?,
            op::ALT => alt(s, &mut code, state.back)?,
            op::ADDR => {
                let (form, accused) = (code.byte()?, code.byte()?);
                let (addr, rest) = address(form, state.back, s)?;
                if accused == 1 {
                    state.addr = Some(addr);
                }
                rest
            }
            op::OPT => {
                let inner = code.steps()?;
                read(inner, s, state, free, depth).unwrap_or(s)
            }
            // Nor what has no bound: the part is tried at many places.
            op::NOT | op::BLANKS | op::WORD | op::QUOTED if state.inside => return None,
            op::ONCE | op::FIND if !state.inside => searched(step, s, &mut code, state, free)?,
            op::BACK => {
                state.back = true;
                s
            }
            op::TEXT => {
                state.text = true;
                s
            }
            _ => token(step, s, &mut code, state.back, free)?,
        };
    }
    Some(s)
}

fn lit<'a>(s: &'a [u8], text: &[u8], back: bool) -> Option<&'a [u8]> {
    if back { s.strip_suffix(text) } else { s.strip_prefix(text) }
}

fn alt<'a>(s: &'a [u8], code: &mut Code<'a>, back: bool) -> Option<&'a [u8]> {
    let mut taken = None;
    for _ in 0..code.byte()? {
        let text = code.text()?;
        taken = taken.or_else(|| lit(s, text, back));
    }
    taken
}

/// An address of this form.
fn address(form: u8, back: bool, s: &[u8]) -> Option<(Addr, &[u8])> {
    match (form, back) {
        (0, false) => peer::addr(s),
        (0, true) => peer::addr_back(s),
        (1, false) => peer::addr_port(s),
        (1, true) => peer::addr_port_back(s),
        (2, false) => peer::addr_may_port(s),
        (2, true) => peer::addr_may_port_back(s),
        (3, false) => peer::addr_dot_port(s),
        (3, true) => peer::addr_dot_port_back(s),
        (4, false) => peer::addr_port_bare(s),
        (4, true) => peer::addr_port_bare_back(s),
        _ => None,
    }
}

/// The part of `before` that `after`, its rest, left out.
fn taken<'a>(before: &'a [u8], after: &'a [u8], back: bool) -> &'a [u8] {
    let (whole, rest) = (before.len(), after.len());
    let part = if back { before.get(rest..) } else { before.get(..whole.saturating_sub(rest)) };
    part.unwrap_or(&[])
}

fn token<'a>(
    step: u8,
    s: &'a [u8],
    code: &mut Code<'a>,
    back: bool,
    free: &mut impl Free<'a>,
) -> Option<&'a [u8]> {
    let (rest, never): (_, Option<&[u8]>) = match (step, back) {
        (op::NUMBER, false) => (scan::number(s)?, None),
        (op::NUMBER, true) => (scan::number_back(s)?, None),
        (op::HEX, false) => (scan::hex(s)?, None),
        (op::HEX, true) => (scan::hex_back(s)?, None),
        (op::NAME, false) => (scan::name(s)?, None),
        (op::NAME, true) => (scan::name_back(s)?, None),
        (op::BLANKS, false) => (scan::blanks(s)?, None),
        (op::BLANKS, true) => (scan::blanks_back(s)?, None),
        (op::WORD, false) => (scan::word(s, code.byte()?)?, Some(&[])),
        (op::WORD, true) => (scan::word_back(s, code.byte()?)?, Some(&[])),
        (op::QUOTED, false) => (scan::quoted(s)?, Some(&[])),
        (op::NEAR, false) => {
            let (never, held) = (code.text()?, code.byte()?);
            (scan::near(s, never, held.into())?, Some(never))
        }
        (op::NOT, _) => {
            let (never, held) = (code.text()?, code.byte()?);
            let rest = match (held, back) {
                (TO_END, _) => scan::none(s, never)?,
                (held, false) => scan::not(s, never, held.into())?,
                (held, true) => scan::not_back(s, never, held.into())?,
            };
            (rest, Some(never))
        }
        _ => return None,
    };
    if let Some(never) = never {
        free.free(taken(s, rest, back), never);
    }
    Some(rest)
}

/// `ONCE` or `FIND`: what stands behind the part.
fn searched<'a>(
    step: u8,
    s: &'a [u8],
    code: &mut Code<'a>,
    state: &mut State,
    free: &mut impl Free<'a>,
) -> Option<&'a [u8]> {
    let (lead, steps) = (code.text()?, code.steps()?);
    let part = |s: &'a [u8]| {
        let mut state = State { addr: None, back: false, text: false, inside: true };
        let rest = read(steps, s, &mut state, &mut (), DEPTH)?;
        Some((state.addr, rest))
    };
    let ((addr, rest), next) = scan::find(s, lead, part)?;
    if step == op::ONCE {
        if scan::find(next, lead, part).is_some() {
            return None;
        }
        state.addr = addr;
    }
    let gap = s.len().checked_sub(next.len())?.checked_sub(1)?;
    free.free(s.get(..gap)?, &[]);
    Some(rest)
}

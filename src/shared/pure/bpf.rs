//! From a list of system calls to the seccomp program that allows them.
//!
//! Runs in: the launcher, and each program as it closes its cage. In: sorted call numbers from `cages`. Out: classic
//! BPF instructions as (code, jt, jf, k). Never: allows a number that is not listed.

/// One instruction, as `struct sock_filter` has it.
pub type Code = (u16, u8, u8, u32);

/// Room for a program: 8 instructions around at most 2 * 100 - 1 for the search.
pub const MOST: usize = 207;

const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_NOT_BELOW: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const OFFSET_NR: u32 = 0; // struct seccomp_data (linux/seccomp.h, 6.18)
const OFFSET_ARCH: u32 = 4;

/// SECCOMP_RET_ALLOW.
pub const ALLOW: u32 = 0x7fff_0000;
/// SECCOMP_RET_KILL_PROCESS.
pub const KILL: u32 = 0x8000_0000;
/// SECCOMP_RET_ERRNO with EPERM.
pub const REFUSE: u32 = 0x0005_0001;

/// What becomes of one call: its number and one of the constants above.
pub type Rule = (u32, u32);

/// Writes the program for `rules`, which ascend by number: architecture first, then the numbers of foreign call
/// tables, then a binary search; whatever is not listed ends the process. Returns the length, or `None` when the
/// rules do not ascend or do not fit.
pub fn program(arch: u32, first_foreign: u32, rules: &[Rule], out: &mut [Code; MOST]) -> Option<usize> {
    let mut at = Writer { out, len: 0 };
    let ascend = rules.windows(2).all(|w| matches!(w, [a, b] if a.0 < b.0));
    if rules.is_empty() || rules.len() > 100 || !ascend {
        return None;
    }
    let search = rules.len() * 2 - 1;
    let last = u8::try_from(search + 3).ok()?;
    at.put((LOAD_WORD, 0, 0, OFFSET_ARCH))?;
    at.put((JUMP_EQUAL, 1, 0, arch))?;
    at.put((RETURN, 0, 0, KILL))?;
    at.put((LOAD_WORD, 0, 0, OFFSET_NR))?;
    // From here to the closing KILL lie `search` instructions, ALLOW and REFUSE.
    at.put((JUMP_NOT_BELOW, last - 1, 0, first_foreign))?;
    let end = at.len + search;
    at.search(rules, end, 8)?;
    at.put((RETURN, 0, 0, ALLOW))?;
    at.put((RETURN, 0, 0, REFUSE))?;
    at.put((RETURN, 0, 0, KILL))?;
    Some(at.len)
}

struct Writer<'a> {
    out: &'a mut [Code; MOST],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, code: Code) -> Option<()> {
        *self.out.get_mut(self.len)? = code;
        self.len += 1;
        Some(())
    }

    /// The search among `rules`. At `end` stand ALLOW, REFUSE and KILL, in this order. `depth` bounds the recursion:
    /// 100 rules need 7.
    fn search(&mut self, rules: &[Rule], end: usize, depth: u32) -> Option<()> {
        let deeper = depth.checked_sub(1)?;
        let to = |place: usize| u8::try_from(place.checked_sub(self.len)?.checked_sub(1)?).ok();
        if let [(number, action)] = rules {
            let then = to(end.checked_add((*action != ALLOW).into())?)?;
            let other = to(end.checked_add(2)?)?;
            return self.put((JUMP_EQUAL, then, other, *number));
        }
        let (low, high) = rules.split_at_checked(rules.len() / 2)?;
        let skip = u8::try_from(low.len().checked_mul(2)?.checked_sub(1)?).ok()?;
        self.put((JUMP_NOT_BELOW, skip, 0, high.first()?.0))?;
        self.search(low, end, deeper)?;
        self.search(high, end, deeper)
    }
}

//! What became of one run.
//!
//! Runs in: bailiff-cage. In: nothing; supervise.rs fills it. Out: `Outcome`, for the record, the verdict and what is said.
use alloc::string::String;
use alloc::vec::Vec;

use crate::policy::Bytes;

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The program left with this code.
    Exit(u8),
    /// This signal ended it.
    Signal(u8),
    /// The cage was not closed: in which step, and the kernel's word. The program never ran.
    Open { step: String, errno: u16 },
    /// The wall-clock limit was reached.
    Wall,
    /// The launcher was told to end (this signal).
    Told(u8),
}

/// Why a call or an access was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// The list of system calls does not have it, or not with these arguments.
    Call,
    /// The path is there outside the cage, but not inside.
    Undeclared,
    /// The path is there inside, but may not be written.
    ReadOnly,
}

/// A refused access: each different one once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Denial {
    pub(crate) why: Why,
    /// The kernel's name of the call; `call_NUMBER` where there is none.
    pub(crate) call: String,
    pub(crate) number: u32,
    pub(crate) args: [u64; 6],
    /// The path it speaks of, if any; or what a socket would have been, in words.
    pub(crate) path: Option<Bytes>,
    /// The process inside the cage, as the launcher sees it, and its program's path.
    pub(crate) pid: u32,
    pub(crate) program: Bytes,
    /// The rule that refused it, in the words of the policy.
    pub(crate) rule: String,
    /// The line of policy that would allow it; empty: none would.
    pub(crate) allow: String,
    /// How often.
    pub(crate) count: u64,
}

/// A file that was opened or executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Access {
    /// Path inside the cage.
    pub(crate) path: Bytes,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

/// What it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) wall_us: u64,
    pub(crate) user_us: u64,
    pub(crate) system_us: u64,
    pub(crate) peak_kib: u64,
}

/// A layer as the child itself saw it in force, just before exec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Layer {
    pub(crate) name: String,
    /// Such as `1`, `filter, 213 instructions`, `abi 7`, `missing`.
    pub(crate) state: String,
}

/// What became of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) layers: Vec<Layer>,
    pub(crate) denials: Vec<Denial>,
    /// With `Watch::Files`, each path once, sorted.
    pub(crate) accesses: Vec<Access>,
    pub(crate) usage: Usage,
    /// Nanoseconds since 1970.
    pub(crate) started_ns: u64,
    pub(crate) ended_ns: u64,
    /// BLAKE2b-256 of the very descriptor that was executed, and its size.
    pub(crate) program_hash: [u8; 32],
    pub(crate) program_size: u64,
    /// Layers that this kernel lacks and that the policy lets go.
    pub(crate) missing: Vec<String>,
    /// A process of the cage was ended because it reached a limit: which.
    pub(crate) limit: Option<&'static str>,
    /// Programs that went on when the program itself had ended, and that were ended with the cage.
    pub(crate) left: Vec<Bytes>,
}

impl Outcome {
    /// Of a run that began at this time; nothing is known of it yet.
    pub(crate) fn new(started_ns: u64) -> Self {
        Self {
            end: End::Signal(9),
            layers: Vec::new(),
            denials: Vec::new(),
            accesses: Vec::new(),
            usage: Usage::default(),
            started_ns,
            ended_ns: started_ns,
            program_hash: [0; 32],
            program_size: 0,
            missing: Vec::new(),
            limit: None,
            left: Vec::new(),
        }
    }

    /// Which limit ended it, as its end and what it used say; `cpu_s` is the limit of processor time.
    pub(crate) fn limit_reached(&self, cpu_s: Option<u64>) -> Option<&'static str> {
        const SIGKILL: u8 = 9;
        const SIGXCPU: u8 = 24;
        const SIGXFSZ: u8 = 25;
        let seconds = self.usage.user_us.saturating_add(self.usage.system_us) / 1_000_000;
        match self.end {
            End::Wall => Some("wall"),
            End::Signal(SIGXCPU) => Some("cpu"),
            End::Signal(SIGXFSZ) => Some("file_size"),
            // A program may pass over SIGXCPU.
            End::Signal(SIGKILL) if cpu_s.is_some_and(|most| seconds >= most) => Some("cpu"),
            _ => None,
        }
    }
}

/// Exit codes of the tool itself, out of the way of those that programs use.
pub(crate) mod code {
    /// The command line or the policy is wrong.
    pub(crate) const USAGE: u8 = 120;
    /// A layer of the cage could not be closed; the program did not run.
    pub(crate) const SETUP: u8 = 121;
    /// A denied access, or the verdict is REJECT.
    pub(crate) const REJECT: u8 = 122;
    /// The wall-clock limit was reached.
    pub(crate) const WALL: u8 = 123;
    /// Two runs of a step differ.
    pub(crate) const DIFFER: u8 = 124;
    /// It ran, and could not be recorded.
    pub(crate) const UNRECORDED: u8 = 125;
}

//! What one run may do, every default filled in.
//!
//! Runs in: bailiff-cage, with the operator's own rights. In: nothing; flags.rs and file.rs fill it from the command line
//! and from a policy file. Out: `Policy`. Never: asks the kernel for anything.
use alloc::string::String;
use alloc::vec::Vec;

/// A text as the kernel takes it: any bytes but zero.
pub(crate) type Bytes = Vec<u8>;

/// What is put into the cage's root at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A file or directory of the host: with writing, with executing.
    Bind { source: Bytes, write: bool, execute: bool },
    /// An own directory in memory, of at most so many bytes.
    Tmpfs { size: u64, execute: bool },
    /// A symbolic link to this text.
    Link { to: Bytes },
}

/// One place of the cage's root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Absolute path inside the cage.
    pub(crate) path: Bytes,
    pub(crate) kind: Kind,
}

/// Which network there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Net {
    /// A namespace of its own without any interface up, and no socket but of the family unix.
    None,
    /// A namespace of its own with `lo` up; sockets of unix, inet and inet6.
    Loopback,
    /// The host's. Needs a reason.
    Host,
}

impl Net {
    /// As a policy writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Loopback => "loopback",
            Self::Host => "host",
        }
    }
}

/// Which system calls are allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Calls {
    /// What a statically or dynamically linked program needs to start, compute, read and write: no process, no socket.
    Static,
    /// What builds and tools need: processes, threads, files; not what reaches into the kernel or other processes.
    Default,
    /// These, by the kernel's names.
    Listed(Vec<String>),
}

/// What is done with a call that is refused, and with files that are not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Watch {
    /// Refused calls are answered EPERM and reported; files are not looked at.
    Calls,
    /// Also every path that is opened or asked for is noted: what was read, what was missed.
    Files,
}

/// Limits; `None` is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Wall-clock time in milliseconds; then TERM, and KILL after a second.
    pub(crate) wall_ms: Option<u64>,
    /// Processor time in seconds (RLIMIT_CPU).
    pub(crate) cpu_s: Option<u64>,
    /// Address space in bytes (RLIMIT_AS), of each process.
    pub(crate) memory: Option<u64>,
    /// Bytes of a file (RLIMIT_FSIZE).
    pub(crate) file_size: Option<u64>,
    /// Processes and threads (RLIMIT_NPROC, of a user id that no other cage has).
    pub(crate) processes: Option<u64>,
    /// Descriptors (RLIMIT_NOFILE).
    pub(crate) descriptors: u64,
}

/// The whole of it.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The table's name; empty: from flags alone.
    pub(crate) name: String,
    /// The program, as a path inside the cage, and its arguments.
    pub(crate) command: Vec<Bytes>,
    /// Working directory inside the cage.
    pub(crate) cwd: Bytes,
    /// A directory of the host that is the root, read-only; `None`: an empty one with `places` in it.
    pub(crate) root: Option<Bytes>,
    /// In the order in which they are mounted.
    pub(crate) places: Vec<Place>,
    /// `NAME=VALUE` each.
    pub(crate) env: Vec<Bytes>,
    pub(crate) net: Net,
    /// `none` may use this network namespace, an open path such as /run/bailiff/empty.net, instead of one of its own.
    pub(crate) net_path: Option<Bytes>,
    pub(crate) calls: Calls,
    pub(crate) limits: Limits,
    /// BLAKE2b-256 that the program's file must have.
    pub(crate) expect_hash: Option<[u8; 32]>,
    /// User and group that the program is, when the launcher is root; `None`: an id that nobody else has.
    pub(crate) user: Option<(u32, u32)>,
    /// No mapping that was writable may become executable (PR_SET_MDWE).
    pub(crate) no_write_exec: bool,
    /// A layer that the kernel lacks: go on and say so (`true`), or do not start.
    pub(crate) warn_missing: bool,
    /// Landlock's version that the policy was written for; `None`: this kernel's, at most 7.
    pub(crate) landlock: Option<u32>,
    /// Size of the root's own tmpfs and of /tmp, in bytes.
    pub(crate) tmp_size: u64,
    /// Whether there is a /proc of its own.
    pub(crate) proc: bool,
    /// Whether there is a minimal /dev.
    pub(crate) dev: bool,
    pub(crate) watch: Watch,
    /// A denied access makes the verdict REJECT even if the program ignored it.
    pub(crate) strict: bool,
    /// Of a build script of cargo's: directives that it may print beyond those that reach nothing but its own cage.
    pub(crate) directives: Vec<Bytes>,
    /// What was widened, and why.
    pub(crate) reasons: Vec<(String, String)>,
    /// A path inside the cage and the directory of the host that it mirrors (a step's project): what is missed below the one is
    /// looked for below the other, to tell what was undeclared.
    pub(crate) twin: Option<(Bytes, Bytes)>,
    /// A directory of the host whose files come and go (cargo's, while other compilers run): a place for one that is gone by
    /// the time the cage is made is left out.
    pub(crate) passing: Option<Bytes>,
    /// The caller's own home: a step that looks in its empty HOME for what is there is told of.
    pub(crate) home: Option<Bytes>,
    /// The host name inside.
    pub(crate) host: Bytes,
    /// Seconds by which the clocks since boot are ahead inside (time namespace); 0: none.
    pub(crate) clock_ahead_s: u64,
    /// Refused calls are noted and let through: for `learn` alone, whose cage is broad.
    pub(crate) learn: bool,
    /// Descriptors of the launcher, by number, that the program keeps under the same number (make's jobserver).
    pub(crate) keep: Vec<u32>,
    /// File to which the record is appended; `None`: no record.
    pub(crate) record: Option<Bytes>,
    /// Put the kernel's append-only flag on a record file that this run makes.
    pub(crate) append_only: bool,
    /// Say nothing but errors.
    pub(crate) quiet: bool,
    /// Descriptor of the launcher to which one line of JSON says how the run ended.
    pub(crate) status_fd: Option<u8>,
    /// BLAKE2b-256 of the policy's canonical text (file.rs), for the record.
    pub(crate) hash: [u8; 32],
}

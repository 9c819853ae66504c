//! The rules on arguments, call by call.
//!
//! Runs in: bailiff-cage. In: nothing. Out: data for checks.rs. Numbers are those of linux/*.h and asm-generic/*.h, 6.18:
//! the same on both architectures.
use super::checks::{Answer, Check, Clause, Test};

const fn is(arg: u8, values: &'static [u64]) -> Test {
    Test { arg, mask: 0xffff_ffff, values, is: true }
}

const fn bits(arg: u8, mask: u64, values: &'static [u64]) -> Test {
    Test { arg, mask, values, is: true }
}

/// Any of these bits is set.
const fn any(arg: u8, mask: u64) -> Test {
    Test { arg, mask, values: &[0], is: false }
}

const fn never(rule: &'static str) -> Answer {
    Answer::Refuse { rule, allow: "" }
}

/// The rule on them.
pub(crate) const S_ID_RULE: &str = "no set-user-ID or set-group-ID bit";
const SET_ID: Answer = never(S_ID_RULE);
pub(crate) const S_ID: u64 = 0o6000;
/// Flags with which open makes a file, and only then looks at its mode: O_CREAT, __O_TMPFILE.
const MAKES: u64 = 0o20_000_100;

/// Namespaces in the flags of clone (its low 32 bits): NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
pub(crate) const NAMESPACES: u64 = 0x7e02_0000;
/// The rule on them.
pub(crate) const NAMESPACE: &str = "no new namespaces";
/// The rule on extended attributes but those of the user and access lists.
pub(crate) const ATTRIBUTE: &str = "no extended attribute that means something to the kernel";

pub(super) static CLONE: Check = Check {
    clauses: &[Clause { when: &[any(0, NAMESPACES)], answer: never(NAMESPACE) }],
    otherwise: Answer::Allow,
};
/// The mode stands in this argument.
macro_rules! mode {
    ($name:ident, $arg:literal) => {
        pub(super) static $name: Check = Check {
            clauses: &[Clause { when: &[any($arg, S_ID)], answer: SET_ID }],
            otherwise: Answer::Allow,
        };
    };
}
mode!(MODE_1, 1);
mode!(MODE_2, 2);

/// Flags stand in this argument, the mode in the next.
macro_rules! open {
    ($name:ident, $arg:literal) => {
        pub(super) static $name: Check = Check {
            clauses: &[Clause { when: &[any($arg, MAKES), any($arg + 1, S_ID)], answer: SET_ID }],
            otherwise: Answer::Allow,
        };
    };
}
open!(OPEN_1, 1);
open!(OPEN_2, 2);

/// The mode stands in this argument: no set-id bit (S_ISUID, S_ISGID), no device (S_IFCHR, S_IFBLK).
macro_rules! node {
    ($name:ident, $arg:literal) => {
        pub(super) static $name: Check = Check {
            clauses: &[
                Clause { when: &[any($arg, S_ID)], answer: SET_ID },
                Clause {
                    when: &[bits($arg, 0o170_000, &[0o20_000, 0o60_000])],
                    answer: never("no device files"),
                },
            ],
            otherwise: Answer::Allow,
        };
    };
}
node!(NODE_1, 1);
node!(NODE_2, 2);

pub(super) static EXECVEAT: Check = Check {
    clauses: &[Clause {
        when: &[any(4, 0x1000)], // AT_EMPTY_PATH
        answer: never("programs are executed by path: not a descriptor alone"),
    }],
    otherwise: Answer::Allow,
};
/// 0 (PER_LINUX), and 0xffffffff, which only asks.
pub(super) static PERSONALITY: Check = Check {
    clauses: &[Clause { when: &[is(0, &[0, 0xffff_ffff])], answer: Answer::Allow }],
    otherwise: never("the personality stays: randomised addresses, data that is not code"),
};
/// The effective id alone: back to the own one, for the kernel knows no other here (posix_spawn does that in make).
pub(super) static SETRES: Check = Check {
    clauses: &[Clause { when: &[is(0, &[0xffff_ffff]), is(2, &[0xffff_ffff])], answer: Answer::Allow }],
    otherwise: never("the user and group ids stay"),
};
/// The own process, or no new limit: a pointer, so 64 bits.
pub(super) static PRLIMIT: Check = Check {
    clauses: &[
        Clause { when: &[is(0, &[0])], answer: Answer::Allow },
        Clause { when: &[bits(2, u64::MAX, &[0])], answer: Answer::Allow },
    ],
    otherwise: never("limits of the own process only"),
};
pub(super) static SOCKETPAIR: Check = Check {
    clauses: &[Clause { when: &[is(0, &[1])], answer: Answer::Allow }], // AF_UNIX
    otherwise: never("socket pairs of the family unix only"),
};
pub(super) static PRCTL: Check = Check {
    clauses: &[
        Clause {
            when: &[is(0, &[1]), bits(1, u64::MAX, &[0])], // PR_SET_PDEATHSIG
            answer: never("the signal at the parent's death stays"),
        },
        Clause { when: &[is(0, OPTIONS)], answer: Answer::Allow },
    ],
    otherwise: never("no option of prctl that weakens the cage or is not known to be needed"),
};
/// What may be asked and set of the own process (linux/prctl.h, 6.18).
const OPTIONS: &[u64] = &[
    1,           // PR_SET_PDEATHSIG, but not to none
    2,           // PR_GET_PDEATHSIG
    3,           // PR_GET_DUMPABLE
    7,           // PR_GET_KEEPCAPS
    15,          // PR_SET_NAME
    16,          // PR_GET_NAME
    21,          // PR_GET_SECCOMP
    23,          // PR_CAPBSET_READ
    27,          // PR_GET_SECUREBITS
    29,          // PR_SET_TIMERSLACK
    30,          // PR_GET_TIMERSLACK
    36,          // PR_SET_CHILD_SUBREAPER
    37,          // PR_GET_CHILD_SUBREAPER
    38,          // PR_SET_NO_NEW_PRIVS
    39,          // PR_GET_NO_NEW_PRIVS
    40,          // PR_GET_TID_ADDRESS
    41,          // PR_SET_THP_DISABLE
    42,          // PR_GET_THP_DISABLE
    50,          // PR_SVE_SET_VL
    51,          // PR_SVE_GET_VL
    52,          // PR_GET_SPECULATION_CTRL
    54,          // PR_PAC_RESET_KEYS
    55,          // PR_SET_TAGGED_ADDR_CTRL
    56,          // PR_GET_TAGGED_ADDR_CTRL
    63,          // PR_SME_SET_VL
    64,          // PR_SME_GET_VL
    65,          // PR_SET_MDWE
    66,          // PR_GET_MDWE
    0x4155_5856, // PR_GET_AUXV
    0x5356_4d41, // PR_SET_VMA
];

pub(super) static IOCTL: Check = Check {
    clauses: &[Clause {
        when: &[is(1, &[0x540e, 0x5412, 0x541c, 0x541d, 0x5423])],
        answer: never("no TIOCSCTTY, TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD: the terminal is not the cage's"),
    }],
    otherwise: Answer::Allow,
};
/// TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS2.
pub(super) static IOCTL_STATIC: Check = Check {
    clauses: &[Clause {
        when: &[is(1, &[0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x802c_542a])],
        answer: Answer::Allow,
    }],
    otherwise: Answer::Refuse {
        rule: "calls = \"static\": of ioctl what stdio asks",
        allow: "calls = \"default\"",
    },
};

const FAMILY: &str = "net = \"none\": sockets of the family unix only";
const RAW: &str = "no raw sockets, and no protocols but TCP and UDP";
const OTHER: &str = "sockets of the families unix, inet and inet6 only";
/// AF_UNIX, whatever its type: it has no raw packets.
const UNIX: Clause = Clause { when: &[is(0, &[1])], answer: Answer::Allow };
pub(super) static SOCKET: Check = Check {
    clauses: &[
        UNIX,
        Clause {
            when: &[is(0, &[2, 10])], // AF_INET, AF_INET6
            answer: Answer::Refuse { rule: FAMILY, allow: "net = \"loopback\"" },
        },
    ],
    otherwise: never(FAMILY),
};
/// Of the type the low 4 bits (SOCK_TYPE_MASK): SOCK_STREAM, SOCK_DGRAM; IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP.
pub(super) static SOCKET_INET: Check = Check {
    clauses: &[
        UNIX,
        Clause { when: &[is(0, &[2, 10]), bits(1, 0xf, &[1, 2]), is(2, &[0, 6, 17])], answer: Answer::Allow },
        Clause { when: &[is(0, &[2, 10])], answer: never(RAW) },
    ],
    otherwise: never(OTHER),
};

const WRITE_EXEC: Answer = Answer::Refuse {
    rule: "no_write_exec = true: no memory is both written and executed",
    allow: "no_write_exec = false",
};
/// PROT_WRITE and PROT_EXEC; above the low half the kernel knows no protection.
pub(super) static MAP: Check =
    Check { clauses: &[Clause { when: &[bits(2, 6, &[6])], answer: WRITE_EXEC }], otherwise: Answer::Allow };
/// PROT_EXEC at all, for the memory may have been written before; with PROT_BTI, which the loader puts on code that is
/// executable already, only where it is written too: there PR_SET_MDWE decides.
macro_rules! protect {
    ($name:ident, $answer:ident) => {
        pub(super) static $name: Check = Check {
            clauses: &[
                Clause { when: &[bits(2, 6, &[6])], answer: $answer },
                Clause { when: &[bits(2, 0x14, &[4])], answer: $answer },
            ],
            otherwise: Answer::Allow,
        };
    };
}
protect!(PROTECT, WRITE_EXEC);
protect!(PROTECT_STATIC, STATIC_MEMORY);

const STATIC_MEMORY: Answer = Answer::Refuse {
    rule: "calls = \"static\": no memory that is executed and was written, or is shared and written",
    allow: "calls = \"default\"",
};
/// Of the flags MAP_ANONYMOUS, and of MAP_TYPE MAP_SHARED and MAP_SHARED_VALIDATE. What the loader maps is a file, private.
pub(super) static MAP_STATIC: Check = Check {
    clauses: &[
        Clause { when: &[bits(2, 6, &[6])], answer: STATIC_MEMORY },
        Clause { when: &[any(2, 4), any(3, 0x20)], answer: STATIC_MEMORY },
        Clause { when: &[bits(3, 0xf, &[1, 3]), any(2, 2)], answer: STATIC_MEMORY },
        Clause { when: &[bits(3, 0xf, &[1, 3]), any(3, 0x20)], answer: STATIC_MEMORY },
    ],
    otherwise: Answer::Allow,
};
/// SHM_EXEC.
pub(super) static ATTACH: Check =
    Check { clauses: &[Clause { when: &[any(2, 0o100_000)], answer: WRITE_EXEC }], otherwise: Answer::Allow };

//! The kernel's calls, with safe signatures: mechanism, no policy. The only unsafe code of the project.
//!
//! Rules of this layer: one unsafe operation per block; `SAFETY` names the kernel's contract (the man page, section 2)
//! and Rust's (validity, aliasing, lifetime); no pointer and no bare descriptor number leaves it; names of calls,
//! constants and structs are the kernel's. `rt` (entry, memcpy, panic handler) is not part of the library: each
//! program's root file includes it.
pub mod aio;
pub mod arch;
pub mod cage;
pub mod clock;
pub mod confine;
pub mod errno;
pub mod fd;
pub mod files;
pub mod heap;
pub mod identity;
pub mod io;
pub mod mount;
pub mod process;
pub mod slots;
pub mod sockets;

//! Closing the outer cage: what the launcher of bailiff's own programs and `bailiff-cage` both do, by the same code.
//!
//! Runs in: bailiff-launcher, with root's rights for milliseconds; the child of bailiff-cage. In: what was decided before;
//! no text. Out: a layer closed and read back, or why not. Never: opens a file by a name it was not given.
pub mod identity;
pub mod landlock;

use crate::shims::errno::Errno;

/// A step that failed, and the kernel's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failed(pub &'static str, pub Errno);

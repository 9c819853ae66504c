//! What two or more of bailiff's programs share.
//!
//! `shims` is the only place with unsafe code: the kernel's calls with safe signatures. `shared` forbids it.
//! Layers, each importing only what stands left of it: `shims` and `shared::pure`, then `shared::cages`,
//! then `shared::base`, then one program's files.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "the kernel's calls; every block names its contract")]
#[path = "../shims/mod.rs"]
pub mod shims;

#[forbid(unsafe_code)]
pub mod shared;

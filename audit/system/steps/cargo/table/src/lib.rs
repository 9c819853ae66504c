//! A table that the build script makes.
include!(concat!(env!("OUT_DIR"), "/primes.rs"));
/// A file that is compiled in.
pub const NOTE: &str = include_str!("note.txt");

//! Functions of their arguments alone: no system call, no clock, no state.
pub mod addr;
pub mod bpf;
pub mod bytes;
pub mod filter;
pub mod hash;
pub mod header;
pub mod scan;
pub mod settings;
pub mod toml;
pub mod wire;

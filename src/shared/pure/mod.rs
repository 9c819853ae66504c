//! Functions of their arguments alone: no system call, no clock, no state.
pub mod addr;
pub mod bpf;
pub mod bytes;
pub mod settings;
pub mod toml;
pub mod wire;

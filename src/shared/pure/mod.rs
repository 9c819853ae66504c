//! Functions of their arguments alone: no system call, no clock, no state.
pub mod addr;
pub mod bpf;
pub mod bytes;
pub mod engine;
pub mod field;
pub mod filter;
pub mod form;
pub mod hash;
pub mod header;
pub mod peer;
pub mod program;
pub mod scan;
pub mod settings;
pub mod stamp;
pub mod steps;
pub mod toml;
pub mod wire;

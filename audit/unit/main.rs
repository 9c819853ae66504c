//! Unit tests: tables of expected results for the pure functions. System tests are in audit/system.
mod addr;
mod client;
mod corpus;
mod crooked;
mod enforcer;
mod filters;
mod framing;
mod hash;
mod own;
mod primitives;
mod settings;
mod sshd;
mod terms;
mod toml;
mod tracker;
mod watcher;

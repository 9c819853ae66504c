//! Unit tests: tables of expected results for the pure functions. System tests are in audit/system.
mod addr;
mod client;
mod enforcer;
mod hash;
mod settings;
mod terms;
mod toml;
mod crooked;
mod filters;
mod sshd;
mod tracker;
mod watcher;

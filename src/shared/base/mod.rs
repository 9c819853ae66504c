//! What every daemon process does the same way: close its cage, receive, send, wait, log.
pub mod channel;
pub mod enter;
pub mod log;
pub mod notify;
pub mod turn;

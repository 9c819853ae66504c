//! What more than one program does the same way: close its cage, receive, send, wait, log, cut lines.
pub mod cage;
pub mod channel;
pub mod enter;
pub mod lines;
pub mod log;
pub mod notify;
pub mod turn;

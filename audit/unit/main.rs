//! Unit tests: tables of expected results for the pure functions. System tests are in audit/system.
mod addr;

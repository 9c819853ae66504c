//! The records that cross between processes, one file each: fixed sizes, the first byte says the kind.
pub mod attempt;
pub mod batch;
pub mod control;
pub mod cursor;
pub mod piece;
pub mod rows;
pub mod source;
pub mod terms;
pub mod verdict;

//! Safe code that two or more programs share, in layers.
pub mod base;
pub mod cages;
pub mod pure;

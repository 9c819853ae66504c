//! Calls that only bailiff-cage, the tool, makes: mounts, processes of a cage, seccomp notifications, outputs of steps.
pub mod disk;
pub mod notify;
pub mod record;
pub mod spawn;
pub mod tree;

//! bailiff-cage, the tool: what it makes of words and files, and what it writes.
mod calls;
mod file;
mod record;
mod steps;
mod verdict;
mod words;

use crate::outcome::{End, Outcome, Usage};
use crate::policy::{Limits, Policy, Watch};
use crate::words::draft::BARE;

/// A policy for a command, that allows nothing.
fn policy() -> Policy {
    Policy {
        name: "test".into(),
        command: vec![b"/bin/true".to_vec()],
        cwd: b"/".to_vec(),
        limits: Limits { descriptors: 256, ..BARE.limits },
        watch: Watch::Files,
        ..BARE
    }
}

/// A run of which nothing is to be said.
fn outcome() -> Outcome {
    Outcome {
        end: End::Exit(0),
        layers: Vec::new(),
        denials: Vec::new(),
        accesses: Vec::new(),
        usage: Usage::default(),
        started_ns: 1_795_298_999_000_000_007,
        ended_ns: 1_795_299_000_123_456_789,
        program_hash: [0; 32],
        program_size: 1,
        missing: Vec::new(),
        limit: None,
        left: Vec::new(),
    }
}

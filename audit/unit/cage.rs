//! bailiff-cage, the tool: what it makes of words and files, and what it writes.
mod calls;
mod file;
mod record;
mod steps;
mod verdict;
mod words;

use crate::outcome::{End, Outcome, Usage};
use crate::policy::{Calls, Limits, Net, Policy, Watch};

/// A policy that allows nothing.
fn policy() -> Policy {
    Policy {
        name: "test".into(),
        command: vec![b"/bin/true".to_vec()],
        cwd: b"/".to_vec(),
        root: None,
        places: Vec::new(),
        env: Vec::new(),
        net: Net::None,
        net_path: None,
        calls: Calls::Default,
        limits: Limits {
            wall_ms: None,
            cpu_s: None,
            memory: None,
            file_size: None,
            processes: None,
            descriptors: 256,
        },
        expect_hash: None,
        user: None,
        no_write_exec: false,
        warn_missing: false,
        landlock: None,
        tmp_size: 0,
        proc: true,
        dev: true,
        watch: Watch::Files,
        strict: false,
        reasons: Vec::new(),
        twin: None,
        passing: None,
        home: None,
        host: Vec::new(),
        clock_ahead_s: 0,
        learn: false,
        quiet: false,
        status_fd: None,
        keep: Vec::new(),
        record: None,
        append_only: false,
        hash: [0; 32],
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

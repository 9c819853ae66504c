//! Unit tests: tables of expected results for the pure functions. System tests are in audit/system.
extern crate alloc;

mod addr;
mod blake;
mod cage;
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

/// The files of bailiff-cage that are tested, as its main.rs names them: they name one another as `crate::...`.
#[allow(dead_code, reason = "the tests use only a part of what the tool does")]
#[allow(redundant_imports, reason = "without std, String and Vec have to be imported")]
#[path = "../../src/cage"]
mod tool {
    pub(crate) mod calls;
    pub(crate) mod cargo;
    pub(crate) mod conclude;
    pub(crate) mod denial;
    pub(crate) mod doctor;
    pub(crate) mod executed;
    pub(crate) mod explain;
    pub(crate) mod file;
    pub(crate) mod filter;
    pub(crate) mod group;
    pub(crate) mod inside;
    pub(crate) mod json;
    pub(crate) mod learn;
    pub(crate) mod left;
    pub(crate) mod listen;
    pub(crate) mod namespaces;
    pub(crate) mod outcome;
    pub(crate) mod policy;
    pub(crate) mod record;
    pub(crate) mod root;
    pub(crate) mod stage;
    pub(crate) mod step;
    pub(crate) mod supervise;
    pub(crate) mod target;
    pub(crate) mod text;
    pub(crate) mod tools;
    pub(crate) mod twice;
    pub(crate) mod verdict;
    pub(crate) mod who;
    pub(crate) mod words;
}
#[allow(unused_imports, reason = "some are named by no other")]
use tool::{
    calls, cargo, conclude, denial, doctor, executed, explain, file, filter, group, inside, json, learn,
    left, listen, namespaces, outcome, policy, record, root, stage, step, supervise, target, text, tools,
    twice, verdict, who, words,
};

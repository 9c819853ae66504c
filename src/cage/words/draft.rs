//! A policy while it is being made: a table's keys go in, then the flags; then it is judged and completed.
//!
//! Runs in: bailiff-cage. In: values that keys.rs has taken. Out: a `Policy` with every default, its hash, and a reason
//! for all that is wider than what anybody gets. Never: widens without a reason; changes anything.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shared::pure::blake::Blake;

use crate::calls::Set;
use crate::policy::{Bytes, Calls, Kind, Limits, Net, Place, Policy, Watch};
use crate::step::Step;
use crate::step::paths::is_below;
use crate::text::{said, shown};

use super::host;
use super::keys::{CAGE, FLAG, Form, KEYS, Key, STEP, UNHASHED};

/// What asks for the policy: a plain run, a build step, or `learn`, whose cage is the whole host, read-only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum For {
    Run,
    Step,
    Learn,
}

/// A policy that is being made.
pub(crate) struct Draft {
    pub(crate) policy: Policy,
    pub(crate) step: Step,
    pub(crate) whom: For,
    /// The directory that relative paths begin at: without links, or empty where it is not known.
    pub(crate) base: Bytes,
    /// Directories in which a plain run may write without a reason.
    pub(crate) homes: Vec<Bytes>,
    pub(crate) calls: Vec<String>,
    pub(crate) cwd: Option<Bytes>,
    pub(crate) system: Option<bool>,
    pub(crate) jobserver: bool,
    pub(crate) reason: Option<String>,
    /// Files whose requests are to be read.
    pub(crate) asking: Vec<Bytes>,
    /// What was said, as it was said: for the hash.
    given: Vec<(&'static str, Bytes)>,
}

const NO_LIMIT: Limits =
    Limits { wall_ms: None, cpu_s: None, memory: None, file_size: None, processes: None, descriptors: 0 };

/// A policy that allows nothing.
pub(crate) const BARE: Policy = Policy {
    name: String::new(),
    command: Vec::new(),
    cwd: Vec::new(),
    root: None,
    places: Vec::new(),
    env: Vec::new(),
    net: Net::None,
    net_path: None,
    calls: Calls::Default,
    limits: NO_LIMIT,
    expect_hash: None,
    user: None,
    no_write_exec: false,
    warn_missing: false,
    landlock: None,
    tmp_size: 0,
    proc: true,
    dev: true,
    watch: Watch::Calls,
    strict: false,
    directives: Vec::new(),
    reasons: Vec::new(),
    twin: None,
    passing: None,
    home: None,
    host: Vec::new(),
    clock_ahead_s: 0,
    learn: false,
    keep: Vec::new(),
    record: None,
    append_only: false,
    quiet: false,
    status_fd: None,
    hash: [0; 32],
};

impl Draft {
    /// With every default.
    pub(crate) fn new(whom: For, base: Bytes) -> Self {
        let policy = Policy { host: b"cage".to_vec(), ..BARE };
        let mut draft = Self {
            policy,
            step: Step { base: base.clone(), ..Step::default() },
            whom,
            homes: [base.clone()].into(),
            base,
            calls: Vec::new(),
            cwd: None,
            system: None,
            jobserver: false,
            reason: None,
            asking: Vec::new(),
            given: Vec::new(),
        };
        for key in &KEYS {
            let value = key.default_for(whom);
            if !value.is_empty() {
                let _ = key.take(&mut draft, value);
            }
        }
        draft
    }

    /// A key is said: what an earlier table or flag said of it is forgotten, where it has one value.
    pub(crate) fn open(&mut self, key: &'static Key) {
        let whole = matches!(key.name, "calls" | "run");
        if whole || key.form != Form::List {
            self.given.retain(|(name, _)| *name != key.name);
        }
        match key.name {
            "calls" => self.calls.clear(),
            "run" => self.policy.command.clear(),
            _ => {}
        }
    }

    /// One value of the key that was opened; `None`: not what the key expects.
    pub(crate) fn take(&mut self, key: &'static Key, text: &[u8]) -> Option<()> {
        key.take(self, text)?;
        self.given.push((key.name, text.to_vec()));
        Some(())
    }

    fn is_given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// What is wider than what anybody gets, in the words of the policy.
    fn widened(&self) -> Vec<String> {
        let policy = &self.policy;
        let mut wide = Vec::new();
        if policy.net == Net::Host {
            wide.push(String::from("net = \"host\""));
        }
        if policy.root.as_deref() == Some(b"/") && self.whom != For::Learn {
            wide.push(String::from("root = \"/\""));
        }
        for place in &policy.places {
            let Kind::Bind { source, write, execute } = &place.kind else { continue };
            let at_home = self.homes.iter().any(|home| home.len() > 1 && is_below(source, home));
            let path = shown(source);
            match (write, execute) {
                (true, true) => wide.push(said(format_args!("rw and exec = \"{path}\""))),
                (true, false) if !at_home || self.whom == For::Step => {
                    wide.push(said(format_args!("rw = \"{path}\"")));
                }
                (false, _) if source == b"/" => wide.push(String::from("the whole of \"/\"")),
                _ => {}
            }
        }
        if policy.user.is_some_and(|(uid, gid)| uid == 0 || gid == 0) {
            wide.push(String::from("user = \"0\""));
        }
        wide.extend(
            policy.directives.iter().map(|text| said(format_args!("directives = \"{}\"", shown(text)))),
        );
        wide.extend(policy.keep.iter().map(|number| said(format_args!("keep_fd = {number}"))));
        let beyond = self.beyond();
        if !beyond.is_empty() {
            wide.push(said(format_args!("calls = {beyond:?}")));
        }
        wide
    }

    /// The calls that were listed and that `default` does not have.
    fn beyond(&self) -> Vec<&str> {
        let in_default = |name: &&str| crate::calls::number(name).is_none_or(|n| Set::DEFAULT.has(n));
        self.calls.iter().map(String::as_str).filter(|name| !in_default(name)).collect()
    }

    /// Holds the reason that was given against all that is wide and has none yet.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let (wide, reason) = (self.widened(), self.reason.take());
        self.policy.reasons.retain(|(what, _)| wide.contains(what));
        for what in wide {
            if self.policy.reasons.iter().any(|(known, _)| *known == what) {
                continue;
            }
            let Some(reason) = &reason else {
                return Err(said(format_args!("{what} needs a reason (key reason, flag --reason)")));
            };
            self.policy.reasons.push((what, reason.clone()));
        }
        Ok(())
    }

    /// What was said, keys sorted, defaults filled in: equal for policies that grant the same.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        let table = if self.whom == For::Step { STEP } else { FLAG | CAGE };
        for key in KEYS.iter().filter(|key| key.is_in(table) && !key.is_in(UNHASHED)) {
            let mut items: Vec<&[u8]> = Vec::new();
            if key.form == Form::List || !self.is_given(key.name) {
                items.push(key.default_for(self.whom));
            }
            items.extend(
                self.given.iter().filter(|(name, _)| *name == key.name).map(|(_, text)| text.as_slice()),
            );
            items.retain(|item| !item.is_empty());
            if !items.is_empty() {
                line(&mut text, key.name, &items);
            }
        }
        for (table, asks) in [("grant", &self.step.grants), ("request", &self.step.requests)] {
            for ask in asks {
                text.push_str(&said(format_args!("{table}.{} = {:?}\n", ask.who, ask.wishes)));
            }
        }
        text
    }

    /// The whole policy; of a step what step.rs completes. `env` is the launcher's own environment.
    pub(crate) fn finish(
        mut self,
        env: &dyn Fn(&[u8]) -> Option<&'static [u8]>,
    ) -> Result<(Policy, Step), String> {
        self.settle()?;
        let mut blake = Blake::new();
        blake.update(self.canonical().as_bytes());
        self.policy.hash = blake.finish();
        self.policy.calls = self.list_of_calls();
        if self.jobserver {
            host::keep_jobserver(&mut self, env)?;
        }
        let value = |item: Bytes| match item.contains(&b'=') {
            true => Some(item),
            false => env(&item).map(|value| [&item, &b"="[..], value].concat()),
        };
        self.policy.env = core::mem::take(&mut self.policy.env).into_iter().filter_map(value).collect();
        if self.whom != For::Step {
            self.complete();
        }
        if let Some(cwd) = &self.cwd {
            self.policy.cwd.clone_from(cwd);
        }
        self.policy.places.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((self.policy, self.step))
    }

    fn list_of_calls(&self) -> Calls {
        match self.calls.as_slice() {
            [] => Calls::Default,
            [one] if one == "default" => Calls::Default,
            [one] if one == "static" => Calls::Static,
            names => Calls::Listed(names.to_vec()),
        }
    }

    /// The places that nobody named, and where it works.
    fn complete(&mut self) {
        let policy = &mut self.policy;
        let runs = |place: &Place| matches!(place.kind, Kind::Bind { execute: true, .. });
        let bare = policy.root.is_none() && !policy.places.iter().any(runs);
        if self.whom == For::Learn && bare && self.system.is_none() {
            policy.root = Some(b"/".to_vec());
        } else if self.system.unwrap_or(bare) {
            for place in host::system() {
                if !policy.places.iter().any(|p| p.path == place.path) {
                    policy.places.push(place);
                }
            }
        }
        let has_tmp = policy.places.iter().any(|p| p.path == b"/tmp");
        if !has_tmp && (policy.root.is_none() || self.given.iter().any(|(name, _)| *name == "tmp")) {
            let kind = Kind::Tmpfs { size: policy.tmp_size, execute: false };
            policy.places.push(Place { path: b"/tmp".to_vec(), kind });
        }
        let here = self.homes.last().map_or(&b"/"[..], Vec::as_slice);
        // What is mounted deepest is what is seen there; places of the same path are none.
        let over = policy.places.iter().filter(|place| is_below(here, &place.path));
        let seen = match over.max_by_key(|place| place.path.len()).map(|place| (&place.path, &place.kind)) {
            Some((path, Kind::Bind { source, .. })) => source == path,
            Some(_) => false,
            None => policy.root.as_deref() == Some(b"/"),
        };
        let seen = seen && !here.is_empty();
        policy.cwd = if seen { here.to_vec() } else { b"/".to_vec() };
    }
}

/// `key = ["one", "two"]`.
fn line(to: &mut String, key: &str, items: &[&[u8]]) {
    to.push_str(key);
    for (item, before) in items.iter().zip([" = ["].into_iter().chain(core::iter::repeat(", "))) {
        to.push_str(&said(format_args!("{before}\"{}\"", shown(item).replace('"', "\\x22"))));
    }
    to.push_str("]\n");
}

//! What dependencies ask for, and what the root project grants.
//!
//! Runs in: bailiff-cage. In: a step with requests and grants. Out: a wider policy, each widening with its reason; sentences
//! about what was not granted. Never: widens by a request alone, or by a grant that nobody asked for.
use alloc::string::String;
use alloc::vec::Vec;

use super::{Step, Wish};
use crate::policy::{Bytes, Calls, Kind, Place, Policy};
use crate::text::{said, shown};
use crate::tools::Env;

/// Puts in force what is both asked for and granted. Answers what the operator is to be told.
pub(crate) fn apply(policy: &mut Policy, step: &mut Step, env: Env<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for request in core::mem::take(&mut step.requests) {
        let grants = step.grants.iter().filter(|grant| grant.who == request.who);
        let mut reasons =
            grants.map(|grant| (grant.wishes.clone(), grant.reason.clone())).collect::<Vec<_>>();
        for wish in &request.wishes {
            let (who, what) = (&request.who, words(wish));
            let granted = reasons.iter_mut().find(|(wishes, _)| wishes.contains(wish));
            if let Some((_, reason)) = granted {
                let why = said(format_args!("{reason} ({who}: {})", request.reason));
                policy.reasons.push((what, why));
                widen(policy, &mut step.tools, &mut step.inputs, &mut step.absent, wish, env);
            } else {
                let reason = &request.reason;
                told.push(said(format_args!("not granted to {who}: {what} (it says: {reason})")));
            }
        }
        for grant in step.grants.iter().filter(|grant| grant.who == request.who) {
            for wish in grant.wishes.iter().filter(|wish| !request.wishes.contains(wish)) {
                told.push(said(format_args!("granted to {} in vain: {}", grant.who, words(wish))));
            }
        }
    }
    told
}

/// As the policy would write it.
pub(crate) fn words(wish: &Wish) -> String {
    let (key, value) = match wish {
        Wish::Net(net) => ("net", net.name().into()),
        Wish::Ro(path) => ("ro", shown(path)),
        Wish::Exec(path) => ("exec", shown(path)),
        // A value is nobody's business.
        Wish::Env(text) => ("env", shown(text.split(|b| *b == b'=').next().unwrap_or_default())),
        Wish::Call(name) => ("calls", name.clone()),
        Wish::Tool(name) => ("tools", shown(name)),
        Wish::Input(pattern) => ("in", shown(pattern)),
        Wish::Absent(path) => ("absent", shown(path)),
    };
    said(format_args!("{key} = \"{value}\""))
}

fn widen(
    policy: &mut Policy,
    tools: &mut Vec<Bytes>,
    inputs: &mut Vec<Bytes>,
    absent: &mut Vec<Bytes>,
    wish: &Wish,
    env: Env<'_>,
) {
    let bind = |path: &Bytes, execute| Place {
        path: path.clone(),
        kind: Kind::Bind { source: path.clone(), write: false, execute },
    };
    match wish {
        Wish::Net(net) => policy.net = *net,
        Wish::Ro(path) => policy.places.push(bind(path, false)),
        Wish::Exec(path) => policy.places.push(bind(path, true)),
        Wish::Env(text) if text.contains(&b'=') => policy.env.push(text.clone()),
        Wish::Env(name) => {
            policy.env.extend(env(name).map(|value| [name.as_slice(), b"=", value].concat()));
        }
        Wish::Call(name) => policy.calls = more(&policy.calls, name),
        Wish::Tool(name) => tools.push(name.clone()),
        Wish::Input(pattern) => inputs.push(pattern.clone()),
        Wish::Absent(path) => absent.push(path.clone()),
    }
}

/// A list of calls with one more.
fn more(calls: &Calls, name: &str) -> Calls {
    let mut names = match calls {
        Calls::Static => Vec::from(["static".into()]),
        Calls::Default => Vec::from(["default".into()]),
        Calls::Listed(names) => names.clone(),
    };
    names.push(name.into());
    Calls::Listed(names)
}

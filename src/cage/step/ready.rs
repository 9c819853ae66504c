//! All that a step needs, found before anything is made.
//!
//! Runs in: bailiff-cage. In: a step's table, the project's directory, the launcher's environment. Out: a policy but for what
//! the stage adds, the inputs by name. Never: makes or changes anything.
use alloc::string::String;
use alloc::vec::Vec;

use super::absent::quietly_absent;
use super::paths::{absolute, directory};
use super::{HOME, Ready, Step, WORK, grants};
use crate::conclude::tell;
use crate::policy::{Kind, Place, Policy};
use crate::stage::inputs;
use crate::text::said;
use crate::tools::{self, Closure, Env};

/// Finds everything that the step needs, before anything is made.
pub(super) fn ready(mut policy: Policy, mut step: Step, env: Env<'_>) -> Result<Ready, String> {
    for line in grants::apply(&mut policy, &mut step, env) {
        tell(&line);
    }
    if let Some(rest) = policy.cwd.strip_prefix(WORK) {
        policy.cwd = rest.strip_prefix(b"/").unwrap_or(rest).to_vec();
    }
    let base = absolute(&step.base)?;
    let project = directory(&base)?;
    let inputs = inputs::inputs(&project, &step)?;
    let tools = tools::close(&step.tools, env)?;
    let own = core::mem::take(&mut policy.places);
    let memory = |path: &[u8]| Place {
        path: path.to_vec(),
        kind: Kind::Tmpfs { size: policy.tmp_size, execute: false },
    };
    let given: Vec<Place> = [memory(b"/tmp"), memory(HOME)]
        .into_iter()
        .filter(|place| !own.iter().any(|p| p.path == place.path))
        .collect();
    policy.places = tools::folded(own.into_iter().chain(given).chain(tools.places.iter().cloned()).collect());
    environment(&mut policy, &step, &tools);
    if let Some(program) = policy.command.first_mut()
        && let Some(path) = tools.named(program)
    {
        *program = path.clone();
    }
    step.absent.extend(quietly_absent(&tools));
    let home = env(b"HOME").filter(|home| home.len() > 1 && home.starts_with(b"/")).map(<[u8]>::to_vec);
    Ok(Ready { policy, step, base, project, inputs, home })
}

/// The same for everyone, but for what the table itself sets.
fn environment(policy: &mut Policy, step: &Step, tools: &Closure) {
    let epoch = said(format_args!("{}", step.epoch.unwrap_or(1)));
    let path = tools.path();
    for (name, value) in [
        (&b"HOME="[..], HOME),
        (b"LC_ALL=", b"C"),
        (b"PATH=", if path.is_empty() { b"/usr/bin:/bin" } else { &path }),
        (b"SOURCE_DATE_EPOCH=", epoch.as_bytes()),
        (b"TZ=", b"UTC"),
    ] {
        if !policy.env.iter().any(|e| e.starts_with(name)) {
            policy.env.push([name, value].concat());
        }
    }
}

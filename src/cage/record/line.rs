//! One line of the record: a run, from what was allowed to what became of it.
//!
//! Runs in: bailiff-cage. In: policy, outcome, verdict, files. Out: canonical JSON (json.rs) without its line end.
//! Never: a value of the environment, only its name.
//!
//! A stranger's text (arguments, paths, names) is a string, or `{"bytes":"HEX"}` where it is not UTF-8. Times are RFC
//! 3339, UTC, with nanoseconds; hashes are BLAKE2b-256. Missing is `null`.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shared::pure::date::civil;

use super::{Before, Input, Output};
use crate::json::Value::{self, Bool, Bytes, Hex, List, Map, Null, Number, Said, Text};
use crate::outcome::{Access, Denial, End, Layer, Outcome, Why};
use crate::policy::{Calls, Kind, Limits, Place, Policy, Watch};
use crate::text::{self, said};
use crate::verdict::{Observation, Verdict, score, signal_name};

/// What the line is written by.
const SCHEMA: &str = "bailiff-cage/1";

/// The line of a run.
pub(crate) fn line(
    policy: &Policy,
    outcome: &Outcome,
    (verdict, observations): &(Verdict, Vec<Observation>),
    outputs: &[Output],
    inputs: &[Input],
    before: &Before,
) -> String {
    let (read, unused): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(|i| i.read);
    let mut pairs = allowed(policy);
    pairs.extend(became(policy, outcome));
    pairs.extend([
        ("inputs", List(read.into_iter().map(input).collect())),
        ("observations", Value::list(observations, observation)),
        ("outputs", Value::list(outputs, output)),
        ("prev_hash", Hex(&before.hash)),
        ("schema", Text(SCHEMA)),
        ("score", Number(score(observations).into())),
        ("torn", Value::number(before.torn)),
        ("unused", List(unused.into_iter().map(|i| Bytes(&i.path)).collect())),
        ("verdict", Text(verdict.name())),
        ("version", Text(env!("CARGO_PKG_VERSION"))),
        // The last of all keys: a line that has it is whole.
        ("whole", Bool(true)),
    ]);
    Map(pairs).text()
}

type Pairs<'a> = Vec<(&'static str, Value<'a>)>;

/// What was asked for and allowed.
fn allowed(policy: &Policy) -> Pairs<'_> {
    let calls = match &policy.calls {
        Calls::Static => Text("static"),
        Calls::Default => Text("default"),
        Calls::Listed(names) => Value::list(names, |name| Text(name)),
    };
    let user = policy.user.map(|(uid, gid)| List([uid, gid].map(|id| Number(id.into())).into()));
    let reason = |(what, why): &'_ (String, String)| {
        Map([("reason", Said(why.clone())), ("what", Said(what.clone()))].into())
    };
    [
        ("argv", Value::list(&policy.command, |arg| Bytes(arg))),
        ("calls", calls),
        ("cwd", Bytes(&policy.cwd)),
        ("env", Value::list(&policy.env, |e| Bytes(e.split(|b| *b == b'=').next().unwrap_or(&[])))),
        ("keep", Value::list(&policy.keep, |fd| Number((*fd).into()))),
        ("learn", Bool(policy.learn)),
        ("limits", limits(&policy.limits)),
        ("name", Text(&policy.name)),
        ("net", Text(policy.net.name())),
        ("places", Value::list(&policy.places, place)),
        ("policy", Hex(&policy.hash)),
        ("reasons", Value::list(&policy.reasons, reason)),
        ("root", policy.root.as_ref().map_or(Null, |root| Bytes(root))),
        ("strict", Bool(policy.strict)),
        ("user", user.unwrap_or(Null)),
        ("watch", Text(if policy.watch == Watch::Files { "files" } else { "calls" })),
    ]
    .into()
}

/// What became of it.
fn became<'a>(policy: &Policy, outcome: &'a Outcome) -> Pairs<'a> {
    let usage = &outcome.usage;
    let program = [("hash", Hex(&outcome.program_hash)), ("size", Number(outcome.program_size))];
    let used = [
        ("peak_kib", Number(usage.peak_kib)),
        ("system_us", Number(usage.system_us)),
        ("user_us", Number(usage.user_us)),
        ("wall_us", Number(usage.wall_us)),
    ];
    let watched = policy.watch == Watch::Files;
    [
        ("accesses", if watched { accesses(&outcome.accesses) } else { Null }),
        ("denials", Value::list(&outcome.denials, denial)),
        ("end", end(&outcome.end)),
        ("ended", Said(moment(outcome.ended_ns))),
        ("layers", Value::list(&outcome.layers, layer)),
        ("left", Value::list(&outcome.left, |what| Bytes(what))),
        ("limit", outcome.limit.map_or(Null, Text)),
        ("missing", Value::list(&outcome.missing, |name| Text(name))),
        ("program", Map(program.into())),
        ("started", Said(moment(outcome.started_ns))),
        ("usage", Map(used.into())),
    ]
    .into()
}

fn limits(limits: &Limits) -> Value<'_> {
    let Limits { wall_ms, cpu_s, memory, file_size, processes, descriptors } = *limits;
    let pairs = [
        ("cpu_s", Value::number(cpu_s)),
        ("descriptors", Number(descriptors)),
        ("file_size", Value::number(file_size)),
        ("memory", Value::number(memory)),
        ("processes", Value::number(processes)),
        ("wall_ms", Value::number(wall_ms)),
    ];
    Map(pairs.into())
}

fn place(place: &Place) -> Value<'_> {
    let path = ("path", Bytes(&place.path));
    Map(match &place.kind {
        Kind::Bind { source, write, execute } => {
            [path, ("source", Bytes(source)), ("write", Bool(*write)), ("execute", Bool(*execute))].into()
        }
        Kind::Tmpfs { size, execute } => [path, ("size", Number(*size)), ("execute", Bool(*execute))].into(),
        Kind::Link { to } => [path, ("to", Bytes(to))].into(),
    })
}

/// The paths by what was done with them; one can be in several lists.
fn accesses(all: &[Access]) -> Value<'_> {
    let those =
        |is: fn(&Access) -> bool| List(all.iter().filter(|a| is(a)).map(|a| Bytes(&a.path)).collect());
    let pairs = [
        ("execute", those(|a| a.execute)),
        ("read", those(|a| !a.execute && !a.write)),
        ("write", those(|a| a.write)),
    ];
    Map(pairs.into())
}

fn denial(denial: &Denial) -> Value<'_> {
    let why = match denial.why {
        Why::Call => "call",
        Why::Undeclared => "undeclared",
        Why::ReadOnly => "read-only",
    };
    let pairs = [
        ("allow", Text(&denial.allow)),
        ("args", Value::list(&denial.args, |arg| Said(said(format_args!("0x{arg:x}"))))),
        ("call", Text(&denial.call)),
        ("count", Number(denial.count)),
        ("number", Number(denial.number.into())),
        ("path", denial.path.as_ref().map_or(Null, |path| Bytes(path))),
        ("pid", Number(denial.pid.into())),
        ("program", Bytes(&denial.program)),
        ("rule", Text(&denial.rule)),
        ("why", Text(why)),
    ];
    Map(pairs.into())
}

fn end(end: &End) -> Value<'_> {
    let signal = |how, number: u8| {
        Map([("how", Text(how)), ("number", Number(number.into())), ("signal", Said(signal_name(number)))]
            .into())
    };
    match end {
        End::Exit(code) => Map([("code", Number((*code).into())), ("how", Text("exit"))].into()),
        End::Signal(number) => signal("signal", *number),
        End::Told(number) => signal("told", *number),
        End::Wall => Map([("how", Text("wall"))].into()),
        End::Open { step, errno } => {
            let errno = if *errno == 0 { Null } else { Said(text::errno(*errno)) };
            Map([("errno", errno), ("how", Text("setup")), ("step", Text(step))].into())
        }
    }
}

fn layer(layer: &Layer) -> Value<'_> {
    Map([("name", Text(&layer.name)), ("state", Text(&layer.state))].into())
}

fn observation(seen: &Observation) -> Value<'_> {
    let about = Value::list(&seen.about, |about| Bytes(about));
    Map([("about", about), ("weight", Number(seen.weight.into())), ("what", Text(seen.what))].into())
}

fn input(input: &Input) -> Value<'_> {
    Map([("hash", Hex(&input.hash)), ("path", Bytes(&input.path)), ("size", Number(input.size))].into())
}

fn output(output: &Output) -> Value<'_> {
    let mode = Said(said(format_args!("{:04o}", output.mode & 0o7777)));
    let hash = ("hash", Hex(&output.hash));
    Map([hash, ("mode", mode), ("path", Bytes(&output.path)), ("size", Number(output.size))].into())
}

/// RFC 3339 in UTC, to the nanosecond.
fn moment(ns: u64) -> String {
    let (s, ns) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let ((year, month, day), of_day) = (civil(s / 86_400), s % 86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    said(format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ns:09}Z"))
}

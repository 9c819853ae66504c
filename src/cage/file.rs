//! Policy files: the house's TOML, one table for each cage or step, and what dependencies ask for.
//!
//! Runs in: bailiff-cage. In: the text of a policy file, from the operator; files of dependencies, whose tables
//! `[request.NAME]` only ask. Out: a `Draft`, or `PATH:LINE:COL: what was expected`. Never: passes over
//! a key or table that it does not know, in any table of the file; takes from a dependency's file more than requests.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shared::pure::toml::{Event, LARGEST, Reader, Spot, Str, Value};
use bailiff::shims::cage::tree;
use bailiff::shims::errno::Errno;
use bailiff::shims::files::At;
use bailiff::shims::io::read;

use crate::policy::Bytes;
use crate::step::paths::parent;
use crate::step::{Ask, Wish};
use crate::text::{errno as errno_name, said, shown};
use crate::words::draft::{Draft, For};
use crate::words::host::directory;
use crate::words::keys::{self, ASK, CAGE, Form, KEYS, Key, STEP};
use crate::words::value::{absolute, distance};

const START: Spot = Spot { line: 1, column: 1 };
/// The tables there are, and the keys they take.
const KINDS: [(&str, u8); 4] = [("cage", CAGE), ("step", STEP), ("request", ASK), ("grant", ASK)];

/// Where the file is wrong, and how.
type Fault = (Spot, String);

/// One table of the file.
struct Table {
    kind: (&'static str, u8),
    name: String,
    spot: Spot,
    keys: Vec<&'static str>,
    draft: Draft,
    wishes: Vec<Wish>,
}

/// A policy file as it is.
pub(crate) fn contents(path: &[u8]) -> Result<Bytes, String> {
    let failed = |errno: Errno| said(format_args!("{}: {}", shown(path), errno_name(errno.0)));
    let name = CString::new(path).map_err(|_| failed(Errno::EINVAL))?;
    let file = tree::open(At::Cwd, &name, 0, 0, 0).map_err(failed)?;
    let (mut text, mut buf) = (Vec::new(), [0u8; 4096]);
    // One byte more than a policy may have: its reader says so.
    while text.len() <= LARGEST {
        match read(&file, &mut buf) {
            Ok(0) => break,
            Ok(got) => text.extend_from_slice(buf.get(..got).unwrap_or(&[])),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(text)
}

/// The table of this name (without one: the only table there is), to be finished.
pub(crate) fn draft(text: &[u8], path: &[u8], whom: For, name: Option<&str>) -> Result<Draft, String> {
    let shown_path = shown(path);
    let place =
        |(spot, what): Fault| said(format_args!("{shown_path}:{}:{}: {what}", spot.line, spot.column));
    let base = directory(parent(path));
    let mut tables = tables(text, whom, &base).map_err(place)?;
    let kind = if whom == For::Step { "step" } else { "cage" };
    let fits = |t: &Table| t.kind.0 == kind && name.is_none_or(|name| t.name == name);
    let found = match (tables.iter().position(fits), tables.iter().filter(|t| fits(t)).count()) {
        (Some(at), 1) => at,
        _ => {
            let wanted = said(format_args!("expected [{kind}.{}]", name.unwrap_or("NAME")));
            return Err(place((
                START,
                said(format_args!("{wanted}, and there is {}", names(&tables, kind))),
            )));
        }
    };
    let grants: Result<_, Fault> = tables.iter().filter(|t| t.kind.0 == "grant").map(ask).collect();
    let Table { name, spot, mut draft, .. } = tables.swap_remove(found);
    draft.step.grants = grants.map_err(place)?;
    draft.policy.name = name;
    draft.settle().map_err(|what| place((spot, what)))?;
    for item in core::mem::take(&mut draft.asking) {
        draft.step.requests.append(&mut requests(&base, &item)?);
    }
    Ok(draft)
}

/// What the dependency asks for whose policy file this is.
fn requests(base: &[u8], item: &[u8]) -> Result<Vec<Ask>, String> {
    let path = [base, b"/", item].concat();
    let folder = item.iter().rposition(|b| *b == b'/').and_then(|at| item.get(..=at)).unwrap_or(b"");
    let place =
        |(spot, what): Fault| said(format_args!("{}:{}:{}: {what}", shown(item), spot.line, spot.column));
    let tables = tables(&contents(&path)?, For::Step, &directory(parent(&path))).map_err(place)?;
    let mut asks = Vec::new();
    for table in tables.iter().filter(|t| t.kind.0 == "request") {
        let mut ask = ask(table).map_err(place)?;
        for wish in &mut ask.wishes {
            // What it asks for lies in its own folder; steps name files as the root project sees them.
            if let Wish::Input(pattern) = wish {
                *pattern = [folder, pattern].concat();
            }
        }
        asks.push(ask);
    }
    Ok(asks)
}

fn ask(table: &Table) -> Result<Ask, Fault> {
    let missing =
        || (table.spot, said(format_args!("expected a reason in [{}.{}]", table.kind.0, table.name)));
    let reason = table.draft.reason.clone().ok_or_else(missing)?;
    Ok(Ask { who: table.name.clone(), wishes: table.wishes.clone(), reason })
}

/// `[cage.a], [cage.b]`, or that there is none.
fn names(tables: &[Table], kind: &str) -> String {
    let mut text = String::new();
    for table in tables.iter().filter(|t| t.kind.0 == kind) {
        let before = if text.is_empty() { "" } else { ", " };
        text.push_str(&said(format_args!("{before}[{kind}.{}]", table.name)));
    }
    if text.is_empty() { String::from("none") } else { text }
}

/// All tables of a file, each key and value checked.
fn tables(text: &[u8], whom: For, base: &[u8]) -> Result<Vec<Table>, Fault> {
    let syntax = |fault: bailiff::shared::pure::toml::Fault| (fault.spot, expected(fault.expected));
    let mut tables: Vec<Table> = Vec::new();
    let mut reader = Reader::new(text).map_err(syntax)?;
    while let Some(event) = reader.event().map_err(syntax)? {
        match event {
            Event::Table { spot, section, name } => {
                let table = opened(spot, section, name, whom, base)?;
                if tables.iter().any(|t| (t.kind, &t.name) == (table.kind, &table.name)) {
                    return Err((spot, expected("each table once, this one is here again")));
                }
                tables.push(table);
            }
            Event::Entry { spot, key, at, value } => match tables.last_mut() {
                Some(table) => entry(table, spot, key, (at, value))?,
                None => return Err((spot, expected("a table such as [cage.NAME] before the first key"))),
            },
        }
    }
    // A request or grant without a reason is wrong even where nobody looks at it.
    tables.iter().filter(|table| table.kind.1 == ASK).try_for_each(|table| ask(table).map(drop))?;
    Ok(tables)
}

fn expected(what: &str) -> String {
    said(format_args!("expected {what}"))
}

fn opened(
    spot: Spot,
    section: Str<'_>,
    name: Option<Str<'_>>,
    whom: For,
    base: &[u8],
) -> Result<Table, Fault> {
    let kind = KINDS.into_iter().find(|(kind, _)| section.is(kind)).zip(name);
    let Some((kind, name)) = kind else {
        return Err((spot, expected("[cage.NAME], [step.NAME], [request.NAME] or [grant.NAME]")));
    };
    let name: Bytes = name.bytes().collect();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let name =
        String::from_utf8(name).ok().filter(|n| (1..=64).contains(&n.len()) && n.bytes().all(|b| plain(&b)));
    let Some(name) = name else {
        return Err((spot, expected("a name: at most 64 letters, digits, _, - and .")));
    };
    let whom = if kind.1 == CAGE { whom } else { For::Step };
    let draft = Draft::new(whom, base.to_vec());
    Ok(Table { kind, name, spot, keys: Vec::new(), draft, wishes: Vec::new() })
}

fn entry(table: &mut Table, spot: Spot, name: Str<'_>, (at, value): (Spot, Value<'_>)) -> Result<(), Fault> {
    let name: Bytes = name.bytes().collect();
    let Some(key) = keys::named(&name, table.kind.1) else {
        let near = nearest(&name, table.kind.1);
        let what = said(format_args!("expected a key of [{}.NAME], not {}", table.kind.0, shown(&name)));
        return Err((spot, said(format_args!("{what}{near}"))));
    };
    if table.keys.contains(&key.name) {
        return Err((spot, expected("each key once, this one is here again")));
    }
    table.keys.push(key.name);
    table.draft.open(key);
    let wrong = |spot| (spot, said(format_args!("{}: expected {}", key.name, key.expected)));
    for (spot, text) in items(key, at, value).map_err(wrong)? {
        table.draft.take(key, &text).ok_or_else(|| wrong(spot))?;
        if table.kind.1 == ASK && key.name != "reason" {
            table.wishes.push(wish(key, &text, &table.draft).ok_or_else(|| wrong(spot))?);
        }
    }
    Ok(())
}

/// The values of a key, each as text, if they are written as this key's are.
fn items(key: &Key, at: Spot, value: Value<'_>) -> Result<Vec<(Spot, Bytes)>, Spot> {
    let number = |n: u64| said(format_args!("{n}")).into_bytes();
    let one = match (key.form, value) {
        (Form::Switch, Value::Switch(on)) => said(format_args!("{on}")).into_bytes(),
        (Form::Text | Form::Number | Form::List, Value::Text(text)) => text.bytes().collect(),
        (Form::Number | Form::List, Value::Number(n)) => number(n),
        (Form::List, Value::Array(mut array)) => {
            let mut all = Vec::new();
            while let Some((spot, item)) = array.item().map_err(|fault| fault.spot)? {
                match item {
                    Value::Text(text) => all.push((spot, text.bytes().collect())),
                    Value::Number(n) => all.push((spot, number(n))),
                    _ => return Err(spot),
                }
            }
            return Ok(all);
        }
        _ => return Err(at),
    };
    Ok([(at, one)].into())
}

/// One wish of a request or grant.
fn wish(key: &Key, text: &[u8], draft: &Draft) -> Option<Wish> {
    let host_path = || absolute(&draft.base, text).filter(|_| !text.windows(2).any(|w| w == b":/"));
    Some(match key.name {
        "net" => Wish::Net(draft.policy.net),
        "ro" => Wish::Ro(host_path()?),
        "exec" => Wish::Exec(host_path()?),
        "env" => Wish::Env(text.to_vec()),
        "calls" => Wish::Call(draft.calls.last()?.clone()),
        "tools" => Wish::Tool(text.to_vec()),
        "in" => Wish::Input(text.to_vec()),
        "absent" => Wish::Absent(text.to_vec()),
        _ => return None,
    })
}

/// `; the nearest is KEY`, if one is near.
pub(crate) fn nearest(name: &[u8], places: u8) -> String {
    let keys = KEYS.iter().filter(|key| key.is_in(places)).map(|key| key.name);
    match keys.map(|key| (distance(key.as_bytes(), name), key)).min() {
        Some((far, key)) if far <= 3 && far < key.len() => said(format_args!("; the nearest is {key}")),
        _ => String::new(),
    }
}

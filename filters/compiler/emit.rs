//! From checked filters to Rust: match code.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of filters.rs: one
//! function per pattern, in the order of its tokens, and per filter one dispatch on the first bytes that tell
//! its patterns apart.

use super::lex::{Kind, Token};
use super::parse::{Filter, Rule};
use super::plan::lead;
use super::run::stop;
use std::fmt::Write as _;

/// Leading literals of one pattern that are told apart; more are left to the pattern itself.
const OPENINGS_MAX: usize = 16;

fn bytes(text: &[u8]) -> String {
    format!("b\"{}\"", text.escape_ascii().to_string().replace("\\'", "'"))
}

fn byte(b: u8) -> String {
    format!("b'{}'", [b].escape_ascii().to_string().replace("\\\"", "\""))
}

fn texts(all: &[Vec<u8>]) -> String {
    let all: Vec<String> = all.iter().map(|t| bytes(t)).collect();
    format!("&[{}]", all.join(", "))
}

fn function(filter: &Filter, rule: &Rule) -> String {
    format!("{}_{}", filter.name.replace('-', "_"), rule.line)
}

/// One step of a pattern's function: the inner functions it needs, and its expression over `m`.
struct Step {
    inner: String,
    code: String,
    /// 0: yields what is left; 1: an address, unused, and what is left; 2: the accused and what is left.
    yields: u8,
}

fn step(tokens: &[Token], at: usize, back: bool, parts: &mut usize) -> Step {
    let (fix, suffix) = if back { ("strip_suffix", "_back") } else { ("strip_prefix", "") };
    let call = |name: &str| format!("scan::{name}{suffix}(m)?");
    let mut inner = String::new();
    let (code, yields) = match &tokens[at].kind {
        Kind::Lit(text) => (format!("m.{fix}({})?", bytes(text)), 0),
        Kind::Alt(all) => (format!("scan::alt{suffix}(m, {})?", texts(all)), 0),
        Kind::Number => (call("number"), 0),
        Kind::Hex => (call("hex"), 0),
        Kind::Name => (call("name"), 0),
        Kind::Quoted => (call("quoted"), 0),
        Kind::Word => (format!("scan::word{suffix}(m, {})?", byte(stop(tokens, at, back))), 0),
        Kind::Ip => (call("addr"), 1),
        Kind::IpPort => (call("addr_port"), 1),
        Kind::Addr => (call("addr"), 2),
        Kind::AddrPort => (call("addr_port"), 2),
        Kind::Opt(part) => match part.as_slice() {
            [Token { kind: Kind::Lit(text), .. }] => (format!("m.{fix}({}).unwrap_or(m)", bytes(text)), 0),
            part => {
                *parts += 1;
                let name = format!("part{parts}");
                inner = group(&name, part, back, false, parts);
                (format!("{name}(m).unwrap_or(m)"), 0)
            }
        },
        Kind::Once(_) | Kind::Text => unreachable!("the plan takes these out"),
    };
    Step { inner, code, yields }
}

/// A function inside a pattern's: tokens that are optional, or that stand once.
fn group(name: &str, tokens: &[Token], back: bool, accuses: bool, parts: &mut usize) -> String {
    let result = if accuses { "Option<(Addr, &[u8])>" } else { "Option<&[u8]>" };
    let mut body = String::new();
    lines(&mut body, tokens, back, parts);
    let end = if accuses { "Some((addr, m))" } else { "Some(m)" };
    indent(&format!("fn {name}(m: &[u8]) -> {result} {{\n{body}    {end}\n}}\n"))
}

fn indent(code: &str) -> String {
    code.lines().map(|l| format!("    {l}\n")).collect()
}

fn lines(out: &mut String, tokens: &[Token], back: bool, parts: &mut usize) {
    let order: Vec<usize> =
        if back { (0..tokens.len()).rev().collect() } else { (0..tokens.len()).collect() };
    for at in order {
        let step = step(tokens, at, back, parts);
        let name = ["m", "(_, m)", "(addr, m)"][usize::from(step.yields)];
        let _ = writeln!(out, "{}    let {name} = {};", step.inner, step.code);
    }
}

/// The function of one pattern.
fn pattern(filter: &Filter, rule: &Rule) -> String {
    let plan = &rule.plan;
    let mut body = String::new();
    if rule.longest > 0 {
        let _ = writeln!(body, "    if m.len() > {} {{\n        return None;\n    }}", rule.longest);
    }
    let mut parts = 0;
    lines(&mut body, &plan.front, false, &mut parts);
    if let Some(tokens) = &plan.once {
        let (lead, tokens) = lead(tokens);
        body += &group("once", tokens, false, true, &mut parts);
        let _ = writeln!(body, "    let (addr, m) = scan::once(m, {}, once)?;", bytes(lead));
    }
    lines(&mut body, &plan.after, false, &mut parts);
    for (i, tokens) in plan.find.iter().enumerate() {
        let (lead, tokens) = lead(tokens);
        body += &group(&format!("find{i}"), tokens, false, false, &mut parts);
        let _ = writeln!(body, "    let (m, _) = scan::find(m, {}, find{i})?;", bytes(lead));
    }
    lines(&mut body, &plan.back, true, &mut parts);
    let value = if rule.weight > 0 { "addr" } else { "()" };
    match plan.text {
        true => body = close(&body, value),
        false => {
            let _ = writeln!(body, "    m.is_empty().then_some({value})");
        }
    }
    let result = if rule.weight > 0 { "Addr" } else { "()" };
    let (file, line, name) = (&filter.name, rule.line, function(filter, rule));
    let head = format!("// {file}.filter:{line}\n// {}\n", rule.text);
    format!("\n{head}fn {name}(m: &[u8]) -> Option<{result}> {{\n{body}}}\n")
}

/// Ends a body whose last line need not name what is left.
fn close(body: &str, value: &str) -> String {
    let cut = body.trim_end().rfind('\n').map_or(0, |i| i + 1);
    let (before, last) = body.split_at(cut);
    let last = last.replace("    let m = ", "    ").replace("m) = ", "_) = ");
    let last = match last.strip_suffix("?;\n") {
        Some(call) if value == "()" && call.starts_with("    ") => format!("{call}?;\n"),
        _ => last,
    };
    let last = if last.contains("unwrap_or(m)") { String::new() } else { last };
    format!("{before}{last}    Some({value})\n")
}

/// The literal openings of a pattern: optional and alternative parts spelled out.
fn openings(tokens: &[Token]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for token in tokens {
        let choices: Vec<Vec<u8>> = match &token.kind {
            Kind::Lit(text) => vec![text.clone()],
            Kind::Alt(texts) => texts.clone(),
            Kind::Opt(inner) if inner.iter().all(|t| matches!(t.kind, Kind::Lit(_) | Kind::Alt(_))) => {
                let mut choices = openings(inner);
                choices.push(Vec::new());
                choices
            }
            _ => return all,
        };
        if all.len() * choices.len() > OPENINGS_MAX {
            return all;
        }
        all = all.iter().flat_map(|a| choices.iter().map(move |c| [a.as_slice(), c].concat())).collect();
    }
    all
}

/// A rule under one of its openings.
type Entry = (usize, Vec<u8>);

/// The function `name`: a match on the byte at `depth`, whose branches are patterns or, where several share a
/// longer opening, functions of their own, appended to `out` behind it.
fn dispatch(out: &mut String, filter: &Filter, entries: &[Entry], depth: usize, name: &str) {
    let shared = entries.first().and_then(|e| e.1.get(..depth)).unwrap_or_default();
    let _ = write!(out, "\n// {}.filter: messages that open with {}\n", filter.name, bytes(shared));
    let _ = writeln!(out, "fn {name}(modes: u8, m: &[u8]) -> Option<Match> {{");
    let mut depth = depth;
    while entries.iter().all(|e| e.1.len() > depth && e.1[depth] == entries[0].1[depth]) && entries.len() > 1
    {
        depth += 1;
    }
    if entries.iter().any(|e| e.1.len() <= depth) || rules(entries).len() == 1 {
        leaf(out, filter, &rules(entries));
        *out += "}\n";
        return;
    }
    let byte_at = if depth == 0 { "first()".to_owned() } else { format!("get({depth})") };
    let _ = writeln!(out, "    match m.{byte_at} {{");
    let mut below = String::new();
    for (n, (firsts, under)) in branches(entries, depth).into_iter().enumerate() {
        let firsts: Vec<String> = firsts.into_iter().map(byte).collect();
        let call = match rules(&under).as_slice() {
            [only] if filter.rules[*only].weight > 0 => take(filter, *only),
            _ => {
                let inner = if name.contains("_opening_") {
                    format!("{name}_{n}")
                } else {
                    format!("{name}_opening_{n}")
                };
                dispatch(&mut below, filter, &under, depth + 1, &inner);
                format!("{inner}(modes, m)")
            }
        };
        let _ = writeln!(out, "        Some({}) => {call},", firsts.join(" | "));
    }
    let _ = write!(out, "        _ => None,\n    }}\n}}\n{below}");
}

fn rules(entries: &[Entry]) -> Vec<usize> {
    let mut rules: Vec<usize> = entries.iter().map(|e| e.0).collect();
    rules.dedup();
    rules
}

/// The entries by their byte at `depth`; bytes behind which one and the same pattern stands share a branch.
fn branches(entries: &[Entry], depth: usize) -> Vec<(Vec<u8>, Vec<Entry>)> {
    let mut all: Vec<(Vec<u8>, Vec<Entry>)> = Vec::new();
    for entry in entries {
        let first = entry.1[depth];
        match all.iter_mut().find(|b| b.0 == [first]) {
            Some(branch) => branch.1.push(entry.clone()),
            None => all.push((vec![first], vec![entry.clone()])),
        }
    }
    let mut merged: Vec<(Vec<u8>, Vec<Entry>)> = Vec::new();
    for (firsts, under) in all {
        let is_twin = |m: &(Vec<u8>, Vec<Entry>)| rules(&under).len() == 1 && rules(&m.1) == rules(&under);
        match merged.iter_mut().find(|m| is_twin(m)) {
            Some(twin) => twin.0.extend(firsts),
            None => merged.push((firsts, under)),
        }
    }
    merged
}

fn take(filter: &Filter, at: usize) -> String {
    let rule = &filter.rules[at];
    format!("take(modes & {}, m, {}, {at}, {})", rule.modes, function(filter, rule), rule.weight)
}

/// The patterns that share their first bytes, in the order of the file.
fn leaf(out: &mut String, filter: &Filter, rules: &[usize]) {
    for (i, at) in rules.iter().enumerate() {
        let (rule, call) = (&filter.rules[*at], take(filter, *at));
        let name = function(filter, rule);
        let _ = match (rule.weight, i + 1 == rules.len()) {
            (0, true) => writeln!(out, "    None"),
            (0, false) => writeln!(out, "    if {name}(m).is_some() {{\n        return None;\n    }}"),
            (_, true) => writeln!(out, "    {call}"),
            _ => writeln!(out, "    if let Some(hit) = {call} {{\n        return Some(hit);\n    }}"),
        };
    }
}

/// filters.rs: the functions `header` and `scan_message` over all filters, and what they call.
pub fn code(filters: &[Filter]) -> String {
    let mut out =
        String::from("// Generated by filters/compiler from filters/*.filter: read it beside them.\n");
    let (mut programs, mut calls) = (String::new(), String::new());
    for (i, filter) in filters.iter().enumerate() {
        let names: Vec<String> = filter.programs.iter().map(|p| bytes(p.as_bytes())).collect();
        let _ = writeln!(programs, "        {i} => matches!(head.program, {}),", names.join(" | "));
        let _ = writeln!(calls, "        {i} => {}(modes, message),", filter.name.replace('-', "_"));
    }
    let _ = write!(
        out,
        "\n/// The header of a line, if one of the filter's own programs wrote it.\n\
         pub(crate) fn header(filter: u8, line: &[u8]) -> Option<Head<'_>> {{\n    let head = header::syslog(line)?;\n    \
         let is_own = match filter {{\n{programs}        _ => false,\n    }};\n    is_own.then_some(head)\n}}\n\
         \n/// [`scan`] for a message without its header, as sshd -E and the journal give it.\n\
         pub(crate) fn scan_message(filter: u8, modes: u8, message: &[u8]) -> Option<Match> {{\n    match filter {{\n\
         {calls}        _ => None,\n    }}\n}}\n"
    );
    for filter in filters {
        let entries: Vec<Entry> = filter
            .rules
            .iter()
            .enumerate()
            .flat_map(|(i, r)| openings(&r.tokens).into_iter().map(move |o| (i, o)))
            .collect();
        dispatch(&mut out, filter, &entries, 0, &filter.name.replace('-', "_"));
        out.extend(filter.rules.iter().map(|r| pattern(filter, r)));
    }
    out
}

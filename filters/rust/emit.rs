//! From checked filters to Rust: match code.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of filters.rs: one
//! function per pattern, in the order of its tokens, and per filter one dispatch on the first bytes that tell
//! its patterns apart.

use super::super::compiler::form::Form;
use super::super::compiler::lex::{Kind, Token};
use super::super::compiler::parse::Filter;
use super::super::compiler::plan::{Plan, holds_addr, lead};
use super::super::compiler::rule::{Part, Rule};
use super::super::compiler::steps::word_end;
use super::super::compiler::stop::{Stop, stop_of};
use std::fmt::Write as _;

/// Leading literals of one pattern that are told apart; more are left to the pattern itself.
const OPENINGS_MAX: usize = 16;

/// Patterns that are tried one after another rather than told apart.
const SIDE_BY_SIDE: usize = 4;
/// Bytes of a message that are looked at to tell patterns apart.
const DEEPEST: usize = 24;

pub fn bytes(text: &[u8]) -> String {
    format!("b\"{}\"", text.escape_ascii().to_string().replace("\\'", "'"))
}

pub fn byte(b: u8) -> String {
    format!("b'{}'", [b].escape_ascii().to_string().replace("\\\"", "\""))
}

fn texts(all: &[Vec<u8>]) -> String {
    let all: Vec<String> = all.iter().map(|t| bytes(t)).collect();
    format!("&[{}]", all.join(", "))
}

/// The function of a whole filter.
fn root(filter: &Filter) -> String {
    format!("filter_{}", filter.name.replace('-', "_"))
}

fn function(filter: &Filter, rule: &Rule) -> String {
    format!("{}_{}", root(filter), rule.line)
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
        Kind::Blanks => (call("blanks"), 0),
        Kind::Word => (format!("scan::word{suffix}(m, {})?", byte(word_end(tokens, at, back))), 0),
        Kind::Not(never) => match stop_of(tokens, at, back) {
            Some(Stop::Held(held)) => (format!("scan::not{suffix}(m, {}, {held})?", bytes(never)), 0),
            _ => (format!("scan::none(m, {})?", bytes(never)), 0),
        },
        Kind::Near(never) => match stop_of(tokens, at, back) {
            Some(Stop::Held(held)) => (format!("scan::near(m, {}, {held})?", bytes(never)), 0),
            _ => unreachable!("what is searched has literal text behind it"),
        },
        Kind::Addr(form, accused) => {
            let name =
                ["addr", "addr_port", "addr_may_port", "addr_dot_port", "addr_port_bare"][usize::from(*form)];
            (format!("peer::{name}{suffix}(m)?"), if *accused { 2 } else { 1 })
        }
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

/// The body of a function that reads one part of a pattern; `result` is what it yields at its end.
fn body(plan: &Plan, longest: usize, result: &str) -> String {
    let mut body = String::new();
    if longest > 0 {
        let _ = writeln!(body, "    if m.len() > {longest} {{\n        return None;\n    }}");
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
    match plan.text {
        true => close(&body, result),
        false => {
            let _ = writeln!(body, "    m.is_empty().then_some({result})");
            body
        }
    }
}

/// The function of one pattern.
fn pattern(filter: &Filter, rule: &Rule) -> String {
    let accuses = |part: &Part| rule.weight > 0 && part.tokens.iter().any(holds_addr);
    let value = |accuses: bool| if accuses { ("Addr", "addr") } else { ("()", "()") };
    let (file, line, name) = (&filter.name, rule.line, function(filter, rule));
    let head = format!("// {file}.filter:{line}\n// {}\n", rule.text);
    let (kind, result) = value(rule.parts.iter().any(accuses));
    let code = match rule.parts.as_slice() {
        [part] if part.path.is_empty() => body(&part.plan, rule.longest, result),
        parts => {
            let get = match filter.form {
                Form::Json => "field::json",
                Form::Logfmt => "field::logfmt",
                _ => "field::either",
            };
            let mut code = String::new();
            for (i, part) in parts.iter().enumerate() {
                let (kind, result) = value(accuses(part));
                let longest = if i == 0 { rule.longest } else { 0 };
                let inner = body(&part.plan, longest, result);
                code += &indent(&format!("fn field{i}(m: &[u8]) -> Option<{kind}> {{\n{inner}}}\n"));
                let bound = if accuses(part) { "let addr = " } else { "" };
                let _ = writeln!(code, "    {bound}field{i}({get}(m, {})?)?;", texts(&part.path));
            }
            format!("{code}    Some({result})\n")
        }
    };
    format!("\n{head}fn {name}(m: &[u8]) -> Option<{kind}> {{\n{code}}}\n")
}

/// Ends a body whose last line need not name what is left.
fn close(body: &str, value: &str) -> String {
    let cut = body.trim_end().rfind('\n').map_or(0, |i| i + 1);
    let (before, last) = body.split_at(cut);
    let last =
        last.replace("    let m = ", "    ").replace("m) = ", "_) = ").replace("    let (m, _) = ", "    ");
    let last = match last.strip_suffix("?;\n") {
        Some(call) if value == "()" && call.starts_with("    ") => format!("{call}?;\n"),
        _ => last,
    };
    let last = if last.contains("unwrap_or(m)") { String::new() } else { last };
    format!("{before}{last}    Some({value})\n")
}

/// The literal openings of a rule: optional and alternative parts spelled out, as far as they are literal. An
/// empty one: it may open with any byte.
pub fn openings(rule: &Rule) -> Vec<Vec<u8>> {
    match rule.parts.as_slice() {
        [part] if part.path.is_empty() => opened(&part.tokens).into_iter().map(|(text, _)| text).collect(),
        _ => vec![Vec::new()],
    }
}

/// Openings, and whether each goes on behind these tokens.
fn opened(tokens: &[Token]) -> Vec<(Vec<u8>, bool)> {
    let mut all = vec![(Vec::new(), true)];
    for token in tokens {
        let choices: Vec<(Vec<u8>, bool)> = match &token.kind {
            Kind::Lit(text) => vec![(text.clone(), true)],
            Kind::Alt(texts) => texts.iter().map(|t| (t.clone(), true)).collect(),
            Kind::Opt(inner) => {
                let mut choices = opened(inner);
                choices.push((Vec::new(), true));
                choices
            }
            _ => vec![(Vec::new(), false)],
        };
        let open = all.iter().filter(|a| a.1).count();
        if open == 0 {
            break;
        }
        if open * choices.len() > OPENINGS_MAX {
            all.iter_mut().for_each(|a| a.1 = false);
            break;
        }
        let longer = |(text, open): &(Vec<u8>, bool)| -> Vec<(Vec<u8>, bool)> {
            if !open {
                return vec![(text.clone(), false)];
            }
            choices.iter().map(|(more, open)| ([text.as_slice(), more].concat(), *open)).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// A rule under one of its openings.
type Entry = (usize, Vec<u8>);

/// The function `name`: a match on the byte at `depth`, whose branches are patterns or, where several share a
/// longer opening, functions of their own, appended to `out` behind it. A pattern whose opening ends before
/// that byte stands in every branch.
fn dispatch(out: &mut String, filter: &Filter, entries: &[Entry], depth: usize, name: &str) {
    let shared = entries.iter().map(|e| &e.1).max_by_key(|e| e.len()).and_then(|e| e.get(..depth));
    let _ = write!(
        out,
        "\n// {}.filter: messages that open with {}\n",
        filter.name,
        bytes(shared.unwrap_or_default())
    );
    let _ = writeln!(out, "fn {name}(modes: u8, peer: Addr, m: &[u8]) -> Option<Match> {{");
    let mut depth = depth;
    while entries.iter().all(|e| e.1.len() > depth && e.1[depth] == entries[0].1[depth]) && entries.len() > 1
    {
        depth += 1;
    }
    let is_deep = depth > DEEPEST || entries.iter().all(|e| e.1.len() <= depth);
    if rules(entries).len() <= SIDE_BY_SIDE || is_deep {
        leaf(out, filter, &rules(entries));
        *out += "}\n";
        return;
    }
    let byte_at = if depth == 0 { "first()".to_owned() } else { format!("get({depth})") };
    let _ = writeln!(out, "    match m.{byte_at} {{");
    let mut below = String::new();
    let mut number = 0;
    let mut branch = |under: &[Entry]| match rules(under).as_slice() {
        [] => "None".to_owned(),
        [only] if filter.rules[*only].weight > 0 => take(filter, *only),
        _ => {
            let inner = if name.contains("_opening_") {
                format!("{name}_{number}")
            } else {
                format!("{name}_opening_{number}")
            };
            number += 1;
            dispatch(&mut below, filter, under, depth + 1, &inner);
            format!("{inner}(modes, peer, m)")
        }
    };
    for (firsts, under) in branches(entries, depth) {
        let firsts: Vec<String> = firsts.into_iter().map(byte).collect();
        let _ = writeln!(out, "        Some({}) => {},", firsts.join(" | "), branch(&under));
    }
    let others: Vec<Entry> = entries.iter().filter(|e| e.1.len() <= depth).cloned().collect();
    let _ = write!(out, "        _ => {},\n    }}\n}}\n{below}", branch(&others));
}

fn rules(entries: &[Entry]) -> Vec<usize> {
    let mut rules: Vec<usize> = entries.iter().map(|e| e.0).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// The entries by their byte at `depth`; bytes behind which the same patterns stand share a branch.
fn branches(entries: &[Entry], depth: usize) -> Vec<(Vec<u8>, Vec<Entry>)> {
    let mut firsts: Vec<u8> = entries.iter().filter_map(|e| e.1.get(depth).copied()).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut merged: Vec<(Vec<u8>, Vec<Entry>)> = Vec::new();
    for first in firsts {
        let fits = |e: &&Entry| e.1.get(depth).is_none_or(|b| *b == first);
        let under: Vec<Entry> = entries.iter().filter(fits).cloned().collect();
        match merged.iter_mut().find(|m| rules(&m.1) == rules(&under)) {
            Some(twin) => {
                twin.0.push(first);
                twin.1.extend(under);
                twin.1.sort_unstable();
                twin.1.dedup();
            }
            None => merged.push((vec![first], under)),
        }
    }
    merged
}

fn take(filter: &Filter, at: usize) -> String {
    let rule = &filter.rules[at];
    let (modes, function, weight) = (rule.modes, function(filter, rule), rule.weight);
    let call = if filter.form.names_peer() { "named" } else { "take" };
    format!("{call}(modes & {modes}, peer, m, {function}, {at}, {weight})")
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

/// filters.rs: the functions `is_own` and `scan_message` over all filters, and what they call.
pub fn code(filters: &[Filter]) -> String {
    let mut out =
        String::from("// Generated by filters/compiler from filters/*.filter: read it beside them.\n");
    let (mut programs, mut calls) = (String::new(), String::new());
    for (i, filter) in filters.iter().enumerate() {
        let (globs, names): (Vec<&String>, Vec<&String>) =
            filter.programs.iter().partition(|p| p.contains('*'));
        let names: Vec<String> = names.iter().map(|p| bytes(p.as_bytes())).collect();
        let names = (!names.is_empty()).then(|| format!("matches!(name, {})", names.join(" | ")));
        let globs = globs.iter().map(|p| format!("program::is_own({}, name)", bytes(p.as_bytes())));
        let either: Vec<String> = names.into_iter().chain(globs).collect();
        if !either.is_empty() {
            let _ = writeln!(programs, "        {i} => {},", either.join(" || "));
        }
        let _ = writeln!(calls, "        {i} => {}(modes, peer, m),", root(filter));
    }
    let _ = write!(
        out,
        "\n/// Whether this program is one of the filter's own.\n\
         pub fn is_own(filter: u8, name: &[u8]) -> bool {{\n    match filter {{\n{programs}        _ => false,\n    }}\n}}\n\
         \n/// What a filter's patterns make of a message; `peer` is whom the filter's form names.\n\
         pub fn scan_message(filter: u8, modes: u8, peer: Addr, m: &[u8]) -> Option<Match> {{\n    match filter {{\n\
         {calls}        _ => None,\n    }}\n}}\n"
    );
    for filter in filters {
        let rules = filter.rules.iter().enumerate();
        let entries: Vec<Entry> =
            rules.flat_map(|(i, r)| openings(r).into_iter().map(move |o| (i, o))).collect();
        dispatch(&mut out, filter, &entries, 0, &root(filter));
        out.extend(filter.rules.iter().map(|r| pattern(filter, r)));
    }
    out + &super::index::index(filters)
}

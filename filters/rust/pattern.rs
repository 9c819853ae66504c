//! From checked filters to Rust: the function of one pattern, in the order of its tokens.
//!
//! Runs in: the filter compiler. In: a pattern's plan. Out: its function's text.

use super::super::compiler::form::Form;
use super::super::compiler::lex::{Kind, Token};
use super::super::compiler::parse::Filter;
use super::super::compiler::plan::{Plan, holds_addr, lead};
use super::super::compiler::rule::{Part, Rule};
use super::super::compiler::steps::word_end;
use super::super::compiler::stop::{Stop, stop_of};
use super::entry::is_literal;
use std::fmt::Write as _;

/// Texts of a choice that are tried one after another rather than told apart by their first byte.
const TEXTS_MAX: usize = 4;

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

/// The texts of a choice that may stand here: many are told apart by the byte that each is met with.
fn choice(all: &[Vec<u8>], back: bool) -> String {
    let met = |t: &Vec<u8>| if back { t.last().copied() } else { t.first().copied() };
    let mut firsts: Vec<u8> = all.iter().filter_map(met).collect();
    firsts.sort_unstable();
    firsts.dedup();
    if all.len() <= TEXTS_MAX || firsts.len() == 1 {
        return texts(all);
    }
    let mut code = format!("match m.{}() {{\n", if back { "last" } else { "first" });
    for first in firsts {
        let these: Vec<Vec<u8>> = all.iter().filter(|t| met(t) == Some(first)).cloned().collect();
        let _ = writeln!(code, "        Some({}) => {},", byte(first), texts(&these));
    }
    code + "        _ => &[],\n    }"
}

/// The function of a whole filter.
pub fn root(filter: &Filter) -> String {
    format!("filter_{}", filter.name.replace('-', "_"))
}

/// The function of one of its patterns.
pub fn function(filter: &Filter, rule: &Rule) -> String {
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
        Kind::Alt(all) => (format!("scan::alt{suffix}(m, {})?", choice(all, back)), 0),
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
    in_order(out, tokens, &order, back, parts);
}

/// The lines that read the tokens from one place to another, forwards.
pub fn reading(tokens: &[Token], from: usize, to: usize) -> String {
    let (mut out, mut parts) = (String::new(), 0);
    in_order(&mut out, tokens, &(from..to).collect::<Vec<usize>>(), false, &mut parts);
    out
}

fn in_order(out: &mut String, tokens: &[Token], order: &[usize], back: bool, parts: &mut usize) {
    for at in order.iter().copied() {
        let step = step(tokens, at, back, parts);
        let name = ["m", "(_, m)", "(addr, m)"][usize::from(step.yields)];
        let _ = writeln!(out, "{}    let {name} = {};", step.inner, step.code);
    }
}

/// Ends a function where the message is longer.
pub fn bound(longest: usize) -> String {
    if longest == 0 {
        return String::new();
    }
    format!("    if m.len() > {longest} {{\n        return None;\n    }}\n")
}

/// Of what a searched part must hold, a text that is rare in messages. A pattern that counts for nobody is tried with
/// many that it is not made for: those are known by its absence.
fn sign(plan: &Plan) -> Option<&[u8]> {
    let is_rare = |b: &u8| b.is_ascii_punctuation() && !matches!(b, b'.' | b'-' | b'_');
    plan.find.iter().flatten().find_map(|token| match &token.kind {
        Kind::Lit(text) if text.iter().any(is_rare) => Some(text.as_slice()),
        _ => None,
    })
}

/// The body of a function that reads one part of a pattern, behind the tokens that were read before; `sign` is looked for
/// before anything is searched, `result` is what it yields at its end.
fn body(plan: &Plan, read: usize, longest: usize, sign: Option<&[u8]>, result: &str) -> String {
    let mut body = if read == 0 { bound(longest) } else { String::new() };
    let mut parts = 0;
    let front: Vec<usize> = (read..plan.front.len()).collect();
    in_order(&mut body, &plan.front, &front, false, &mut parts);
    if let Some(text) = sign {
        let _ = writeln!(body, "    scan::find(m, {}, Some)?;", bytes(text));
    }
    if let Some(tokens) = &plan.once {
        let (lead, tokens) = lead(tokens);
        body += &group("once", tokens, false, true, &mut parts);
        let _ = writeln!(body, "    let (addr, m) = scan::once(m, {}, once)?;", bytes(lead));
    }
    lines(&mut body, &plan.after, false, &mut parts);
    let mut finds: Vec<String> = Vec::new();
    for (i, tokens) in plan.find.iter().enumerate() {
        let (lead, tokens) = lead(tokens);
        body += &group(&format!("find{i}"), tokens, false, false, &mut parts);
        finds.push(format!("    let (m, _) = scan::find(m, {}, find{i})?;\n", bytes(lead)));
    }
    // Behind the last place of the last part nothing else is to be found: most of a message often stands there.
    if let [_, .., last] = plan.find.as_slice()
        && plan.find.iter().flatten().all(is_literal)
        && plan.back.is_empty()
        && plan.text
    {
        finds.pop();
        let (lead, _) = lead(last);
        let number = finds.len();
        finds.insert(0, format!("    let m = scan::before_last(m, {}, find{number})?;\n", bytes(lead)));
    }
    body += &finds.concat();
    lines(&mut body, &plan.back, true, &mut parts);
    match plan.text {
        true => close(&body, result),
        false => {
            let _ = writeln!(body, "    m.is_empty().then_some({result})");
            body
        }
    }
}

/// The keys that a filter's patterns begin their paths with.
pub fn keys(filter: &Filter) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> =
        filter.rules.iter().flat_map(|r| &r.parts).filter_map(|p| p.path.first().cloned()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The function of one pattern, whose first tokens were read before.
pub fn pattern(filter: &Filter, rule: &Rule, read: usize) -> String {
    let accuses = |part: &Part| rule.weight > 0 && part.tokens.iter().any(holds_addr);
    let value = |accuses: bool| if accuses { ("Addr", "addr") } else { ("()", "()") };
    let (file, line, name) = (&filter.name, rule.line, function(filter, rule));
    let head = format!("// {file}.filter:{line}\n// {}\n", rule.text);
    let (kind, result) = value(rule.parts.iter().any(accuses));
    let keys = keys(filter);
    let code = match rule.parts.as_slice() {
        [part] if part.path.is_empty() => {
            let sign = if rule.weight == 0 { sign(&part.plan) } else { None };
            body(&part.plan, read, rule.longest, sign, result)
        }
        parts => {
            let mut code = String::new();
            for (i, part) in parts.iter().enumerate() {
                let (kind, result) = value(accuses(part));
                let longest = if i == 0 { rule.longest } else { 0 };
                let inner = body(&part.plan, 0, longest, None, result);
                code += &indent(&format!("fn field{i}(m: &[u8]) -> Option<{kind}> {{\n{inner}}}\n"));
                let bound = if accuses(part) { "let addr = " } else { "" };
                let place = keys.iter().position(|k| part.path.first() == Some(k)).unwrap_or(0);
                let inner = texts(part.path.get(1..).unwrap_or_default());
                let _ = writeln!(code, "    {bound}field{i}(m.at({place}, {inner})?)?;");
            }
            format!("{code}    Some({result})\n")
        }
    };
    format!("\n{head}fn {name}(m: {}) -> Option<{kind}> {{\n{code}}}\n", seen(filter))
}

/// The type of what a filter's patterns see.
pub fn seen(filter: &Filter) -> String {
    if filter.form.has_fields() {
        format!("&field::Values<'_, {}>", keys(filter).len())
    } else {
        "&[u8]".to_owned()
    }
}

/// What a filter's own function does before it looks at its patterns: it takes the fields from the message.
pub fn fields(filter: &Filter) -> String {
    let get = match filter.form {
        Form::Json => "object",
        Form::Logfmt => "pairs",
        Form::Fields => "fields",
        _ => return String::new(),
    };
    format!("    let m = &field::{get}(m, {});\n", texts(&keys(filter)))
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

//! One rule of a filter: a pattern's text, its classes, its examples.
//!
//! Runs in: the filter compiler. In: the lines of a rule. Out: the rule as written, or what is wrong with its form.

use super::lex::{self, Token};
use super::parse::{Filter, Line};
use super::plan::{self, Place, Plan, holds_addr};
use super::words::{String, ToOwned, Vec, vec};
use super::{Fault, fault, said, steps};

/// A line that a rule must take, or that no rule may.
pub struct Example {
    pub line: usize,
    pub col: usize,
    /// The modes it speaks of; `None`: a hit in the classes of its pattern, a miss in all.
    pub modes: Option<u8>,
    /// The address it must yield; `None`: nobody.
    pub addr: Option<String>,
    pub text: String,
}

/// What a pattern says of the message, or of one of its fields.
pub struct Part {
    /// The field's keys, from the outside in; none: the message itself.
    pub path: Vec<Vec<u8>>,
    pub tokens: Vec<Token>,
    pub plan: Plan,
    /// The plan as steps.
    pub code: Vec<u8>,
}

/// One pattern with its examples.
pub struct Rule {
    pub line: usize,
    pub col: usize,
    pub modes: u8,
    /// 0: a line of this pattern counts for nobody.
    pub weight: u16,
    /// Bytes above which it takes no message; 0: no such bound.
    pub longest: usize,
    pub text: String,
    pub parts: Vec<Part>,
    pub examples: Vec<Example>,
}

pub fn is_example(text: &str) -> bool {
    ["hit", "miss"].iter().any(|w| text.strip_prefix(w).is_some_and(|r| r.starts_with([' ', '['])))
}

/// One line of a pattern's text: the whole of it, or `.KEY PATTERN`.
pub fn pattern(filter: &Filter, rule: &mut Rule, line: &Line<'_>) -> Result<(), Fault> {
    let (path, at, text) = if filter.form.has_fields() {
        let Some((key, text)) = line.text.strip_prefix('.').and_then(|t| t.split_once(' ')) else {
            return line.fault(0, "in this form a pattern's line is `.KEY PATTERN`");
        };
        let trimmed = text.trim_start();
        (path(line, key)?, line.text.len() - trimmed.len(), trimmed)
    } else if rule.parts.is_empty() {
        (Vec::new(), 0, line.text)
    } else {
        return line.fault(0, "expected `hit ADDRESS LINE` or `miss LINE`");
    };
    let col = line.indent + at + 1;
    if rule.parts.is_empty() {
        (rule.line, rule.col) = (line.number, line.indent + 1);
    } else {
        rule.text.push(' ');
    }
    rule.text.push_str(line.text);
    let tokens = lex::lex(text, line.number, col)?;
    let place =
        Place { line: line.number, col, anywhere: filter.form.has_fields() || filter.form.names_peer() };
    let plan = plan::plan(&tokens, place)?;
    let code = steps::code(&plan, line.number)?;
    if rule.parts.len() == 16 || path.len() > 8 {
        return line.fault(0, "more than 16 fields in a pattern, or 8 keys in a field");
    }
    rule.parts.push(Part { path, tokens, plan, code });
    Ok(())
}

/// The keys of `a.b.c`; `\.` is a dot in a key.
fn path(line: &Line<'_>, text: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let mut keys = vec![Vec::new()];
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match (b, keys.last_mut()) {
            (b'\\', Some(key)) => key.extend(bytes.next()),
            (b'.', _) => keys.push(Vec::new()),
            (b, Some(key)) => key.push(b),
            (_, None) => {}
        }
    }
    if keys.iter().any(Vec::is_empty) { line.fault(0, "an empty key") } else { Ok(keys) }
}

/// A pattern that counts names the accused once, unless its form does; then it names none.
pub fn accuses(filter: &Filter, rule: &Rule) -> Result<(), Fault> {
    let addrs: Vec<&Token> = rule.parts.iter().flat_map(|p| &p.tokens).filter(|t| holds_addr(t)).collect();
    match addrs.as_slice() {
        [] if rule.weight > 0 && !filter.form.names_peer() => fault(
            rule.line,
            rule.col,
            "no address: a pattern that counts needs one <addr>, <addr:port>, <addr:port?> or <addr.port>",
        ),
        [first, ..] if filter.form.names_peer() => {
            fault(rule.line, first.col, "the form names the peer; write <ip> for another address")
        }
        [_, second, ..] => {
            fault(rule.line, second.col, "a second address: only one peer is accused; write <ip> for another")
        }
        _ => Ok(()),
    }
}

pub fn class_bits(filter: &Filter, line: &Line<'_>, at: usize, classes: &str) -> Result<u8, Fault> {
    let mut bits = 0;
    for class in classes.split_whitespace() {
        match filter.classes.iter().position(|c| c == class) {
            Some(i) => bits |= 1 << i,
            None => return line.fault(at, said(format_args!("`{class}` is no class of this filter"))),
        }
    }
    if bits == 0 { line.fault(at, "a class is expected") } else { Ok(bits) }
}

pub fn mode_bits(filter: &Filter, line: &Line<'_>, at: usize, name: &str) -> Result<u8, Fault> {
    match filter.modes.iter().find(|m| m.name == name) {
        Some(mode) => Ok(mode.bits),
        None => line.fault(at, said(format_args!("`{name}` is no mode of this filter"))),
    }
}

/// `pattern CLASS... [weight N]` or `ignore`.
pub fn opening(filter: &Filter, line: &Line<'_>) -> Result<Rule, Fault> {
    let (word, at, value) = line.split();
    let (modes, weight) = match (word, value.split_once("weight ")) {
        ("ignore", _) if !value.is_empty() => return line.fault(at, "`ignore` takes no class"),
        ("ignore", _) => (u8::MAX, 0),
        (_, None) => (class_bits(filter, line, at, value)?, 1),
        (_, Some((classes, weight))) => match weight.trim().parse() {
            Ok(weight @ 1..=60) => (class_bits(filter, line, at, classes)?, weight),
            _ => return line.fault(at, "a weight is a number from 1 to 60"),
        },
    };
    let longest = if weight == 0 { 0 } else { filter.longest };
    let (text, parts, examples) = (String::new(), Vec::new(), Vec::new());
    Ok(Rule { line: 0, col: 0, modes, weight, longest, text, parts, examples })
}

/// `hit ADDRESS LINE`, `miss LINE`, each with `[MODE]` behind its word if it speaks of one mode.
pub fn example(filter: &Filter, line: &Line<'_>) -> Result<Example, Fault> {
    let (word, at, value) = line.split();
    let (word, modes) = match word.split_once('[') {
        None => (word, None),
        Some((word, mode)) => (word, Some(mode_bits(filter, line, word.len(), mode.trim_end_matches(']'))?)),
    };
    let (addr, text) = match word {
        "hit" => match value.split_once(' ') {
            Some((addr, text)) => (Some(addr.to_owned()), text.trim_start()),
            None => return line.fault(at, "expected `hit ADDRESS LINE`"),
        },
        "miss" => (None, value),
        _ => return line.fault(0, "expected `hit ADDRESS LINE` or `miss LINE`"),
    };
    if text.is_empty() {
        return line.fault(at, "the line is missing");
    }
    Ok(Example { line: line.number, col: line.indent + at + 1, modes, addr, text: text.to_owned() })
}

//! From a filter file to a `Filter`.
//!
//! Runs in: the filter compiler. In: the file's text. Out: the filter as written, or what is wrong with its
//! form.

use super::words::{String, ToOwned, Vec, format, vec};
use super::form::{Form, before};
use super::lex::{self, Token};
use super::plan::{self, Place, Plan, holds_addr};
use super::{Fault, fault, steps};

/// A mode: its name, its classes as bits.
pub struct Mode {
    pub name: String,
    pub bits: u8,
}

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

/// One filter file.
#[derive(Default)]
pub struct Filter {
    pub name: String,
    pub programs: Vec<String>,
    /// `form::before`'s bits.
    pub headers: u8,
    pub form: Form,
    /// Why its lines, or the addresses in them, can be forged; empty: they cannot.
    pub forged: String,
    pub journal: Vec<String>,
    pub logs: Vec<String>,
    pub ports: Vec<u16>,
    /// `longest` of the patterns that follow.
    longest: usize,
    pub classes: Vec<String>,
    pub modes: Vec<Mode>,
    pub default_modes: u8,
    pub rules: Vec<Rule>,
    /// Lines at the end of the file that no rule may take.
    pub misses: Vec<Example>,
}

/// One line of the file, cut at its words.
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn fault<T>(&self, at: usize, reason: impl Into<String>) -> Result<T, Fault> {
        fault(self.number, self.indent + at + 1, reason)
    }

    /// The first word and the rest, which starts at the byte given.
    fn split(&self) -> (&'a str, usize, &'a str) {
        let (word, rest) = self.text.split_once(' ').unwrap_or((self.text, ""));
        let trimmed = rest.trim_start();
        (word, self.text.len() - trimmed.len(), trimmed)
    }
}

/// Reads a filter file.
pub fn parse(name: &str, text: &str) -> Result<Filter, Fault> {
    let mut filter = Filter { name: name.to_owned(), ..Filter::default() };
    let lines: Vec<Line<'_>> = text
        .lines()
        .enumerate()
        .map(|(i, l)| Line { number: i + 1, indent: l.len() - l.trim_start().len(), text: l.trim() })
        .filter(|l| !l.text.is_empty() && !l.text.starts_with('#'))
        .collect();
    let mut rest = lines.iter().peekable();
    while let Some(line) = rest.next() {
        if line.indent > 0 {
            return line.fault(0, "an indented line belongs to a pattern, and there is none above it");
        }
        let (word, at, value) = line.split();
        match word {
            "pattern" | "ignore" => {
                let mut rule = opening(&filter, line)?;
                while let Some(text) = rest.next_if(|l| l.indent > 0 && !is_example(l.text)) {
                    pattern(&filter, &mut rule, text)?;
                }
                if rule.parts.is_empty() {
                    return line.fault(0, "the pattern's text must follow, indented");
                }
                accuses(&filter, &rule)?;
                while let Some(line) = rest.next_if(|l| l.indent > 0) {
                    rule.examples.push(example(&filter, line)?);
                }
                filter.rules.push(rule);
            }
            "miss" | "miss[" => filter.misses.push(example(&filter, line)?),
            _ if word.starts_with("miss[") => filter.misses.push(example(&filter, line)?),
            _ => directive(&mut filter, line, word, at, value)?,
        }
    }
    complete(filter)
}

fn is_example(text: &str) -> bool {
    ["hit", "miss"].iter().any(|w| text.strip_prefix(w).is_some_and(|r| r.starts_with([' ', '['])))
}

/// One line of a pattern's text: the whole of it, or `.KEY PATTERN`.
fn pattern(filter: &Filter, rule: &mut Rule, line: &Line<'_>) -> Result<(), Fault> {
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
fn accuses(filter: &Filter, rule: &Rule) -> Result<(), Fault> {
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

fn complete(filter: Filter) -> Result<Filter, Fault> {
    let by_syslog = filter.headers & before::SYSLOG != 0;
    let missing = [
        (filter.headers & !before::UNPADDED == 0, "no `header`"),
        (
            by_syslog && filter.programs.is_empty(),
            "no `program`: header syslog needs the names of the service's",
        ),
        (filter.modes.is_empty(), "no `mode`"),
        (filter.default_modes == 0, "no `default` mode"),
        (filter.rules.is_empty(), "no `pattern`"),
    ];
    match missing.iter().find(|m| m.0) {
        Some((_, reason)) => fault(1, 1, *reason),
        None => Ok(filter),
    }
}

fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

fn directive(filter: &mut Filter, line: &Line<'_>, word: &str, at: usize, value: &str) -> Result<(), Fault> {
    if word == "unpadded" && value.is_empty() {
        filter.headers |= before::UNPADDED;
        return Ok(());
    }
    if value.is_empty() {
        return line.fault(0, format!("`{word}` without a value"));
    }
    match word {
        "filter" if value != filter.name => return line.fault(at, "the name must be the file's"),
        "filter" => {}
        "header" => {
            for name in value.split_whitespace() {
                filter.headers |= match name {
                    "syslog" => before::SYSLOG,
                    "time" => before::TIME,
                    "raw" => before::RAW,
                    _ => return line.fault(at, "an unknown header; there are: syslog, time, raw"),
                };
            }
        }
        "form" => filter.form = form(line, at, value)?,
        "journal" => filter.journal = words(value),
        "forged" => value.clone_into(&mut filter.forged),
        "program" => filter.programs = words(value),
        "log" => {
            filter.logs = words(value);
            if filter.logs.iter().any(|l| !l.starts_with('/')) {
                return line.fault(at, "a log is an absolute path");
            }
        }
        "port" => {
            for port in value.split_whitespace() {
                match port.parse() {
                    Ok(port) => filter.ports.push(port),
                    Err(_) => return line.fault(at, format!("`{port}` is no port")),
                }
            }
        }
        "longest" => match value.parse() {
            Ok(longest) => filter.longest = longest,
            Err(_) => return line.fault(at, "a number of bytes is expected"),
        },
        "class" => {
            filter.classes = words(value);
            if filter.classes.len() > 8 {
                return line.fault(at, "more than eight classes");
            }
        }
        "mode" => {
            let Some((name, classes)) = value.split_once('=') else {
                return line.fault(at, "expected `mode NAME = CLASS...`");
            };
            let bits = class_bits(filter, line, at, classes)?;
            filter.modes.push(Mode { name: name.trim().to_owned(), bits });
        }
        "default" => filter.default_modes = mode_bits(filter, line, at, value)?,
        _ => return line.fault(0, format!("unknown word `{word}`")),
    }
    Ok(())
}

fn form(line: &Line<'_>, at: usize, value: &str) -> Result<Form, Fault> {
    Ok(match value {
        "text" => Form::Text,
        "access" => Form::Access,
        "apache" => Form::Apache,
        "nginx" => Form::Nginx,
        "json" => Form::Json,
        "logfmt" => Form::Logfmt,
        "json logfmt" => Form::Fields,
        _ => {
            return line.fault(
                at,
                "an unknown form; there are: text, access, apache, nginx, json, logfmt, json logfmt",
            );
        }
    })
}

fn class_bits(filter: &Filter, line: &Line<'_>, at: usize, classes: &str) -> Result<u8, Fault> {
    let mut bits = 0;
    for class in classes.split_whitespace() {
        match filter.classes.iter().position(|c| c == class) {
            Some(i) => bits |= 1 << i,
            None => return line.fault(at, format!("`{class}` is no class of this filter")),
        }
    }
    if bits == 0 { line.fault(at, "a class is expected") } else { Ok(bits) }
}

fn mode_bits(filter: &Filter, line: &Line<'_>, at: usize, name: &str) -> Result<u8, Fault> {
    match filter.modes.iter().find(|m| m.name == name) {
        Some(mode) => Ok(mode.bits),
        None => line.fault(at, format!("`{name}` is no mode of this filter")),
    }
}

/// `pattern CLASS... [weight N]` or `ignore`.
fn opening(filter: &Filter, line: &Line<'_>) -> Result<Rule, Fault> {
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
fn example(filter: &Filter, line: &Line<'_>) -> Result<Example, Fault> {
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

//! From a filter file to a `Filter`.
//!
//! Runs in: the filter compiler. In: the file's text. Out: the filter as written, or what is wrong with its
//! form.

use super::lex::{self, Token};
use super::plan::{self, Plan};
use super::{Fault, fault};

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
    pub tokens: Vec<Token>,
    pub plan: Plan,
    pub examples: Vec<Example>,
}

/// One filter file.
#[derive(Default)]
pub struct Filter {
    pub name: String,
    pub programs: Vec<String>,
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
                let Some(text) = rest.next_if(|l| l.indent > 0) else {
                    return line.fault(0, "the pattern's text must follow, indented");
                };
                rule.line = text.number;
                rule.col = text.indent + 1;
                rule.text = text.text.to_owned();
                rule.tokens = lex::lex(text.text, text.number, rule.col)?;
                rule.plan = plan::plan(&rule.tokens, text.number, rule.col, rule.weight > 0)?;
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

fn complete(filter: Filter) -> Result<Filter, Fault> {
    let missing = [
        (filter.programs.is_empty(), "no `program`"),
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
    if value.is_empty() {
        return line.fault(0, format!("`{word}` without a value"));
    }
    match word {
        "filter" if value != filter.name => return line.fault(at, "the name must be the file's"),
        "filter" => {}
        "header" if value != "syslog" => return line.fault(at, "an unknown header; there is: syslog"),
        "header" => {}
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
    let nothing = || (Vec::new(), Plan::default(), Vec::new());
    let (tokens, plan, examples) = nothing();
    let longest = if weight == 0 { 0 } else { filter.longest };
    Ok(Rule { line: 0, col: 0, modes, weight, longest, text: String::new(), tokens, plan, examples })
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

//! From checked filters to Rust: which of a filter's patterns are tried, and in which order.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of the functions between a filter and its patterns:
//! patterns that open alike are told apart behind what they share, others by the first bytes that differ.

use super::super::compiler::lex::Token;
use super::super::compiler::parse::Filter;
use super::super::compiler::plan::holds_addr;
use super::super::compiler::rule::Rule;
use super::entry::{Entry, branches, ids, is_literal, opened};
use super::pattern::{bound, byte, bytes, fields, function, pattern, reading, root, seen};
use std::fmt::Write as _;

/// Patterns that are tried one after another rather than told apart.
const SIDE_BY_SIDE: usize = 4;
/// Bytes of a message that are looked at to tell patterns apart.
const DEEPEST: usize = 24;

/// What is tried: one pattern, or several that share their first tokens, up to `behind`.
struct Unit {
    rules: Vec<usize>,
    behind: usize,
}

/// The patterns of one filter on their way to text.
struct Choice<'f> {
    filter: &'f Filter,
    out: String,
    /// How many tokens of each pattern are read before its own function.
    read: Vec<usize>,
}

/// The functions of a filter.
pub fn choose(filter: &Filter) -> String {
    let mut choice = Choice { filter, out: String::new(), read: vec![0; filter.rules.len()] };
    let all: Vec<usize> = (0..filter.rules.len()).collect();
    let root = root(filter);
    let fields = fields(filter);
    if fields.is_empty() {
        choice.tell_apart(&all, 0, &root);
    } else {
        let _ = write!(
            choice.out,
            "\n// {}.filter: the fields that its patterns ask for\n\
             fn {root}(modes: u8, peer: Addr, m: &[u8]) -> Taken {{\n{fields}    {root}_fields(modes, peer, m)\n}}\n",
            filter.name
        );
        choice.tell_apart(&all, 0, &format!("{root}_fields"));
    }
    for (rule, read) in filter.rules.iter().zip(&choice.read) {
        choice.out += &pattern(filter, rule, *read);
    }
    choice.out
}

/// The tokens that are read from the start; none where a pattern speaks of fields.
fn front(rule: &Rule) -> &[Token] {
    match rule.parts.as_slice() {
        [part] if part.path.is_empty() => &part.plan.front,
        _ => &[],
    }
}

impl Choice<'_> {
    /// The function `name`, which chooses among these patterns, of which so many tokens were read.
    fn tell_apart(&mut self, rules: &[usize], read: usize, name: &str) {
        let units = self.units(rules, read);
        let mut entries = Vec::new();
        for (i, unit) in units.iter().enumerate() {
            let openings =
                unit.rules.first().map(|rule| self.openings(*rule, read, unit)).unwrap_or_default();
            entries.extend(openings.into_iter().map(|opening| (i, opening)));
        }
        self.dispatch(&units, &entries, 0, name);
        for unit in units.iter().filter(|unit| unit.rules.len() > 1) {
            self.shared(unit, read);
        }
    }

    /// The function of patterns that share tokens: it reads those.
    fn shared(&mut self, unit: &Unit, read: usize) {
        let Some(first) = unit.rules.first().map(|i| &self.filter.rules[*i]) else { return };
        let name = self.name(unit);
        let longest = if read == 0 { bound(first.longest) } else { String::new() };
        let _ = write!(
            self.out,
            "\n// {}.filter: what {} patterns from line {} on open with\n\
             fn {name}(modes: u8, peer: Addr, m: &[u8]) -> Taken {{\n{longest}{}    {name}_behind(modes, peer, m)\n}}\n",
            self.filter.name,
            unit.rules.len(),
            first.line,
            reading(front(first), read, unit.behind)
        );
        unit.rules.iter().for_each(|rule| self.read[*rule] = unit.behind);
        self.tell_apart(&unit.rules, unit.behind, &format!("{name}_behind"));
    }

    fn name(&self, unit: &Unit) -> String {
        let first = unit.rules.first().map_or(0, |rule| self.filter.rules[*rule].line);
        format!("{}_from_{first}_{}", root(self.filter), unit.behind)
    }

    /// The literal openings of a unit behind what was read: optional and alternative parts spelled out, as far as
    /// they are literal. An empty one: it may open with any byte.
    fn openings(&self, rule: usize, read: usize, unit: &Unit) -> Vec<Vec<u8>> {
        let tokens = match self.filter.rules[rule].parts.as_slice() {
            [part] if part.path.is_empty() => &part.tokens,
            _ => return vec![Vec::new()],
        };
        let end = if unit.rules.len() > 1 { unit.behind } else { tokens.len() };
        opened(tokens.get(read..end).unwrap_or_default()).into_iter().map(|(text, _)| text).collect()
    }

    /// Neighbours that share tokens which their openings do not show, as one unit; others each for itself.
    fn units(&self, rules: &[usize], read: usize) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut left = rules;
        while let Some((first, rest)) = left.split_first() {
            let mut unit = Unit { rules: vec![*first], behind: read };
            for (i, next) in rest.iter().enumerate() {
                let shared = self.alike(*first, *next, read);
                let shared = if i == 0 { shared } else { shared.min(unit.behind) };
                if !front(&self.filter.rules[*first])[read..shared.max(read)].iter().any(|t| !is_literal(t)) {
                    break;
                }
                unit.rules.push(*next);
                unit.behind = shared;
            }
            left = &left[unit.rules.len()..];
            units.push(unit);
        }
        units
    }

    /// How far two patterns are read alike, from there on; not beyond the accused.
    fn alike(&self, one: usize, other: usize, read: usize) -> usize {
        let [one, other] = [one, other].map(|rule| &self.filter.rules[rule]);
        let (a, b) = (front(one), front(other));
        let mut same = read;
        while one.longest == other.longest
            && same < a.len().min(b.len())
            && a[same] == b[same]
            && !holds_addr(&a[same])
            && reading(a, same, same + 1) == reading(b, same, same + 1)
        {
            same += 1;
        }
        same
    }

    /// The function `name`: a match on the byte at `depth`, whose branches are units or, where several share a
    /// longer opening, functions of their own. A unit whose opening ends before that byte stands in every branch.
    fn dispatch(&mut self, units: &[Unit], entries: &[Entry], depth: usize, name: &str) {
        let shared = entries.iter().map(|e| &e.1).max_by_key(|e| e.len()).and_then(|e| e.get(..depth));
        let _ = write!(
            self.out,
            "\n// {}.filter: messages that open with {}\n",
            self.filter.name,
            bytes(shared.unwrap_or_default())
        );
        let _ = writeln!(self.out, "fn {name}(modes: u8, peer: Addr, m: {}) -> Taken {{", seen(self.filter));
        let mut depth = depth;
        while entries.iter().all(|e| e.1.len() > depth && e.1[depth] == entries[0].1[depth])
            && entries.len() > 1
        {
            depth += 1;
        }
        // Only those whose opening goes on can be told apart from here.
        let (longer, shorter): (Vec<Entry>, Vec<Entry>) =
            entries.iter().cloned().partition(|e| e.1.len() > depth);
        let always = ids(&shorter);
        let apart = ids(&longer).into_iter().filter(|id| !always.contains(id)).count();
        if apart <= SIDE_BY_SIDE || depth > DEEPEST {
            self.leaf(units, &ids(entries));
            self.out += "}\n";
            return;
        }
        let byte_at = if depth == 0 { "first()".to_owned() } else { format!("get({depth})") };
        let _ = writeln!(self.out, "    match m.{byte_at} {{");
        let mut below = Vec::new();
        for (firsts, under) in branches(entries, depth) {
            let firsts: Vec<String> = firsts.into_iter().map(byte).collect();
            let call = self.branch(units, &under, name, &mut below);
            let _ = writeln!(self.out, "        Some({}) => {call},", firsts.join(" | "));
        }
        let call = self.branch(units, &shorter, name, &mut below);
        let _ = write!(self.out, "        _ => {call},\n    }}\n}}\n");
        for (inner, under) in below {
            self.dispatch(units, &under, depth + 1, &inner);
        }
    }

    /// The call for these entries; several get a function of their own, which is noted in `below`.
    fn branch(
        &self,
        units: &[Unit],
        under: &[Entry],
        name: &str,
        below: &mut Vec<(String, Vec<Entry>)>,
    ) -> String {
        match ids(under).as_slice() {
            [] => "None".to_owned(),
            [only] => self.call(&units[*only]),
            _ => {
                let between = if name.contains("_opening_") { "" } else { "_opening" };
                let inner = format!("{name}{between}_{}", below.len());
                below.push((inner.clone(), under.to_vec()));
                format!("{inner}(modes, peer, m)")
            }
        }
    }

    /// The call that yields what a unit makes of the message.
    fn call(&self, unit: &Unit) -> String {
        let [at] = unit.rules.as_slice() else { return format!("{}(modes, peer, m)", self.name(unit)) };
        let rule = &self.filter.rules[*at];
        let (modes, function, weight) = (rule.modes, function(self.filter, rule), rule.weight);
        match (weight, self.filter.form.names_peer()) {
            (0, _) => format!("{function}(m).map(|()| None)"),
            (_, true) => format!("named(modes & {modes}, peer, m, {function}, {at}, {weight})"),
            (_, false) => format!("take(modes & {modes}, peer, m, {function}, {at}, {weight})"),
        }
    }

    /// The units that share their first bytes, in the order of the file.
    fn leaf(&mut self, units: &[Unit], these: &[usize]) {
        for (i, unit) in these.iter().map(|id| &units[*id]).enumerate() {
            let call = self.call(unit);
            let _ = if i + 1 == these.len() {
                writeln!(self.out, "    {call}")
            } else {
                writeln!(self.out, "    if let Some(taken) = {call} {{\n        return Some(taken);\n    }}")
            };
        }
    }
}

//! From checked filters to Rust: what they say of themselves.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of catalogue.rs, which every program includes, and of
//! texts.rs, which only the client does.

use super::super::compiler::parse::Filter;
use super::pattern::bytes;
use std::fmt::Write as _;

/// catalogue.rs: what the filters say of themselves.
pub fn catalogue(filters: &[Filter]) -> String {
    let mut out =
        String::from("/// The filters, in the order of their names.\npub static FILTERS: &[Filter] = &[\n");
    for f in filters {
        let modes: Vec<String> =
            f.modes.iter().map(|m| format!("Mode {{ name: {:?}, bits: {} }}", m.name, m.bits)).collect();
        let (default, logs, ports, programs) = (f.default_modes, &f.logs, &f.ports, &f.programs);
        let (headers, form, forged, journal) = (f.headers, f.form, &f.forged, &f.journal);
        let _ = write!(
            out,
            "    Filter {{\n        name: {:?},\n        modes: &[{}],\n        default_modes: {default},\n        \
             logs: &{logs:?},\n        ports: &{ports:?},\n        programs: &{programs:?},\n        headers: {headers},\n        form: Form::{form:?},\n        \
             forged: {forged:?},\n        journal: &{journal:?},\n        rules: &[\n",
            f.name,
            modes.join(", ")
        );
        for r in &f.rules {
            let (line, modes, weight, text) = (r.line, r.modes, r.weight, &r.text);
            let _ = writeln!(
                out,
                "            Rule {{ line: {line}, modes: {modes}, weight: {weight}, text: {text:?} }},"
            );
        }
        out += "        ],\n    },\n";
    }
    out + "];\n"
}

/// texts.rs, for the client alone: each filter's file, and its patterns as steps.
pub fn texts(filters: &[Filter], files: &[String]) -> String {
    let mut out =
        String::from("/// The filters' files, in the order of `FILTERS`.\nstatic TEXTS: &[&str] = &[\n");
    for file in files {
        let _ = writeln!(out, "    {file:?},");
    }
    out += "];\n\n/// The patterns of each filter, in the order of its rules.\nstatic STEPS: &[&[Pattern]] = &[\n";
    for rule in filters.iter().map(|f| &f.rules) {
        out += "    &[\n";
        for r in rule {
            let _ = write!(out, "        Pattern {{ longest: {}, parts: &[", r.longest);
            for part in &r.parts {
                let path: Vec<String> = part.path.iter().map(|key| bytes(key)).collect();
                let _ = write!(out, "Part {{ path: &[{}], code: {} }}, ", path.join(", "), bytes(&part.code));
            }
            out += "] },\n";
        }
        out += "    ],\n";
    }
    out + "];\n"
}

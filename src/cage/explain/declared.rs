//! What a step's table declares, in words.
//!
//! Runs in: bailiff-cage. In: a step's table. Out: lines of the page. Never: looks at a file.
use alloc::string::String;
use alloc::vec::Vec;

use crate::policy::{Bytes, Net};
use crate::step::{Ask, Step, Wish};
use crate::text::shown;

use super::Page;

/// What a step declares beyond the rest.
pub(super) fn lines(page: &mut Page, step: &Step) {
    let all = |items: &[Bytes]| match items {
        [] => String::from("nothing"),
        items => items.iter().map(|item| shown(item)).collect::<Vec<String>>().join(" "),
    };
    page.line("reads", format_args!("{}, below {}", all(&step.inputs), shown(&step.base)));
    page.line("makes", format_args!("{}, moved there when it has ended well", all(&step.outputs)));
    page.line("tools", format_args!("{}, with all that they need", all(&step.tools)));
    page.line(
        "has besides",
        format_args!("/tmp and an empty /home; SOURCE_DATE_EPOCH={}", step.epoch.unwrap_or(1)),
    );
    for (asks, does) in [(&step.requests, "asks for"), (&step.grants, "is granted")] {
        for ask in asks {
            let Ask { who, wishes, reason } = ask;
            page.line("dependency", format_args!("{who} {does} {}: {reason}", Wishes(wishes)));
        }
    }
}

/// What is asked for, as it would be written.
struct Wishes<'a>(&'a [Wish]);

impl core::fmt::Display for Wishes<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().enumerate().try_for_each(|(place, wish)| {
            let before = if place == 0 { "" } else { ", " };
            match wish {
                Wish::Net(Net::None) => write!(f, "{before}net none"),
                Wish::Net(Net::Loopback) => write!(f, "{before}net loopback"),
                Wish::Net(Net::Host) => write!(f, "{before}net host"),
                Wish::Call(name) => write!(f, "{before}calls {name}"),
                Wish::Ro(text) => write!(f, "{before}ro {}", shown(text)),
                Wish::Exec(text) => write!(f, "{before}exec {}", shown(text)),
                Wish::Env(text) => write!(f, "{before}env {}", shown(text)),
                Wish::Tool(text) => write!(f, "{before}tools {}", shown(text)),
                Wish::Input(text) => write!(f, "{before}in {}", shown(text)),
                Wish::Absent(text) => write!(f, "{before}absent {}", shown(text)),
            }
        })
    }
}

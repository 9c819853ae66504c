//! What a step's table declares, in words.
//!
//! Runs in: bailiff-cage. In: a step's table. Out: lines of the page. Never: looks at a file.
use alloc::string::String;
use alloc::vec::Vec;

use crate::policy::Bytes;
use crate::step::grants::words;
use crate::step::{Ask, Step};
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
            let wishes: Vec<String> = wishes.iter().map(words).collect();
            page.line("dependency", format_args!("{who} {does} {}: {reason}", wishes.join(", ")));
        }
    }
}

//! Filters as an image: what `shared::pure::image` reads.
//!
//! Runs in: bailiff-compiler, `bailiff test`, the unit tests. In: checked filters. Out: the image's bytes, or that a
//! filter is too large for it.

use super::parse::Filter;
use super::rule::Rule;
use super::words::Vec;
use super::{Fault, fault};

/// Bytes of one filter in the image: its length is two bytes.
const MOST: usize = 0xffff;

/// Appends a filter to an image.
pub fn append(image: &mut Vec<u8>, filter: &Filter) -> Result<(), Fault> {
    let mut out = Vec::new();
    if head(&mut out, filter).is_none() || out.len() > MOST {
        return fault(1, 1, "too large: at most 255 bytes a word, 255 words a line, 64 KiB a filter");
    }
    for rule in &filter.rules {
        if self::rule(&mut out, rule).is_none() || out.len() > MOST {
            return fault(rule.line, rule.col, "too large: at most 64 KiB a filter");
        }
    }
    image.extend_from_slice(&u16::try_from(out.len()).unwrap_or(0).to_le_bytes());
    image.extend_from_slice(&out);
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text);
    Some(())
}

fn list<T: AsRef<[u8]>>(out: &mut Vec<u8>, texts: &[T]) -> Option<()> {
    out.push(u8::try_from(texts.len()).ok()?);
    texts.iter().try_for_each(|t| text(out, t.as_ref()))
}

fn head(out: &mut Vec<u8>, filter: &Filter) -> Option<()> {
    out.extend_from_slice(&[filter.headers, filter.form as u8, filter.default_modes]);
    text(out, filter.name.as_bytes())?;
    text(out, filter.forged.as_bytes())?;
    let modes: Vec<Vec<u8>> = filter.modes.iter().map(|m| [&[m.bits], m.name.as_bytes()].concat()).collect();
    list(out, &modes)?;
    let ports: Vec<[u8; 2]> = filter.ports.iter().map(|p| p.to_le_bytes()).collect();
    list(out, &ports)?;
    list(out, &filter.logs)?;
    list(out, &filter.programs)
}

fn rule(out: &mut Vec<u8>, rule: &Rule) -> Option<()> {
    let mut body = Vec::new();
    body.extend_from_slice(&u16::try_from(rule.line).ok()?.to_le_bytes());
    body.extend_from_slice(&[rule.modes, u8::try_from(rule.weight).ok()?]);
    body.extend_from_slice(&u16::try_from(rule.longest).ok()?.to_le_bytes());
    for part in &rule.parts {
        list(&mut body, &part.path)?;
        body.extend_from_slice(&u16::try_from(part.code.len()).ok()?.to_le_bytes());
        body.extend_from_slice(&part.code);
    }
    out.extend_from_slice(&u16::try_from(body.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&body);
    Some(())
}

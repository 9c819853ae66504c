//! The operator's own filters: what an image makes of a line, against the code that is generated of the same filter;
//! images that no compiler made.
//!
//! Run by `cargo test --test unit own`. In: filters/*.filter, their examples, the same with bytes changed. Out: nothing,
//! or the line on which the two differ. Never: longer than some 20 seconds unoptimised.
use super::crooked::Crooked;
use super::filters::{ALL, compiler, sources};
use bailiff::shared::pure::engine;
use bailiff::shared::pure::filter::{FILTERS, Filter};
use bailiff::shared::pure::image::{LONGEST, OWN, OwnFilter, filters};
use bailiff::shared::pure::steps::{op, take};
use std::time::{Duration, Instant};

/// Lines with bytes changed, of all filters together.
const SPOILT: usize = 200_000;
/// What spoilt images are read for.
const PATIENCE: Duration = Duration::from_secs(4);

fn image(filter: &compiler::parse::Filter) -> Vec<u8> {
    let mut image = Vec::new();
    compiler::image::append(&mut image, filter).unwrap_or_else(|f| panic!("{}: {f}", filter.name));
    image
}

/// A filter of the image with a body like this: the block's length is made to fit.
fn block(body: &[u8]) -> Vec<u8> {
    [&u16::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
}

/// All lines that the filter's file shows.
fn shown(filter: &compiler::parse::Filter) -> Vec<&str> {
    let examples = filter.rules.iter().flat_map(|r| &r.examples).chain(&filter.misses);
    examples.map(|e| e.text.as_str()).collect()
}

fn same_facts(own: &OwnFilter<'_>, built: &Filter) {
    let name = built.name;
    assert_eq!(own.name, name.as_bytes());
    assert_eq!(
        (own.headers, own.form, own.default_modes),
        (built.headers, built.form, built.default_modes),
        "{name}"
    );
    assert_eq!(own.forged, built.forged.as_bytes(), "{name}");
    assert!(own.logs().eq(built.logs.iter().map(|l| l.as_bytes())), "{name}: logs");
    assert!(own.ports().eq(built.ports.iter().copied()), "{name}: ports");
    assert!(own.modes().eq(built.modes.iter().map(|m| (m.name.as_bytes(), m.bits))), "{name}: modes");
    for mode in built.modes {
        assert_eq!(own.mode(mode.name.as_bytes()), Some(mode.bits), "{name}");
    }
    assert_eq!((own.mode(b""), own.mode(b"nonsense")), (None, None), "{name}");
}

/// An image of any filter says of any line what the generated code says: the same address, rule and weight.
#[test]
fn an_image_and_the_generated_code_agree() {
    let mut random = Crooked::new(31);
    let (mut lines, mut hits, sources) = (0, 0, sources());
    assert!(sources.len() > 100);
    let all: Vec<&str> = sources.iter().flat_map(shown).collect();
    for (number, filter) in (0u8..).zip(&sources) {
        let (image, examples, built) = (image(filter), shown(filter), &FILTERS[usize::from(number)]);
        let own = filters(&image).next().unwrap();
        same_facts(&own, built);
        let modes: Vec<u8> = built.modes.iter().map(|m| m.bits).chain([ALL, built.default_modes]).collect();
        let mut same = |line: &[u8], modes: u8| {
            let read = engine::Line::new(built.headers, line);
            let (generated, by_image) = (read.scan(number, modes), read.scan_own(&own, modes));
            assert_eq!(generated, by_image, "{}: {}", filter.name, String::from_utf8_lossy(line));
            lines += 1;
            hits += usize::from(by_image.is_some());
        };
        for example in &examples {
            modes.iter().for_each(|modes| same(example.as_bytes(), *modes));
        }
        for _ in 0..SPOILT / sources.len() {
            let from = if random.below(8) == 0 { &all } else { &examples };
            let mut line = random.pick(from).as_bytes().to_vec();
            random.spoil(&mut line, &examples);
            same(&line, random.pick(&modes));
        }
    }
    println!("{} filters, {lines} lines, {hits} accuse somebody", sources.len());
    assert!(hits > 10_000, "only {hits} lines matched: the comparison compares nothing");
}

/// Several filters in one image keep their order; more than there can be are not read.
#[test]
fn an_image_holds_filters_in_their_order() {
    let sources = sources();
    let some: Vec<_> = sources.iter().take(OWN + 3).collect();
    let image: Vec<u8> = some.iter().flat_map(|f| image(f)).collect();
    let names: Vec<_> = filters(&image).map(|f| String::from_utf8(f.name.to_vec()).unwrap()).collect();
    assert_eq!(names, some.iter().take(OWN).map(|f| f.name.clone()).collect::<Vec<_>>());
    let largest = sources.iter().map(|f| self::image(f).len()).max().unwrap();
    println!("the largest filter of {} has {largest} bytes of at most {LONGEST}", sources.len());
}

/// Looks at two lines with whatever stands in this image.
fn survives(image: &[u8], lines: [&str; 2]) -> usize {
    let mut found = 0;
    for own in filters(image) {
        found += own.logs().count() + own.ports().count() + own.modes().count();
        for line in lines {
            found +=
                usize::from(engine::Line::new(own.headers, line.as_bytes()).scan_own(&own, ALL).is_some());
        }
    }
    found
}

/// Images that end anywhere, and steps that do: whoever reads them comes to an end.
#[test]
fn an_image_may_end_at_every_byte() {
    let (mut cuts, mut found) = (0, 0);
    let until = Instant::now() + PATIENCE;
    // The shortest first: how many fit into the time depends on the machine, and half of them always do.
    let mut sources = sources();
    sources.sort_by_key(|f| image(f).len());
    let half = sources.len() / 2;
    for (done, filter) in sources.iter().enumerate() {
        if done > half && Instant::now() > until {
            break;
        }
        let image = image(filter);
        let examples = shown(filter);
        let lines = [examples[0], examples[examples.len() - 1]];
        let body = image.get(2..).unwrap();
        for cut in 0..body.len() {
            // The whole image ends here; and the filter does, but its length says so.
            found += survives(&image[..cut], lines) + survives(&block(&body[..cut]), lines);
            cuts += 1;
        }
        for part in filter.rules.iter().flat_map(|r| &r.parts) {
            for cut in 0..part.code.len() {
                let _ = take(&part.code[..cut], lines[0].as_bytes(), &mut ());
            }
        }
    }
    println!("{cuts} images cut, {found} finds in what was left");
    assert!(cuts > 10_000 && found > 1_000);
}

/// Images in which bytes were changed: the same.
#[test]
fn an_image_may_hold_any_bytes() {
    let mut random = Crooked::new(32);
    let (mut images, mut found) = (0, 0);
    let until = Instant::now() + PATIENCE;
    let sources: Vec<_> =
        sources().iter().map(|f| (image(f), shown(f).first().map(|s| (*s).to_owned()))).collect();
    while images < 2_000 || Instant::now() < until {
        let (image, line) = &sources[random.below(sources.len() as u64) as usize];
        let (mut spoilt, line) = (image.clone(), line.as_deref().unwrap_or(""));
        for _ in 0..=random.below(6) {
            let at = random.below(spoilt.len() as u64) as usize;
            spoilt[at] =
                if random.below(2) == 0 { random.next() as u8 } else { spoilt[at] ^ 1 << random.below(8) };
        }
        if random.below(4) > 0 {
            spoilt = block(&spoilt[2..]);
        }
        found += survives(&spoilt, [line, "a b from 192.0.2.1 port 1"]);
        images += 1;
    }
    println!("{images} images spoilt, {found} finds in them");
    assert!(found > 1_000);
}

/// Steps in steps, as deep as an image can hold them: neither the stack nor the time is used up.
#[test]
fn steps_in_steps_come_to_an_end() {
    for step in [op::OPT, op::ONCE, op::FIND] {
        let mut code = vec![op::NUMBER];
        while code.len() < LONGEST - 16 {
            let length = u16::try_from(code.len()).unwrap().to_le_bytes();
            let lead: &[u8] = if step == op::OPT { &[] } else { &[1, b'1'] };
            code = [&[step], lead, &length, &code].concat();
        }
        let began = Instant::now();
        let _ = take(&code, &[b'1'; 4000], &mut ());
        assert!(began.elapsed() < Duration::from_secs(10), "step {step}: {:?}", began.elapsed());
    }
}

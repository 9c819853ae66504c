//! The configuration: a file per case in audit/vectors/settings, whose first line says what must come of it;
//! the example and the manual page against the table of keys.
use super::filters::compiler;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::filter::{FILTERS, Filter, Mode};
use bailiff::shared::pure::form::Form;
use bailiff::shared::pure::settings::{
    self, Catalogue, Cpu, DAEMON, GUARD, JAIL, KEYS, LOGS, Missing, Name, Path, Settings,
};
use bailiff::shared::pure::wire::terms::{LONGEST_S, MANUAL, NO_FILTER, Terms};
use std::sync::OnceLock;

const NONE: &[Mode] = &[Mode { name: "normal", bits: 1 }];
const SSHD: &[Mode] = &[
    Mode { name: "normal", bits: 1 },
    Mode { name: "ddos", bits: 2 },
    Mode { name: "extra", bits: 4 },
    Mode { name: "aggressive", bits: 7 },
];

const fn filter(
    name: &'static str,
    modes: &'static [Mode],
    logs: &'static [&'static str],
    forged: &'static str,
) -> Filter {
    Filter {
        name,
        modes,
        default_modes: 1,
        logs,
        ports: &[],
        programs: &[],
        headers: 1,
        form: Form::Text,
        forged,
        journal: &[],
        rules: &[],
    }
}

static CATALOGUE: [Filter; 4] = [
    filter("sshd", SSHD, &["/var/log/auth.log", "/var/log/secure"], ""),
    filter("nginx", NONE, &["/var/log/nginx/access.log"], ""),
    filter("silent", NONE, &[], ""),
    filter("named", NONE, &["/var/log/named.log"], "the sources of UDP packets"),
];

/// The operator's own filters of the vectors: form text with two modes and a log; one without a log, whose lines can be
/// forged.
const OWN: [(&str, &str); 2] = [
    (
        "a-filter-of-the-operators-own-32",
        "header raw\nlog /srv/own.log\nclass auth probe\nmode strict = auth probe\nmode normal = auth\ndefault normal\n\
         pattern auth\n  no <addr>\n  hit 192.0.2.1 no 192.0.2.1\n",
    ),
    (
        "own-udp",
        "header raw\nforged the sources of UDP packets\nclass auth\nmode normal = auth\ndefault normal\n\
         pattern auth\n  no <addr>\n  hit 192.0.2.1 no 192.0.2.1\n",
    ),
];

fn own() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut image = Vec::new();
        for (name, text) in OWN {
            compiler::image::append(&mut image, &compiler::read(name, text).unwrap()).unwrap();
        }
        image
    })
}

/// These filters are compiled in, and the operator has none of his own.
fn catalogue(built: &'static [Filter]) -> Catalogue<'static> {
    Catalogue { built, own: &[], loose: false }
}

/// The filters of these tests.
fn both() -> Catalogue<'static> {
    Catalogue { own: own(), ..catalogue(&CATALOGUE) }
}

fn read(text: &[u8]) -> Result<Box<Settings>, String> {
    let mut settings = Box::new(Settings::EMPTY);
    match settings::read(text, both(), &mut settings) {
        Ok(()) => Ok(settings),
        Err(fault) => {
            let mut buf = [0; 512];
            let mut w = Text::new(&mut buf);
            fault.write(b"bailiff.toml", &mut w);
            assert!(!w.is_full());
            Err(String::from_utf8(w.finish().to_vec()).unwrap())
        }
    }
}

fn file(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn vectors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/audit/vectors/settings");
    let (mut cases, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        let first = text.split(|b| *b == b'\n').next().unwrap();
        let expected = std::str::from_utf8(first.strip_prefix(b"# expect: ").unwrap()).unwrap();
        let found = match read(&text) {
            Ok(settings) => {
                let terms = Terms::from_settings(&settings, false, [7; 16], 0);
                assert_eq!(Terms::decode(&terms.encode()), Some(terms), "{path:?}");
                "ok".to_string()
            }
            Err(fault) => fault.strip_prefix("bailiff.toml:").unwrap().to_string(),
        };
        cases += 1;
        if found != expected {
            wrong.push(format!("{path:?}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 100, "only {cases} cases");
}

#[test]
fn smallest_configuration() {
    let settings = read(b"[jail.sshd]\nenabled = true").unwrap();
    let terms = &settings.terms;
    assert_eq!((terms.jail_count, terms.never_count), (2, 0));
    assert_eq!(
        (terms.max_bantime_s, terms.widest4, terms.widest6, terms.rate),
        (365 * 86_400, 24, 48, 10_000)
    );
    assert_eq!((terms.max_bans, terms.memory, terms.linger_s), (131_072, 64 << 20, 60));
    assert_eq!((terms.lock_table, terms.steps, terms.dry_run), (true, false, false));
    let [manual, sshd] = terms.jails() else { panic!("not two jails") };
    assert_eq!(
        (manual.name.bytes(), manual.filter, terms.jails[MANUAL]),
        (&b"manual"[..], NO_FILTER, *manual)
    );
    assert_eq!((sshd.name.bytes(), sshd.filter, sshd.modes), (&b"sshd"[..], 0, 1));
    for jail in [manual, sshd] {
        assert_eq!((jail.maxretry, jail.findtime_s, jail.bantime_s), (5, 600, 600));
        assert_eq!((jail.prefix4, jail.prefix6, jail.ports().count()), (32, 64, 0));
    }
    assert_eq!(settings.logs(MANUAL).count(), 0);
    let logs: Vec<_> = settings.logs(1).map(Path::bytes).collect();
    assert_eq!(logs, [&b"/var/log/auth.log"[..], b"/var/log/secure"]);
    assert_eq!(
        (settings.state.bytes(), settings.run.bytes()),
        (&b"/var/lib/bailiff"[..], &b"/run/bailiff"[..])
    );
    assert_eq!((settings.missing, settings.cpu, settings.uid_base), (Missing::Warn, Cpu::Auto, None));
    assert_eq!((settings.readers.bytes(), settings.operators.bytes()), (&b""[..], &b""[..]));
}

/// Every key with a value that is not its default: each must arrive in its own field.
#[test]
fn every_key_arrives() {
    let text = br#"
[daemon]
memory = "1G"
state = "/srv/state"
run = "/srv/run"
missing = "warn"
cpu = "3"
max_bans = 2048
lock_table = false
steps = true
uid_base = 70000
readers = "adm"
operators = "wheel"
linger = "5m"
[guard]
never_ban = ["192.0.2.0/24", "2001:db8::1"]
max_bantime = "30d"
widest4 = 20
widest6 = 40
rate = 77
[jail.nginx]
maxretry = 99
[jail.door]
mode = "aggressive"
filter = "sshd"
insist = true
enabled = true
logs = ["/var/log/door.log", "/var/log/door2.log"]
maxretry = 3
findtime = "1d12h"
bantime = "1w"
prefix4 = 24
prefix6 = 48
ports = [22, 2222]
"#;
    let settings = read(text).unwrap();
    let terms = Terms::from_settings(&settings, true, [9; 16], 0);
    assert_eq!((terms.memory, terms.max_bans, terms.linger_s), (1 << 30, 2048, 300));
    assert_eq!((terms.lock_table, terms.steps, terms.dry_run, terms.boot_id), (false, true, true, [9; 16]));
    let nets = ["192.0.2.0/24", "2001:db8::1"].map(|n| Prefix::parse(n.as_bytes()).unwrap());
    assert_eq!(terms.never_ban(), nets);
    assert_eq!((terms.max_bantime_s, terms.widest4, terms.widest6, terms.rate), (30 * 86_400, 20, 40, 77));
    let [_, door] = terms.jails() else { panic!("not two jails") };
    assert_eq!((door.name, door.filter, door.modes), (Name::parse(b"door").unwrap(), 0, 7));
    assert_eq!((door.maxretry, door.findtime_s, door.bantime_s), (3, 36 * 3600, 7 * 86_400));
    assert_eq!((door.prefix4, door.prefix6), (24, 48));
    assert_eq!(door.ports().collect::<Vec<_>>(), [22, 2222]);
    let logs: Vec<_> = settings.logs(1).map(Path::bytes).collect();
    assert_eq!(logs, [&b"/var/log/door.log"[..], b"/var/log/door2.log"]);
    assert_eq!((settings.state.bytes(), settings.run.bytes()), (&b"/srv/state"[..], &b"/srv/run"[..]));
    assert_eq!(
        (settings.missing, settings.cpu, settings.uid_base),
        (Missing::Warn, Cpu::One(3), Some(70_000))
    );
    assert_eq!((settings.readers.bytes(), settings.operators.bytes()), (&b"adm"[..], &b"wheel"[..]));
    for key in &KEYS {
        let given = text.split(|b| *b == b'\n').any(|l| l.starts_with(format!("{} = ", key.name).as_bytes()));
        assert!(given, "{} is not in this test", key.name);
    }
}

/// Each filter that is compiled in makes two lines a complete configuration, and all its logs are followed. One that
/// knows of no log wants `logs` in the jail; one whose lines can be forged wants `insist`.
#[test]
fn filters_of_this_build() {
    let (mut forged, mut silent) = (0, 0);
    for filter in FILTERS {
        let name = filter.name;
        let mut settings = Box::new(Settings::EMPTY);
        let mut is_good =
            |text: &str| settings::read(text.as_bytes(), catalogue(FILTERS), &mut settings).is_ok();
        let mut text = format!("[jail.{name}]\nenabled = true\n");
        if !filter.forged.is_empty() {
            assert!(
                !is_good(&format!("{text}logs = [\"/a\"]\n")),
                "{name}: bans though others can forge its lines"
            );
            text.push_str("insist = true\n");
            forged += 1;
        }
        assert!(is_good(&format!("{text}logs = [\"/a\"]\n")), "{name}");
        assert_eq!(is_good(&text), !filter.logs.is_empty(), "{name}");
        for log in filter.logs {
            assert!(is_good(&format!("{text}logs = [{log:?}]\n")), "{name}: {log}");
        }
        if filter.logs.is_empty() {
            silent += 1;
            continue;
        }
        assert!(is_good(&text) && filter.logs.len() <= LOGS, "{name}");
        let logs: Vec<_> = settings.logs(1).map(Path::bytes).collect();
        assert_eq!(logs, filter.logs.iter().map(|l| l.as_bytes()).collect::<Vec<_>>(), "{name}");
    }
    println!("{} filters, {forged} of which others can forge, {silent} without a log", FILTERS.len());
}

/// A jail on one of the operator's own filters: its place is behind those compiled in, its modes and logs are its own.
#[test]
fn a_filter_of_the_operators_own() {
    let [(long, _), (udp, _)] = OWN;
    let text = format!(
        "[jail.a]\nenabled = true\nfilter = \"{long}\"\n[jail.{udp}]\nenabled = true\ninsist = true\nlogs = [\"/b\"]\n"
    );
    let settings = read(text.as_bytes()).unwrap();
    let [_, a, b] = settings.terms.jails() else { panic!("not three jails") };
    let first = CATALOGUE.len() as u8;
    assert_eq!((a.filter, a.modes, b.filter, b.modes), (first, 1, first + 1, 1));
    assert_eq!(settings.logs(1).map(Path::bytes).collect::<Vec<_>>(), [b"/srv/own.log"]);
    assert_eq!(settings.logs(2).map(Path::bytes).collect::<Vec<_>>(), [b"/b"]);
    let strict = read(text.replacen("\nfilter", "\nmode = \"strict\"\nfilter", 1).as_bytes()).unwrap();
    assert_eq!(strict.terms.jails()[1].modes, 3);
    // Before they are compiled any name is taken, and nothing is known of it.
    let loose = Catalogue { loose: true, ..catalogue(&CATALOGUE) };
    let mut settings = Box::new(Settings::EMPTY);
    assert!(settings::read(b"[jail.x]\nenabled = true\nmode = \"y\"\n", loose, &mut settings).is_ok());
}

/// An image that was spoilt on its way says no path that the configuration could not have said.
#[test]
fn logs_of_an_image_are_paths() {
    for wrong in [
        b"/srv//ow.log",
        b"/srv/../.log",
        b"srv/own.logs",
        b"/srv/own.lo/",
        b"/srv/own\n.lo",
        b"/srv/own\0.lo",
    ] {
        let at = own().windows(wrong.len()).position(|w| w == b"/srv/own.log").unwrap();
        let mut image = own().to_vec();
        image[at..at + wrong.len()].copy_from_slice(wrong);
        let mut settings = Box::new(Settings::EMPTY);
        let text = format!("[jail.a]\nenabled = true\nfilter = \"{}\"\n", OWN[0].0);
        let catalogue = Catalogue { own: &image, ..catalogue(&CATALOGUE) };
        assert!(settings::read(text.as_bytes(), catalogue, &mut settings).is_err(), "{wrong:?}");
    }
}

/// Settings that were used before hold nothing of it afterwards.
#[test]
fn nothing_stays() {
    let mut settings = read(
        b"[daemon]\nuid_base = 5\n[guard]\nnever_ban = [\"::1\"]\n[jail.a]\nfilter = \"sshd\"\n\
        enabled = true\nports = [1, 2]\n[jail.sshd]\nenabled = true\n",
    )
    .unwrap();
    let plain = b"[jail.nginx]\nenabled = true\n";
    assert!(settings::read(plain, both(), &mut settings).is_ok());
    assert_eq!(settings, read(plain).unwrap());
}

#[test]
fn forever_and_the_guard() {
    let forever =
        read(b"[guard]\nmax_bantime = \"forever\"\n[jail.sshd]\nenabled = true\nbantime = \"forever\"")
            .unwrap();
    assert_eq!(forever.terms.jails[1].bantime_s, 0);
    let bound = read(
        b"[guard]\nmax_bantime = \"5m\"\nwidest6 = 128\n[jail.sshd]\nenabled = true\n\
        bantime = \"5m\"\nprefix6 = 128\n",
    )
    .unwrap();
    assert_eq!((bound.terms.jails[MANUAL].bantime_s, bound.terms.jails[MANUAL].prefix6), (300, 128));
    assert_eq!(
        read(b"[jail.sshd]\nenabled = true\nbantime = \"365d\"").unwrap().terms.jails[1].bantime_s,
        LONGEST_S
    );
}

/// A key's default and what it may be, as the manual page has them.
fn told(key: &settings::Key) -> String {
    let mut buf = [0; 256];
    let mut w = Text::new(&mut buf);
    key.expected(&mut w);
    let expected = std::str::from_utf8(w.finish()).unwrap();
    if key.default.is_empty() {
        format!("{expected}.")
    } else {
        format!("{expected}. Default: {}.", key.default)
    }
}

/// The comments above the keys in the source, which say what each is for.
fn purposes() -> Vec<(String, String)> {
    let source = file("src/shared/pure/settings/keys.rs");
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let rows = lines.windows(2).filter(|w| w[0].starts_with("// ") && w[1].starts_with("key("));
    rows.map(|w| (w[1].split('"').nth(1).unwrap().to_string(), w[0][3..].to_string())).collect()
}

#[test]
fn manual_page_has_every_key() {
    let page = file("docs/man/bailiff.toml.5");
    let purposes = purposes();
    assert_eq!(purposes.len(), KEYS.len());
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut sections = [DAEMON, GUARD, JAIL].map(|s| (s, String::new()));
    for (section, text) in &mut sections {
        let (_, from) = page.split_once(&format!(".Ss {section}")).unwrap_or_else(|| panic!("no {section}"));
        *text = from.split(".Ss").next().unwrap().to_string();
    }
    for (key, (name, purpose)) in KEYS.iter().zip(&purposes) {
        assert_eq!(key.name, name);
        let (_, text) = sections.iter().find(|(s, _)| *s == key.section).unwrap();
        let (_, item) = text.split_once(&format!(".It Ic {name}\n")).unwrap_or_else(|| panic!("no {name}"));
        let item = words(item.split("\n.It").next().unwrap());
        assert!(item.contains(&words(&told(key))), "{name}: {}\nnot in: {item}", told(key));
        assert!(item.contains(purpose), "{name}: {purpose}\nnot in: {item}");
    }
    assert_eq!(page.matches(".It Ic ").count(), KEYS.len());
}

/// The example is the smallest configuration with every key spelled out.
#[test]
fn example_has_every_key_and_the_defaults() {
    let example = file("docs/examples/bailiff.toml");
    assert_eq!(read(example.as_bytes()), read(b"[jail.sshd]\nenabled = true"));
    for (key, (_, purpose)) in KEYS.iter().zip(purposes()) {
        let value = match (key.section == JAIL, key.name, key.default) {
            (true, "enabled", _) => "true",
            (_, _, default) => default,
        };
        let line = format!("\n{} = {value}", key.name);
        let depends = format!("\n#{} = ", key.name);
        assert!(example.contains(&line) && !value.is_empty() || example.contains(&depends), "{}", key.name);
        assert!(example.contains(&format!("# {purpose}\n")), "{}: {purpose}", key.name);
        let section = format!("\n{}\n", key.section.replace("NAME", "sshd"));
        let (_, from) = example.split_once(&section).unwrap();
        let part = format!("\n{}", from.split("\n[").next().unwrap());
        assert!(part.contains(&line) || part.contains(&depends), "{} is not in {}", key.name, key.section);
    }
}

/// Lines of good configurations in any order, with bytes changed: no panic, and what is taken is within its
/// bounds.
#[test]
fn random_configurations() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/audit/vectors/settings");
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        lines.extend(text.split(|b| *b == b'\n').skip(1).take(24).map(<[u8]>::to_vec));
    }
    lines.sort();
    lines.dedup();
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut random = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n
    };
    let mut settings = Box::new(Settings::EMPTY);
    let mut taken = 0;
    for _ in 0..10_000 {
        let mut text = b"[jail.sshd]\nenabled = true\n".to_vec();
        for _ in 0..random(4) {
            text.extend_from_slice(&lines[random(lines.len())]);
            text.push(b'\n');
        }
        if random(3) == 0 {
            let place = random(text.len());
            text[place] = random(256) as u8;
        }
        if settings::read(&text, both(), &mut settings).is_ok() {
            let terms = Terms::from_settings(&settings, false, [0; 16], 0);
            assert_eq!(Terms::decode(&terms.encode()), Some(terms), "{:?}", String::from_utf8_lossy(&text));
            taken += 1;
        }
    }
    assert!(taken > 500, "only {taken} were taken: the generator is of no use");
}

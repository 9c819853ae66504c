//! Steps: patterns, what goes into a stage and what may leave it, tools closed over what they need, paths folded.
use super::policy;
use crate::cargo::directives::refused;
use crate::learn::fold::{Need, fold};
use crate::policy::{Kind, Net, Place, Policy};
use crate::stage::outputs::{Found, deliver, found, stays};
use crate::stage::{Order, Plan, Stage, inputs};
use crate::step::glob::{Fit, fault, fit, matches};
use crate::step::paths::{absolute, directory, is_below, join, last, parent};
use crate::step::{Ask, Step, Wish, grants};
use crate::tools::{close, folded};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

#[test]
fn names() {
    for (pattern, name, expected) in [
        ("*", "a.c", true),
        ("*.c", "a.c", true),
        ("*.c", "a.h", false),
        ("?.c", "ab.c", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-b-b-d", false),
        ("**", "", true),
        ("*", ".git", false),
        (".*", ".git", true),
        (".g?t", ".git", true),
        ("?git", ".git", false),
        ("*a", "aaaaaaaaaaaaaaaaaaaaaaaab", false),
    ] {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
    }
}

#[test]
fn patterns() {
    for (pattern, path, expected) in [
        ("src", "src", Fit::Whole),
        ("src", "src/a/b.c", Fit::Whole),
        ("src", "src/.hidden", Fit::No),
        ("src", "srcs", Fit::No),
        ("src/.cargo", "src/.cargo/config.toml", Fit::Whole),
        ("src/*.c", "src", Fit::Below),
        ("src/*.c", "src/a.c", Fit::Whole),
        ("src/*.c", "src/a/b.c", Fit::No),
        ("**/*.c", "a.c", Fit::Whole),
        ("**/*.c", "x/y/a.c", Fit::Whole),
        ("**/*.c", "x/y", Fit::Below),
        ("**/*.c", ".git", Fit::No),
        ("**/*.c", ".git/a.c", Fit::No),
        ("a/**/z", "a/z", Fit::Whole),
        ("a/**/z", "a/b/c/z", Fit::Whole),
        ("a/**/z", "b/z", Fit::No),
        ("**", "a", Fit::Whole),
        ("**", ".a", Fit::No),
        ("a/**", "a", Fit::Whole),
        ("**/x/**/y", "a/x/b/x/y", Fit::Whole),
    ] {
        assert_eq!(fit(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} {path}");
    }
    for wrong in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "**/**/**/**"] {
        assert!(fault(wrong.as_bytes()).is_some(), "{wrong}");
    }
    assert_eq!(fault(b"a/**/b*/?.c"), None);
}

#[test]
fn paths() {
    assert_eq!(join(b"/a", b"b"), b"/a/b");
    assert_eq!(join(b"", b"b"), b"b");
    assert_eq!(join(b"/", b"b"), b"/b");
    assert_eq!(join(b"/a", b"/b"), b"/b");
    assert_eq!(join(b"/a", b""), b"/a");
    assert_eq!(
        (parent(b"/a"), parent(b"/a/b"), parent(b"a"), last(b"/a/b")),
        (&b"/"[..], &b"/a"[..], &b""[..], &b"b"[..])
    );
    assert!(
        is_below(b"/a/b", b"/a") && is_below(b"/a", b"/a") && is_below(b"/a", b"/") && is_below(b"x", b"")
    );
    assert!(!is_below(b"/ab", b"/a"));
    assert_eq!(absolute(b"/a/./b//../c/").unwrap(), b"/a/c");
}

/// Links may lead anywhere within their output and nowhere else, whatever other links do.
#[test]
fn links() {
    for (at, text, expected) in [
        ("l", "f", true),
        ("l", "./d/f", true),
        ("d/l", "../f", true),
        ("l", "../f", false),
        ("d/l", "../../f", false),
        ("l", "/etc/passwd", false),
        // `d` may be a link to `.`: then this leaves.
        ("l", "d/../../f", false),
        ("l", "d/../f", false),
        // An output that is a file is no place for a link.
        ("", "f", false),
    ] {
        assert_eq!(stays(at.as_bytes(), text.as_bytes()), expected, "{at} -> {text}");
    }
}

/// A directory of its own, gone at the end.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bailiff-steps-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_os_str().as_encoded_bytes()
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn step(inputs: &[&str], outputs: &[&str], scratch: &[&str]) -> Step {
    Step { inputs: bytes(inputs), outputs: bytes(outputs), scratch: bytes(scratch), ..Step::default() }
}

fn project() -> Temp {
    let project = Temp::new("project");
    for name in
        ["Makefile", "src/a.c", "src/b.c", "src/sub/c.c", "src/.hidden", "doc/x", "out/old", ".git/config"]
    {
        project.file(name, name);
    }
    fs::set_permissions(project.0.join("Makefile"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("/etc/passwd", project.0.join("src/link")).unwrap();
    project
}

fn listed(project: &Temp, step: &Step) -> Result<Vec<String>, String> {
    let found = inputs::inputs(&directory(project.bytes()).unwrap(), step)?;
    Ok(found.into_iter().map(|input| String::from_utf8(input.path).unwrap()).collect())
}

#[test]
fn inputs_of_a_project() {
    let project = &project();
    let all = ["Makefile", "doc/x", "src/a.c", "src/b.c", "src/link", "src/sub/c.c"];
    assert_eq!(listed(project, &step(&["**"], &["out/"], &[])).unwrap(), all);
    assert_eq!(
        listed(project, &step(&["src/*.c", "Makefile"], &["src/b.c"], &[])).unwrap(),
        ["Makefile", "src/a.c"]
    );
    for (inputs, outputs, scratch, expected) in [
        (&["nope"][..], &[][..], &[][..], "in: nope: no file is meant by it"),
        (&["../x"], &[], &[], "in: ../x: expected a path below the policy's directory, without `..`"),
        (&["out/old"], &["out/"], &[], "in: out/old: it is an output too"),
        (&["src"], &["*.o"], &[], "out: *.o: expected a path without `*` and `?`"),
        (
            &["src"],
            &[],
            &["/tmp"],
            "scratch: /tmp: expected a relative path without `.`, double or closing slashes",
        ),
    ] {
        assert_eq!(listed(project, &step(inputs, outputs, scratch)), Err(expected.into()));
    }
    let fifo = std::process::Command::new("mkfifo").arg(project.0.join("doc/fifo")).status().unwrap();
    assert!(fifo.success());
    let wrong = listed(project, &step(&["doc"], &[], &[]));
    assert_eq!(wrong, Err("in: doc/fifo: a device, fifo or socket is no input".into()));
}

fn staged(project: &Temp, step: &Step, order: Order) -> Stage {
    let fd = directory(project.bytes()).unwrap();
    let inputs = inputs::inputs(&fd, step).unwrap();
    let plan = Plan {
        project: &fd,
        inputs: &inputs,
        outputs: &step.outputs,
        scratch: &step.scratch,
        cwd: b"",
        epoch: 1,
    };
    Stage::make(&plan, project.bytes(), order).unwrap()
}

/// The one staging directory of a project.
fn work(project: &Temp) -> PathBuf {
    let mut entries = fs::read_dir(&project.0).unwrap().map(|e| e.unwrap().path());
    entries
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".bailiff-stage."))
        .unwrap()
        .join("work")
}

fn places(stage: &Stage, work: &Path) -> Vec<String> {
    let shown = |place: Place| {
        let Kind::Bind { source, write, .. } = place.kind else { panic!("a stage binds only") };
        let path = String::from_utf8(place.path).unwrap();
        let below = path.strip_prefix("/work").unwrap().trim_start_matches('/');
        assert_eq!(
            source,
            work.join(below)
                .as_os_str()
                .as_encoded_bytes()
                .strip_suffix(b"/")
                .unwrap_or(work.join(below).as_os_str().as_encoded_bytes())
        );
        format!("{path}{}", if write { " rw" } else { "" })
    };
    stage.places(b"/work").into_iter().map(shown).collect()
}

#[test]
fn a_stage_and_its_places() {
    let project = project();
    let stage = staged(&project, &step(&["src", "Makefile"], &["out/"], &[]), Order::Rising);
    let work = work(&project);
    assert_eq!(fs::metadata(work.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(places(&stage, &work), ["/work", "/work/out rw"]);
    assert_eq!(fs::read(work.join("src/sub/c.c")).unwrap(), b"src/sub/c.c");
    assert_eq!(fs::metadata(work.join("Makefile")).unwrap().permissions().mode() & 0o777, 0o555);
    assert_eq!(fs::metadata(work.join("src/a.c")).unwrap().permissions().mode() & 0o777, 0o444);
    assert_eq!(fs::read_link(work.join("src/link")).unwrap(), Path::new("/etc/passwd"));
    assert!(!work.join("out/old").exists() && !work.join("doc").exists());
    let given: Vec<_> = stage.given.iter().map(|given| given.path.as_slice()).collect();
    assert_eq!(given, [&b"Makefile"[..], b"src/a.c", b"src/b.c", b"src/link", b"src/sub/c.c"]);
    drop(stage);
    assert!(!work.exists());

    let stage =
        staged(&project, &step(&["src", "Makefile"], &["prog", "src/sub/gen.h"], &[]), Order::Falling);
    let work = self::work(&project);
    assert_eq!(
        places(&stage, &work),
        ["/work", "/work rw", "/work/src", "/work/src/sub rw", "/work/Makefile", "/work/src/sub/c.c"]
    );
}

/// What the step made, as paths; each fault's sentence.
fn outcome(project: &Temp, step: &Step, make: impl FnOnce(&Path)) -> (Stage, Found) {
    let stage = staged(project, step, Order::Rising);
    make(&work(project));
    let found = found(&stage, step, None);
    (stage, found)
}

fn made(found: &Found) -> Vec<String> {
    found.made.iter().map(|made| format!("{} {:o}", String::from_utf8_lossy(&made.path), made.mode)).collect()
}

#[test]
fn outputs_that_may_leave() {
    let project = project();
    let step = step(&["Makefile"], &["out/", "build/prog", "gen/y"], &["build/", "**/*.o"]);
    let (stage, found) = outcome(&project, &step, |work| {
        fs::create_dir(work.join("out/d")).unwrap();
        fs::write(work.join("out/d/f"), "f").unwrap();
        symlink("d/f", work.join("out/l")).unwrap();
        fs::write(work.join("build/prog"), "p").unwrap();
        fs::set_permissions(work.join("build/prog"), fs::Permissions::from_mode(0o711)).unwrap();
        fs::create_dir_all(work.join("build/deps/x")).unwrap();
        // Both names are the step's own.
        fs::hard_link(work.join("build/prog"), work.join("build/deps/x/prog")).unwrap();
        for name in ["y", "stray", "x.o"] {
            fs::write(work.join("gen").join(name), "").unwrap();
        }
    });
    assert_eq!(made(&found), ["build/prog 755", "gen/y 644", "out/d/f 644", "out/l 777"]);
    assert_eq!(
        (found.faults.as_slice(), found.undeclared.as_slice()),
        (&[][..], &[b"gen/stray".to_vec()][..])
    );
    deliver(&stage, &directory(project.bytes()).unwrap(), &found.made).unwrap();
    assert_eq!(fs::read(project.0.join("out/d/f")).unwrap(), b"f");
    assert_eq!(fs::read_link(project.0.join("out/l")).unwrap(), Path::new("d/f"));
    assert_eq!(fs::metadata(project.0.join("build/prog")).unwrap().permissions().mode() & 0o7777, 0o755);
    // What was there and is not made anew stays.
    assert!(project.0.join("out/old").exists() && !project.0.join("gen/stray").exists());
}

#[test]
fn outputs_that_may_not_leave() {
    let project = project();
    let step = step(&["Makefile"], &["out/", "file"], &[]);
    let outside = project.0.join("doc/x");
    let (_stage, found) = outcome(&project, &step, |work| {
        let out = work.join("out");
        symlink("/etc/passwd", out.join("a")).unwrap();
        symlink("../file", out.join("b")).unwrap();
        fs::write(out.join("c"), "").unwrap();
        fs::set_permissions(out.join("c"), fs::Permissions::from_mode(0o4755)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(out.join("d")).status().unwrap().success());
        fs::hard_link(&outside, out.join("e")).unwrap();
        fs::create_dir(work.join("file")).unwrap();
    });
    assert_eq!(
        found.faults,
        [
            "out: file: the step made a directory; declare it with a `/` at its end",
            "out: out/a: a link that leaves the output, to /etc/passwd",
            "out: out/b: a link that leaves the output, to ../file",
            "out: out/c: a set-user-id or set-group-id bit",
            "out: out/d: a device, fifo or socket",
            "out: out/e: a hard link to a file that is not the step's",
            "out: file: the step did not make it",
        ]
    );
}

/// A link in the project's way is not followed.
#[test]
fn nothing_is_written_through_a_link() {
    let project = project();
    let aside = Temp::new("aside");
    fs::remove_dir_all(project.0.join("out")).unwrap();
    symlink(&aside.0, project.0.join("out")).unwrap();
    let step = step(&["Makefile"], &["out/f"], &[]);
    let (stage, found) = outcome(&project, &step, |work| fs::write(work.join("out/f"), "").unwrap());
    let wrong = deliver(&stage, &directory(project.bytes()).unwrap(), &found.made);
    assert!(wrong.is_err_and(|e| e.starts_with("out/f: cannot be brought into the project: E")));
    assert_eq!(fs::read_dir(&aside.0).unwrap().count(), 0);
    // A file that is a link is replaced, not followed.
    fs::remove_file(project.0.join("out")).unwrap();
    fs::create_dir(project.0.join("out")).unwrap();
    symlink(aside.0.join("victim"), project.0.join("out/f")).unwrap();
    deliver(&stage, &directory(project.bytes()).unwrap(), &found.made).unwrap();
    assert!(!aside.0.join("victim").exists() && project.0.join("out/f").is_file());
}

fn env(name: &[u8]) -> Option<&'static [u8]> {
    (name == b"PATH").then_some(b"relative:/usr/bin:/bin")
}

#[test]
fn tools_are_closed() {
    let closure = close(&bytes(&["sh"]), &env).unwrap();
    let has = |path: &str| closure.places.iter().any(|p| p.path == path.as_bytes());
    assert_eq!(closure.found, [(b"sh".to_vec(), b"/usr/bin/sh".to_vec())]);
    assert_eq!(closure.path(), b"/usr/bin");
    assert!(has("/usr/bin/dash") || has("/usr/bin/bash"), "{closure:?}");
    assert!(closure.places.iter().any(|p| p.path.windows(8).any(|w| w == b"libc.so.")), "{closure:?}");
    assert!(closure.places.iter().any(|p| matches!(&p.kind, Kind::Link { .. }) && p.path == b"/usr/bin/sh"));

    let temp = Temp::new("tools");
    let tool = |name: &str, text: &[u8]| {
        fs::write(temp.0.join(name), text).unwrap();
        temp.0.join(name).into_os_string().into_encoded_bytes()
    };
    let script = close(&[tool("s", b"#!/usr/bin/env -S sed -f\n")], &env).unwrap();
    for needed in ["/usr/bin/env", "/usr/bin/sed"] {
        assert!(script.places.iter().any(|p| p.path == needed.as_bytes()), "{script:?}");
    }
    let elf = fs::read("/usr/bin/env").unwrap();
    let mut long = elf[..64].to_vec();
    long[56] = 200;
    for (name, text, expected) in [
        ("text", &b"hello"[..], "neither a program nor a script"),
        ("bare", b"#!\n", "no interpreter behind `#!`"),
        ("head", &elf[..64], "it ends too soon"),
        ("long", &long, "its header is not that of a program"),
        ("half", b"\x7fELF\x02\x01", "it is for another machine"),
        ("gone", b"#!/nowhere/sh\n", "/nowhere/sh: cannot be found: ENOENT"),
    ] {
        let wrong = close(&[tool(name, text)], &env).unwrap_err();
        assert!(wrong.ends_with(expected), "{name}: {wrong}");
    }
    assert_eq!(close(&bytes(&["no-such-tool"]), &env).unwrap_err(), "tools: no-such-tool: not found on PATH");
    assert_eq!(close(&bytes(&["a/b"]), &env).unwrap_err(), "tools: a/b: expected a name or an absolute path");
}

/// Any bytes in the place of a program's end in an answer or a sentence.
#[test]
fn damaged_programs() {
    let temp = Temp::new("damaged");
    let path = temp.0.join("elf");
    let whole = fs::read("/usr/bin/env").unwrap();
    let mut state = 7u64;
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % 1200;
            bytes[at] = (state >> 20) as u8;
        }
        fs::write(&path, &bytes).unwrap();
        let _ = close(&[path.as_os_str().as_encoded_bytes().to_vec()], &env);
    }
}

#[test]
fn places_are_folded() {
    let bind = |path: &str, write, execute| Place {
        path: path.into(),
        kind: Kind::Bind { source: path.into(), write, execute },
    };
    let link = |path: &str| Place { path: path.into(), kind: Kind::Link { to: b"x".to_vec() } };
    let places = vec![
        bind("/usr/lib/gcc", false, true),
        bind("/usr", false, false),
        bind("/usr/share/x", false, false),
        link("/usr/bin/cc"),
        link("/lib"),
        link("/lib"),
        bind("/etc/x", false, false),
    ];
    let kept: Vec<_> = folded(places).into_iter().map(|p| String::from_utf8(p.path).unwrap()).collect();
    assert_eq!(kept, ["/etc/x", "/lib", "/usr", "/usr/lib/gcc"]);
}

#[test]
fn needs_are_folded() {
    let need = |path: &str, write, execute| Need { path: path.into(), write, execute };
    let mut needs = vec![
        need("/usr/bin/cc", false, true),
        need("/usr/include/stdio.h", false, false),
        need("/usr/include/bits/types.h", false, false),
        need("/usr/lib/gcc/x86_64-linux-gnu/12/cc1", false, true),
        need("/usr/lib/x86_64-linux-gnu/libc.so.6", false, true),
        need("/home/u/.rustup/toolchains/stable/lib/librustc.so", false, true),
        need("/home/u/p/out", true, false),
        need("/home/u/p/out/f", true, false),
        need("/etc/a", false, false),
    ];
    needs.extend((0..9).map(|i| need(&format!("/home/u/p/src/{i}.c"), false, false)));
    needs.extend((0..9).map(|i| need(&format!("/etc/{i}"), false, false)));
    let folded: Vec<_> = fold(&needs)
        .into_iter()
        .map(|n| (String::from_utf8(n.path).unwrap(), n.write, n.execute))
        .filter(|(path, ..)| path.len() != 6)
        .collect();
    let expected = [
        ("/home/u/.rustup/toolchains/stable", false, true),
        ("/home/u/p/out", true, false),
        ("/home/u/p/src", false, false),
        ("/usr/bin/cc", false, true),
        ("/usr/include", false, false),
        ("/usr/lib/gcc", false, true),
        ("/usr/lib/x86_64-linux-gnu", false, true),
    ];
    assert_eq!(folded, expected.map(|(path, write, execute)| (path.to_string(), write, execute)));
}

/// In force is what is asked for and granted, both.
#[test]
fn requests_and_grants() {
    let ask = |who: &str, wishes: &[Wish], reason: &str| Ask {
        who: who.into(),
        wishes: wishes.to_vec(),
        reason: reason.into(),
    };
    let tool = Wish::Tool(b"perl".to_vec());
    let mut policy = policy();
    let mut step = Step {
        requests: vec![
            ask("dep", &[Wish::Net(Net::Host), tool.clone()], "needs it"),
            ask("bad", &[Wish::Ro(b"/etc/shadow".to_vec())], "please"),
        ],
        grants: vec![ask("dep", &[tool, Wish::Env(b"SECRET=x".to_vec())], "its tables")],
        ..Step::default()
    };
    let told = grants::apply(&mut policy, &mut step, &env);
    assert_eq!(
        told,
        [
            "not granted to dep: net = \"host\" (it says: needs it)",
            "granted to dep in vain: env = \"SECRET\"",
            "not granted to bad: ro = \"/etc/shadow\" (it says: please)",
        ]
    );
    assert_eq!((policy.net, policy.places.len(), policy.env.len()), (Net::None, 0, 0));
    assert_eq!(step.tools, [b"perl"]);
    assert_eq!(policy.reasons, [("tools = \"perl\"".to_string(), "its tables (dep: needs it)".to_string())]);
}

/// What a build script prints, and the directives that are refused.
#[test]
fn directives_are_read_as_cargo_reads_them() {
    let usr = Place {
        path: b"/usr".to_vec(),
        kind: Kind::Bind { source: b"/usr".to_vec(), write: false, execute: false },
    };
    let directives = vec![b"rustc-link-arg=-Wl,-z,now".to_vec(), b"rustc-env=PATH".to_vec()];
    let policy = Policy { directives, places: vec![usr], ..policy() };
    let refused =
        |printed: &[u8]| refused(printed, &policy).into_iter().map(|d| d.call).collect::<Vec<_>>().join(" ");
    for harmless in [
        "nothing of cargo's\nrustc-link-arg=x\nxcargo:rustc-link-arg=x",
        "cargo:anything=/etc\ncargo::metadata=key=/etc\ncargo:rerun-if-changed=/etc/passwd\ncargo::warning=rustc-link-arg=x",
        "cargo:rustc-link-lib=static=z\ncargo::rustc-cfg=feature=\"x\"\ncargo::rustc-check-cfg=cfg(x)\ncargo:rustc-env=WORD=PATH=1",
        "cargo:rustc-link-search=/usr/lib\ncargo:rustc-link-search=native=/usr\ncargo:rustc-flags=-l z -L /usr/lib -L/usr",
        "cargo:rustc-link-arg=-Wl,-z,now\ncargo::rustc-env=PATH=/x\ncargo:rustc-link-search=/nowhere/at/all",
        "cargo::rustc-link-arg",
    ] {
        assert_eq!(refused(harmless.as_bytes()), "", "{harmless}");
    }
    for (asking, name) in [
        ("cargo::rustc-link-arg=-Wl,-z,nowx", "rustc-link-arg"),
        (" \t\u{2003}cargo:rustc-link-arg-bin=a=x\r", "rustc-link-arg-bin"),
        ("x\ncargo:rustc-cdylib-link-arg=x", "rustc-cdylib-link-arg"),
        ("cargo:rustc-what-comes-later=x", "rustc-what-comes-later"),
        ("cargo:rustc-link-search=/etc", "rustc-link-search"),
        ("cargo:rustc-link-search=native=/usr/../etc", "rustc-link-search"),
        ("cargo:rustc-link-search=usr=/etc", "rustc-link-search"),
        ("cargo:rustc-link-search=src", "rustc-link-search"),
        ("cargo:rustc-link-search=/nowhere/../etc", "rustc-link-search"),
        ("cargo:rustc-flags=-l z\u{a0}-L\t/etc", "rustc-flags"),
        ("cargo:rustc-flags=-lz -Lnative=/etc", "rustc-flags"),
        ("cargo:rustc-env=PATHS=1", "rustc-env"),
        ("cargo::rustc-env=BAILIFF_CAGE_POLICY=x\ncargo::rustc-env=LD_PRELOAD=x", "rustc-env rustc-env"),
    ] {
        assert_eq!(refused(asking.as_bytes()), name, "{asking}");
    }
    // A line that is not UTF-8 is none to cargo.
    assert_eq!(refused(b"cargo:rustc-link-arg=\xff\ncargo:rustc-link-arg=x"), "rustc-link-arg");
}

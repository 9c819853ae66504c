//! Policy files: tables to policies, faults with their place, what dependencies ask for.
use crate::file::draft;
use crate::policy::{Calls, Kind, Net, Policy, Watch};
use crate::step::{Step, Wish};
use crate::words::draft::For;

/// A table's whole policy, as words.rs has it where there are no flags and no environment.
fn table(text: &[u8], path: &[u8], kind: &str, name: &str) -> Result<(Policy, Option<Step>), String> {
    let whom = if kind == "step" { For::Step } else { For::Run };
    let (policy, step) = draft(text, path, whom, Some(name))?.finish(&|_| None)?;
    Ok((policy, (whom == For::Step).then_some(step)))
}

#[test]
fn a_cage_is_read() {
    let text = "[cage.other]\nnet = \"host\"\n\n[cage.a] # this one\nro = [\"/srv/x\", \"sub:/in\"]\nrun = [\"/bin/true\", \"-v\"]\n\
        calls = [\"default\", \"ptrace\"]\nmemory = \"512M\"\nprocesses = 10\nno_proc = true\nreason = \"debugs itself\"\n";
    let (policy, step) = table(text.as_bytes(), b"audit/x.toml", "cage", "a").unwrap();
    assert!(step.is_none());
    assert_eq!((policy.name.as_str(), policy.command.len(), policy.proc), ("a", 2, false));
    assert_eq!((policy.limits.memory, policy.limits.processes), (Some(512 << 20), Some(10)));
    assert_eq!(policy.calls, Calls::Listed(vec!["default".into(), "ptrace".into()]));
    assert_eq!(policy.reasons, [("calls = [\"ptrace\"]".into(), "debugs itself".into())]);
    let here = std::env::current_dir().unwrap().join("audit/sub").into_os_string().into_encoded_bytes();
    let sub = policy.places.iter().find(|place| place.path == b"/in").map(|place| &place.kind);
    assert_eq!(
        sub,
        Some(&Kind::Bind { source: here, write: false, execute: false }),
        "from the file's directory"
    );
}

#[test]
fn a_step_is_read() {
    let text = "[step.build]\nrun = [\"make\"]\nin = [\"src/*.c\"]\nout = [\"build/\"]\ntools = [\"make\", \"cc\"]\nepoch = 5\n\
        absent = [\"/etc/make.conf\"]\n[grant.zlib]\nnet = \"loopback\"\nenv = [\"A\", \"B=1\"]\nreason = \"its tests\"\n";
    let (policy, step) = table(text.as_bytes(), b"x.toml", "step", "build").unwrap();
    let step = step.unwrap();
    assert_eq!((policy.strict, policy.watch, policy.limits.wall_ms), (true, Watch::Files, Some(600_000)));
    assert!(
        policy.env.is_empty() && policy.places.is_empty() && policy.cwd.is_empty(),
        "step.rs completes it"
    );
    assert_eq!((step.inputs.len(), step.outputs.len(), step.tools.len(), step.absent.len()), (1, 1, 2, 1));
    assert_eq!((step.epoch, step.grants.len(), step.requests.len()), (Some(5), 1, 0));
    let wishes = [Wish::Net(Net::Loopback), Wish::Env(b"A".to_vec()), Wish::Env(b"B=1".to_vec())];
    assert_eq!((step.grants[0].who.as_str(), &step.grants[0].wishes[..]), ("zlib", &wishes[..]));
}

#[test]
fn a_dependency_only_asks() {
    let folder = std::env::temp_dir().join(format!("bailiff-requests-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("dep")).unwrap();
    std::fs::write(
        folder.join("dep/steps.toml"),
        "[request.zlib]\nin = [\"gen/*\"]\nro = [\"data\"]\nnet = \"host\"\nreason = \"tests\"\n[step.own]\nrun = [\"x\"]\n",
    )
    .unwrap();
    let text = "[step.build]\nrun = [\"make\"]\nrequests = [\"dep/steps.toml\"]\n";
    let path = folder.join("steps.toml").into_os_string().into_encoded_bytes();
    let draft = draft(text.as_bytes(), &path, For::Step, None).unwrap();
    let missing = crate::file::draft(text.replace("dep/", "no/").as_bytes(), &path, For::Step, None)
        .map(|_| ())
        .unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    let data = folder.join("dep/data").into_os_string().into_encoded_bytes();
    let asked = [Wish::Input(b"dep/gen/*".to_vec()), Wish::Ro(data), Wish::Net(Net::Host)];
    assert_eq!(draft.step.requests[0].wishes, asked);
    assert_eq!((draft.policy.net, draft.step.grants.len()), (Net::None, 0));
    assert!(missing.contains("no/steps.toml: ENOENT"), "{missing}");
}

#[test]
fn faults_have_their_place() {
    for (text, expected) in [
        ("", "1:1: expected [cage.a], and there is none"),
        ("[cage.b]\n", "1:1: expected [cage.a], and there is [cage.b]"),
        ("[cage.a]\nnte = \"host\"\n", "2:1: expected a key of [cage.NAME], not nte; the nearest is net"),
        ("[cage.a]\nin = [\"x\"]\n", "2:1: expected a key of [cage.NAME], not in"),
        ("[cage.a]\nquiett = true\n", "2:1: expected a key of [cage.NAME], not quiett; the nearest is quiet"),
        ("[cage.a]\nstatus_fd = 5\n", "2:1: expected a key of [cage.NAME], not status_fd"),
        ("[cage.a]\nnet = \"hos\"\n", "2:7: net: expected \"none\", \"loopback\" or \"host\""),
        ("[cage.a]\nnet = 5\n", "2:7: net: expected \"none\""),
        ("[cage.a]\nro = [\"/a\", \"/b/../c\"]\n", "2:13: ro: expected PATH"),
        ("[cage.a]\nro = [\"/a\", true]\n", "2:13: expected a \"string\" or a number"),
        ("[cage.a]\ncalls = [\"read\", \"nope\"]\n", "2:18: calls: expected static"),
        ("[cage.a]\nno_proc = \"true\"\n", "2:11: no_proc: expected true or false"),
        ("[cage.a]\nnet = \"host\"\n", "1:2: net = \"host\" needs a reason"),
        ("[cage.a]\nnet = \"none\"\nnet = \"none\"\n", "3:1: expected each key once"),
        ("[cage.a]\n[cage.a]\n", "2:2: expected each table once"),
        ("[cage.a]\n[cgae.b]\n", "2:2: expected [cage.NAME]"),
        ("[cage]\n", "1:2: expected [cage.NAME]"),
        ("[cage.\"a/b\"]\n", "1:2: expected a name"),
        ("x = 1\n", "1:1: expected a table"),
        ("[cage.a]\n[grant.x]\nnet = \"host\"\n", "2:2: expected a reason in [grant.x]"),
        ("[cage.a]\n[grant.x]\nwall = \"5s\"\n", "3:1: expected a key of [grant.NAME], not wall"),
        ("[cage.a]\n[step.b]\nin = [\"../x\"]\n", "3:7: in: expected a pattern"),
        ("[cage.a]\nenv = [\"A=\\u0000\"]\n", "2:12: expected one of b t n"),
    ] {
        let said = table(text.as_bytes(), b"f.toml", "cage", "a").map(|_| ()).unwrap_err();
        assert!(said.starts_with(&format!("f.toml:{expected}")), "{text}: {said}");
    }
}

#[test]
fn any_text_is_taken_or_refused() {
    let good = "[cage.a]\nro = [\"/srv/x\", \"sub:/in\"]\ncalls = [\"default\"]\nmemory = \"5M\"\n[step.b]\nin = [\"*\"]\n";
    for at in 0..good.len() {
        for byte in [b'"', b'[', b']', b'\\', b'\n', b'=', 0, 0xff, b'9'] {
            let mut text = good.as_bytes().to_vec();
            text[at] = byte;
            let _ = table(&text, b"f", "cage", "a");
            let _ = table(&text[..at], b"f", "step", "b");
        }
    }
}

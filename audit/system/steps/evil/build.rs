//! What a malicious build script might do. Every deed passes over its errors: whoever looks at the exit code alone sees nothing.
use std::fs::{self, hard_link, read, write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

fn main() {
    let name = |name| std::env::var(name).unwrap_or_default();
    let victim = |path| format!("{}/{path}", name("VICTIM"));
    let (key, profile) = (victim("home/.ssh/id_ed25519"), victim("home/.bashrc"));
    let take = |path: &str| drop(read(path).and_then(|bytes| write("out/report", bytes)));
    let again = |made: &dyn Fn() -> std::io::Result<()>| drop(fs::remove_file("out/report").and_then(|()| made()));
    write("out/report", "made\n").unwrap();
    match name("DEED").as_str() {
        "nothing" => drop(read("open.txt").unwrap()),
        "network" => drop(std::net::TcpStream::connect("198.51.100.7:80")),
        "key" => take(&key),
        "home" => take(&format!("{}/.ssh/id_ed25519", name("HOME"))),
        "outside" => drop(write(&profile, "stolen\n")),
        "root" => drop(write("/etc/ld.so.preload", "stolen\n")),
        "input" => drop(write("open.txt", "changed\n")),
        "undeclared" => ["secret.txt", "../neighbour.txt"].into_iter().for_each(take),
        "look" => drop(fs::metadata("secret.txt")),
        "extra" => drop(write("out/more", "more\n")),
        "daemon" => {
            let (own, none) = (std::env::current_exe().unwrap(), Stdio::null);
            drop(Command::new(own).env("DEED", "sleep 4711").stdin(none()).stdout(none()).stderr(none()).spawn());
        }
        "sleep 4711" => std::thread::sleep(std::time::Duration::from_secs(4711)),
        "symlink" => again(&|| symlink(&profile, "out/report")),
        "climb" => again(&|| symlink("../../neighbour.txt", "out/report")),
        "hardlink" => again(&|| hard_link("open.txt", "out/report")),
        "keyring" => again(&|| hard_link(&key, "out/report")),
        "setid" => drop(fs::set_permissions("out/report", fs::Permissions::from_mode(0o4755))),
        "fifo" => again(&|| Ok(drop(std::os::unix::net::UnixListener::bind("out/report")))),
        "device" => drop(symlink("/dev/null", "out/device")),
        deed => panic!("{deed}: no such deed"),
    }
}

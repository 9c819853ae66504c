use bailiff::shared::pure::addr::{Addr, Prefix};

fn text(a: Addr) -> String {
    let mut buf = [0; 40];
    String::from_utf8(a.write(&mut buf).to_vec()).unwrap()
}

#[test]
fn parses_and_writes_like_std() {
    for s in [
        "1.2.3.4",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "::1",
        "2001:db8::1",
        "2001:db8:0:0:1:0:0:1",
        "1::",
        "fe80::1:0:0:1",
        "1:2:3:4:5:6:7:8",
        "1:0:3:4:5:6:7:8",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "64:ff9b::192.0.2.33",
    ] {
        let want: std::net::IpAddr = s.parse().unwrap();
        let got = Addr::parse(s.as_bytes()).unwrap_or_else(|| panic!("{s}"));
        let back: std::net::IpAddr = text(got).parse().unwrap();
        assert_eq!(back, want, "{s}");
        if !s.contains("192.0.2.33") && s != "1:2:3:4:5:6:7::" && s != "::2:3:4:5:6:7:8" {
            assert_eq!(text(got), want.to_string());
        }
    }
}

#[test]
fn refuses_what_is_not_one_address() {
    for s in [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "256.1.1.1",
        "1.2.3.4 ",
        "a",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "12345::",
        "1:2:3:4:5:6:7:8:9",
        "::1%eth0",
        "[::1]",
        "1.2.3.4::",
        "::1.2.3",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "g::",
    ] {
        assert_eq!(Addr::parse(s.as_bytes()), None, "{s}");
    }
}

#[test]
fn mapped_is_v4() {
    assert_eq!(Addr::parse(b"::ffff:1.2.3.4"), Addr::parse(b"1.2.3.4"));
    assert_eq!(Addr::parse(b"::ffff:102:304"), Addr::parse(b"1.2.3.4"));
    assert!(Addr::parse(b"::ffff:1.2.3.4").unwrap().is_v4());
    assert!(!Addr::parse(b"::1.2.3.4").unwrap().is_v4());
}

#[test]
fn prefixes() {
    let p = Prefix::parse(b"2001:db8::/32").unwrap();
    assert!(p.holds(&Addr::parse(b"2001:db8:ffff::1").unwrap()));
    assert!(!p.holds(&Addr::parse(b"2001:db9::").unwrap()));
    assert!(!Prefix::parse(b"::/0").unwrap().holds(&Addr::parse(b"1.2.3.4").unwrap()));
    assert!(Prefix::parse(b"0.0.0.0/0").unwrap().holds(&Addr::parse(b"1.2.3.4").unwrap()));
    assert_eq!(Prefix::parse(b"10.0.0.1/8"), None);
    assert_eq!(Prefix::parse(b"10.0.0.0/33"), None);
    assert_eq!(Prefix::parse(b"10.0.0.0/"), None);
    let q = Prefix::around(Addr::parse(b"2001:db8:1:2:3::9").unwrap(), 64);
    assert_eq!(q, Prefix::parse(b"2001:db8:1:2::/64").unwrap());
    assert!(p.meets(&q) && q.meets(&p));
    assert!(!q.meets(&Prefix::parse(b"2001:db8:1:3::/64").unwrap()));
}

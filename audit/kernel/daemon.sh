# bailiffd on this kernel: refuses by name what it lacks, or warns; bans, unbans, stops.
mkdir -p /etc/bailiff /var/lib
chmod 755 /etc /etc/bailiff /var /var/lib /var/log /run
modprobe nf_tables || echo "FAIL  modprobe nf_tables"
config() { # daemon.missing
    cat >/etc/bailiff/bailiff.toml <<TOML
[daemon]
uid_base = 61100
missing = "$1"
[jail.sshd]
enabled = true
logs = ["/var/log/auth.log"]
TOML
}
has() { nft list table inet bailiff | grep -q "$1"; }
: >/var/log/auth.log
case $(uname -r) in
6.12.*) ;;
*)
    config refuse
    holds "daemon: missing = refuse: it does not start, and says what is missing" 111 "missing: Landlock" -- bailiffd ;;
esac
config warn
bailiffd 2>/tmp/log &
pid=$!
holds "daemon: missing = warn: it starts" 0 -- until_so grep -q "ready after" /tmp/log
sed 's/^/      /' /tmp/log
for n in 1 2 3 4 5; do
    echo "Nov 21 22:00:0$n victim sshd[505]: Failed password for root from 198.51.100.7 port 4242 ssh2" >>/var/log/auth.log
done
holds "daemon: five lines, and the address is in the kernel's set" 0 -- until_so has 198.51.100.7
holds "daemon: bailiff list shows it" 0 198.51.100.7 -- bailiff list
holds "daemon: unban" 0 -- bailiff unban 198.51.100.7
holds "daemon: and the address is gone from the set" 0 '!198.51.100.7' -- nft list table inet bailiff
kill $pid
wait $pid
holds "daemon: SIGTERM: orderly end" 0 -- [ $? = 0 ]

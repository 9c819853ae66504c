all: out/one out/two

out/one:
	touch $@; until [ -e out/two ]; do sleep 0.01; done

out/two:
	touch $@; until [ -e out/one ]; do sleep 0.01; done

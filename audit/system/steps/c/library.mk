objects = build/crc.o build/text.o

build/libcheck.a: $(objects)
	$(AR) rcsD $@ $(objects)

build/%.o: src/%.c src/check.h
	$(CC) $(CFLAGS) -c -o $@ $<

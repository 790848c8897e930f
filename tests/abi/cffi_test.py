"""cffi_test.py CDEF LIBRARY LAYOUT: cffi takes the bare declarations, and lays the structs out as
LAYOUT, a C program, says."""

import re
import sys

import cffi

cdef, library, layout = sys.argv[1:]
ffi = cffi.FFI()
ffi.cdef(open(cdef).read())
lib = ffi.dlopen(library)

assert lib.tidegate_abi_version() == lib.TIDEGATE_ABI_MAJOR << 16 | lib.TIDEGATE_ABI_MINOR

rows = open(layout).read()
sizes = re.findall(r"^SIZE\((\w+), (\d+)\);", rows, re.M)
places = re.findall(r"^PLACE\((\w+), (\w+), (\d+)\);", rows, re.M)
assert len(sizes) >= 10 and len(places) >= 28, (len(sizes), len(places))
for name, size in sizes:
    assert ffi.sizeof(name) == int(size), name
for name, member, place in places:
    assert ffi.offsetof(name, member) == int(place), (name, member)

user = ffi.new("tidegate_user *", 77)
assert lib.tidegate_user_new(b"{", 1, user) == lib.TIDEGATE_E_JSON and user[0] == 0
message = ffi.new("char[256]")
assert lib.tidegate_last_error(message, 256) > 0
assert b"tidegate_user_new" in ffi.string(message), ffi.string(message)

text = '{"userID":"ada\u00e9"}'.encode()
assert lib.tidegate_user_new(text, len(text), user) == lib.TIDEGATE_OK
out = ffi.new("tidegate_buf **")
assert lib.tidegate_user_to_json(user[0], 0, out) == lib.TIDEGATE_OK
json = ffi.buffer(lib.tidegate_buf_data(out[0]), lib.tidegate_buf_len(out[0]))[:].decode()
assert "ada\u00e9" in json, json
lib.tidegate_buf_free(out[0])
assert lib.tidegate_user_release(user[0]) == lib.TIDEGATE_OK

destroyed = []


@ffi.callback("tidegate_destroy_fn")
def destroy(user_data):
    destroyed.append(ffi.from_handle(user_data))


handle = ffi.new_handle("data")
store = ffi.new("tidegate_data_store_vtable *")
store.struct_size = ffi.sizeof(store[0])
store.user_data, store.destroy = handle, destroy
assert lib.tidegate_options_set_data_store(0, store) == lib.TIDEGATE_E_HANDLE
assert destroyed == ["data"], destroyed

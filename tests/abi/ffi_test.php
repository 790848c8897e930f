<?php
// ffi_test.php CDEF LIBRARY LAYOUT: PHP takes the bare declarations, and lays the structs out as
// LAYOUT, a C program, says.

[, $cdef, $library, $layout] = $argv;
$ffi = FFI::cdef(file_get_contents($cdef), $library);

function check(bool $condition, string $what): void
{
    if (!$condition) {
        fwrite(STDERR, "$what\n");
        exit(1);
    }
}

$version = $ffi->TIDEGATE_ABI_MAJOR << 16 | $ffi->TIDEGATE_ABI_MINOR;
check($ffi->tidegate_abi_version() === $version, 'the version');

preg_match_all('/^SIZE\((\w+), (\d+)\);/m', file_get_contents($layout), $rows, PREG_SET_ORDER);
check(count($rows) >= 10, 'too few sizes');
foreach ($rows as [, $name, $size]) {
    check(FFI::sizeof($ffi->type($name)) === (int) $size, "the size of $name");
}
preg_match_all('/^PLACE\((\w+), (\w+), (\d+)\);/m', file_get_contents($layout), $rows, PREG_SET_ORDER);
check(count($rows) >= 28, 'too few places');
foreach ($rows as [, $name, $member, $place]) {
    $offset = $ffi->type($name)->getStructFieldOffset($member);
    check($offset === (int) $place, "the place of $name.$member");
}

$id = $ffi->new('tidegate_user');
check($ffi->tidegate_user_new('{', 1, FFI::addr($id)) === $ffi->TIDEGATE_E_JSON, 'bad JSON');
$json = '{"userID":"ada"}';
check($ffi->tidegate_user_new($json, strlen($json), FFI::addr($id)) === 0, 'a user');
$out = $ffi->new('tidegate_buf *');
check($ffi->tidegate_user_to_json($id->cdata, 0, FFI::addr($out)) === 0, 'its JSON');
$text = $ffi->tidegate_buf_data($out);
check(str_contains($text, '"ada"') && strlen($text) === $ffi->tidegate_buf_len($out), $text);
$ffi->tidegate_buf_free($out);
check($ffi->tidegate_user_release($id->cdata) === 0, 'its release');

<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Exception\TidegateException;
use Tidegate\Internal\Call;
use Tidegate\Internal\Library;
use Tidegate\Kind;

/**
 * What the package declares and uses, compared with the header.
 */
final class HeaderTest extends TestCase
{
    private const SOURCES = __DIR__ . '/../src';

    /** Functions of the library that the package does not call, and why. */
    private const UNUSED = [
        'tidegate_before_fork' => 'pcntl_fork goes through the C library, which tells the library by itself',
        'tidegate_after_fork_parent' => 'as above',
        'tidegate_after_fork_child' => 'as above',
        'tidegate_buf_len' => 'PHP finds the end of a buffer itself: JSON has no NUL in it',
        'tidegate_options_set_evaluation_callback' => 'PHP evaluates on its own thread: the package calls '
            . 'on_evaluation itself, also for a client that outlives the request',
        'tidegate_options_set_rules_callback' => 'asked for with tidegate_client_poll_event',
        'tidegate_options_set_flush_callback' => 'as above',
        'tidegate_options_set_error_callback' => 'as above',
    ];

    private static function header(): string
    {
        return file_get_contents(LocalServer::root() . '/include/tidegate_cdef.h');
    }

    /**
     * PHP makes strings of `const char *` by looking for the NUL that the arguments of callbacks do
     * not have. As bytes they stay what they are.
     */
    public function testTheDeclarationsAreThoseOfTheHeader(): void
    {
        $bytes = preg_replace_callback(
            '/[^;{}]*\(\*[^;]*;/',
            static fn (array $match): string => str_replace('const char *', 'const uint8_t *', $match[0]),
            self::header(),
        );
        $expected = "#define FFI_SCOPE \"TIDEGATE\"\n#define FFI_LIB \"libtidegate.so.1\"\n\n$bytes";
        $file = self::SOURCES . '/tidegate.h';
        if (getenv('UPDATE_HEADER') === '1') {
            file_put_contents($file, $expected);
        }
        self::assertSame($expected, file_get_contents($file), 'write it anew with UPDATE_HEADER=1');
    }

    public function testEveryFunctionIsUsedOrNamedWithAReason(): void
    {
        $exports = file(LocalServer::root() . '/include/exports.txt', FILE_IGNORE_NEW_LINES);
        preg_match_all('/^[a-z_0-9 *]+?\b(tidegate_\w+)\([^;{]*\);/m', self::header(), $declared);
        self::assertEqualsCanonicalizing($exports, $declared[1]);
        preg_match_all('/->(tidegate_\w+)/', $this->sources(), $used);
        self::assertEqualsCanonicalizing($exports, [...array_unique($used[1]), ...array_keys(self::UNUSED)]);
    }

    public function testNumbersAreThoseOfTheHeader(): void
    {
        preg_match_all('/TIDEGATE_(\w+) = (-?\d+)/', self::header(), $found);
        $numbers = array_map(intval(...), array_combine($found[1], $found[2]));
        self::assertSame(
            [$numbers['ABI_MAJOR'], $numbers['ABI_MINOR'], $numbers['EVAL_NO_EXPOSURE']],
            [Library::ABI_MAJOR, Library::ABI_MINOR, Call::NO_EXPOSURE],
        );
        foreach (Kind::cases() as $kind) {
            self::assertSame($numbers[strtoupper($kind->name)], $kind->value);
        }
        $withoutClass = array_flip(['E_NULL', 'E_NOMEM', 'E_PANIC', 'E_ABI']);
        $errors = array_filter($numbers, fn (string $name) => str_starts_with($name, 'E_'), ARRAY_FILTER_USE_KEY);
        $classes = array_map(
            static fn (int $status): string => TidegateException::fromStatus($status, 'x')::class,
            array_diff_key($errors, $withoutClass),
        );
        self::assertCount(count($classes), array_unique($classes));
        foreach ($errors as $name => $status) {
            $exception = TidegateException::fromStatus($status, 'x');
            self::assertSame(["TIDEGATE_$name", $status], [$exception->getStatusName(), $exception->getStatus()]);
            self::assertSame(isset($withoutClass[$name]), $exception::class === TidegateException::class);
        }
    }

    public function testLogLevelsAreThoseOfTheHeader(): void
    {
        $names = ['error' => 'ERROR', 'warning' => 'WARNING', 'info' => 'INFO', 'debug' => 'DEBUG'];
        foreach ($names as $level => $name) {
            preg_match("/TIDEGATE_LOG_$name = (\d+)/", self::header(), $found);
            self::assertStringContainsString("$found[1] => '$level'", $this->sources());
        }
    }

    private function sources(): string
    {
        $files = new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(self::SOURCES));
        $text = '';
        foreach ($files as $file) {
            $text .= $file->getExtension() === 'php' ? file_get_contents($file->getPathname()) : '';
        }
        return $text;
    }
}

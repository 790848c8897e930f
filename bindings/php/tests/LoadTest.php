<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Exception\LibraryException;
use Tidegate\Tidegate;

/**
 * Where the library comes from. Most of it in programs that have not loaded it.
 */
final class LoadTest extends TestCase
{
    private const LOAD = 'try { echo Tidegate\Tidegate::loadLibrary($argv[1] ?? null); }'
        . ' catch (Tidegate\Exception\LibraryException $e) { echo $e->getMessage(); }';

    private string $folder;

    protected function setUp(): void
    {
        parent::setUp();
        $this->folder = sys_get_temp_dir() . '/tidegate-load-' . bin2hex(random_bytes(8));
        mkdir($this->folder);
    }

    protected function tearDown(): void
    {
        exec('rm -r ' . escapeshellarg($this->folder));
        parent::tearDown();
    }

    private static function load(string $path = '', string $environment = ''): string
    {
        $code = str_replace('$argv[1] ?? null', $path === '' ? '' : var_export($path, true), self::LOAD);
        return Program::php($code, ['TIDEGATE_LIBRARY' => $environment]);
    }

    /**
     * A copy of the package, which may have the library in it.
     */
    private function copyOfPackage(): string
    {
        $package = dirname(__DIR__);
        exec('cp -r ' . implode(' ', array_map('escapeshellarg', [
            "$package/src", "$package/autoload.php", "$package/preload.php", $this->folder,
        ])));
        return $this->folder;
    }

    public function testByPathEnvironmentAndFolder(): void
    {
        $library = LocalServer::library();
        self::assertSame($library, self::load($library, '/no/such/library.so'));
        self::assertSame($library, self::load('', $library));
        $package = $this->copyOfPackage();
        mkdir("$package/lib");
        symlink($library, "$package/lib/libtidegate.so");
        $code = 'require ' . var_export("$package/autoload.php", true) . '; '
            . str_replace('$argv[1] ?? ', '', self::LOAD);
        $found = Program::run([PHP_BINARY, '-r', $code], ['TIDEGATE_LIBRARY' => '']);
        self::assertSame("$package/lib/libtidegate.so", $found);
    }

    public function testFromWhereTheSystemLooks(): void
    {
        symlink(LocalServer::library(), "$this->folder/libtidegate.so.1");
        $found = Program::php(
            str_replace('$argv[1] ?? null', '', self::LOAD),
            ['TIDEGATE_LIBRARY' => '', 'LD_LIBRARY_PATH' => $this->folder],
        );
        self::assertSame('libtidegate.so.1', $found);
    }

    public function testALibraryThatIsNotThereNamesEveryPlaceTried(): void
    {
        $said = self::load('', '/no/such/library.so');
        $expected = '~TIDEGATE_LIBRARY.*Tried:\n  /no/such/library.so: .*No such file~s';
        self::assertMatchesRegularExpression($expected, $said);
        $said = self::load();
        $folder = preg_quote(dirname(__DIR__) . '/lib', '~');
        self::assertMatchesRegularExpression("~$folder/libtidegate.so: .*$folder/libtidegate.so.1: ~s", $said);
        self::assertMatchesRegularExpression('~^  libtidegate.so: .*^  libtidegate.so.1: ~sm', $said);
    }

    public function testAnotherLibraryAndAnotherAbiAreRefused(): void
    {
        self::assertStringContainsString('is not the Tidegate library', self::load('libc.so.6'));
        $library = "$this->folder/old.so";
        $source = 'unsigned tidegate_abi_version(void) { return VERSION; }';
        file_put_contents("$this->folder/old.c", $source);
        foreach (['2u << 16 | 7' => '2.7', '0' => '0.0'] as $version => $shown) {
            $command = ['cc', '-shared', '-fPIC', "-DVERSION=$version", '-o', $library, "$this->folder/old.c"];
            self::assertSame('', Program::run($command));
            self::assertSame("$library has ABI $shown, this package needs 1.0", self::load($library));
        }
        $command = ['cc', '-shared', '-fPIC', '-DVERSION=1u << 16', '-o', $library, "$this->folder/old.c"];
        self::assertSame('', Program::run($command));
        self::assertMatchesRegularExpression("~^$library: .*'tidegate_\w+'~", self::load($library));
    }

    public function testPreloadedWithItsDeclarations(): void
    {
        $package = $this->copyOfPackage();
        $library = "$this->folder/libtidegate.so";
        copy(LocalServer::library(), $library);
        exec('chmod -R a+rX ' . escapeshellarg($this->folder));
        $settings = ['opcache.enable_cli=1', 'ffi.enable=preload', "opcache.preload=$package/preload.php"];
        $command = [PHP_BINARY, ...array_merge(...array_map(fn (string $line) => ['-d', $line], $settings))];
        if (posix_geteuid() === 0) {
            // PHP preloads nothing as root.
            $command = ['setpriv', '--reuid=65534', '--clear-groups', ...$command];
        }
        $code = 'use Tidegate\{Tidegate, User}; echo json_encode([Tidegate::loadLibrary(), '
            . '(new User("ada"))->toArray(), Tidegate::VERSION === Tidegate::libraryVersion()]);';
        $said = Program::run([...$command, '-r', $code], ['TIDEGATE_LIBRARY' => $library]);
        self::assertSame('[null,{"userID":"ada"},true]', $said);
    }

    public function testAnotherPathAfterLoadingIsRefused(): void
    {
        self::assertSame(Tidegate::loadLibrary(), Tidegate::loadLibrary(Tidegate::loadLibrary()));
        self::assertThrows(LibraryException::class, fn () => Tidegate::loadLibrary(__FILE__));
    }

    public function testWhatWasLoaded(): void
    {
        self::assertSame(Tidegate::VERSION, Tidegate::libraryVersion());
        self::assertSame(Tidegate::VERSION, Tidegate::buildInfo()['version']);
    }

    public function testWithoutTheExtension(): void
    {
        // As "php -n" starts it; where FFI is built in, there is nothing to leave out.
        $file = "$this->folder/load.php";
        file_put_contents($file, '<?php require ' . var_export(dirname(__DIR__) . '/autoload.php', true) . '; '
            . str_replace('$argv[1] ?? null', '', self::LOAD));
        $hasFfi = trim(Program::run([PHP_BINARY, '-n', '-r', 'echo (int) extension_loaded("ffi");']));
        $said = Program::run([PHP_BINARY, '-n', $file]);
        self::assertStringContainsString($hasFfi === '1' ? 'libtidegate.so' : 'extension "ffi"', $said);
    }
}

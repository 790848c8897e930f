<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * The programs of the README, in a project that has got the package from Composer.
 */
final class ReadmeTest extends TestCase
{
    private const API = 'http://127.0.0.1:8181/v1';
    private const SPOOL = '/var/spool/shop';

    private string $folder;

    protected function setUp(): void
    {
        parent::setUp();
        $this->folder = sys_get_temp_dir() . '/tidegate-readme-' . bin2hex(random_bytes(8));
        mkdir($this->folder);
    }

    protected function tearDown(): void
    {
        exec('rm -r ' . escapeshellarg($this->folder));
        parent::tearDown();
    }

    public function testTheProgramsRunAndPrintWhatItSays(): void
    {
        $this->install();
        $text = file_get_contents(dirname(__DIR__) . '/README.md');
        preg_match_all('/^```php\n(.*?)^```$/ms', $text, $programs);
        self::assertCount(5, $programs[1]);
        $program = implode('', $programs[1]);
        self::assertStringContainsString(self::API, $program);
        self::assertStringContainsString(self::SPOOL, $program);
        file_put_contents("$this->folder/readme.php", strtr($program, [
            self::API => self::server()->api, self::SPOOL => "$this->folder/spool",
        ]));
        $settings = ['-d', 'error_reporting=-1', '-d', 'display_errors=stderr'];
        $said = Program::run(['php', ...$settings, "$this->folder/readme.php"], [], $status);
        preg_match('/^```text\n(.*?)^```$/ms', $text, $expected);
        self::assertSame([$expected[1], 0], [$said, $status]);
    }

    /**
     * What the comments of the README claim.
     */
    public function testTheCommentsAreTrue(): void
    {
        $options = \Tidegate\Tidegate::describeOptions();
        self::assertEquals(10, $options['rulesets_sync_interval']);
        $client = $this->local();
        self::assertNotSame('', $client->explain($this->alice, 'config', 'price_test')['text']);
        $exception = self::assertThrows(
            \Tidegate\Exception\ArgumentException::class,
            fn () => $client->checkGate([], 'new_checkout'),
        );
        self::assertSame('TIDEGATE_E_ARG', $exception->getStatusName());
    }

    private function install(): void
    {
        $project = [
            'repositories' => [
                ['type' => 'path', 'url' => dirname(__DIR__), 'options' => ['symlink' => false]],
                ['packagist.org' => false],
            ],
            'require' => ['tidegate/tidegate' => '*@dev'],
        ];
        file_put_contents("$this->folder/composer.json", json_encode($project, JSON_THROW_ON_ERROR));
        $command = ['composer', '--no-interaction', '--quiet', "--working-dir=$this->folder", 'install'];
        $environment = [
            'COMPOSER_ALLOW_SUPERUSER' => '1',
            'COMPOSER_HOME' => "$this->folder/home",
            'COMPOSER_ROOT_VERSION' => '1.0.0',
        ];
        $said = Program::run($command, $environment, $status);
        self::assertSame(0, $status, $said);
    }
}
